"""Fakes: a sandbox that is none, executors that answer at once or in any order, models that count and price."""

import os
import re
import shutil
import signal
import sys
import threading
import types
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from sqlalchemy import event

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.base import Reply
from gapsmith.agent.models.offline.model import OfflineModel
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.loop import tuning as constants
from gapsmith.agent.runs.run import Run
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.grammar import BLOCKS
from gapsmith.sandbox import Answer, Array, Ending, Level, Outcome
from gapsmith.sandbox.guest.compiler import load_blocks

SHARED = Path(__file__).parents[2] / "shared"
DATA = Path(os.environ.get("GAPSMITH_DATA") or SHARED / "data")
"""Public instances; see CONTRIBUTING.md."""
CASES = SHARED / "cases"
TINY = Path(__file__).parent / "data" / "tiny_tardiness.py"

LINES = 300_000
CPU = 0.001
"""What every call in no sandbox costs, seconds."""


def tiny(**changes):
    """The problem of `tests/data/tiny_tardiness.py`, changed."""
    return replace(find_problem(str(TINY)), **changes)


def reply_with(body, note="Mechanism: none."):
    """A reply as models write it: a fenced `schedule` with that body, and two lines of text."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"Here it is.\n```python\nimport numpy as np\n\n\ndef schedule(p, d):\n{lines}\n```\n{note}\n"


def numbered(slot):
    """A reply with a program that no other slot has."""
    return reply_with(f"return np.argsort(d + {slot / 7:.3f} * p, kind='stable')")


def plain(value):
    """A candidate's result as JSON would bring it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def filled_block(grammar, role, name, priority):
    """A block of a grammar with its hole filled by a priority, ready to be called."""
    source, count = re.subn(
        r"(?m)^( *)priority = .*$", rf"\g<1>priority = {priority}", grammar.sources(role)[name]
    )
    assert count == 1, f"{name} has {count} holes"
    space = {"np": np}
    exec(source, space)
    return space[role]


def patience(lines):
    """A tracer that ends a candidate after so many lines: blind changes make endless loops."""
    left = [lines]

    def trace(frame, event, argument):
        if frame.f_code.co_filename != "candidate":
            return None
        left[0] -= 1
        if left[0] < 0:
            raise TimeoutError(f"more than {lines} lines")
        return trace

    return trace


def load_plain(file):
    """The functions of a file of compiled functions, not compiled, as where numba is not installed."""
    source = Path(file).read_text("utf-8")
    space = {"__name__": "plain"}
    exec(source.replace("from numba import njit", "njit = lambda function: function"), space)
    return types.SimpleNamespace(**space)


def load_compiled(file):
    """The functions of a file of compiled functions, compiled and kept as a sandbox does."""
    import numba  # noqa: F401 - what follows expects it

    load_blocks(BLOCKS, file)
    return sys.modules.pop(BLOCKS)


class NoSandbox:
    """Runs a job in this very process: only for programs of our own. `jobs` are those it was given."""

    def __init__(self):
        self.jobs = []

    def run(self, job):
        """Runs one job to its end."""
        self.jobs.append(job)
        module, answers = types.ModuleType("candidate"), []
        space, sys.modules["candidate"] = vars(module), module
        try:
            sys.settrace(patience(LINES))
            exec(compile(job.source, "candidate", "exec"), space)
            for call in job.calls:
                sys.settrace(patience(LINES))
                result = space[job.entry](*(self._datum(value) for value in call.values()))
                answers.append(Answer(plain(result), CPU))
        except Exception as error:  # noqa: BLE001 - a candidate may raise anything
            endless = isinstance(error, TimeoutError)
            return Outcome(
                ending=Ending.TIMEOUT_CPU if endless else Ending.CANDIDATE_EXCEPTION,
                message=f"{type(error).__name__}: {error}",
                answers=tuple(answers),
                level=Level.L4,
            )
        finally:
            sys.settrace(None)
        return Outcome(ending=Ending.OK, answers=tuple(answers), level=Level.L4)

    @staticmethod
    def _datum(value):
        if isinstance(value, Array):
            return np.frombuffer(value.data, value.dtype).reshape(value.shape).copy()
        return value


class Inline:
    """An executor whose work is done when it is submitted. `done` counts it."""

    def __init__(self, runner=None):
        self.runner, self.done = runner or NoSandbox(), 0

    def submit(self, work):
        """Does the work."""
        self.done += 1
        future = Future()
        try:
            future.set_result(work(self.runner, 0.0))
        except Exception as error:  # noqa: BLE001 - as a thread pool does
            future.set_exception(error)
        return future


class Shuffled:
    """An executor that ends evaluations in an order drawn from a seed, whatever the order they came in."""

    def __init__(self, seed):
        self._inline, self._rng = Inline(), Random(seed)
        self._waiting, self._more, self._open = [], threading.Condition(), True
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def submit(self, work):
        """Queues work for the thread."""
        future = Future()
        with self._more:
            self._waiting.append((work, future))
            self._more.notify()
        return future

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._more:
            self._open = False
            self._more.notify()
        self._thread.join()

    def _work(self):
        while True:
            with self._more:
                self._more.wait_for(lambda: self._waiting or not self._open)
                if not self._waiting:
                    return
                work, future = self._waiting.pop(self._rng.randrange(len(self._waiting)))
            future.set_result(self._inline.submit(work).result())


def free(_model, _length):
    """The price of a fake."""
    return 0.0


class Counting:
    """The offline model, which notes what it was asked."""

    name, deterministic, bound_usd = "offline", True, free

    def __init__(self):
        self._model, self.asked = OfflineModel(), []

    def reply(self, request):
        """The offline model's answer."""
        self.asked.append(request.slot)
        return self._model.reply(request)


class Scripted:
    """Answers with the texts it was given, in the order of the slots; then with the last one for ever."""

    name, deterministic, bound_usd = "scripted", True, free

    def __init__(self, texts, first):
        self._texts, self._first, self.requests = list(texts), first, []

    def reply(self, request):
        """The text of the slot."""
        self.requests.append(request)
        return Reply(text=self._texts[min(request.slot - self._first, len(self._texts) - 1)])


class Threaded:
    """A model that answers in threads, in any order, at a price.

    Args:
        usd: what the call of a slot costs.
        most: the most that it says a call can cost, or a function of the prompt's length that says so.
        together: how many calls must be under way before the first is answered; an end of the run lets go.
        fail: raised in place of an answer by the slots in `fail_at`.
    """

    name, deterministic = "threaded", False

    def __init__(self, usd=lambda slot: 0.01, most=0.01, together=1, fail=None, fail_at=()):
        self._usd, self._most, self._together = usd, most, together
        self._fail, self._fail_at = fail, fail_at
        self._lock = threading.Lock()
        self._full = threading.Event()
        self.asked, self.answered, self.under_way, self.peak = [], {}, 0, 0

    def bound_usd(self, length):
        """What it was told, or what that makes of the prompt's length."""
        return self._most(length) if callable(self._most) else self._most

    def reply(self, request):
        """A program of the slot's own, once enough others wait for theirs."""
        with self._lock:
            self.asked.append(request.slot)
            self.under_way += 1
            self.peak = max(self.peak, self.under_way)
            if self.under_way >= self._together:
                self._full.set()
        assert self._full.wait(60), "not enough calls came together"
        try:
            return self._answer(request)
        finally:
            with self._lock:
                self.under_way -= 1

    def _answer(self, request):
        if self._fail and request.slot in self._fail_at:
            raise self._fail
        with self._lock:
            self.answered[request.slot] = self._usd(request.slot)
        return Reply(text=numbered(request.slot), usd=self._usd(request.slot), tokens_in=7, tokens_out=3)


class Crash(BaseException):
    """The process is gone."""


def dying(archive, after, die=None):
    """Has the process die just before the archive's commit of that number (from 0), and at every one after it."""
    count = iter(range(1_000_000))

    @event.listens_for(archive.engine, "commit")
    def commit(_connection):
        if next(count) >= after:
            (die or _raise)()

    return archive


def photographed(path, note=lambda: None):
    """An archive, and the list of its copies: before each commit, what `kill -9` would have left, with a note."""
    archive, copies = Archive(str(path)), []

    @event.listens_for(archive.engine, "commit")
    def commit(_connection):
        copy = path.with_name(f"{path.name}.{len(copies)}")
        for suffix in ("", "-wal"):
            if path.with_name(path.name + suffix).exists():
                shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
        copies.append((str(copy), note()))

    return archive, copies


def kill_myself():
    """`kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def _raise():
    raise Crash


def job(
    place,
    problem=None,
    model=None,
    executor=None,
    archive=None,
    number=None,
    models=(),
    strategies=(),
    seed=3,
    seeds=(),
    without=(),
    whole_budget=True,
    patience=None,
    **budget,
):
    """A Run on the tiny problem, without a sandbox unless one is given."""
    wanted = Settings(
        problem=str(TINY),
        budget=Budget(**(budget or {"calls": 4})),
        seed=seed,
        seeds=seeds,
        without=without,
        parallel=16,
        whole_budget=whole_budget,
        patience=patience,
    )
    return Run(
        wanted,
        archive or Archive(place),
        number,
        problem=problem or tiny(),
        models=models or [model or OfflineModel()],
        executor=executor or Inline(),
        strategies=strategies,
    )


def shorten_tuning(monkeypatch):
    """Has constants be tuned by eight trials on four instances, so that a short run has room for it."""
    monkeypatch.setattr(constants, "INSTANCES", 4)
    monkeypatch.setattr(constants, "TRIALS", 8)


def finish(run):
    """Lets a run work to the end of its search; returns it."""
    for _ in run.search():
        pass
    run.close()
    return run


def crash(run):
    """Lets a run work until it dies, if it does; says whether it did."""
    with suppress(Crash):
        finish(run)
        return False
    return True
