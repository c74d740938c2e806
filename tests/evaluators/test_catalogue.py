"""Problems and formulations are found by their folders and loaded by name."""

import subprocess
import sys

import pytest

from gapsmith.evaluators.catalogue import (
    BUILD,
    SOLVERS,
    list_formulations,
    list_problems,
    load_formulation,
    load_formulation_problem,
    load_problem,
    strip_ending,
)


def test_problems_are_listed_in_order_and_once():
    """The names are sorted and distinct, and there are twelve of them."""
    names = list_problems()
    assert names == sorted(set(names))
    assert len(names) == 12


@pytest.mark.parametrize("name", list_problems())
def test_a_problem_is_called_as_its_folder(name):
    """The name on the command line is the folder's, and the same object is loaded each time."""
    assert load_problem(name).name == name
    assert load_problem(name) is load_problem(name)


@pytest.mark.parametrize("name", list_formulations())
def test_a_formulation_belongs_to_a_problem(name):
    """A formulation has the name under which it is found, and a problem that exists."""
    found = load_formulation(name)
    assert found.name == name
    assert found.problem in list_problems()


@pytest.mark.parametrize("name", ["", "nothing", "../tsp", "tsp.problem", "TSP", "tsp "])
def test_an_unknown_name_is_a_key_error(name):
    """A name is compared, never taken as a path or a module."""
    for load in (load_problem, load_formulation, load_formulation_problem):
        with pytest.raises(KeyError):
            load(name)


@pytest.mark.parametrize("ending", ["", BUILD, *SOLVERS])
def test_an_ending_is_taken_off_a_name(ending):
    """Every ending is known, and a plain name keeps all of itself."""
    for name in list_formulations():
        assert strip_ending(name + ending) == name


@pytest.mark.parametrize("name", ["a:b", "a:", ":", "a:build:b", "a:highs2"])
def test_what_is_no_ending_stays(name):
    """Other words after a colon are part of the name, which is then unknown."""
    assert strip_ending(name) == name
    with pytest.raises(KeyError):
        load_formulation_problem(name)


def test_an_ending_is_refused_where_the_formulation_cannot_take_it():
    """Whole models need one to start from, and a solver of linear programmes a linear base."""
    for name in list_formulations():
        found = load_formulation(name)
        refused = [BUILD] * (not found.builds) + list(SOLVERS) * (not found.linear)
        for ending in refused:
            with pytest.raises(KeyError):
                load_formulation_problem(name + ending)


def test_listing_loads_no_solver():
    """Names are shown fast: neither problems nor formulations load OR-Tools when they are listed."""
    code = (
        "import sys; from gapsmith.evaluators.catalogue import list_formulations, list_problems\n"
        "list_problems(), list_formulations(); print('ortools' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
