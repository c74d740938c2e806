"""A budget is a wall: nothing is spent that was not set aside before."""

import pytest
from helpers import Scripted, Threaded, finish, job, numbered
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent import Budget
from gapsmith.agent.models.hosted.prices import load_prices, write_sample_line
from gapsmith.agent.runs.budget import Ledger
from gapsmith.evaluators.base import UsageError


class Priced(Scripted):
    """A deterministic model whose calls cost four cents at most, and one, two or three in fact."""

    def __init__(self):
        super().__init__([numbered(slot) for slot in range(100)], 0)

    def bound_usd(self, length):
        """Four cents."""
        return 0.04

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
    calls = run.archive.read_calls(1)
    rows = [row for slot, row in run.archive.read_candidates(1).items() if slot > 2]
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
    outcomes = [row.outcome for slot, row in run.archive.read_candidates(1).items() if slot > 2]
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
    with pytest.raises(UsageError, match=f"budget {name} is {value}; expected more than 0"):
        Budget(**{name: value})


def test_no_budget_is_refused():
    """A run without any limit is not begun."""
    with pytest.raises(UsageError, match="no budget"):
        Budget()


def test_dollars_need_a_price(place):
    """A budget in dollars is refused for a model whose price is not known, before anything is asked."""
    model = Threaded(most=None)
    with pytest.raises(UsageError, match="GAPSMITH_PRICES"):
        job(place, model=model, usd=1.0)
    assert model.asked == []


def test_the_line_to_add_makes_a_price_known(tmp_path):
    """The line that the refusal shows is a file of prices, which has a price for that model."""
    line = write_sample_line('openai:house "7b"')
    (tmp_path / "own.toml").write_text(line)
    assert load_prices({"GAPSMITH_PRICES": str(tmp_path / "own.toml")}).find_price('openai:house "7b"')


def by_length(length):
    """A price that grows with the prompt: a cent for each hundred bytes, and one for the reply."""
    return 0.01 + 0.0001 * length


@pytest.mark.parametrize("together", [1, 5])
def test_dollars_are_set_aside_by_the_prompt_s_length(place, together):
    """A call that costs all that its prompt's length allows never breaks the wall, and no call is for nothing."""
    lengths = {}
    model = Threaded(usd=lambda slot: by_length(lengths[slot]), most=by_length, together=together)
    answer = model.reply

    def reply(request):
        lengths[request.slot] = len((request.system + request.prompt).encode())
        return answer(request)

    model.reply = reply
    run = job(place, model=model, usd=6.0)
    assert all(progress.usd <= 6.0 for progress in run)
    run.close()
    calls = run.archive.read_calls(1).values()
    assert len({call.usd for call in calls}) > 1
    assert (
        6.0 - max(by_length(length) for length in lengths.values()) <= sum(call.usd for call in calls) <= 6.0
    )
    assert run.ledger.calls == len(calls) == len(model.asked)


def test_a_run_for_dollars_takes_up_all_that_it_paid_for(place):
    """Resuming replays every call of before at its price, also those that fit by it alone."""
    first = finish(job(place, model=Threaded(most=by_length), usd=3.0))
    model = Threaded(most=by_length)
    again = job(place, number=1, model=model, usd=3.0)
    slots = [progress.slot for progress in again]
    again.close()
    assert sorted(slots)[: len(first.archive.read_candidates(1))] == sorted(first.archive.read_candidates(1))
    assert again.ledger.usd <= 3.0


@given(data=st.data(), limit=st.floats(0.01, 10.0))
def test_the_wall_holds_for_any_prices_in_any_order(data, limit):
    """Estimates exchanged for bounds, calls settled, given up or of unknown price: never more than the limit."""
    ledger, open_calls, spent = Ledger(Budget(usd=limit)), [], 0.0
    for _ in range(data.draw(st.integers(1, 60))):
        if not open_calls or data.draw(st.booleans()):
            least = data.draw(st.floats(0.0, 1.0))
            if ledger.reserve(least):
                open_calls.append(least)
            continue
        call = open_calls.pop(data.draw(st.integers(0, len(open_calls) - 1)))
        bound = data.draw(st.floats(0.0, 3.0))
        if not ledger.exchange(call, bound):
            ledger.withdraw(call)
            continue
        paid = data.draw(st.none() | st.floats(0.0, 1.0).map(lambda share, bound=bound: share * bound))
        ledger.settle_call(bound, paid)
        spent += bound if paid is None else paid
        assert spent <= limit * (1 + 1e-9)
    assert ledger.usd == pytest.approx(spent)
    assert ledger.calls >= len(open_calls)


def test_what_is_unspent_is_what_limits_leave():
    """Of each limit what is left of it, never less than nothing."""
    ledger = Ledger(Budget(evaluations=10, calls=3, usd=1.0), clock=lambda: 0.0)
    assert ledger.unspent == {"evaluations": 10, "calls": 3, "usd": 1.0}
    ledger.evaluations, ledger.calls, ledger.usd = 4, 3, 1.5
    assert ledger.unspent == {"evaluations": 6, "calls": 0, "usd": 0}
