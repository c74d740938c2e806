"""Prices and sums of prices, by examples that can be checked by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import (
    MIN_INSTANCES,
    Failure,
    Scale,
    Score,
    collect_costs,
    compute_gap_percent,
)
from gapsmith.sandbox import Ending


def exact(value):
    """A proven optimum."""
    return Baseline(value, value, None, "hand", 0.0)


def scale(bounds, strata=None, maximise=False, proven=True):
    """A scale of instances with these bounds."""
    strata = strata or ["all"] * len(bounds)
    instances = [Instance(str(k), {"k": k}, stratum) for k, stratum in enumerate(strata)]
    wide = (
        (lambda b: Baseline(0, b, None, "hand", 0.0))
        if maximise
        else (lambda b: Baseline(b, 2 * b, None, "hand", 0.0))
    )
    return Scale(instances, [exact(b) if proven else wide(b) for b in bounds], maximise)


@pytest.mark.parametrize(
    ("cost", "baseline", "maximise", "gap"),
    [
        (110, exact(100), False, 10.0),
        (100, exact(100), False, 0.0),
        (110, Baseline(88, 120, None, "", 0), False, 25.0),
        (90, exact(100), True, 10.0),
        (90, Baseline(50, 120, None, "", 0), True, 25.0),
        (0, exact(0), False, 0.0),
        (3, exact(0), False, None),
        (3, exact(-5), False, None),
        (-5, exact(-5), False, 0.0),
    ],
)
def test_gap_percent(cost, baseline, maximise, gap):
    """The gap is measured against the bound of the objective's own sense; against none that is not positive."""
    found = compute_gap_percent(cost, baseline, maximise)
    assert found == gap if gap is None else found == pytest.approx(gap)


def test_three_aggregates_by_hand():
    """Mean of the gaps, gap of the sums, and share of optima differ, and are all given."""
    found = scale([100, 10, 0]).aggregate([110, 15, 4], [1.0, 2.0, 6.0])
    assert found.mean_gap_percent == pytest.approx((10 + 50) / 2)
    assert found.pooled_gap_percent == pytest.approx(100 * (129 / 110 - 1))
    assert found.optimal_share == 0
    assert found.cpu_seconds == 3.0
    assert found.ci95 is None


@pytest.mark.parametrize("count", range(1, MIN_INSTANCES + 2))
def test_an_interval_needs_enough_instances(count):
    """From fewer than the stated minimum there is a number and no interval, of gaps and of gains."""
    costs = [b + k for k, b in enumerate(range(100, 100 + count))]
    scores, others = ([Score("ok", "", c + more, 1.0) for c in costs] for more in (0, 1))
    found = scale(range(100, 100 + count))
    interval, gain = found.aggregate(costs, [1.0] * count).ci95, found.compare(scores, others)
    assert (interval is None) == (gain.ci95 is None) == (count < MIN_INSTANCES)
    assert (gain.instances, gain.points > 0) == (count, True)


def test_one_failed_instance_is_one_failed_instance():
    """Figures are of the instances that were solved, gains of those that both solved; failures are named."""
    late = Score("timeout_cpu", "0.2 s", None, 0.2)
    one = [Score("ok", "", cost, 1.0) for cost in (100, 100, 120, 100, 100, 100, 100)]
    other = [Score("ok", "", cost, 1.0) for cost in (110, 100, 100, 100, 100, 100, 100)]
    one[0], other[2] = late, replace(late, message="1 s")
    found = scale([100] * 7)
    assert found.aggregate_solved(one).pooled_gap_percent == pytest.approx(20 / 6)
    assert found.list_failures(one) == (Failure("0", "timeout_cpu", "0.2 s"),)
    gain = found.compare(one, other)
    assert (gain.points, gain.instances, gain.ci95) == (0.0, 5, None)
    assert gain.failures == found.list_failures(one)
    assert found.aggregate_solved([late] * 7) is None
    assert found.compare([late] * 7, other).instances == 0


def test_maximisation_is_the_mirror():
    """For maximisation a shortfall of ten in a hundred is a gap of ten percent."""
    found = scale([100, 200], maximise=True).aggregate([90, 200], [1, 1])
    assert found.mean_gap_percent == pytest.approx(5.0)
    assert found.pooled_gap_percent == pytest.approx(100 * 10 / 300)
    assert found.optimal_share == 0.5


def test_optimal_needs_proof():
    """A solution counts as optimal at a bound that is proven to be reached, and nowhere else."""
    assert scale([100, 200], proven=False).aggregate([100, 400], [1, 1]).optimal_share == 0
    assert scale([100, 200]).aggregate([100, 201], [1, 1]).optimal_share == 0.5


def test_all_bounds_zero():
    """Where every optimum is zero there is no gap in percent, but the share of optima stands."""
    found = scale([0, 0]).aggregate([0, 3], [1, 1])
    assert (found.mean_gap_percent, found.pooled_gap_percent, found.ci95) == (None, None, None)
    assert found.optimal_share == 0.5
    assert scale([0, 0]).compute_pooled_gap([0, 0]) == 0
    assert scale([0, 0]).compute_pooled_gap([0, 3]) == math.inf


def test_search_is_the_mean_over_strata():
    """Each class counts the same, however large its costs are."""
    found = scale([100, 100, 10], ["a", "a", "b"])
    assert found.search([110, 110, 15]) == pytest.approx((10 + 50) / 2)


def test_a_stratum_of_zeros_counts_with_the_whole():
    """A class whose optima are all zero has the gap of all instances: it counts, and not without limit."""
    found = scale([100, 0], ["a", "b"])
    assert found.search([100, 0]) == 0
    assert found.search([100, 10]) == pytest.approx((0 + 10) / 2)
    assert found.search([110, 0]) == pytest.approx((10 + 10) / 2)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), min_size=1, max_size=12).filter(
        lambda rows: any(bound for bound, _ in rows)
    ),
    st.data(),
)
def test_weights_are_what_a_unit_of_loss_adds(rows, data):
    """The race's weights are the slope of what the search minimises, on every instance."""
    bounds, strata = zip(*rows, strict=True)
    found = scale(list(bounds), list(strata))
    k = data.draw(st.integers(0, len(bounds) - 1))
    worse = np.array(bounds, dtype=float)
    worse[k] += 1
    assert found.weights[k] == pytest.approx(found.search(worse) - found.search(bounds))


# Intervals


costs = st.lists(st.integers(0, 60), min_size=8, max_size=8)
BOUNDS = [100, 50, 80, 20, 60, 90, 40, 70]


@given(costs, costs)
def test_a_gain_turns_its_sign_with_the_sides(one, other):
    """The gain of one over the other is the loss of the other over the one, and so are its limits."""
    found = scale(BOUNDS)
    one, other = (list(np.add(BOUNDS, more)) for more in (one, other))
    gain, low, high = found.gain(one, other)
    back, least, most = found.gain(other, one)
    assert (gain, low, high) == pytest.approx((-back, -most, -least))
    assert low - 1e-9 <= high
    assert gain == pytest.approx(found.compute_pooled_gap(other) - found.compute_pooled_gap(one))


def test_an_interval_is_a_function_of_the_data():
    """The same costs have the same interval, whatever was drawn before."""
    found, worse = scale(BOUNDS), [b + k for k, b in enumerate(BOUNDS)]
    first = found.aggregate(worse, [1] * 8).ci95
    np.random.default_rng(3).random(9)
    assert found.aggregate(worse, [1] * 8).ci95 == first


def test_an_interval_covers():
    """In nine of ten samples at least, the interval of a sample of forty holds the gap of all."""
    rng = np.random.default_rng(5)
    bound = rng.integers(50, 150, 4000)
    cost = bound + rng.integers(0, 30, 4000)
    truth = 100 * (cost.sum() / bound.sum() - 1)
    hits = 0
    for _ in range(60):
        chosen = rng.choice(4000, 40, replace=False)
        low, high = scale(bound[chosen]).aggregate(cost[chosen], [1] * 40).ci95
        hits += low <= truth <= high
    assert hits >= 52


def test_a_wider_level_is_a_wider_interval():
    """The 95 % interval holds the 80 % one."""
    found = scale(BOUNDS)
    worse, better = [b + 3 * k for k, b in enumerate(BOUNDS)], [b + 5 for b in BOUNDS]
    _, low, high = found.gain(better, worse, 0.8)
    _, lower, higher = found.gain(better, worse, 0.95)
    assert lower <= low < high <= higher


def test_costs_of_needs_all():
    """Costs are given in the order of the instances, or not at all."""
    instances = [Instance(str(k), {"k": k}) for k in range(2)]
    scores = {i.digest: Score("ok", "", k, 0.0) for k, i in enumerate(instances)}
    assert collect_costs(scores, instances[::-1]) == [1, 0]
    assert collect_costs({instances[0].digest: scores[instances[0].digest]}, instances) is None
    failed = {**scores, instances[1].digest: Score("infeasible", "why", None, 0.0)}
    assert collect_costs(failed, instances) is None


@pytest.mark.parametrize("ending", list(Ending))
def test_what_is_ours_is_not_the_candidate_s(ending):
    """A score says of the sandbox's own failures, and of those alone, that they are ours."""
    assert Score(ending, "", None, 0.0).is_sandbox_failure == ending.is_sandbox_failure
