"""Scores of programs outside the search.

Run on the executor, kept in the archive, and never run twice.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Protocol

from gapsmith.agent.archive import Archive, CandidateRow, Program
from gapsmith.agent.evaluation.baselines import ProgressCallback, find_baselines, ignore_progress
from gapsmith.agent.evaluation.compare import CHUNK, Entrant, Scored
from gapsmith.agent.evaluation.compare import summarise_scores as row_of
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.search.instances import InstanceSet
from gapsmith.evaluators.base import Baseline, Instance, Number, Problem
from gapsmith.evaluators.integrity.audit import examine, mark_differing
from gapsmith.evaluators.outcomes import CandidateOutcome, IntegrityResult
from gapsmith.evaluators.running.assess import Assessment, Runner, assess
from gapsmith.evaluators.running.repeats import TRIES
from gapsmith.evaluators.scoring import Scale, Score

RUNNING = "running programs"


class Archived(Protocol):
    """A program with its number in the archive."""

    @property
    def program(self) -> int:
        """Its number."""
        ...

    @property
    def source(self) -> str:
        """Its code."""
        ...

    @property
    def name(self) -> str:
        """Of a reference rule, else empty."""
        ...


@dataclass(frozen=True, eq=False)
class Scorer:
    """Runs archived programs on instances.

    Attributes:
        problem: whose verifier and exact method are used.
        executor: where programs run.
        archive: where scores and exact results are kept.
        seconds: limit of the exact method for each instance.
        progress: called as the work goes on.
        number: of a run that keeps the bounds it met first.
        workers: processes of the exact method.
    """

    problem: Problem
    executor: Executor
    archive: Archive
    seconds: float = 60.0
    progress: ProgressCallback = ignore_progress
    number: int | None = None
    workers: int = 1

    def build_instance_set(self, instances: Sequence[Instance]) -> InstanceSet:
        """Makes the set of instances with their bounds."""
        return InstanceSet.build(instances, self.find_baselines(instances), self.problem.maximise)

    def find_baselines(self, instances: Sequence[Instance]) -> dict[str, Baseline]:
        """Finds the exact results of instances, by digest."""
        return find_baselines(
            self.problem, instances, self.archive, self.seconds, self.progress, self.number, self.workers
        )

    def run(
        self, programs: Sequence[Archived], instances: Sequence[Instance], whole: bool = False
    ) -> list[Assessment]:
        """Runs each program up to its first failure.

        Args:
            programs: run beside each other; what the archive knows of one is not run again.
            instances: in the order of the scores.
            whole: whether to go on after failures.
        """
        distinct = {program.program: program for program in programs}
        known = self.archive.read_score_table(list(distinct), [instance.digest for instance in instances])
        started = {
            number: self._start_bench(each, instances, known[number], whole)
            for number, each in distinct.items()
        }
        for done, (number, futures) in enumerate(started.items()):
            self.progress(RUNNING, done, len(started))
            new = [pair for chunk, future in futures for pair in zip(chunk, future.result(), strict=False)]
            self.archive.add_scores(number, new)
            known[number].update((instance.digest, score) for instance, score in new)
        self.progress(RUNNING, len(started), len(started))
        return [_make_assessment(instances, known[program.program]) for program in programs]

    def run_alone(self, program: Archived, instances: Sequence[Instance]) -> Assessment:
        """Runs a program on instances, again with a process for each.

        Where the costs differ the outcome is "state_dependent". A program may count its calls, so that no sample of
        instances shows that all are its own work. Events of on-line problems come one by one to a process of its own
        anyhow; rules are ours; where evaluations are expensive the examination of some must do.
        """
        (found,) = self.run([program], instances, whole=True)
        if program.name or self.problem.online or self.problem.expensive:
            return found
        (alone,) = self.run([program], [replace(each, alone=True) for each in instances], whole=True)
        marked = mark_differing(found.scores, alone.scores)
        return _make_assessment(instances, dict(zip((i.digest for i in instances), marked, strict=True)))

    def _start_bench(
        self, program: Archived, instances: Sequence[Instance], known: Mapping[str, Score], whole: bool
    ) -> list[tuple[Sequence[Instance], Future[tuple[Score, ...]]]]:
        if not whole and any(score.outcome != CandidateOutcome.OK for score in known.values()):
            return []
        new = [instance for instance in instances if instance.digest not in known]
        chunks = [new[k : k + CHUNK] for k in range(0, len(new), CHUNK)]
        works = [_Work(self.problem, program.source, chunk, whole) for chunk in chunks]
        return [(work.instances, self.executor.submit(work)) for work in works]


def list_costs(assessment: Assessment) -> tuple[Number, ...] | None:
    """Lists the costs in order; None of a program that failed."""
    if assessment.outcome != CandidateOutcome.OK:
        return None
    return tuple(score.cost for score in assessment.scores if score.cost is not None)


def make_row(program: Archived, result: Assessment, scale: Scale) -> Scored:
    """Returns the results of a program as a row of a table."""
    return row_of(Entrant(program.name or str(program.program), program.source), result.scores, scale)


@dataclass(frozen=True)
class Examination:
    """The request to audit a program; see `integrity.audit`."""

    problem: Problem
    source: str
    instances: Sequence[Instance]
    costs: Sequence[Number]

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> IntegrityResult:
        """Runs the program again."""
        return examine(self.problem, self.source, self.instances, self.costs, runner)


FAILURES = 3
"""A program that failed so often among the instances of one job is tried once on each of the others."""


@dataclass(frozen=True)
class _Work:
    problem: Problem
    source: str
    instances: Sequence[Instance]
    whole: bool

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> tuple[Score, ...]:
        scores: list[Score] = []
        failed = 0
        while len(scores) < len(self.instances) and (self.whole or not failed):
            left = self.instances[len(scores) :]
            tries = TRIES if failed < FAILURES else 1
            scores += assess(self.problem, self.source, left, runner, null_cpu_seconds, tries).scores
            failed += scores[-1].outcome != CandidateOutcome.OK
        return tuple(scores)


def _make_assessment(instances: Sequence[Instance], scores: Mapping[str, Score]) -> Assessment:
    met = [(instance, scores[instance.digest]) for instance in instances if instance.digest in scores]
    for instance, score in met:
        if score.outcome != CandidateOutcome.OK:
            message = f"{instance.name}: {score.message}"
            return Assessment(score.outcome, message, tuple(score for _, score in met))
    return Assessment(CandidateOutcome.OK, "", tuple(score for _, score in met))


@dataclass(frozen=True)
class Known:
    """A program of a run.

    Attributes:
        program: its number in the archive.
        source: its code.
        size: nodes of its syntax tree.
        name: of a reference rule, else empty.
    """

    program: int
    source: str
    size: int
    name: str = ""

    @classmethod
    def build(cls, program: Program, row: CandidateRow) -> "Known":
        """Makes it from the archive's rows."""
        return cls(program.id or 0, program.source, program.size, row.name)
