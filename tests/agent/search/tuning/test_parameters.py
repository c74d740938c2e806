"""Constants of programs: which are found, and what their exchange leaves alone."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.search.tuning.parameters import AT_MOST, Parameter, find_parameters, set_values

DECLARED = '''"""Ärger vermeiden."""
import numpy as np

PARAMS = {
    "look ahead": (3, 1, 10),  # jobs
    "stretch": (+1.50, 0.5, 4.0, "log"), "bias": (- 0.5, -2, 0),
}


def schedule(p, d):
    k, ä = PARAMS["look ahead"][0], 7.5
    return np.argsort(d * PARAMS["stretch"][0] + PARAMS["bias"][0] * p, kind="stable")
'''

PLAIN = """import numpy as np


def schedule(p, d, share=0.25):
    rng = np.random.default_rng(12345)
    seed = 99
    for _ in range(40):
        best = np.argsort(p + 1.50 * d, axis=-3, kind="stable")[:5][3]
    return best[7] + 2 * share + max(len(p), 1e-9), f"{p:10} {p - 4}", True
"""


def values_of(source):
    """What stands in a source, by name."""
    return {parameter.name: parameter.default for parameter in find_parameters(source)}


def test_a_declared_block_gives_its_parameters():
    """Names, limits, scales and kinds are as declared; numbers elsewhere are no parameters."""
    assert find_parameters(DECLARED) == (
        Parameter("look ahead", 3, 1, 10, log=False, whole=True),
        Parameter("stretch", 1.5, 0.5, 4.0, log=True, whole=False),
        Parameter("bias", -0.5, -2, 0, log=False, whole=False),
    )


def test_without_a_block_settings_are_found_and_structure_is_not():
    """Counts, factors and ends of slices may vary; seeds, indices, axes, guards and small counts may not."""
    found = {(p.default, p.low, p.high, p.whole) for p in find_parameters(PLAIN)}
    assert found == {
        (0.25, 0.0625, 1.0, False),
        (40, 10, 160, True),
        (1.5, 0.375, 6.0, False),
        (5, 1, 20, True),
    }
    assert all(parameter.log for parameter in find_parameters(PLAIN))


COMPARED = """def priority(item, bins):
    left = bins - item
    full = [k for k in range(2) if left[k] >= 2 or left[1] == 0]
    return (left > 0) * 2 - (left < -1) + (0 <= len(full)) + (left > 12{})
"""


def test_without_settings_small_thresholds_are_found():
    """Whole numbers up to nine that something is compared with by order, where no other constant may be tuned."""
    found = {(p.default, p.low, p.high) for p in find_parameters(COMPARED.replace(" + (left > 12{})", ""))}
    assert found == {(2, 0, 6), (0, 0, 4)}
    assert all(p.whole and not p.log for p in find_parameters(COMPARED.replace(" + (left > 12{})", "")))
    assert [p.default for p in find_parameters(COMPARED.format(""))] == [12]


def test_exactly_the_value_changes():
    """Signs go with their number; comments, layout and everything that is not a value stay byte for byte."""
    changed = set_values(DECLARED, {"look ahead": 6.6, "bias": -0.123456789, "unknown": 1})
    assert changed == DECLARED.replace("(3, 1, 10)", "(7, 1, 10)").replace("- 0.5,", "-0.123457,")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(newline):
    """Places are right whatever ends the lines."""
    source = PLAIN.replace("\n", newline)
    assert set_values(source, {"line 7 #1": 80}) == source.replace("40", "80")


@pytest.mark.parametrize(
    "entry",
    [
        "(1, 1, 1)",
        "(1, 2, 0)",
        "(1e400, 0, 1)",
        "(1, 0, 1e400)",
        "(1, 0, 10**2)",
        "(1, 0, 1e30)",
        "(1, -1e30, 2)",
        "(1, 0)",
        "(1, 0, 2, 'exp')",
        "(True, 0, 2)",
        "(1j, 0, 2)",
        "(open('x'), 0, 2)",
        "'1, 0, 2'",
        "9" * 4000,
    ],
)
def test_an_entry_that_makes_no_sense_is_left_out(entry):
    """Limits that are infinite, equal, turned round, computed or missing leave the other entries standing."""
    source = f"PARAMS = {{'odd': {entry}, 'good': (5, 1, 9)}}\ndef f(p):\n    return 3.5\n"
    assert values_of(source) == {"good": 5}


def test_a_name_declared_twice_is_left_out():
    """Only one of the values would be in force."""
    assert values_of("PARAMS = {'a': (1, 0, 2), 'b': (3, 0, 4), 'a': (5, 4, 6)}") == {"b": 3}


def test_what_is_declared_and_not_read_is_left_out():
    """A trial of it would change nothing; where values are read in another way than by name, all may be tuned."""
    block = "PARAMS = {'a': (1, 0, 2), 'b': (3, 0, 4), 'c': (5, 0, 9)}\n"
    assert values_of(block + "def f(x):\n    return PARAMS['b'][0] + x.c") == {"b": 3, "c": 5}
    assert values_of(block + "def f(x):\n    return list(PARAMS.values())") == {"a": 1, "b": 3, "c": 5}


def test_rounding_does_not_pass_a_limit():
    """Where six digits would lie beyond the limit, all digits are written."""
    source = "PARAMS = {'a': (1.0, 0.5, 1.23456789)}"
    assert values_of(set_values(source, {"a": 9.0})) == {"a": 1.23456789}


def test_a_default_outside_its_limits_is_moved_to_them():
    """What may be tuned starts inside; a logarithm of what may be 0 is none."""
    (found,) = find_parameters("PARAMS = {'k': (99.0, 0, 10, 'log')}")
    assert found == Parameter("k", 10, 0, 10, log=False, whole=False)


def test_at_most_twelve_in_reading_order():
    """The first twelve are taken."""
    names = [f"n{k}" for k in range(30)]
    source = "PARAMS = {" + ", ".join(f"'{name}': (5, 1, 9)" for name in names) + "}"
    assert list(values_of(source)) == names[:AT_MOST]
    assert len(find_parameters("def f(x):\n    return x" + " + 3.5" * 30)) == AT_MOST


def test_a_program_stays_one_when_tuned():
    """A tuned program passes the screen, and is another program than before."""
    entry = find_problem("single_machine_tardiness").entry
    before, after = screen(DECLARED, entry), screen(set_values(DECLARED, {"stretch": 2.0}), entry)
    assert before.outcome == after.outcome == "ok"
    assert before.hash != after.hash


ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(st.sampled_from((DECLARED, PLAIN)), st.lists(ANY, min_size=12, max_size=12))
def test_values_stay_within_limits(source, drawn):
    """Whatever is asked for: the result parses, and holds values of the same kinds between the limits."""
    known = {parameter.name: parameter for parameter in find_parameters(source)}
    changed = set_values(source, dict(zip(known, drawn, strict=False)))
    ast.parse(changed)
    for name, value in values_of(changed).items():
        assert known[name].low <= value <= known[name].high
        assert isinstance(value, int) == known[name].whole


@given(st.lists(ANY, min_size=3, max_size=3))
def test_asking_again_changes_nothing(drawn):
    """Declared limits stay, so that the same values give the same text, once set or twice."""
    values = dict(zip(values_of(DECLARED), drawn, strict=True))
    changed = set_values(DECLARED, values)
    assert set_values(changed, values) == changed


@given(st.sampled_from((DECLARED, PLAIN)), st.floats(0, 1))
def test_what_is_written_is_read_again(source, share):
    """A value between the limits comes back, whole or to six digits, and the old values give the old text."""
    wanted = {p.name: p.low + share * (p.high - p.low) for p in find_parameters(source)}
    assert set_values(source, values_of(source)) == source
    changed = set_values(source, wanted)
    kept = values_of(changed)
    for parameter in find_parameters(source):
        if parameter.name in kept:  # a count that became 1 or 2 is no setting any more
            assert kept[parameter.name] == pytest.approx(
                wanted[parameter.name], abs=0.5 * parameter.whole, rel=1e-5
            )
    back = set_values(changed, values_of(source)) if len(kept) == len(wanted) else source
    assert [p.default for p in find_parameters(back)] == [p.default for p in find_parameters(source)]


PIECES = [*re.findall(r"\w+|\s|.", DECLARED + PLAIN), *"\r\x00\x0c\ufeff\ud800", "1e999", "f'{", "3or", "**"]


def cut(source, first, length, piece):
    """A source with something else in the place of a part of it."""
    return source[:first] + piece + source[first + length :]


TEXTS = (
    st.text(),
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    st.builds(
        cut,
        st.sampled_from((DECLARED, PLAIN)),
        st.integers(0, 400),
        st.integers(0, 9),
        st.sampled_from(PIECES),
    ),
)


@given(st.one_of(*TEXTS))
def test_no_text_is_too_odd(source):
    """Anything is read without an error; what cannot be parsed has no parameters and stays as it is."""
    found = find_parameters(source)
    assert len(found) <= AT_MOST
    assert all(parameter.low <= parameter.default <= parameter.high for parameter in found)
    changed = set_values(source, {parameter.name: parameter.high for parameter in found})
    assert changed == source if not found else ast.parse(changed)


@pytest.mark.parametrize("depth", [50, 150, 5000])
@pytest.mark.parametrize(
    "shape", ["def f(x): return {}3.5", "def f(x): return {}3.5{}", "PARAMS = {{'a': ({}1, 0, 2)}}"]
)
def test_deep_nesting_does_no_harm(shape, depth):
    """Neither brackets nor signs nested deep raise anything."""
    opening, closing = ("(", ")") if shape.count("{}") == 2 else ("-", "")
    find_parameters(shape.format(opening * depth, closing * depth))
