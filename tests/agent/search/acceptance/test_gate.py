"""The gate: who becomes champion, and on which instances."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.search.acceptance import gate as gates
from gapsmith.agent.search.acceptance.gate import Gate, cross_validate, judge
from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import BY_NAME, RULE
from gapsmith.agent.search.selection.population import Elite
from gapsmith.agent.search.state import SearchState
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Scale

BOUNDS = [100, 120, 80, 200, 150, 90, 110, 130, 70, 160]
SCALE = Scale([Instance(str(k), {}) for k in range(10)], [Baseline(b, b, None, "hand", 0.0) for b in BOUNDS])
BENCH = SimpleNamespace(scale=SCALE)
SLACK = tuple(b + 20 for b in BOUNDS)
BETTER = tuple(b + 10 for b in BOUNDS)
LUCKY = (BOUNDS[0] - 80, *(b + 22 for b in BOUNDS[1:]))
costs = st.lists(st.integers(0, 50), min_size=10, max_size=10).map(
    lambda more: [b + m for b, m in zip(BOUNDS, more, strict=True)]
)


def elite(program, gap=1.0, name=""):
    """An elite."""
    return Elite(program, f"source {program}", 10, gap, (program,), name=name)


def opened(**changes):
    """A gate whose champion is a rule with much slack."""
    gate = Gate(BENCH, **changes)
    gate.compare_rule(elite(1, name="EDD"), SLACK)
    return gate


@given(costs, costs)
def test_the_champion_is_replaced_only_by_what_is_surely_better(challenger, champion):
    """A challenger passes where nine in ten resamples of the instances say better, and the gain is above its error."""
    verdict = judge(SCALE, challenger, champion)
    assert verdict.low <= verdict.gain + 1e-9
    assert verdict.gain <= verdict.high + 1e-9
    gains = np.subtract(champion, challenger)
    error = (
        100 * (gains - np.array(BOUNDS) * gains.sum() / sum(BOUNDS)).std(ddof=1) * np.sqrt(10) / sum(BOUNDS)
    )
    draws = gains[np.random.default_rng(1).integers(0, 10, (2000, 10))].sum(axis=1)
    better, gain = float((draws > 0).mean()), 100 * gains.sum() / sum(BOUNDS)
    if (
        abs(better - 0.9) > 0.03 and abs(gain - error) > 1e-9
    ):  # two samples of resamples differ by about a hundredth
        assert verdict.passed == (better > 0.9 and gain > error)


@pytest.mark.parametrize(
    ("low", "error", "passed"), [(0.1, 0.4, True), (0.1, 0.6, False), (-0.1, 0.4, False)]
)
def test_both_limits_count(low, error, passed):
    """A gain of half a point needs a lower limit above 0 and an error below itself."""
    scale = SimpleNamespace(gain=lambda *_: (0.5, low, 1.0), estimate_error=lambda *_: error)
    assert judge(scale, (1,), (2,)).passed == passed


@given(costs)
def test_nobody_replaces_an_equal(champion):
    """Equal costs are no gain: the champion stays."""
    assert not judge(SCALE, champion, champion).passed


def test_the_surely_better_passes_and_the_lucky_does_not():
    """Better everywhere passes; better on one instance by a lot, and worse on the others, does not."""
    assert judge(SCALE, BETTER, SLACK).passed
    assert sum(LUCKY) < sum(SLACK)
    assert not judge(SCALE, LUCKY, SLACK).passed
    assert judge(SCALE, SLACK, None).passed


def test_who_passes_is_the_champion_with_its_costs():
    """The next challenger is compared with who passed last, on its costs."""
    gate = opened()
    assert not gate.query(elite(2), LUCKY).passed
    assert (gate.champion.program, gate.costs) == (1, SLACK)
    assert gate.query(elite(3), BETTER).passed
    assert (gate.champion.program, gate.costs) == (3, BETTER)
    assert not gate.query(elite(4), tuple(b + 15 for b in BOUNDS)).passed


def test_rules_are_compared_and_not_gated():
    """The best rule is champion to begin with, however little it is better, and that is no look."""
    gate = opened()
    assert gate.compare_rule(elite(2, name="MDD"), LUCKY).passed
    assert gate.champion.program == 2
    assert not gate.compare_rule(elite(3, name="SPT"), SLACK).passed
    assert (gate.champion.program, gate.looks) == (2, 0)


def test_a_gate_that_is_not_strict_takes_all_that_is_better():
    """With the gate switched off the lucky pass too; the worse do not."""
    gate = opened(strict=False)
    assert gate.query(elite(2), LUCKY).passed
    assert not gate.query(elite(3), SLACK).passed


@pytest.mark.parametrize("looks", [1, 3])
def test_looks_wear_the_gate_out(monkeypatch, looks):
    """Every query counts, whether it passes or not; fresh instances begin anew with the champion's costs on them."""
    monkeypatch.setattr(gates, "LOOKS", looks)
    gate = opened()
    for number in range(looks):
        assert not gate.worn
        gate.query(elite(number + 2), LUCKY)
    assert gate.worn
    other = SimpleNamespace(scale=SCALE)
    gate.refresh(other, elite(1), BETTER)
    assert (gate.worn, gate.looks, gate.bench, gate.costs) == (False, 0, other, BETTER)
    assert not gate.query(elite(9), BETTER).passed


def test_only_the_gate_makes_a_champion():
    """A better gap in training makes an elite, not a champion; the gate's verdict on validation does."""
    state = SearchState(SimpleNamespace(train=BENCH, validation=BENCH, crossed=False))
    refine = Choice(BY_NAME["refine"], arm="genetic")
    rule, second, third = elite(1, 9.0, "EDD"), elite(2, 1.0), elite(3, 0.5)
    state.add_candidate(Choice(RULE), rule)
    state.validate(rule, SLACK)
    state.add_candidate(refine, second)
    state.validate(second, LUCKY)
    assert (state.best, state.champion) == (second, rule)
    state.add_candidate(refine, third)
    state.validate(third, BETTER)
    assert state.champion is third


@given(st.lists(st.integers(-9, 9), min_size=4, max_size=10))
def test_few_instances_decide_together_and_not_one_alone(gains):
    """With cross-validation a challenger passes if it is better whichever instance is left out, and only then."""
    champion = [BOUNDS[k] + 20 for k in range(len(gains))]
    challenger = [cost - gain for cost, gain in zip(champion, gains, strict=True)]
    verdict = cross_validate(SCALE.restrict(range(len(gains))), challenger, champion)
    assert verdict.passed == (sum(gains) - max(gains) > 0)
    assert verdict.low <= verdict.high


def test_a_gate_of_few_instances_cross_validates():
    """A gain that hangs on one instance passes no gate that decides by cross-validation."""
    gate = opened(crossed=True)
    assert not gate.query(elite(2), LUCKY).passed
    assert gate.query(elite(3), BETTER).passed
