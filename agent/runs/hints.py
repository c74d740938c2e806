"""A heuristic that helps a search for formulations: screened, then added to the library as hint and bound."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.agent.codegen.screen import screen
from gapsmith.evaluators.base import Problem, Reference, UsageError
from gapsmith.evaluators.outcomes import CandidateOutcome


def add_heuristic(problem: Problem, heuristic: str) -> Problem:
    """Returns the search with the heuristic's hint and bound in its library.

    Raises UsageError where the problem takes no heuristic, or this is not a program for it.
    """
    search = problem.add_heuristic(heuristic, _bundle)
    if problem.original is not None:
        screened = screen(heuristic, problem.original.entry)
        if screened.outcome != CandidateOutcome.OK:
            raise UsageError(f"the heuristic is no program for {problem.original.name}: {screened.message}")
    reference = WithHeuristic(problem.reference, heuristic) if problem.reference else None
    return replace(search, reference=reference)


@dataclass(frozen=True)
class WithHeuristic:
    """A search for formulations with a heuristic's hint and bound in its library."""

    problem: Reference
    heuristic: str

    def resolve(self) -> Problem:
        """Makes the problem with the heuristic. Raises GapsmithError."""
        return add_heuristic(self.problem.resolve(), self.heuristic)


def _bundle(*functions: Callable[..., Any]) -> str:
    """Returns the source of functions with everything that they use.

    `Instance` is defined beside it.
    """
    bundle = Bundle(given=frozenset(("Instance",)))
    for function in functions:
        bundle.add(function)
    return bundle.source
