"""Verifies formulations: files, patterns of the library, and mutants of these."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.baselines import Progress, silent
from gapsmith.agent.evaluation.compare import file_entrants
from gapsmith.agent.evaluation.counterexamples import Refuters
from gapsmith.agent.evaluation.executor import Executor
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Instance, UsageTrouble
from gapsmith.evaluators.formulations.exchange.composition import program
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.evaluators.formulations.verify.mutants import (
    PASSED,
    Examined,
    Mutant,
    chosen,
    doubted,
    examined,
)
from gapsmith.evaluators.outcomes import CandidateOutcome, Honesty
from gapsmith.evaluators.running.assess import Runner


@dataclass(frozen=True)
class Verified:
    """A named program with the result of its verification."""

    name: str
    finding: Honesty


def formulation_search(name: str) -> FormulationProblem:
    """Finds the search for a formulation. Raises UsageTrouble for other names."""
    problem = find_problem(name)
    if not isinstance(problem, FormulationProblem):
        raise UsageTrouble(
            f"{name} is a problem, no formulation; expected a name from `gapsmith formulations`"
        )
    return problem


def verified(
    problem: FormulationProblem,
    files: Sequence[Path],
    executor: Executor,
    doing: Progress = silent,
    archive: Archive | None = None,
) -> list[Verified]:
    """Verifies files, or the patterns of the library by default.

    Patterns are verified one by one and all together.

    Args:
        problem: the search for a formulation.
        files: programs.
        executor: runs them.
        doing: is called with the progress.
        archive: its counterexamples are tried first, and new ones are added.
    """
    refuters = Refuters(problem.name, archive) if archive else None
    known = refuters.of(0) if refuters else ()
    if files:
        sources = [(entrant.name, entrant.source) for entrant in file_entrants(files)]
    elif problem.follow_up:
        sources = [(rule.name, rule.source("build")) for rule in problem.formulation.builds]
    else:
        patterns = problem.formulation.patterns
        sources = [(pattern.name, program([pattern])) for pattern in patterns]
        sources.append(("all together", program(patterns)))
    futures = [executor.submit(_Climb(problem, source, known)) for _, source in sources]
    found = []
    for done, ((name, _), future) in enumerate(zip(sources, futures, strict=True), 1):
        found.append(Verified(name, finding := future.result()))
        if refuters and (wrong := finding.detail.get("counterexample")):
            refuters.add(0, None, wrong)
        doing("verifying", done, len(sources))
    return found


def mutants_examined(
    problem: FormulationProblem, count: int, seed: int, executor: Executor, doing: Progress = silent
) -> list[Examined]:
    """Examines mutants of the library's patterns."""
    if problem.follow_up:
        raise UsageTrouble("mutants are made of patterns, and whole models have none; leave :build away")
    wanted = chosen(problem.formulation.patterns, count, seed)
    first = _all(
        [executor.submit(_Examination(problem, mutant)) for mutant in wanted], doing, "verifying mutants"
    )
    passed = [each for each in first if each.fate == PASSED]
    works = [_Doubt(problem, each, tuple(first)) for each in passed]
    doubts = _all(
        [executor.submit(work) for work in works], doing, "trying mutants that passed on more instances"
    )
    second = dict(zip((each.mutant for each in passed), doubts, strict=True))
    return [second.get(each.mutant, each) for each in first]


def _all(futures: Sequence[Future[Examined]], doing: Progress, words: str) -> list[Examined]:
    found = []
    for done, future in enumerate(futures, 1):
        found.append(future.result())
        doing(words, done, len(futures))
    return found


@dataclass(frozen=True)
class _Climb:
    """Work for an executor: verifies a program on all levels."""

    problem: FormulationProblem
    source: str
    refuters: tuple[Instance, ...]

    def __call__(self, runner: Runner, spent: float) -> Honesty:
        screened = screen(self.source, self.problem.entry)
        if screened.outcome != CandidateOutcome.OK:
            return Honesty(screened.outcome, screened.message)
        return self.problem.ladder.climb(screened.source, runner, self.refuters, True)


@dataclass(frozen=True)
class _Examination:
    """Work for an executor: runs the ladder on a mutant."""

    problem: FormulationProblem
    mutant: Mutant

    def __call__(self, runner: Runner, spent: float) -> Examined:
        return examined(self.mutant, self.problem.ladder, runner)


@dataclass(frozen=True)
class _Doubt:
    """Work for an executor: tries a mutant that passed on more instances."""

    problem: FormulationProblem
    passed: Examined
    others: tuple[Examined, ...]

    def __call__(self, runner: Runner, spent: float) -> Examined:
        return doubted(self.passed, self.others, self.problem.ladder, runner)
