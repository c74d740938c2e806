"""Calls of a program: the arguments, and those by which it is compiled."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import tiny

from gapsmith.evaluators.base import Instance, UsageError
from gapsmith.evaluators.running.calls import convert_types, make_call, make_warm_up
from gapsmith.evaluators.running.stepwise import make_job

COMPILED = "from numba import njit\n"


def test_a_call_is_made_once_for_each_instance():
    """Arguments in the order of the data, arrays as bytes."""
    (instance,) = tiny().generate_instances("train", 0, 1)
    call = make_call(instance)
    assert list(call) == ["p", "d"]
    assert make_call(instance) is call


def test_only_programs_that_compile_have_a_warm_up():
    """One that names numba or compiled functions, where the problem allows it."""
    plain, problem = tiny(), tiny().choose_packages(("numba",))
    (instance,) = problem.generate_instances("train", 0, 1)
    assert make_warm_up(problem, COMPILED, instance) is not None
    assert make_warm_up(problem, "from gapsmith_blocks import f", instance) is not None
    assert make_warm_up(problem, "import numpy as np", instance) is None
    assert make_warm_up(plain, COMPILED, instance) is None


def test_the_warm_up_is_the_smallest_instance_and_always_the_same():
    """It is generated at the smallest size, whatever the instance to come, so that a program is compiled once."""
    problem = tiny().choose_packages(("numba",))
    first, second = problem.generate_instances("train", 0, 2)
    call = make_warm_up(problem, COMPILED, first)
    assert call == make_warm_up(problem, COMPILED, second)
    assert call["p"].shape == (min(size for sizes in problem.sizes.values() for size in sizes),)
    larger = replace(problem, warm_size=9)
    assert make_warm_up(larger, COMPILED, first)["p"].shape == (9,)


def test_the_warm_up_has_the_types_of_the_instance():
    """Files may hold what the generator does not: then functions are compiled for it."""
    tiny_data = {"a": np.arange(3), "b": 2, "c": np.ones(2), "d": 1.5}
    found = convert_types(tiny_data, {"a": np.ones(9), "b": 2.5, "c": np.ones(7, dtype=np.float32), "d": 2})
    assert (found["a"].dtype, found["b"], found["c"].dtype, found["d"]) == ("<f8", 2.0, "<f4", 1.5)
    assert type(found["b"]) is float


def test_events_have_a_warm_up_too():
    """A program that gets its events one by one is compiled by a whole tiny instance."""
    problem = tiny(online=True).choose_packages(("numba",))
    (instance,) = problem.generate_instances("train", 0, 1)
    assert make_job(problem, COMPILED, instance).warm_up == make_warm_up(problem, COMPILED, instance)


def test_packages_are_chosen_by_name():
    """What was chosen is what programs may import, and the last choice holds."""
    problem = tiny(compiled=None)
    assert problem.packages == ()
    both = problem.choose_packages(("scipy", "numba"))
    assert (both.preload, both.packages) == ("numba+scipy", ("numba", "scipy"))
    assert set(both.entry.imports) == {"numba", "scipy"}
    none = both.choose_packages(())
    assert (none.preload, none.entry) == ("numpy", problem.entry)
    with pytest.raises(UsageError, match=r"unknown package 'numb'; did you mean 'numba'"):
        problem.choose_packages(("numb",))


def test_searches_for_formulations_have_packages_of_their_own():
    """They take no further ones."""
    with pytest.raises(UsageError, match="ortools"):
        tiny(preload="ortools").choose_packages(("numba",))


def test_instances_are_sent_with_their_types():
    """An instance's own types are what decides."""
    problem = tiny().choose_packages(("numba",))
    instance = Instance("own", {"p": np.ones(4), "d": np.ones(4)})
    assert make_warm_up(problem, COMPILED, instance)["p"].dtype == "<f8"
