"""Progress on stderr while a job works; stdout stays the result's."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from gapsmith.agent.batching import Waiting
from gapsmith.agent.console import ERRORS
from gapsmith.agent.discovery import Run
from gapsmith.agent.harmless import one_line
from gapsmith.agent.models import ManualModel
from gapsmith.agent.progress import Progress as Standing
from gapsmith.agent.reporting import Report
from gapsmith.agent.spending import dollars

CALLS_ARE_KEPT = "what is under way is waited for and kept"
BATCH_GOES_ON = "batches go on without us and are collected by resume; what else is under way is kept"


class Doing:
    """Bars for work that can be counted: solving instances, running rules. One at a time."""

    def __init__(self, console: Console = ERRORS) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._name = ""

    def __call__(self, doing: str, done: int, whole: int) -> None:
        """Shows how far one kind of work is."""
        if doing != self._name:
            self.close()
            self._bar.start()
            self._task, self._name = self._bar.add_task(doing, total=whole), doing
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=whole)

    def close(self) -> None:
        """Takes the bar away."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._bar.stop()
        self._task, self._name = None, ""


def work(run: Run, doing: Doing) -> Report | None:
    """Runs a job to its report under a progress line; None when it was stopped. Ctrl-C stops it cleanly, once."""
    for model in run.models:
        if isinstance(model, ManualModel):
            model.watchers.append(say)
    if (most := run.ledger.most_calls) is not None:
        say(f"asks at most {most} times, by the rest of the budget; --calls sets another limit")
    with interruptible(run.stop, BATCH_GOES_ON if run.settings.batch else CALLS_ARE_KEPT):
        slots = run.search()
        first = next(slots, None)  # solves the instances, under the other bar
        doing.close()
        with _line(run) as (bar, task):
            for standing in _all(first, slots):
                if standing.warning:
                    say(standing.warning)
                share = _share(run, standing)
                bar.update(task, completed=share, standing=_words(run, standing, share))
        if run.stopped:
            return None
        report = run.report()
        doing.close()
    return report


def say(line: str) -> None:
    """A line on stderr, above the bar if there is one."""
    ERRORS.print(Text(one_line(line, 1000)), soft_wrap=True)


def _all(first: Standing | None, rest: Iterator[Standing]) -> Iterator[Standing]:
    if first is not None:
        yield first
        yield from rest


@contextmanager
def _line(run: Run) -> Iterator[tuple[Progress, TaskID]]:
    columns = (BarColumn(bar_width=20), TextColumn("{task.fields[standing]}"), _Batches(run))
    with Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal) as bar:
        yield bar, bar.add_task("", total=1.0, standing="")


class _Batches(ProgressColumn):
    """The batches that are waited for, looked at anew whenever the line is drawn."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def render(self, task: Task) -> Text:
        """How far they are."""
        return Text(" · ".join(batch_words(waiting, time.time()) for waiting in self._run.waiting))


def batch_words(waiting: Waiting, now: float) -> str:
    """How far a batch is, which may take hours."""
    row, minutes = waiting.row, int(now - waiting.row.made) // 60
    return f"waits for a batch: {waiting.done} of {len(row.slots)} by {row.model}, {minutes} min"


def _words(run: Run, standing: Standing, share: float) -> str:
    best = "–" if standing.best_gap is None else f"{standing.best_gap:.3f} %"
    rate = standing.evaluations / standing.seconds if standing.seconds > 0 else 0.0
    left = standing.seconds * (1 - share) / share if share > 0 else 0.0
    return (
        f"best gap {best} · {standing.evaluations} evaluations · {standing.calls} calls · {dollars(standing.usd)} · "
        f"{rate:.1f} evaluations/s · {int(left) // 60}:{int(left) % 60:02d} left"
    )


def _share(run: Run, standing: Standing) -> float:
    """How much of the budget is used: the scarcest of what it limits."""
    limits: dict[str, float | None] = vars(run.settings.budget)
    used = [
        float(getattr(standing, name) or 0.0) / limit for name, limit in limits.items() if limit is not None
    ]
    return min(1.0, max(used))


@contextmanager
def interruptible(ask_to_stop: Callable[[], None], what: str = CALLS_ARE_KEPT) -> Iterator[None]:
    """The first Ctrl-C asks for a stop; a second one ends it at once, and still loses nothing that is kept.

    Args:
        ask_to_stop: what the first one does.
        what: becomes of what is under way, in words.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        sys.stderr.write(f"\nstopping: {what}; Ctrl-C again to leave at once\n")
        ask_to_stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
