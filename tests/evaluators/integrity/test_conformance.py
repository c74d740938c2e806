"""Every problem keeps what a problem promises, and the suite finds those that do not."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gapsmith.agent.evaluation.problems import find_problem, write_skeleton
from gapsmith.evaluators.base import Baseline, Problem
from gapsmith.evaluators.catalogue import list_problems
from gapsmith.evaluators.grammar import Rule
from gapsmith.evaluators.integrity.conformance import (
    check_terminals,
    find_broken_promises,
    measure_exact_method,
)
from gapsmith.sandbox import Level, Sandbox, open_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all."""
    with open_sandbox(minimum=Level.L1) as box:
        yield box


@pytest.mark.parametrize("name", list_problems())
def test_built_in_problems_conform(name: str, sandbox: Sandbox) -> None:
    """A problem that is built in breaks no promise."""
    assert find_broken_promises(find_problem(name), sandbox) == []


def test_the_skeleton_conforms(tmp_path, sandbox: Sandbox) -> None:
    """The skeleton of a problem of one's own keeps every promise as it is written."""
    path = tmp_path / "mine.py"
    path.write_text(write_skeleton("mine"))
    assert find_broken_promises(find_problem(str(path)), sandbox) == []


GOOD = find_problem("single_machine_tardiness")


def late(p, d):
    """Longest processing time first, and never the last job."""
    return np.argsort(-p)[:-1]  # noqa: F821 - np is there when it runs as a candidate


def loose(instance, seconds) -> Baseline:
    """Claims less than its solution costs."""
    found = GOOD.baseline(instance, seconds)
    return replace(found, upper=found.upper + 1)


def _with_terminals(*names: str) -> Problem:
    first = GOOD.grammar.terminals[0]
    terminals = tuple(replace(first, name=name) for name in names)
    return replace(GOOD, grammar=replace(GOOD.grammar, terminals=(*GOOD.grammar.terminals, *terminals)))


def _without_holes() -> Problem:
    plain = (lambda p, d: np.argsort(d),)  # noqa: F821
    blocks = dict.fromkeys(GOOD.grammar.blocks, plain)
    return replace(GOOD, grammar=replace(GOOD.grammar, blocks=blocks))


BROKEN: dict[str, Problem] = {
    "card: brief": replace(GOOD, brief=" "),
    "card: no reference": replace(GOOD, rules=(), grammar=None),
    "generator: two train": replace(
        GOOD, generate=lambda rng, s, n: GOOD.generate(__import__("numpy").random.default_rng(), s, n)
    ),
    "verifier:": replace(GOOD, cost=lambda instance, solution: 1),
    "baseline:": replace(GOOD, baseline=loose),
    "rule LATE: infeasible": replace(GOOD, rules=(Rule("LATE", late, "nobody"),)),
    "reader: takes": replace(GOOD, read=lambda path: []),
    "limits:": replace(GOOD, cpu_seconds=lambda instance: 0.0),
}


@pytest.mark.parametrize("start", BROKEN)
def test_broken_promises_are_reported(start: str, sandbox: Sandbox) -> None:
    """A problem that breaks a promise is told which, in one line."""
    found = find_broken_promises(BROKEN[start], sandbox)
    assert any(line.startswith(start) for line in found)
    assert not any("\n" in line for line in found)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (_with_terminals("unheard"), "may name unheard, which it does not bind"),
        (_without_holes(), "no block"),
    ],
)
def test_terminals_are_locals_of_blocks_with_a_priority(problem: Problem, words: str) -> None:
    """A block that lacks a terminal is found, and so is a grammar whose terminals no block could use."""
    assert any(words in complaint for complaint in check_terminals(problem, None))
    assert list(check_terminals(GOOD, None)) == []


def test_the_exact_method_is_measured() -> None:
    """The effort counts proofs and seconds; a method that fails has none."""
    effort = measure_exact_method(replace(GOOD, baseline=loose))
    assert effort is not None
    assert (effort.instances, effort.proven) == (6, 0)
    assert 0 <= effort.mean_seconds <= effort.longest_seconds
    assert "0 of 6 instances proven" in str(effort)
    assert measure_exact_method(replace(GOOD, baseline=None)) is None
