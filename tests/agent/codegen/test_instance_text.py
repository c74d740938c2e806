"""Solutions in a few lines: of every form that a problem may have, and of none that was thought of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.codegen.instance_text import (
    describe_solution,
    format_data,
    format_values,
    summarise_instances,
)
from gapsmith.evaluators.base import Baseline, Instance

P = np.array([5, 1, 4, 2])
SQUARE = np.array([[0, 1, 2, 9], [1, 0, 3, 4], [2, 3, 0, 5], [9, 4, 5, 0]])


def told(data, solution):
    """What is said of a solution."""
    return describe_solution(Instance("x", data), Baseline(1.0, 1.0, solution, "", 0.0))


@pytest.mark.parametrize(
    ("data", "solution", "words"),
    [
        ({"p": P, "m": 2}, [1, 3, 2, 0], "in order, item (p): 1 (1), 3 (2), 2 (4), 0 (5)"),
        (
            {"distance": SQUARE},
            [0, 1, 2, 3],
            "steps go 25 % to the nearest, 25 % to the second nearest, 50 % to the third",
        ),
        ({"p": P}, [0, 1, 1, 0], "takes 2 of 4: 1, 2; in the mean: p 2.5 of these, 3.5 of the others"),
        (
            {"adjacent": SQUARE},
            [3],
            "takes 1 of 4: 3; in the mean: row sum of adjacent 18 of these, 10 of the others",
        ),
        ({"p": P, "m": 3}, [0, 1, 2, 1], "3 groups, by p: 5; 2 + 1; 4"),
        (
            {"p": SQUARE[:3]},
            [0, 1, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2],
            "begins, as item.time (p): 0.0 (0), 1.0 (1), 2.0 (2), 1.1 (0), 0.1 (1)",
        ),
        (
            {"p": P},
            [9, 0, 0, 4],
            "by their numbers, item (p): 1 (1) at 0, 2 (4) at 0, 3 (2) at 4, 0 (5) at 9",
        ),
        ({"p": P}, None, ""),
        ({"p": P}, {"0": 1}, ""),
        ({"p": P}, [0.5, 1.5], ""),
        ({"p": P}, [[0, 1], [2]], ""),
    ],
)
def test_a_solution_is_told_by_its_form(data, solution, words):
    """An order, a tour, a choice, groups, a repeated order, numbers; and nothing where nothing can be said."""
    assert told(data, solution).startswith(words)
    assert bool(told(data, solution)) == bool(words)


NUMBERS = st.integers(-3, 9) | st.floats(-2, 12) | st.booleans()
PLAIN = st.recursive(
    NUMBERS | st.none() | st.text(max_size=3), lambda part: st.lists(part, max_size=7), max_leaves=12
)
ARRAYS = st.sampled_from(
    [P, P * 1.5, SQUARE, SQUARE[:2], SQUARE > 2, np.zeros((2, 3, 4)), np.zeros(0), 3, 2.5]
)


@given(
    st.dictionaries(st.sampled_from("pdwm"), ARRAYS, min_size=1),
    PLAIN | st.lists(st.integers(-1, 8), max_size=9),
)
def test_no_solution_is_too_odd(data, solution):
    """Whatever an author's data and solutions are, a few short lines come of them."""
    instance = Instance("x", data)
    lines = [told(data, solution), format_values(solution), *format_data(instance)]
    assert all(len(line) < 1000 and "\n" not in line for line in lines)


def test_instances_are_summed_up_by_class():
    """Of each class the shapes and ranges of all arguments are told; many classes are told together."""
    made = [Instance(str(k), {"p": np.arange(1, 4 + k), "m": 2 + k}, "ab"[k % 2]) for k in range(4)]
    assert summarise_instances(made) == [
        "a, 2 instances: p [3 to 5], 1 to 5, median 2.5; m, 2 to 4, median 3",
        "b, 2 instances: p [4 to 6], 1 to 6, median 3; m, 3 to 5, median 4",
    ]
    many = [Instance(str(k), {"p": np.arange(1, 4)}, f"class {k}") for k in range(9)]
    assert summarise_instances(many) == ["all 9 classes, 9 instances: p [3], 1 to 3, median 2"]


@given(st.lists(st.sampled_from([0, 1.5, np.zeros(0), SQUARE, P]), min_size=1, max_size=5))
def test_whatever_the_data_there_is_a_summary(values):
    """Numbers, empty arrays and arrays of differing rank are summed up in one line."""
    assert len(summarise_instances([Instance(str(k), {"x": each}) for k, each in enumerate(values)])) == 1
