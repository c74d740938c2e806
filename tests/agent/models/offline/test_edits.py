"""Blind changes keep what a function says of itself true."""

import ast
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.models.offline.edits import VARIANT, Edit, change_constant, delete_statement, edit_program
from gapsmith.agent.models.offline.program import parse

RULE = '''import numpy as np


def schedule(p, d):
    """Tries seven jobs, at most 40 times, from the earliest due date on."""
    order = np.argsort(d)
    for _ in range(40):
        order = order[:7]
    return order
'''


def docstring(source):
    """The docstring of the only function."""
    (function,) = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return ast.get_docstring(function) or ""


def changed(seed, change, source=RULE):
    """A program after one change."""
    program = parse(source)
    assert program is not None
    return edit_program(Random(seed), program, (Edit(1, change),))[0].source


@given(st.integers(0, 2**63))
def test_a_changed_constant_is_changed_in_the_docstring(seed):
    """The docstring has the function's numbers, and no other ones."""
    source = changed(seed, change_constant)
    numbers = {word for word in docstring(source).replace(",", "").split() if word.isdigit()}
    numbers |= {"7"} if "seven" in docstring(source) else set()
    values = {str(node.value) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert len(numbers) in (1, 2)
    assert numbers <= values


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_changed_function_calls_itself_a_variant_once(first, second):
    """What was changed blindly is no longer the rule that its docstring names, and says so only once."""
    source = changed(second, change_constant, changed(first, delete_statement))
    assert docstring(source).startswith(f"{VARIANT}Tries")
    assert source.count(VARIANT) == 1


def test_a_function_without_a_docstring_gets_none():
    """Nothing is said of a function that says nothing of itself."""
    bare = RULE.replace(RULE.splitlines()[4] + "\n", "")
    assert '"""' not in changed(1, change_constant, bare)
