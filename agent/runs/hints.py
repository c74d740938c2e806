"""A heuristic that helps a search for formulations.

It is screened, then added to the library as hint and bound.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.agent.codegen.prompt import find_tag
from gapsmith.agent.codegen.screen import screen
from gapsmith.evaluators.base import Problem, Reference, UsageError
from gapsmith.evaluators.grammar import GivenRule
from gapsmith.evaluators.outcomes import CandidateOutcome


def add_knowledge(problem: Problem, start: Sequence[tuple[str, str]], notes: str, generated: bool) -> Problem:
    """Returns the problem with what the user knows.

    Args:
        problem: as it is built in, or in the user's file.
        start: names and sources of heuristics that count as reference rules.
        notes: a text for prompts.
        generated: whether instances are generated; of the user's own instances prompts tell no generator's story.

    Raises:
        UsageError: where a heuristic is no program for the problem, or has the name of a rule.
    """
    rules = tuple(_make_rule(problem, name, source) for name, source in start)
    story = problem.story if generated else ""
    return replace(problem, rules=(*problem.rules, *rules), notes=notes, story=story)


def _make_rule(problem: Problem, name: str, source: str) -> GivenRule:
    screened = screen(source, problem.entry)
    if screened.outcome != CandidateOutcome.OK:
        raise UsageError(f"--start {name} is no program for {problem.name}: {screened.message}")
    if name.lower() in {rule.name.lower() for rule in problem.rules}:
        raise UsageError(f"--start {name} has the name of a reference rule; expected another file name")
    return GivenRule(f"start {name}" if name.isdecimal() else name, text=source, described=find_tag(source))


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
    """A search for formulations with a heuristic in its library.

    The heuristic gives a hint and a bound.
    """

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
