import ast
import warnings
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.models.offline.algebra import extract_core, simplify
from gapsmith.agent.models.offline.expressions import (
    count_clashes,
    count_nodes,
    find_kind,
    get_part,
    list_paths,
    read_text,
    write_text,
)
from gapsmith.agent.models.offline.vocabulary import LARGEST, MOVES, Vocabulary
from gapsmith.evaluators.grammar import Terminal
from gapsmith.evaluators.problems.single_machine_tardiness.grammar import GRAMMAR

WORDS = Vocabulary.build(GRAMMAR)
MIXED = Vocabulary(
    (
        Terminal("work", "time", "an array"),
        Terminal("weight", "weight", "an array"),
        Terminal("jobs", "count", "a number"),
        Terminal("share", "ratio", "an array"),
    ),
    ("weight / work",),
)
SEEDS = st.integers(0, 2**63)
VALUES = {
    "work": np.array([1, 5, 100]),
    "due": np.array([-7, 0, 400]),
    "finish": np.array([0, 205, 300]),
    "slack": np.array([-207, -205, 100]),
    "now": 0,
    "load": np.int64(106),
    "mean": np.float64(35.3),
    "longest": np.int64(100),
}


def value(code: str) -> np.ndarray:
    """What an expression evaluates to; any warning is an error."""
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        return np.asarray(eval(code, {"np": np}, dict(VALUES)), dtype=float)


@pytest.mark.parametrize("words", [WORDS, MIXED])
@settings(max_examples=300, deadline=None)
@given(seed=SEEDS)
def test_random_expressions_add_equal_kinds(words, seed):
    """Times are added to times and compared with times, never with weights or ratios."""
    node = words.draw_expression(Random(seed))
    assert count_clashes(node, words.kinds) == 0
    assert count_nodes(node) <= LARGEST


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_mutants_join_no_new_kinds(seed):
    """A classical rule that adds unlike things may stay as it is; no mutation makes it worse."""
    rng = Random(seed)
    node = rng.choice(WORDS.classics)
    for _ in range(5):
        changed, _ = WORDS.mutate(rng, node)
        assert count_clashes(changed, WORDS.kinds) <= count_clashes(node, WORDS.kinds)
        assert count_nodes(changed) <= LARGEST
        node = changed


@settings(max_examples=400, deadline=None)
@given(SEEDS)
def test_expressions_are_finite_arrays(seed):
    """No division by zero, no overflow, no warning, and one number for each thing to choose from."""
    rng = Random(seed)
    node, _ = WORDS.draw_priority(rng)
    for _ in range(4):
        node, _ = WORDS.mutate(rng, node)
    found = value(write_text(node, WORDS.signs))
    assert found.shape == (3,)
    assert np.isfinite(found).all()


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_printing_and_reading_are_inverse(seed):
    """An expression that was printed is read as itself, protection included."""
    code = write_text(WORDS.draw_priority(Random(seed))[0], WORDS.signs)
    assert write_text(read_text(code), WORDS.signs) == code


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_simplification_shortens_once_and_for_all(seed):
    """The laws of algebra never lengthen, and leave nothing for a second time."""
    node = WORDS.grow(Random(seed), (("time", 1),), 3)
    plain = simplify(node)
    assert count_nodes(plain) <= count_nodes(node)
    assert simplify(plain) == plain


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_simplification_keeps_the_value(seed):
    """The laws of algebra change no value; quotients of what may be zero and comparisons of equals excepted."""
    node = WORDS.grow(Random(seed), (("time", 1),), 3)
    if not {"/", "less"} & {get_part(node, path).head for path in list_paths(node)}:
        codes = [write_text(each, WORDS.signs) for each in (node, simplify(node))]
        np.testing.assert_allclose(*map(value, codes), rtol=1e-2, atol=1)


@pytest.mark.parametrize(
    ("code", "plain"),
    [
        ("work - work", "0"),
        ("work * 1", "work"),
        ("1 * work + 0", "work"),
        ("--work", "work"),
        ("work - -due", "work + due"),
        ("work + -due", "work - due"),
        ("2 * (3 * work)", "6 * work"),
        ("work / 1", "work"),
        ("np.maximum(work, work)", "work"),
        ("np.maximum(np.maximum(slack, 0), 0)", "np.maximum(slack, 0)"),
        ("np.where(1 < 2, work, due)", "work"),
        ("np.where(work < due, now, now)", "now"),
        ("np.minimum(2, 3) * work", "2 * work"),
        ("-(work - due)", "due - work"),
    ],
)
def test_laws(code, plain):
    """Each law of algebra does what it says."""
    assert write_text(simplify(read_text(code)), WORDS.signs) == plain


@pytest.mark.parametrize(
    ("code", "protected"),
    [
        ("work / due", "work / np.maximum(due, 1e-09)"),
        ("work / np.maximum(due, 1e-9)", "work / np.maximum(due, 1e-09)"),
        ("due / work", "due / work"),
        ("np.exp(slack / work)", "np.exp(-np.maximum(-(slack / work), 0))"),
        ("np.exp(-np.maximum(slack, 0) / work)", "np.exp(-(np.maximum(slack, 0) / work))"),
        ("np.log(work) + due", "np.log(work) + due"),
    ],
)
def test_protection(code, protected):
    """Divisors and exponents of unknown sign are bounded; what an author wrote is left alone."""
    assert write_text(read_text(code), WORDS.signs) == protected


@pytest.mark.parametrize("priority", GRAMMAR.priorities)
def test_classical_priorities_are_printed_with_their_value(priority):
    """Reading a rule of the field and printing it does not change what it computes."""
    np.testing.assert_allclose(value(write_text(read_text(priority), WORDS.signs)), value(priority))


def test_every_move_finds_something_to_do():
    """No move of the table is dead."""
    rng = Random(0)
    for name in MOVES:
        assert any(WORDS.move(rng, node, name) for node in WORDS.classics for _ in range(20)), name


def test_scaling_a_priority_is_no_change():
    """A mutation that only scales or shifts a priority would waste an evaluation."""
    for code in ("2 * slack", "slack / 3", "slack + now", "now + 2 * slack", "slack * 0.5 - load"):
        assert extract_core(read_text(code), WORDS.arrays) == read_text("slack")


def test_kinds_of_products():
    """Kinds multiply and divide; what cancels is a ratio."""
    assert find_kind(read_text("weight * work / work"), MIXED.kinds) == (("weight", 1),)
    assert find_kind(read_text("work / work"), MIXED.kinds) == ()
    assert find_kind(read_text("3"), MIXED.kinds) is None


def test_crossover_moves_parts_of_equal_kind():
    """A part goes where a part of its kind stood, and nothing foreign comes along."""
    rng = Random(1)
    node, donor = read_text("np.maximum(finish, due)"), read_text("np.log(work) + slack * 2")
    found = [WORDS.cross(rng, node, donor) for _ in range(50)]
    codes = {write_text(each, WORDS.signs) for each in found if each}
    assert "np.maximum(slack * 2, due)" in codes
    assert not any("log" in code for code in codes)


def test_paths_reach_every_node():
    """The places of an expression are as many as its nodes."""
    node = read_text("np.where(work < due, now, load) / 2")
    assert len(list(list_paths(node))) == count_nodes(node) == 7
    assert ast.parse(write_text(node, WORDS.signs))
