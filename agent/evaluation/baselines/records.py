"""Verified solutions that are better than the best value known."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines.published import BestKnown
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.evaluators.base import Baseline, Infeasible, Instance, Number, Problem
from gapsmith.evaluators.running.assess import Runner, assess


@dataclass(frozen=True)
class Finding:
    """A program and its verified cost on an instance.

    Attributes:
        name: of the program, as reports show it.
        source: its code.
        cost: of its solution.
    """

    name: str
    source: str
    cost: Number


@dataclass(frozen=True)
class Record:
    """A verified solution that is better than the best value known.

    Attributes:
        instance: its name.
        cost: of the solution.
        before: the best value known before.
        published: whether that was a published value.
        program: the program that found it.
        kept: whether the archive has the solution now.
    """

    instance: str
    cost: Number
    before: Number
    published: bool
    program: str
    kept: bool

    def __str__(self) -> str:
        source = "published" if self.published else "known here"
        return (
            f"New best solution of {self.instance}: {self.cost} by {self.program}, verified; the best {source} was "
            f"{self.before:g}."
        )


def find_records(
    problem: Problem,
    instances: Sequence[Instance],
    findings: Mapping[str, Finding],
    best: BestKnown,
    executor: Executor,
    archive: Archive | None,
) -> tuple[Record, ...]:
    """Finds the solutions that beat the best known values, and keeps them.

    Programs are run again for their solutions, which are verified again: costs alone are no certificate.

    Args:
        problem: its verifier is used.
        instances: in the order of the result.
        findings: the best cost of each instance, by digest.
        best: what was known before.
        executor: where programs run.
        archive: takes the solutions; None keeps none.
    """
    beaten = [
        instance
        for instance in instances
        if instance.digest in findings and best.is_beaten(instance.digest, findings[instance.digest].cost)
    ]
    works = [executor.submit(_Again(problem, findings[each.digest].source, each)) for each in beaten]
    found = [
        _make_record(problem, instance, findings[instance.digest], best, work, archive)
        for instance, work in zip(beaten, works, strict=True)
    ]
    return tuple(record for record in found if record is not None)


def _make_record(
    problem: Problem,
    instance: Instance,
    finding: Finding,
    best: BestKnown,
    work: "Future[Any]",
    archive: Archive | None,
) -> Record | None:
    """Verifies a solution and keeps it; None without one."""
    solution, digest = work.result(), instance.digest
    try:
        cost = problem.cost(instance, solution)
        json.dumps(solution)
    except (Infeasible, TypeError, ValueError):
        return None
    if not best.is_beaten(digest, cost):
        return None
    kept = archive is not None and keep_solution(problem, instance, solution, cost, finding.name, archive)
    return Record(instance.name, cost, best.values[digest], best.is_published(digest), finding.name, kept)


def keep_solution(
    problem: Problem, instance: Instance, solution: Any, cost: Number, program: str, archive: Archive
) -> bool:
    """Tightens the archive's bounds by a verified solution.

    False where the archive has no bounds of the instance.
    """
    known = archive.read_baselines(problem.name, [instance.digest], problem.version).get(instance.digest)
    if known is None:
        return False
    method = known.solver.partition("; solution by")[0]
    lower, upper = (cost, known.upper) if problem.maximise else (known.lower, cost)
    better = Baseline(lower, upper, solution, f"{method}; solution by {program}", 0.0)
    archive.add_baseline(problem.name, instance, better, 0.0, problem.version, problem.maximise)
    return True


@dataclass(frozen=True)
class _Again:
    """The request to run a program once more for its solution."""

    problem: Problem
    source: str
    instance: Instance

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> Any:
        found = assess(self.problem, self.source, [self.instance], runner, null_cpu_seconds)
        return found.solutions[0] if found.solutions else None
