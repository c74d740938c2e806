"""Solutions of every problem that can be drawn, drawn."""

from xml.dom.minidom import parseString

import numpy as np
import pytest

from gapsmith.agent.reports.export.bars import BARS
from gapsmith.agent.web.charts.solutions import DRAWERS, draw_solution, find_horizon, place_points
from gapsmith.agent.web.facts.instances import find_built_in
from gapsmith.evaluators.base import Split
from gapsmith.evaluators.catalogue import list_problems

SOLUTIONS = {
    "tsp": lambda data: list(range(len(data["distance"]))),
    "online_bin_packing": lambda data: list(range(len(data["items"]))),
    "quadratic_assignment": lambda data: list(range(len(data["flow"]))),
    "independent_set": lambda data: [0],
    "multidimensional_knapsack": lambda data: [0],
}


@pytest.mark.parametrize("name", sorted(DRAWERS))
def test_solutions_are_drawn(name):
    """A drawing and a table, for a feasible solution of a generated instance."""
    problem = find_built_in(name)
    instance = problem.generate_instances(Split.TRAIN, 1, 1)[0]
    solution = SOLUTIONS[name](instance.data)
    problem.cost(instance, solution)  # raises where it is not feasible
    found = draw_solution(name, instance.data, solution, "a label")
    assert parseString(found.svg).documentElement.getAttribute("aria-label") == "a label"
    assert found.table.rows


def test_drawers_belong_to_problems():
    """No drawer waits for a problem that was renamed."""
    assert {*BARS, *DRAWERS} <= set(list_problems())


def test_what_cannot_be_drawn_is_not():
    """A problem without drawer, or no solution, makes no drawing and no error."""
    assert draw_solution("market_split", {}, [0, 1], "label") is None
    assert draw_solution("tsp", {}, None, "label") is None
    assert find_horizon("tsp", {}, [None, [0]]) == 0.0


def test_the_horizon_is_the_longest_schedule():
    """Two schedules side by side end where the longer one does."""
    data = {"p": np.array([2, 3, 4]), "m": np.array(2)}
    assert find_horizon("parallel_machines", data, [[0, 0, 1], None, [0, 0, 0]]) == 9.0


def test_cities_keep_their_distances():
    """Points of the plane are found again from distances, but for a turn or a reflection."""
    points = np.random.default_rng(1).random((12, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    found = place_points(distance)
    assert np.linalg.norm(found[:, None] - found[None], axis=2) == pytest.approx(distance, abs=1e-8)


def test_a_tour_has_a_leg_for_every_city():
    """The table has the length of each leg, which add up to the cost."""
    problem = find_built_in("tsp")
    instance = problem.generate_instances(Split.TRAIN, 1, 1)[0]
    tour = np.random.default_rng(2).permutation(len(instance.data["distance"])).tolist()
    found = draw_solution("tsp", instance.data, tour, "label")
    assert sum(row[2] for row in found.table.rows) == problem.cost(instance, tour)


def test_bins_are_filled_up_to_their_capacity():
    """Items of a bin follow each other; the axis ends at the capacity."""
    data = {"items": np.array([3, 4, 5]), "capacity": np.array(10)}
    rows = draw_solution("online_bin_packing", data, [0, 7, 0], "label").table.rows
    assert [row[:4] for row in rows] == [
        ["bin 0", "0", 0.0, 3.0],
        ["bin 7", "1", 0.0, 4.0],
        ["bin 0", "2", 3.0, 8.0],
    ]
