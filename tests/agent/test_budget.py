"""A budget is a wall: nothing is spent that was not set aside before."""

import pytest
from helpers import Scripted, Threaded, finish, job, numbered

from gapsmith.agent import Budget
from gapsmith.agent.budget import Ledger
from gapsmith.evaluators.base import UsageTrouble


class Priced(Scripted):
    """A deterministic model whose calls cost four cents at most, and one, two or three in fact."""

    most_usd = 0.04

    def __init__(self):
        super().__init__([numbered(slot) for slot in range(100)], 0)

    def reply(self, request):
        """A program of the slot's own, at a price."""
        from dataclasses import replace

        return replace(super().reply(request), usd=0.01 * (1 + request.slot % 3))


def threaded():
    """The same in threads, all sixteen at once."""
    return Threaded(usd=lambda slot: 0.01 * (1 + slot % 3), most=0.04, together=5)


@pytest.mark.parametrize("make", [Priced, threaded])
@pytest.mark.parametrize(
    "budget", [{"calls": 21}, {"evaluations": 13}, {"usd": 0.22}, {"usd": 0.22, "calls": 9, "evaluations": 7}]
)
def test_no_limit_is_exceeded(place, make, budget):
    """Calls, evaluations and dollars stay within the budget at every moment, with sixteen calls under way."""
    run = job(place, model=make(), **budget)
    limit = Budget(**budget)
    for progress in run:
        for name, most in vars(limit).items():
            assert most is None or getattr(progress, name) <= most
    run.close()
    calls = run.archive.calls(1)
    rows = [row for slot, row in run.archive.candidates(1).items() if slot > 2]
    assert len(calls) <= (limit.calls or 99)
    assert sum(call.usd for call in calls.values()) <= (limit.usd or 99)
    assert sum(row.charged for row in rows) <= (limit.evaluations or 99)
    assert len(calls) >= 4


@pytest.mark.parametrize("budget", [{"calls": 21}, {"evaluations": 13}])
@pytest.mark.parametrize("make", [Priced, threaded])
def test_a_budget_is_used(place, make, budget):
    """A run ends for want of budget, not before: the last call and the last evaluation are spent."""
    run = finish(job(place, model=make(), **budget))
    assert (run.ledger.calls if "calls" in budget else run.ledger.evaluations) == next(iter(budget.values()))


def test_duplicates_cost_no_evaluation(place):
    """A program over again is a call, but no evaluation: the budget of evaluations goes to new programs."""
    model = Scripted([numbered(slot // 2) for slot in range(40)], 3)
    run = finish(job(place, model=model, evaluations=6))
    outcomes = [row.outcome for slot, row in run.archive.candidates(1).items() if slot > 2]
    free = outcomes.count("duplicate") + outcomes.count("twin")
    assert len(outcomes) - free == run.ledger.evaluations == 6
    assert outcomes.count("duplicate") >= 5


def test_dollars_are_set_aside_before_they_are_spent():
    """A call is allowed only if its dearest price still fits beside what is under way."""
    ledger = Ledger(Budget(usd=1.0))
    assert [ledger.reserve(0.4) for _ in range(3)] == [True, True, False]
    ledger.settle_call(0.4, 0.1)
    assert ledger.reserve(0.4)
    assert not ledger.reserve(0.2)
    assert ledger.usd == pytest.approx(0.1)


def test_an_unknown_price_counts_in_full():
    """A call whose price is not known is charged what was set aside."""
    ledger = Ledger(Budget(usd=1.0))
    assert ledger.reserve(0.6)
    ledger.settle_call(0.6, None)
    assert ledger.usd == 0.6
    assert not ledger.reserve(0.6)


def test_many_evaluations_are_set_aside_at_once():
    """Tuning takes several: they must fit beside what is under way, count no call, and what is not used returns."""
    ledger = Ledger(Budget(evaluations=10, calls=1))
    assert ledger.reserve()
    assert not ledger.reserve(evaluations=10, calls=0)
    assert ledger.reserve(evaluations=9, calls=0)
    assert not ledger.reserve(evaluations=1, calls=0)
    ledger.settle_evaluations(9, 4)
    assert (ledger.evaluations, ledger.calls) == (4, 1)
    assert ledger.reserve(evaluations=5, calls=0)
    assert not ledger.reserve(evaluations=0)


def test_a_share_is_of_the_limit_that_is_nearest():
    """What is used up counts by the nearest limit, and what is only set aside not at all."""
    now = iter([0.0, 2.0, 2.0, 8.0])
    ledger = Ledger(Budget(evaluations=10, usd=1.0, seconds=10.0), clock=lambda: next(now))
    ledger.evaluations, ledger.usd = 3, 0.1
    assert ledger.share == pytest.approx(0.3)
    ledger.usd = 0.5
    assert ledger.share == pytest.approx(0.5)
    assert ledger.share == pytest.approx(0.8)


def test_time_is_the_run_s_over_all_sittings():
    """Seconds of earlier sittings count; with none left only what was paid for is taken up."""
    now = iter([100.0, 103.0, 108.0, 108.0])
    ledger = Ledger(Budget(seconds=10.0), before=4.0, clock=lambda: next(now))
    assert ledger.reserve()
    assert not ledger.reserve()
    assert ledger.reserve(paid=True)


@pytest.mark.parametrize("name", ["evaluations", "calls", "usd", "seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_budget_below_zero_is_refused(name, value):
    """A limit that allows nothing is a slip of the pen."""
    with pytest.raises(UsageTrouble, match=f"budget {name} is {value}; expected more than 0"):
        Budget(**{name: value})


def test_no_budget_is_refused():
    """A run without any limit is not begun."""
    with pytest.raises(UsageTrouble, match="no budget"):
        Budget()


def test_dollars_need_a_price(place):
    """A budget in dollars is refused for a model whose price is not known, before anything is asked."""
    model = Threaded()
    model.most_usd = None
    with pytest.raises(UsageTrouble, match="GAPSMITH_PRICES"):
        job(place, model=model, usd=1.0)
    assert model.asked == []
