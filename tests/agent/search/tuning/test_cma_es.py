"""Tuning: what is asked for, and what comes of it."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gapsmith.agent.search.tuning.cma_es import GENERATION, Tuner
from gapsmith.agent.search.tuning.parameters import Parameter

SEEDS = range(20)


def factor(name):
    """A parameter that is varied by factors."""
    return Parameter(name, 1.0, 0.25, 4.0, log=True, whole=False)


def count(name):
    """A whole parameter."""
    return Parameter(name, 3, 1, 40, log=False, whole=True)


def tuned(parameters, loss, seed, trials=32):
    """A tuner at its end, and all it asked for."""
    tuner, asked = Tuner(parameters, seed, trials), []
    while not tuner.done:
        asked += tuner.ask()
        tuner.tell([loss(values) for values in tuner.ask()])
    return tuner, asked


def bowl(target):
    """A quadratic in the logarithms, 0 at the target."""
    return lambda values: sum(
        (math.log(v) - math.log(t)) ** 2 for v, t in zip(values.values(), target, strict=True)
    )


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_a_quadratic_gets_better(dimensions):
    """Within 32 trials the loss falls to less than half of the defaults', for most seeds."""
    parameters = [factor(f"x{k}") for k in range(dimensions)]
    better = 0
    for seed in SEEDS:
        loss = bowl(np.exp(np.random.default_rng(seed).uniform(math.log(0.3), math.log(3.5), dimensions)))
        best, found = tuned(parameters, loss, seed)[0].best
        assert found == loss(best)
        better += found < 0.5 * loss({p.name: p.default for p in parameters})
    assert better >= 0.8 * len(SEEDS)


def test_whole_parameters_get_better_and_stay_whole():
    """A quadratic over integers: better than the defaults for most seeds, without a fraction anywhere."""
    parameters, loss = [count("a"), count("b")], lambda v: (v["a"] - 17) ** 2 + (v["b"] - 8) ** 2
    runs = [tuned(parameters, loss, seed) for seed in SEEDS]
    assert sum(tuner.best[1] < 0.5 * loss({"a": 3, "b": 3}) for tuner, _ in runs) >= 0.8 * len(SEEDS)
    assert all(isinstance(value, int) for _, asked in runs for values in asked for value in values.values())


def test_equal_seeds_ask_alike():
    """The seed decides, and neither numpy's global state nor what ran before does."""
    parameters, loss = [factor("x"), count("k")], lambda v: abs(v["x"] - 2) + abs(v["k"] - 9)
    np.random.seed(1)
    first = tuned(parameters, loss, seed=5)[1]
    np.random.seed(2)
    before = np.random.get_state()[1].tolist()
    assert tuned(parameters, loss, seed=5)[1] == first
    assert np.random.get_state()[1].tolist() == before
    assert tuned(parameters, loss, seed=6)[1] != first


def test_nothing_is_tried_twice():
    """A small space is asked for once through at most, and that ends the search."""
    asked = tuned([Parameter("k", 3, 1, 5, log=False, whole=True)], lambda v: v["k"], seed=0)[1]
    assert sorted(v["k"] for v in asked) == sorted({v["k"] for v in asked})
    assert len(asked) <= 5


@pytest.mark.parametrize("trials", [1, 24, 30, 40])
def test_trials_are_a_wall(trials):
    """No more is asked for than was granted, in generations that may run at once."""
    tuner, asked = Tuner([factor("x"), factor("y")], 0, trials), 0
    while not tuner.done:
        generation = tuner.ask()
        assert tuner.ask() == generation
        assert 0 < len(generation) <= GENERATION
        asked += len(generation)
        tuner.tell([1.0] * len(generation))
    assert asked == trials
    assert tuner.ask() == []


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_failures_never_win(bad):
    """Where every trial fails the defaults stay the best; where some do, they are passed by."""
    parameters = [factor("x")]
    assert tuned(parameters, lambda _: bad, seed=0)[0].best == ({"x": 1.0}, math.inf)
    best, loss = tuned(parameters, lambda v: bad if v["x"] < 1 else v["x"], seed=0)[0].best
    assert best["x"] == loss >= 1


def test_defaults_of_known_loss_are_neither_tried_nor_lost():
    """What is known is not paid for again, and equal losses do not replace the defaults."""
    tuner = Tuner([Parameter("k", 3, 1, 5, log=False, whole=True)], 0, loss=1.0)
    while not tuner.done:
        assert {"k": 3} not in tuner.ask()
        tuner.tell([1.0] * len(tuner.ask()))
    assert tuner.best == ({"k": 3}, 1.0)


def test_losses_must_answer_what_was_asked():
    """Too few losses are refused."""
    tuner = Tuner([factor("x")], 0)
    tuner.ask()
    with pytest.raises(ValueError, match="shorter"):
        tuner.tell([1.0])


@example(5e-324, 1.0, 1.0, True, 0)  # a quotient without limit
@example(1e11, 2e-5, 1.0, True, 0)  # limits whose logarithms are one
@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12), st.floats(0, 1), st.booleans(), st.integers(0, 2**70))
def test_values_lie_between_the_limits(low, width, share, log, seed):
    """Whatever the limits, and wherever the default lies between them."""
    high = low + width
    if low < high:
        default = min(max(low + share * width, low), high)
        tuner = Tuner([Parameter("x", default, low, high, log=log and low > 0, whole=False)], seed)
        assert all(low <= values["x"] <= high for values in tuner.ask())
