"""Prices of models: what is taken, what is wrong, and how times become figures."""

import base64
import contextlib
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import search, stated

from gapsmith.evaluators.base import Infeasible, Split
from gapsmith.evaluators.formulations.exchange.bridge import ModelRefused
from gapsmith.evaluators.formulations.pricing import strip_base_model, unpack_model
from gapsmith.evaluators.formulations.problem import limit_building
from gapsmith.evaluators.formulations.solve import benchmark as judging
from gapsmith.evaluators.formulations.solve.benchmark import (
    compute_mean_time,
    compute_shifted_mean,
    describe_mistake,
    price_times,
)
from gapsmith.evaluators.formulations.solve.pool import SolverPool
from gapsmith.evaluators.formulations.solve.solver import answer
from gapsmith.evaluators.formulations.speed import compute_ratio


def packed(text):
    """A text as the guest packs it."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


@pytest.fixture(scope="module")
def problem():
    """Additions to the intervals of 1‖ΣTj."""
    return search("tardiness_interval")


@pytest.fixture(scope="module")
def instance(problem):
    """One of its instances."""
    return problem.generate_instances(Split.TRAIN, 0, 1)[0]


def with_name(problem, instance, name, change=lambda model, variables: model.add(variables["start"][0] >= 0)):
    """The packed text of an instance's base with one more constraint of that name."""
    built = problem.formulation.build(strip_base_model(instance))
    change(built.model, built.variables).with_name(name)
    return packed(str(built.model.proto))


def test_the_base_costs_what_the_baseline_says(problem, instance):
    """A program that adds nothing has the price that the baseline names, which is above that of no time."""
    baseline = problem.baseline(instance, 1.0)
    assert baseline.lower == 1.0 < baseline.upper
    assert problem.cost(instance, packed(problem.pricing.build_base(instance))) == baseline.upper


def test_prices_are_repeatable(problem, instance):
    """The same model has the same price in another pool of children."""
    again = search("tardiness_interval")
    model = with_name(problem, instance, "implied: nothing")
    assert problem.cost(instance, model) == again.cost(instance, model)


def test_a_model_that_loses_the_optimum_has_no_price(problem, instance):
    """A model that is solved to another optimum, or to none, is infeasible, and says so."""
    late = with_name(problem, instance, "bound: late", lambda m, v: m.add(sum(v["tardiness"]) >= 500))
    with pytest.raises(Infeasible, match=r"the model has no solution|optimum is"):
        problem.cost(instance, late)


@pytest.mark.parametrize("name", ["", "implied", "proven: yes", ": x", "Implied: x"])
def test_every_addition_names_its_claim(problem, instance, name):
    """A constraint without one of the six claims before a colon is refused."""
    with pytest.raises(Infeasible, match="expected its claim first"):
        problem.cost(instance, with_name(problem, instance, name))


@pytest.mark.parametrize(
    "model",
    [None, 7, "", "nonsense", [], {}, base64.b64encode(b"no zlib").decode(), packed("\x00"), packed("")],
    ids=str,
)
def test_what_is_no_model_is_infeasible(problem, instance, model):
    """Whatever a candidate's process returns in place of a model is refused with a reason."""
    with pytest.raises(Infeasible):
        problem.cost(instance, model)


def test_a_bomb_is_not_unpacked(monkeypatch):
    """Unpacking stops at the limit."""
    monkeypatch.setattr("gapsmith.evaluators.formulations.pricing.MOST_TEXT", 1000)
    with pytest.raises(Infeasible, match="longer than 1000"):
        unpack_model(packed("x" * 1001))


def test_names_of_an_instance_hold_its_data(problem, instance):
    """What the sandbox is given can be taken apart into the original instance, with nothing added."""
    assert set(strip_base_model(instance).data) == {"p", "d"}
    assert stated(problem, **strip_base_model(instance).plain).digest == instance.digest


def test_an_invalid_model_is_refused_with_the_solver_s_words():
    """A reference to no variable is told as such."""
    text = "variables { domain: 0 domain: 1 } constraints { bool_or { literals: 7 } }"
    reply = answer({"do": "solve", "base": None, "text": text, "permutations": [None], "limit": 1.0})
    assert "invalid" in reply["refused"]


def test_words_of_refusal_are_replies():
    """A refusal is data, never an exception that would end the child."""
    assert "refused" in answer(
        {"do": "solve", "base": None, "text": "{", "permutations": [None], "limit": 1.0}
    )
    assert issubclass(ModelRefused, Exception)


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


def test_ratio_has_its_interval():
    """The ratio of a tenth of the time is a tenth, inside an interval that differs where instances do."""
    base, mine = (
        [price_times([t]) for t in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)],
        [price_times([t / 10]) for t in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)],
    )
    found = compute_ratio(mine, base)
    assert found.ci95[0] < found.value < found.ci95[1]
    assert found.value == pytest.approx(0.1, abs=0.005)
    assert (compute_ratio(base, base).ci95, compute_ratio(base, base).instances) == ((1.0, 1.0), 6)
    assert (compute_ratio(mine[:5], base[:5]).ci95, compute_ratio(mine[:5], base[:5]).instances) == (None, 5)


def test_instances_outside_the_window_are_not_drawn(monkeypatch):
    """A base that is solved too fast, or not at all, gives no instances, and says what to do."""
    monkeypatch.setattr("gapsmith.evaluators.formulations.problem.DRAWS", 2)
    hard = search("tardiness_interval")
    hard.judge.window = (100.0, 200.0)
    with pytest.raises(Exception, match="expected other sizes"):
        hard.generate_instances(Split.TRAIN, 0, 1)


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


def test_building_has_a_limit_by_the_base(problem, instance):
    """A program may build a hundred times as long as its base, and a quarter of a second; one second at most."""
    base = problem.pricing.build_base(instance)
    assert problem.cpu_seconds(instance) == pytest.approx(0.25 + 5e-6 * len(base))
    assert problem.charge is judging.charge_building
    assert limit_building("x" * 10**6) == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-9, 9) | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
    max_leaves=12,
)


class Solved:
    """Takes any model for one whose variables are 0, 1, 2."""

    def try_model(self, base, model, whole):
        """A trial with values."""
        return judging.TrialResult(7.0, (1.0,), 1.0, [0, 1, 2])


@given(st.one_of(JSON, st.tuples(st.tuples(st.just(packed("a")), JSON).map(list), JSON).map(list)))
@settings(max_examples=200)
def test_whatever_comes_back_is_priced_or_infeasible(problem, instance, answer):
    """An answer of any shape has a price or none, in both kinds of searches; a decoder is asked, or is not."""
    for whole in (False, True):
        pricing = replace(problem.pricing, measure=Solved(), whole=whole)
        with contextlib.suppress(Infeasible):
            pricing.cost(instance, answer)
    asked = replace(pricing, whole=True).follow(
        instance, answer[0] if isinstance(answer, list) and answer else answer
    )
    assert asked is None or "values" in asked
