"""What the building blocks of all problems have in common."""

import ast
import inspect
import re

import pytest

from gapsmith.evaluators.catalogue import list_problems, load_problem

WORDS = re.compile("two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twice|thrice|hundred")
PROBLEMS = [problem for problem in map(load_problem, list_problems()) if problem.grammar]


def blocks(problem):
    """The functions of a problem's grammar, the main program included."""
    return [problem.grammar.main, *(block for group in problem.grammar.blocks.values() for block in group)]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_blocks_describe_themselves_without_numbers(problem):
    """A docstring has no number but years: constants are varied and tuned, and it must stay true."""
    for block in blocks(problem):
        words = re.findall(r"\d[\d.]*\d|\w+", (block.__doc__ or "").lower())
        found = [word for word in words if WORDS.fullmatch(word) or word[0].isdigit()]
        assert all(re.fullmatch("(19|20)[0-9]{2}", word) for word in found), (block.__name__, found)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_no_constant_of_a_block_is_a_year_in_its_docstring(problem):
    """What looks like a year in a docstring is one: no constant has its value."""
    for block in blocks(problem):
        tree = ast.parse(inspect.getsource(block))
        constants = {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not constants & set(re.findall(r"\d+", block.__doc__ or ""))
