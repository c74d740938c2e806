"""The numbers that docstrings mention follow the constants."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.tuning.docstrings import update_docstrings
from gapsmith.agent.search.tuning.parameters import find_parameters, set_values

PROGRAM = '''"""Looks ahead by three jobs. Ärger, "3-opt", x3 and 3.5 are no such number."""
import numpy as np


def look_ahead(p, d):
    """Tries three jobs, at most 150 times, with a share of 0.4; Smith 1956."""
    for _ in range(150):
        best = np.argsort(d + 0.4 * p)[:3]
    return best


def schedule(p, d):
    """Looks ahead 150 times, then keeps 7."""
    return look_ahead(p, d)
'''


def docstrings(source):
    """The docstrings of a module and of its functions."""
    tree = ast.parse(source)
    owners = (tree, *(node for node in tree.body if isinstance(node, ast.FunctionDef)))
    return [ast.get_docstring(node) for node in owners]


def test_numbers_follow_their_constants():
    """Digits and words are exchanged wherever they stand for the constant, and names that hold digits are not."""
    new = PROGRAM.replace("[:3]", "[:2]").replace("range(150)", "range(177)").replace("0.4 * p", "0.25 * p")
    assert docstrings(update_docstrings(PROGRAM, new)) == [
        'Looks ahead by 2 jobs. Ärger, "3-opt", x3 and 3.5 are no such number.',
        "Tries 2 jobs, at most 177 times, with a share of 0.25; Smith 1956.",
        "Looks ahead 177 times, then keeps 7.",
    ]


def test_a_number_that_a_constant_still_has_stays():
    """Where two constants are equal and one is changed, the docstring may speak of the other."""
    twice = PROGRAM.replace("return best", "return best[3:]")
    new = twice.replace("[:3]", "[:5]")
    assert update_docstrings(twice, new) == new


def test_two_new_values_of_one_number_are_both_named():
    """Equal constants that became different are both given, the smaller first."""
    old = 'def f(x):\n    """At most 30 rounds."""\n    return x * 30 + 30\n'
    new = old.replace("x * 30 + 30", "x * 40 + 20")
    assert '"""At most 20 or 40 rounds."""' in update_docstrings(old, new)


@pytest.mark.parametrize("new", ["def f(:", PROGRAM + "x = 8\n", "", PROGRAM])
def test_what_cannot_be_compared_stays(new):
    """A text that does not parse, other constants than before, and no change at all are returned as they are."""
    assert update_docstrings(PROGRAM, new) == new


@given(st.lists(st.floats(0.5, 400), min_size=3, max_size=3))
def test_tuned_programs_mention_no_stale_number(factors):
    """After tuning, no function's docstring has a number that the program had and has no more."""
    names = [parameter.name for parameter in find_parameters(PROGRAM)]
    changed = set_values(PROGRAM, dict(zip(names, factors, strict=True)))
    tuned = update_docstrings(PROGRAM, changed)
    assert tuned.split('"""')[::2] == changed.split('"""')[::2]
    left = {node.value for node in ast.walk(ast.parse(tuned)) if isinstance(node, ast.Constant)}
    mentioned = (docstrings(tuned)[1] or "").replace(",", " ").replace(";", " ").split()
    for number in {150, 0.4} - left:
        assert str(number) not in mentioned
