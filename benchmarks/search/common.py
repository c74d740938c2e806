"""What the measurements of the search share: places, tasks, a meter, resumable results, intervals.

Not called by itself. Every script appends one JSON line per finished piece of work to its results file and
passes over what is there already, so that seeds can be added and a stopped measurement goes on.
"""

import argparse
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gapsmith.agent import Archive, Report, Settings, find_problem, read_instances, solve
from gapsmith.agent.evaluation.executors.base import Executor, Work
from gapsmith.evaluators.base import Instance, Problem, Split
from gapsmith.evaluators.running.assess import Runner
from gapsmith.sandbox import Job, Outcome

T = TypeVar("T")
Record = dict[str, Any]
Interval = tuple[float, float, float]

HERE = Path(__file__).parent
DATA = Path(os.environ.get("GAPSMITH_DATA") or HERE.parents[2] / "shared" / "data")
RESAMPLES = 10_000


# What an engine may not have: the only place that asks


def switches() -> bool:
    """Whether parts of the search can be switched off by `without`."""
    return any(field.name == "without" for field in fields(Settings))


def claimed(report: Report) -> Interval | None:
    """The gain that a run claims on fresh validation instances, with its limits; None where it claims none."""
    found = report.claimed
    return None if found is None or found.ci95 is None else (found.points, *found.ci95)


def front(report: Report) -> list[tuple[int, float, float, int]]:
    """The front of a run: program, gap in percent, CPU seconds an instance, size; empty where there is none."""
    return [_point(point) for point in getattr(report, "front", None) or ()]


def _point(point: Any) -> tuple[int, float, float, int]:
    if not isinstance(point, Sequence):
        point = (point.program, point.gap, point.cpu_seconds, point.size)
    program, gap, cpu_seconds, size = point[:4]
    return int(program), float(gap), float(cpu_seconds), int(size)


# Tasks


@dataclass(frozen=True)
class Task:
    """A problem with the public files that its winners are tested on.

    Attributes:
        name: of the task.
        problem: what is searched on; its generator makes the training instances.
        files: of the test, below DATA.
    """

    name: str
    problem: Problem
    files: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of the test."""
        return tuple(str(DATA / file) for file in self.files)

    def given(self) -> list[Instance]:
        """The instances of the files."""
        return read_instances(self.problem, [Path(path) for path in self.paths])


def sized(problem: Problem, size: int) -> Problem:
    """The problem with training instances of one size; validation and test stay as they are."""
    return replace(problem, sizes={**problem.sizes, Split.TRAIN: (size,)})


def families(*stems: str) -> tuple[str, ...]:
    """The job-shop files whose names begin so."""
    paths = sorted((DATA / "job_shop").glob("*"))
    return tuple(f"job_shop/{path.name}" for path in paths if path.stem.rstrip("0123456789") in stems)


def tasks() -> dict[str, Task]:
    """The tasks of all measurements, by name."""
    found = (
        Task("tardiness", find_problem("single_machine_tardiness"), ("tardiness/n100.txt",)),
        Task("bin_packing", find_problem("online_bin_packing"), ("bin_packing/funsearch_weibull5k.json",)),
        Task("job_shop", find_problem("job_shop"), families("ft", "la", "abz", "orb")),
    )
    return {task.name: task for task in found}


# Archives


def solved(problem: Problem, instances: Sequence[Instance], store: Path, seconds: float = 60.0) -> None:
    """Has the exact results of instances in a store, which are solved once for all seeds."""
    store.parent.mkdir(parents=True, exist_ok=True)
    archive = Archive(str(store))
    solve(problem, instances, archive, seconds, counted)
    archive.close()


@contextmanager
def fresh_archive(store: Path) -> Iterator[Archive]:
    """An archive that knows the exact results of a store and no program, so that no run profits from another."""
    folder = tempfile.mkdtemp(prefix="gapsmith-")
    place = Path(folder) / "archive.db"
    try:
        if store.is_file():
            _copy(store, place)
        archive = Archive(str(place))
        yield archive
        archive.close()
    finally:
        shutil.rmtree(folder)


def _copy(store: Path, place: Path) -> None:
    source, target = sqlite3.connect(store), sqlite3.connect(place)
    with target:
        source.backup(target)
    source.close()
    target.close()


# A meter


class Metered:
    """An executor that counts what is run in another one: equal units for all methods.

    Args:
        inner: does the work.
        problem: whose instances are counted; runs under another driver (event by event) cost time alone.

    Attributes:
        instances: how often a program was run on an instance, the one that failed included.
        cpu_seconds: of all programs.
    """

    def __init__(self, inner: Executor, problem: Problem) -> None:
        self._inner, self._driver, self._lock = inner, problem.driver, threading.Lock()
        self.instances, self.cpu_seconds = 0, 0.0

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues work; what it runs is counted."""
        return self._inner.submit(lambda runner, spent: work(_Counting(runner, self._count), spent))

    @property
    def spent(self) -> Record:
        """The counts as a record has them."""
        return {"instance_evaluations": self.instances, "sandbox_seconds": self.cpu_seconds}

    def _count(self, job: Job, outcome: Outcome) -> None:
        with self._lock:
            if job.driver == self._driver:
                self.instances += min(len(outcome.answers) + 1, len(job.calls))
            self.cpu_seconds += outcome.cpu_seconds


class _Counting:
    def __init__(self, runner: Runner, count: Callable[[Job, Outcome], None]) -> None:
        self._runner, self._count = runner, count

    def run(self, job: Job) -> Outcome:
        outcome = self._runner.run(job)
        self._count(job, outcome)
        return outcome


# Results


def records(path: Path) -> list[Record]:
    """The lines of a results file; a last line that was cut off is not one."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Adds a line; one that was cut off before is dropped first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as lines:
        lines.seek(max(0, lines.tell() - 1))
        if lines.read() not in (b"", b"\n"):
            lines.seek(0)
            lines.truncate(lines.read().rfind(b"\n") + 1)
        lines.write(json.dumps(record).encode() + b"\n")


def selected(found: Sequence[Record], **wanted: Any) -> list[Record]:
    """The records with these values."""
    return [each for each in found if all(each.get(key) == value for key, value in wanted.items())]


# Figures


def bootstrap(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean with the limits of its percentile bootstrap interval; all nan without values."""
    if not values:
        return float("nan"), float("nan"), float("nan")
    sample = np.asarray(values, dtype=float)
    draws = np.random.default_rng(0).integers(0, sample.size, (RESAMPLES, sample.size))
    low, high = np.quantile(sample[draws].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(sample.mean()), float(low), float(high)


def paired(records_: Sequence[Record], field: str, key: str, first: str, second: str) -> list[float]:
    """Differences first − second of a figure, over the seeds that have both.

    Args:
        records_: of one task.
        field: the figure.
        key: what tells the two apart, for example "method".
        first: its one value.
        second: its other value.
    """
    sides = [{each["seed"]: each[field] for each in selected(records_, **{key: k})} for k in (first, second)]
    both = sorted(set(sides[0]) & set(sides[1]))
    return [sides[0][s] - sides[1][s] for s in both if None not in (sides[0][s], sides[1][s])]


def shown(interval: Sequence[float]) -> str:
    """A figure with its limits."""
    middle, low, high = interval
    return f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]"


def mean(values: Sequence[float | None]) -> float:
    """The mean of what is there; nan where nothing is."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else float("nan")


# Words


def say(text: str) -> None:
    """Progress, for people."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def counted(progress: str, done: int, whole: int) -> None:
    """Progress of long work before and after a search."""
    if done == whole or (done and done % 10 == 0):
        say(f"  {progress}: {done} of {whole}")


def options(doc: str | None, results: str, seeds: int) -> argparse.ArgumentParser:
    """The options that all measurements have."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=seeds, help=f"seeds 0, 1, … (default {seeds})")
    parser.add_argument("--workers", type=int, default=2, help="sandboxes at once (default 2)")
    parser.add_argument(
        "-o", "--results", type=Path, default=HERE / "results" / results, help="JSON lines, added to"
    )
    return parser
