"""Verifies formulations: files, patterns of the library, and mutants of these."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.baselines import ProgressCallback, ignore_progress
from gapsmith.agent.evaluation.compare import read_entrants
from gapsmith.agent.evaluation.counterexamples import Counterexamples
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Instance, UsageError
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.evaluators.formulations.verify.mutants import (
    PASSED,
    Mutant,
    MutantResult,
    choose_mutants,
    examine_mutant,
    retry_mutant,
)
from gapsmith.evaluators.outcomes import CandidateOutcome, IntegrityResult
from gapsmith.evaluators.running.assess import Runner


@dataclass(frozen=True)
class VerificationResult:
    """A named program with the result of its verification."""

    name: str
    finding: IntegrityResult


def find_formulation(name: str) -> FormulationProblem:
    """Finds the search for a formulation. Raises UsageError for other names."""
    problem = find_problem(name)
    if not isinstance(problem, FormulationProblem):
        raise UsageError(f"{name} is a problem, no formulation; expected a name from `gapsmith formulations`")
    return problem


def verify_programs(
    problem: FormulationProblem,
    files: Sequence[Path],
    executor: Executor,
    progress: ProgressCallback = ignore_progress,
    archive: Archive | None = None,
) -> list[VerificationResult]:
    """Verifies files, or the patterns of the library by default.

    Patterns are verified one by one and all together.

    Args:
        problem: the search for a formulation.
        files: programs.
        executor: runs them.
        progress: is called with the progress.
        archive: its counterexamples are tried first, and new ones are added.
    """
    refuters = Counterexamples(problem.name, archive) if archive else None
    known = refuters.select(0) if refuters else ()
    if files:
        sources = [(entrant.name, entrant.source) for entrant in read_entrants(files)]
    elif problem.follow_up:
        sources = [(rule.name, rule.source("build")) for rule in problem.formulation.builds]
    else:
        patterns = problem.formulation.patterns
        sources = [(pattern.name, compose_program([pattern])) for pattern in patterns]
        sources.append(("all together", compose_program(patterns)))
    futures = [executor.submit(_VerificationWork(problem, source, known)) for _, source in sources]
    found = []
    for done, ((name, _), future) in enumerate(zip(sources, futures, strict=True)):
        progress(f"verifying {name}", done, len(sources))  # before it, since it may take a minute
        found.append(VerificationResult(name, finding := future.result()))
        if refuters and (wrong := finding.detail.get("counterexample")):
            refuters.add(0, None, wrong)
    return found


def examine_mutants(
    problem: FormulationProblem,
    count: int,
    seed: int,
    executor: Executor,
    progress: ProgressCallback = ignore_progress,
) -> list[MutantResult]:
    """Examines mutants of the library's patterns."""
    if problem.follow_up:
        raise UsageError("mutants are made of patterns, and whole models have none; leave :build away")
    wanted = choose_mutants(problem.formulation.patterns, count, seed)
    first = _await_all(
        [executor.submit(_ExaminationWork(problem, mutant)) for mutant in wanted],
        progress,
        "verifying mutants",
    )
    passed = [each for each in first if each.fate == PASSED]
    works = [_RetryWork(problem, each, tuple(first)) for each in passed]
    doubts = _await_all(
        [executor.submit(work) for work in works], progress, "trying mutants that passed on more instances"
    )
    second = dict(zip((each.mutant for each in passed), doubts, strict=True))
    return [second.get(each.mutant, each) for each in first]


def _await_all(
    futures: Sequence[Future[MutantResult]], progress: ProgressCallback, words: str
) -> list[MutantResult]:
    found = []
    for done, future in enumerate(futures):
        progress(words, done, len(futures))
        found.append(future.result())
    return found


@dataclass(frozen=True)
class _VerificationWork:
    """Work for an executor: verifies a program on all levels."""

    problem: FormulationProblem
    source: str
    refuters: tuple[Instance, ...]

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> IntegrityResult:
        screened = screen(self.source, self.problem.entry)
        if screened.outcome != CandidateOutcome.OK:
            return IntegrityResult(screened.outcome, screened.message)
        return self.problem.ladder.verify(screened.source, runner, self.refuters, True)


@dataclass(frozen=True)
class _ExaminationWork:
    """Work for an executor: runs the ladder on a mutant."""

    problem: FormulationProblem
    mutant: Mutant

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> MutantResult:
        return examine_mutant(self.mutant, self.problem.ladder, runner)


@dataclass(frozen=True)
class _RetryWork:
    """Work for an executor: tries a mutant that passed on more instances."""

    problem: FormulationProblem
    passed: MutantResult
    others: tuple[MutantResult, ...]

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> MutantResult:
        return retry_mutant(self.passed, self.others, self.problem.ladder, runner)
