"""Progress on stderr while a job runs; stdout is for the result."""

import logging
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from gapsmith.agent.archive.costs import format_dollars
from gapsmith.agent.cli.terminal.console import ERRORS
from gapsmith.agent.cli.terminal.interrupts import Interrupted, stop_on_signal
from gapsmith.agent.codegen.sanitize import flatten_untrusted
from gapsmith.agent.models import ManualModel
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.runs.estimate import describe_estimate, estimate_run
from gapsmith.agent.runs.final.report import Report
from gapsmith.agent.runs.loop.batches import BatchStatus
from gapsmith.agent.runs.loop.slot import Progress as Standing
from gapsmith.agent.runs.run import Run, RunStopped
from gapsmith.evaluators.base import Split, UsageError

ListBatches = Callable[[], Sequence[BatchStatus]]
LOG_SECONDS = 30.0
"""Seconds between two lines of progress without a terminal."""
FIRST_SECONDS = 2.0
"""Seconds after which the first line is written."""

LOG_BYTES, LOG_FILES = 1_000_000, 3
JOURNAL = logging.getLogger("gapsmith.progress")
"""Takes every line of progress; without --log it has no handler."""
JOURNAL.setLevel(logging.INFO)
JOURNAL.propagate = False

CALLS_ARE_KEPT = "waiting for open requests, which are saved"
BATCH_GOES_ON = "batches continue at the provider, and resume collects them; other open requests are saved"


class ProgressDisplay:
    """Progress.

    One bar at a time on a terminal, elsewhere a line at intervals.

    Args:
        console: the console on which it is shown.
        every: seconds between two lines without a terminal.

    Attributes:
        standing: progress of the whole work, as text; empty if unknown.
        list_batches: returns the batches of requests that the work waits for.
    """

    def __init__(self, console: Console = ERRORS, every: float = LOG_SECONDS) -> None:
        self.standing = ""
        self.list_batches: ListBatches = list
        self._counted = ""
        self._ended = threading.Event()
        write = JOURNAL.info if console.is_terminal else say
        self._log = threading.Thread(target=self._write_lines, args=(every, write), daemon=True)
        if not console.is_terminal or _is_logging():
            self._log.start()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            _BatchColumn(lambda: self.list_batches()),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._name = ""

    def __call__(self, task: str, done: int, whole: int) -> None:
        """Shows the progress of one kind of work."""
        if task != self._name:
            self.close()
            self._bar.start()
            self._task, self._name = self._bar.add_task(task, total=whole), task
        self._counted = f"{task}: {done} of {whole}"
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=whole)

    def close(self) -> None:
        """Removes the bar."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._bar.stop()
        self._task, self._name, self._counted = None, "", ""

    def end(self) -> None:
        """Stops showing progress."""
        self.close()
        self._ended.set()
        if self._log.is_alive():
            self._log.join()

    def _write_lines(self, every: float, write: Callable[[str], None]) -> None:
        pause = min(FIRST_SECONDS, every)
        while not self._ended.wait(pause):
            if line := self._counted or self.standing:
                write(" · ".join(filter(None, (line, describe_batches(self.list_batches())))))
                pause = every


def run_job(run: Run, progress: ProgressDisplay) -> Report:
    """Runs a job to its report and shows progress.

    Raises Interrupted where a signal stopped it.
    """
    for model in run.models:
        if isinstance(model, ManualModel):
            model.watchers.append(say)
    say(describe_plan(run))
    if (limit := run.ledger.most_calls) is not None:
        say(f"at most {limit} model requests, derived from the budget; change it with --calls")
    if not run.ledger.before:
        say_estimate(run)
    resume = f"gapsmith resume {run.number} --archive {shlex.quote(hide_login(run.archive.location))}"
    progress.list_batches = lambda: run.waiting
    what = BATCH_GOES_ON if run.settings.batch else CALLS_ARE_KEPT
    with stop_on_signal(run.stop, what, resume) as stopping:
        slots = run.search()
        first = next(slots, None)  # solves the instances, shown by another bar
        progress.close()
        with _open_bar(run) as (bar, task):
            for standing in _chain_standings(first, slots):
                if standing.warning:
                    say(standing.warning)
                share = _compute_share(run, standing)
                words = _describe_standing(run, standing, share)
                bar.update(task, completed=share, standing=words)
                progress.standing = f"run {run.number}: {words}"
        if run.stopped:
            message = f"run {run.number} stopped{describe_open_batches(run.waiting)}; continue with: {resume}"
            raise Interrupted(stopping.number or signal.SIGINT, message)
        progress.standing = f"run {run.number}: making its report"
        try:
            report = run.report()
        except RunStopped:
            message = f"run {run.number} stopped before its report was made; continue with: {resume}"
            raise Interrupted(stopping.number or signal.SIGINT, message) from None
        progress.close()
    return report


def say_estimate(run: Run) -> None:
    """Says what a run may need, with warnings of small budgets.

    Formulations are left out: drawing an instance of theirs takes seconds.
    """
    if run.problem.expensive:
        return
    instance, counts = run.supply.train[0], run.supply.counts
    found = estimate_run(run.settings, run.problem, instance, counts, run.models, run.ledger.most_calls)
    for line in (describe_estimate(found), *(f"warning: {each}" for each in found.warnings)):
        say(line)


def describe_plan(run: Run) -> str:
    """Describes a run in one line: its instances and its limits."""
    wanted, counts = run.settings, run.supply.counts
    made = "files" if wanted.instances else "generated"
    names = {Split.TRAIN: "training", Split.VALIDATION: "validation", Split.TEST: "test"}
    parts = ", ".join(f"{counts[split]} {name}" for split, name in names.items())
    sources = made if not wanted.test else f"{made}; test from files"
    limits = ", ".join(
        f"{value:g} {name}" for name, value in vars(wanted.budget).items() if value is not None
    )
    limit = (
        ""
        if wanted.cpu_seconds is None
        else f"; CPU limit {wanted.cpu_seconds:g} s for a program on an instance"
    )
    words = f"{run.problem.name}, {run.problem.scale} scale, {hide_login(wanted.model)}"
    return f"run {run.number}: {words}; instances: {parts} ({sources}); at most {limits}{limit}"


def describe_open_batches(waiting: Sequence[BatchStatus]) -> str:
    """Describes the batches that continue after a stop."""
    rows = [each.row for each in waiting]
    return "".join(f", {row.id} with {len(row.slots)} requests continues at {row.model}" for row in rows)


def say(line: str) -> None:
    """Prints a line on stderr, above any bar, and logs it."""
    text = flatten_untrusted(line, 1000)
    ERRORS.print(Text(text), soft_wrap=True)
    JOURNAL.info("%s", text)


def _is_logging() -> bool:
    return any(isinstance(handler, RotatingFileHandler) for handler in JOURNAL.handlers)


def open_journal(path: Path) -> Callable[[], None]:
    """Logs progress to a file, too; returns what ends that.

    A file of `LOG_BYTES` is renamed, and `LOG_FILES` of these are kept. Raises UsageError where it cannot be written.
    """
    try:
        handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "failed").lower()
        raise UsageError(f"--log {path}: {reason}; expected a file that can be written") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    JOURNAL.addHandler(handler)

    def end() -> None:
        """Ends the log."""
        JOURNAL.removeHandler(handler)
        handler.close()

    return end


def _chain_standings(first: Standing | None, rest: Iterator[Standing]) -> Iterator[Standing]:
    if first is not None:
        yield first
        yield from rest


@contextmanager
def _open_bar(run: Run) -> Iterator[tuple[Progress, TaskID]]:
    columns = (
        BarColumn(bar_width=20),
        TextColumn("{task.fields[standing]}"),
        _BatchColumn(lambda: run.waiting),
    )
    with Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal) as bar:
        yield bar, bar.add_task("", total=1.0, standing="")


class _BatchColumn(ProgressColumn):
    """The progress of open batches, updated whenever the line is drawn."""

    def __init__(self, list_batches: ListBatches) -> None:
        super().__init__()
        self._list_batches = list_batches

    def render(self, task: Task) -> Text:
        """Returns a text with the progress of all batches."""
        return Text(describe_batches(self._list_batches()))


def describe_batches(waiting: Sequence[BatchStatus]) -> str:
    """Describes the progress of all open batches."""
    return " · ".join(describe_batch(each, time.time()) for each in waiting)


def describe_batch(waiting: BatchStatus, now: float) -> str:
    """Describes the progress of a batch."""
    row, minutes = waiting.row, int(now - waiting.row.made) // 60
    return f"waiting for a batch: {waiting.done} of {len(row.slots)} by {row.model}, {minutes} min"


def _describe_standing(run: Run, standing: Standing, share: float) -> str:
    best = "–" if standing.best_gap is None else f"{standing.best_gap:.3f} %"
    rate = standing.evaluations / standing.seconds if standing.seconds > 0 else 0.0
    return (
        f"best gap {best} · {standing.evaluations} evaluations · {standing.calls} calls · "
        f"{format_dollars(standing.usd)} · "
        f"{rate:.1f} evaluations/s · {_describe_time_left(standing.seconds, share)}"
    )


def _describe_time_left(seconds: float, share: float) -> str:
    """Describes when the search ends, by the share that is done."""
    if share <= 0:
        return "measuring the reference rules" if seconds > 0 else "starting"
    if share >= 1:
        return "budget used; final selection and test follow"
    left = int(seconds * (1 - share) / share)
    return f"search ends in {left // 60}:{left % 60:02d}, then final selection and test"


def _compute_share(run: Run, standing: Standing) -> float:
    """Returns the used share of the scarcest limit."""
    limits: dict[str, float | None] = vars(run.settings.budget)
    used = [
        float(getattr(standing, name) or 0.0) / limit for name, limit in limits.items() if limit is not None
    ]
    return min(1.0, max(used))
