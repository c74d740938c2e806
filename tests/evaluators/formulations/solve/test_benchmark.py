"""Times of solving: what refutes a model, and how times become figures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.formulations.solve import benchmark as judging
from gapsmith.evaluators.formulations.solve.benchmark import (
    compute_mean_time,
    compute_shifted_mean,
    describe_mistake,
    price_times,
)
from gapsmith.evaluators.formulations.solve.pool import SolverPool


@pytest.mark.parametrize(
    ("run", "wrong"),
    [
        ({"status": "OPTIMAL", "objective": 7.0}, False),
        ({"status": "OPTIMAL", "objective": 8.0}, True),
        ({"status": "OPTIMAL", "objective": 6.0}, True),
        ({"status": "INFEASIBLE", "objective": None}, True),
        ({"status": "FEASIBLE", "objective": 9.0}, False),
        ({"status": "UNKNOWN", "objective": None}, False),
    ],
)
def test_what_is_undecided_is_no_refutation(run, wrong):
    """A run objects where it was ended with another optimum or without solutions, and only there."""
    assert bool(describe_mistake(run, 7.0)) == wrong


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
@settings(max_examples=50)
def test_prices_are_logarithms_of_times(times):
    """The mean time behind prices is the shifted geometric mean of the times, between the least and the greatest."""
    assert min(times) - 1e-6 <= compute_shifted_mean(times) <= max(times) + 1e-6
    assert compute_mean_time([price_times(times)] * 3) == pytest.approx(compute_shifted_mean(times), abs=1e-9)


def test_half_the_time_is_69_points_less():
    """For times far above the shift, halving them takes 0.69 off the price."""
    assert price_times([100.0]) - price_times([50.0]) == pytest.approx(0.693, abs=1e-3)


def test_a_run_that_does_not_end_counts_twice_its_limit():
    """PAR-2, also where the time is over the limit though the run did end."""
    runs = [
        {"status": "OPTIMAL", "time": 1.0},
        {"status": "FEASIBLE", "time": 3.0},
        {"status": "OPTIMAL", "time": 3.5},
    ]
    assert judging._list_times(runs, 3.0) == (1.0, 6.0, 6.0)


def test_instances_are_chosen_in_other_orders_than_they_are_measured_in(monkeypatch):
    """Whether an instance suits is asked in orders of its own: chosen by what is measured, bases would look slow."""
    asked, judge = [], judging.Judge(SolverPool())

    def solved(request, work):
        asked.extend(request["permutations"])
        run = {"status": "OPTIMAL", "objective": 1, "time": 1.0, "seconds": 1.0}
        return {"runs": [run for _ in request["permutations"]]}

    monkeypatch.setattr(judging, "recall_or_run", solved)
    assert judge.is_suitable("a base")
    assert asked
    assert not set(asked) & {*judge.orders, *judge.placebo}


@given(st.floats(1, 9), st.floats(0, 1))
@settings(max_examples=50)
def test_building_counts(cost, seconds):
    """A tenth of a CPU second of building is priced as a shift, less as nothing, and more is never cheaper."""
    assert judging.charge_building(cost, 0.09) == pytest.approx(cost)
    assert judging.charge_building(1.0, 0.15) == pytest.approx(price_times([judging.SHIFT]))
    assert judging.charge_building(cost, seconds) >= judging.charge_building(cost, seconds / 2)
