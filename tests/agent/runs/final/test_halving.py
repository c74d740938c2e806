"""Sequential halving: the plan of the rounds, and who goes on."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.runs.final.halving import average_loss, plan_rounds, select_survivors
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Scale


def scale(bounds, strata=None):
    """A scale of proven optima."""
    names = strata or ["all"] * len(bounds)
    instances = [Instance(str(k), {}, name) for k, name in enumerate(names)]
    return Scale(instances, [Baseline(b, b, None, "hand", 0.0) for b in bounds])


@given(st.integers(1, 40), st.integers(1, 200))
def test_every_plan_ends_with_one_contestant_that_met_all_instances(contestants, instances):
    """Contestants fall and instances grow in every round; the last leaves one, with all instances met."""
    plan = plan_rounds(contestants, instances)
    assert bool(plan) == (contestants > 1)
    met = [0, *(r.instances for r in plan)]
    left = [contestants, *(r.survivors for r in plan)]
    assert all(a < b for a, b in pairwise(met))
    assert all(a > b for a, b in pairwise(left))
    if plan:
        assert (met[-1], left[-1]) == (instances, 1)


def test_rounds_cost_about_the_same():
    """Ten contestants on a hundred instances: halves go, and no round spends much more than another."""
    plan = plan_rounds(10, 100)
    assert [r.survivors for r in plan] == [5, 3, 2, 1]
    new = np.diff([0, *(r.instances for r in plan)])
    spent = new * [10, 5, 3, 2]
    assert spent.max() - spent.min() <= 10
    assert spent.sum() < 400


def test_the_best_by_the_search_s_weights_go_on():
    """A class of small optima weighs as much as one of large optima: the sums of costs say the opposite."""
    whole = scale([10, 1000], ["small", "large"])
    costs = {7: [20, 1000], 8: [10, 1050]}
    assert sum(costs[7]) < sum(costs[8])
    assert select_survivors(whole, costs, 1) == [8]


def test_of_equal_contestants_the_earlier_goes_on():
    """Ties are kept in the order in which contestants were named, whatever their numbers."""
    whole = scale([10, 10, 10])
    assert select_survivors(whole, {9: [11, 12], 3: [12, 11], 5: [11, 11]}, 2) == [5, 9]


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_the_loss_on_all_instances_is_the_search_s_gap(more):
    """With every instance met, the mean loss is what the search minimises."""
    whole = scale([10, 20, 30, 40], ["a", "a", "b", "b"])
    costs = [b + m for b, m in zip([10, 20, 30, 40], more, strict=True)]
    assert abs(average_loss(whole, costs) - whole.search(costs)) < 1e-9
