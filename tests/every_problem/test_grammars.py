"""What the building blocks of all problems have in common."""

import ast
import inspect
import re

import numpy as np
import pytest
from helpers import load_plain

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.catalogue import list_problems, load_problem

WORDS = re.compile("two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twice|thrice|hundred")
PROBLEMS = [problem for problem in map(load_problem, list_problems()) if problem.grammar]
COMPILED = [problem for problem in PROBLEMS if problem.grammar.compiled]
SIMPLE = [each for each in COMPILED if each.name != "rcpsp"]
"""Their blocks are called with the data of an instance, and no more."""


def blocks(problem):
    """The functions of a problem's grammar, the main program included."""
    grammar = problem.grammar
    groups = [*grammar.blocks.values(), *grammar.compiled.values()]
    return [grammar.main, *(block for group in groups for block in group)]


def run_block(problem, role, name, seconds, *given):
    """Runs a block, with the compiled functions of its problem as plain code; returns what it returns."""
    grammar = problem.choose_packages(("numba",)).grammar
    space = {**vars(load_plain(problem.compiled.file)), "np": np, "SECONDS": seconds}
    exec(grammar.sources(role)[name], space)
    return space[role](*given)


def draw(problem, stratum):
    """A tiny instance, its data, and a solution of the grammar's first blocks."""
    data = problem.generate(np.random.default_rng(4), stratum, 8)
    given = [np.asarray(data[argument.name]) for argument in problem.entry.arguments]
    first = next(iter(problem.grammar.sources("construct")))
    return Instance("tiny", data), given, run_block(problem, "construct", first, 0.0, *given)


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


@pytest.mark.parametrize("problem", SIMPLE, ids=lambda problem: problem.name)
def test_compiled_constructions_are_solutions(problem):
    """A block that builds with compiled functions returns what the verifier accepts, for every class."""
    for stratum in problem.strata:
        instance, given, _ = draw(problem, stratum)
        for block in problem.grammar.compiled.get("construct", ()):
            found = run_block(problem, "construct", block.__name__, 0.001, *given)
            assert problem.cost(instance, np.asarray(found).tolist()) >= 0


@pytest.mark.parametrize("problem", SIMPLE, ids=lambda problem: problem.name)
def test_compiled_improvements_never_make_worse(problem):
    """Whatever little work the limit allows, the solution stays valid and the cost is at most that of the start."""
    for stratum in problem.strata:
        instance, given, start = draw(problem, stratum)
        kept = np.array(start)
        for block in problem.grammar.compiled["improve"]:
            found = run_block(problem, "improve", block.__name__, 0.0001, *given, start)
            before, after = (problem.cost(instance, np.asarray(each).tolist()) for each in (start, found))
            assert after <= before, block.__name__
            assert (kept == start).all(), block.__name__


@pytest.mark.parametrize("problem", COMPILED, ids=lambda problem: problem.name)
def test_compiled_improvements_follow_the_limit(problem):
    """A block of compiled work reads `SECONDS`, so that a longer limit is used."""
    for block in problem.grammar.compiled["improve"]:
        nodes = ast.walk(ast.parse(inspect.getsource(block)))
        assert "SECONDS" in {node.id for node in nodes if isinstance(node, ast.Name)}, block.__name__
