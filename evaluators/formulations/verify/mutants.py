"""Mutation testing of the ladder.

Small mistakes in correct patterns, which the ladder must refute.

It is not known in advance whether a mutant is wrong: a weaker cut is still valid. A mutant that passes the ladder is
tried again on many more instances than the ladder has. If one of them refutes it, the ladder has failed; if none does,
the mutant counts as equivalent and is left out of the kill rate.
"""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.formulations.contract import Pattern
from gapsmith.evaluators.formulations.exchange.composition import compose_program, list_functions
from gapsmith.evaluators.formulations.verify.ladder import REFUTED, Ladder, draw_hidden
from gapsmith.evaluators.grammar import parse_python
from gapsmith.evaluators.running.assess import Runner

MORE = 600
"""Number of tiny instances on which a mutant that passed is tried again; the ladder has not used them."""
PASSED = "passed"
LONGEST_WORDS = 60


@dataclass(frozen=True)
class Mutant:
    """A pattern with one mistake.

    Attributes:
        pattern: its name.
        kind: "off by one", "swapped inequality", "wrong index" or "dropped term".
        change: the old and the new text.
        source: a complete candidate.
    """

    pattern: str
    kind: str
    change: str
    source: str


@dataclass(frozen=True)
class MutantResult:
    """The result of a mutant's examination.

    Attributes:
        mutant: the mutant.
        fate: "killed", "broken" (it does not run), "equivalent" or "survived"; "passed" before the second trial.
        reason: in words.
        counterexample: an instance on which it is wrong; see `Refuters`.
    """

    mutant: Mutant
    fate: str
    reason: str
    counterexample: Mapping[str, Any] | None = None


@lru_cache(maxsize=64)
def make_mutants(pattern: Pattern) -> tuple[Mutant, ...]:
    """Makes all mutants of a pattern, without duplicates."""
    functions = list_functions(pattern.source)
    found: dict[str, Mutant] = {}
    for name, text in functions.items():
        tree = parse_python(text)
        right = ast.unparse(tree)
        for place, node in enumerate(ast.walk(tree)):
            for kind, changed in _list_mistakes(node):
                wrong = _replace_node(tree, place, changed)
                if wrong != right and wrong not in found:
                    words = f"{_describe_node(node)} -> {_describe_node(changed)}"
                    source = compose_program([_replace_function(pattern, functions, name, wrong)])
                    found[wrong] = Mutant(pattern.name, kind, words, source)
    return tuple(found.values())


def _replace_function(pattern: Pattern, functions: Mapping[str, str], name: str, text: str) -> Pattern:
    sources = {**functions, name: text}.values()
    return Pattern(pattern.name, pattern.claim, "\n\n".join(sources), pattern.citation)


def choose_mutants(patterns: Sequence[Pattern], count: int, seed: int) -> list[Mutant]:
    """Chooses mutants, spread over the patterns and kinds of mistakes."""
    rng, queues = Random(seed), list[list[Mutant]]()
    for pattern in patterns:
        by_kind: dict[str, list[Mutant]] = {}
        for mutant in make_mutants(pattern):
            by_kind.setdefault(mutant.kind, []).append(mutant)
        queues += [rng.sample(group, len(group)) for group in by_kind.values()]
    rng.shuffle(queues)
    found: list[Mutant] = []
    while len(found) < count and any(queues):
        found += [queue.pop() for queue in queues if queue]
    return found[:count]


def examine_mutant(mutant: Mutant, ladder: Ladder, runner: Runner) -> MutantResult:
    """Runs the ladder on a mutant: "killed", "broken" or "passed"."""
    found = ladder.refute(mutant.source, runner)
    if found is None:
        return MutantResult(mutant, PASSED, "")
    fate = "killed" if found.outcome == REFUTED else "broken"
    return MutantResult(mutant, fate, found.message, found.detail.get("counterexample"))


def retry_mutant(
    passed: MutantResult, others: Sequence[MutantResult], ladder: Ladder, runner: Runner, more: int = MORE
) -> MutantResult:
    """Tries a passed mutant on more instances: "survived" or "equivalent".

    They are the counterexamples to other mutants, and more tiny instances.
    """
    kept = [
        Instance.restore("of another", each.counterexample["data"]) for each in others if each.counterexample
    ]
    source = passed.mutant.source
    unseen = draw_hidden(ladder.pricing, f"more than {source}", more)
    found = ladder.check_instances(source, runner, (*kept, *unseen))
    if found is not None:
        return MutantResult(passed.mutant, "survived", found.message, found.detail.get("counterexample"))
    return MutantResult(
        passed.mutant, "equivalent", f"no counterexample among {len(kept) + more} more instances"
    )


def compute_kill_rate(found: Sequence[MutantResult]) -> float | None:
    """Returns the part of the wrong mutants that the ladder refuted.

    Returns None where none was wrong.
    """
    fates = Counter(each.fate for each in found)
    wrong = fates["killed"] + fates["survived"]
    return fates["killed"] / wrong if wrong else None


Mistake = tuple[str, ast.AST]


def _list_mistakes(node: ast.AST) -> Iterator[Mistake]:
    for kind, mistakes in _KINDS.items():
        for changed in mistakes(node):
            yield kind, changed


def _shift_by_one(node: ast.AST) -> Iterator[ast.AST]:
    """Yields numbers and bounds that are one more or one less."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("int", "range", "len")
    ):
        last = [*node.args[:-1], ast.BinOp(node.args[-1], ast.Add(), ast.Constant(1))] if node.args else []
        if node.func.id == "range":
            yield ast.Call(node.func, last, node.keywords)
        else:
            yield ast.BinOp(node, ast.Add(), ast.Constant(1))
            yield ast.BinOp(node, ast.Sub(), ast.Constant(1))


_OTHER: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.LtE: (ast.GtE, ast.Lt),
    ast.GtE: (ast.LtE, ast.Gt),
    ast.Lt: (ast.Gt, ast.LtE),
    ast.Gt: (ast.Lt, ast.GtE),
    ast.Eq: (ast.LtE, ast.GtE),
}


def _swap_inequality(node: ast.AST) -> Iterator[ast.AST]:
    """Yields comparisons reversed, or with equality added or removed."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _OTHER.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [other()], node.comparators)


def _change_index(node: ast.AST) -> Iterator[ast.AST]:
    """Yields neighbouring indices, and two indices exchanged."""
    if not isinstance(node, ast.Subscript) or isinstance(node.ctx, ast.Store):
        return
    index = node.slice
    if isinstance(index, ast.Name):
        yield ast.Subscript(node.value, ast.BinOp(index, ast.Sub(), ast.Constant(1)), node.ctx)
    if isinstance(index, ast.Tuple) and len(index.elts) == 2:
        yield ast.Subscript(node.value, ast.Tuple(index.elts[::-1], index.ctx), node.ctx)
    if isinstance(node.value, ast.Subscript):
        inner = ast.Subscript(node.value.value, index, node.ctx)
        yield ast.Subscript(inner, node.value.slice, node.ctx)


def _drop_term(node: ast.AST) -> Iterator[ast.AST]:
    """Yields one of two terms or conditions alone."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield node.left
        yield node.right
    if isinstance(node, ast.BoolOp):
        yield from node.values
    if isinstance(node, ast.comprehension) and node.ifs:
        yield ast.comprehension(node.target, node.iter, node.ifs[1:], node.is_async)
    if isinstance(node, ast.If):
        yield ast.If(ast.Constant(True), node.body, node.orelse)


_KINDS: dict[str, Callable[[ast.AST], Iterator[ast.AST]]] = {
    "off by one": _shift_by_one,
    "swapped inequality": _swap_inequality,
    "wrong index": _change_index,
    "dropped term": _drop_term,
}


def _replace_node(tree: ast.Module, place: int, changed: ast.AST) -> str:
    """Returns the text with another node at a place of the walk."""
    new = copy.deepcopy(tree)
    target = next(node for k, node in enumerate(ast.walk(new)) if k == place)
    for parent in ast.walk(new):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, changed)
            elif isinstance(value, list) and any(part is target for part in value):
                setattr(parent, name, [changed if part is target else part for part in value])
    return ast.unparse(ast.fix_missing_locations(new))


def _describe_node(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= LONGEST_WORDS else text[:LONGEST_WORDS] + "…"
