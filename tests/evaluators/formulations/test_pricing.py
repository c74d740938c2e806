"""Prices of models: what is taken, and what is wrong."""

import base64
import contextlib
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import search, stated

from gapsmith.evaluators.base import Infeasible, Split
from gapsmith.evaluators.formulations.pricing import strip_base_model, unpack_model
from gapsmith.evaluators.formulations.solve import benchmark as judging


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
