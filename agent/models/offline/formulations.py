"""The built-in model for formulations.

Subsets of the library of classical patterns, the control for any model.

A program is the patterns' own functions, those that they call, and an entry point that calls them in the library's
order, so that equal subsets are equal programs. Where whole models are wanted, it is one of the library.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from random import Random

from gapsmith.agent.models.base import ModelError, Reply, Request
from gapsmith.evaluators.base import Problem
from gapsmith.evaluators.grammar import UNREADABLE, Library, parse_python

Subset = frozenset[str]
Proposal = Callable[[Sequence[str], Random, Sequence[Subset]], Subset]

FEW = (1, 1, 2, 2, 3, 4)
"""Sizes of fresh subsets."""
TRIES = 20


def reply(request: Request, problem: Problem, library: Library) -> Reply:
    """Writes a program of the library: equal requests, equal replies.

    Raises ModelError where the library is empty.
    """
    rng, names = Random(request.seed), library.names
    if library.programs:
        rule = rng.choice(library.programs)
        return _describe(rule.source(problem.entry.name), rule.name)
    if not names:
        raise ModelError(
            f"{problem.name} has an empty library: `offline` has nothing to combine; use another model."
        )
    parents = [find_patterns(source, names) for source in request.parents]
    chosen = _draw_new(PROPOSALS.get(request.operator, refine), names, rng, parents)
    return _describe(library.combine(chosen), ", ".join(sorted(chosen)) or "nothing is added")


def find_patterns(source: str, names: Sequence[str]) -> Subset:
    """Lists the patterns of the library that a program calls."""
    try:
        calls = [node for node in ast.walk(parse_python(source)) if isinstance(node, ast.Call)]
    except UNREADABLE:
        return frozenset()
    return frozenset(c.func.id for c in calls if isinstance(c.func, ast.Name) and c.func.id in names)


def draw_fresh(names: Sequence[str], rng: Random, parents: Sequence[Subset]) -> Subset:
    """Chooses a few patterns."""
    return frozenset(rng.sample(list(names), min(len(names), rng.choice(FEW))))


def draw_others(names: Sequence[str], rng: Random, parents: Sequence[Subset]) -> Subset:
    """Chooses patterns that no parent has, where there are any."""
    unused = [name for name in names if not any(name in parent for parent in parents)]
    return draw_fresh(unused or names, rng, parents)


def refine(names: Sequence[str], rng: Random, parents: Sequence[Subset]) -> Subset:
    """Adds, removes or replaces one pattern of the best parent."""
    return _step(names, rng, parents, 1)


def leap(names: Sequence[str], rng: Random, parents: Sequence[Subset]) -> Subset:
    """Changes the best parent by two or three such steps."""
    return _step(names, rng, parents, rng.choice((2, 3)))


def merge(names: Sequence[str], rng: Random, parents: Sequence[Subset]) -> Subset:
    """Joins what two parents share with patterns of one of them.

    All of those patterns, or a half.
    """
    if len(parents) < 2:
        return refine(names, rng, parents)
    first, second = parents[:2]
    if rng.random() < 0.5:
        return first | second
    return (first & second) | frozenset(name for name in sorted(first ^ second) if rng.random() < 0.5)


def shrink(names: Sequence[str], rng: Random, parents: Sequence[Subset]) -> Subset:
    """Removes one pattern of the best parent."""
    kept = sorted(parents[0]) if parents else []
    return frozenset(kept) - {rng.choice(kept)} if len(kept) > 1 else draw_fresh(names, rng, parents)


PROPOSALS: Mapping[str, Proposal] = {
    "explore": draw_fresh,
    "invent": draw_others,
    "tactic": draw_others,
    "refine": refine,
    "specialise": leap,
    "merge": merge,
    "simplify": shrink,
    "repair": shrink,
}


def _step(names: Sequence[str], rng: Random, parents: Sequence[Subset], steps: int) -> Subset:
    chosen = set(parents[0]) if parents else set()
    for _ in range(steps):
        unused = [name for name in names if name not in chosen]
        kind = rng.choice(("more", "more", "less", "swap") if len(chosen) > 1 else ("more", "swap"))
        if kind != "more" and chosen:
            chosen.discard(rng.choice(sorted(chosen)))
        if kind != "less" and unused:
            chosen.add(rng.choice(unused))
    return frozenset(chosen) or draw_fresh(names, rng, parents)


def _draw_new(propose: Proposal, names: Sequence[str], rng: Random, parents: Sequence[Subset]) -> Subset:
    """Draws a subset that no parent has, if possible.

    In a few tries.
    """
    chosen = propose(names, rng, parents)
    for _ in range(TRIES):
        if chosen and chosen not in parents:
            break
        chosen = propose(names, rng, parents)
    return chosen


def _describe(source: str, words: str) -> Reply:
    return Reply(text=f"```python\n{source}```\nMechanism: {words}.\nChange: patterns of the library.\n")
