"""Budgets are walls: time, dollars and calls end a run whatever a model does."""

import threading

import pytest
from helpers import Threaded, finish, job, numbered, reply_with
from sqlalchemy import text

from gapsmith.agent.archive import Archive
from gapsmith.agent.models.base import ModelError, Reply
from gapsmith.agent.runs.budget import Budget, derive_calls
from gapsmith.agent.runs.loop.replies import STOP_AFTER, Replies


class Saying(Threaded):
    """Answers every question with the same text."""

    def __init__(self, said, **options):
        super().__init__(**options)
        self._said = said

    def _answer(self, request):
        return Reply(text=self._said, usd=self._usd(request.slot))


class Silent(Threaded):
    """Never answers."""

    def reply(self, request):
        """Waits for ever."""
        self.asked.append(request.slot)
        threading.Event().wait()


def test_a_model_that_never_answers_holds_no_run(place):
    """When the seconds are used up, nobody waits for what was sent, and the run ends."""
    run = finish(job(place, model=Silent(), seconds=0.3))
    assert run.ledger.is_out_of_time()
    assert not run.archive.read_calls(1)
    assert run.left_behind == run.ledger.calls
    assert run.ledger.usd == pytest.approx(0.01 * run.left_behind)


def test_a_model_that_repeats_itself_is_not_asked_for_ever(place):
    """Twenty evaluations imply sixty calls, whatever comes of them."""
    model = Saying(reply_with("return np.argsort(d)"))
    run = finish(job(place, model=model, evaluations=20))
    assert len(model.asked) == 60
    assert run.ledger.ended_by_calls


@pytest.mark.parametrize(
    ("budget", "dearest", "limit"),
    [
        ({"calls": 7, "usd": 1}, 0.1, None),
        ({"evaluations": 100}, 0.1, 300),
        ({"evaluations": 1}, 0.1, 20),
        ({"usd": 5.0}, 0.1, 500),
        ({"usd": 5.0}, 0.0, 1800),
        ({"seconds": 60.0, "evaluations": 1000}, 0.0, 600),
    ],
)
def test_every_budget_implies_a_limit_of_calls(budget, dearest, limit):
    """The tightest of the limits given says how often models are asked at most."""
    assert derive_calls(Budget(**budget), dearest) == limit


def test_useless_replies_end_a_run(place):
    """Where nothing that a model writes holds a program, it is not asked on, and the reason is said."""
    model = Saying("I would rather not.")
    with pytest.raises(ModelError, match=f"none of {STOP_AFTER} replies held a program"):
        finish(job(place, model=model, calls=200))
    assert len(model.asked) <= STOP_AFTER + 16


def test_some_useless_replies_are_counted(place):
    """Of a run that goes on, the replies without a program are counted by kind."""
    run = finish(job(place, model=Threaded(), calls=6))
    found = Replies.gather(run.archive, 1)
    assert (found.count, found.without_program, found.useless) == (6, 0, False)
    found.add("no_code", "there is no code")
    assert "6 of 7 replies" in str(found)


def test_replies_whose_programs_all_fail_are_no_success(place):
    """Programs that may not run, or break, are told at the end like replies without one; a single good one suffices."""
    found = Replies.gather(finish(job(place, model=Saying(reply_with("return (")), calls=3)).archive, 1)
    assert (found.useless, found.fruitless) == (False, True)
    assert "none of 3 replies held a program that works (3 syntax_error: line " in str(found)
    found.add("infeasible", "job 2 is missing")
    assert found.fruitless
    assert "none of 4 replies" in str(found)
    found.add("raced", "")
    assert not found.fruitless


def test_a_call_that_was_sent_and_never_received_counts(place):
    """What a killed sitting had on the wire is counted at the most that it can have cost."""
    run = finish(job(place, model=Threaded(), usd=0.05, calls=4))
    lost = max(run.archive.read_calls(1))
    with run.archive.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM calls WHERE slot = {lost}"))
    again = job(place, model=Threaded(), archive=Archive(place), number=1, usd=0.05, calls=4)
    assert again.loop
    assert again.ledger.usd == pytest.approx(0.01)
    assert finish(again).ledger.usd == pytest.approx(0.05)


def test_a_price_that_is_not_known_is_no_zero(place):
    """Where nobody knows what a call costs, a run does not say that it cost nothing."""
    run = finish(job(place, model=Threaded(usd=lambda _: None, most=None), calls=3))
    assert run.ledger.dollars is None


def test_a_usage_that_says_nothing_keeps_the_reservation(place):
    """Where what a call cost is not known, what it can have cost at most is spent."""
    run = finish(job(place, model=Saying(numbered(1), usd=lambda _: None, most=0.2), usd=0.5, calls=40))
    assert len(run.archive.read_calls(1)) == 2
    assert run.ledger.dollars == pytest.approx(0.4)


class Dropped(Threaded):
    """Repeats each question as often as it may, as if every answer but the last were lost on its way."""

    def _answer(self, request):
        attempts = 1
        while attempts < 4 and request.may_repeat():
            attempts += 1
        with self._lock:
            self.answered[request.slot] = 0.1 * attempts
        return Reply(text=numbered(request.slot), usd=None)


def test_attempts_that_may_be_billed_count_against_the_dollars(place):
    """Every attempt is set aside before it is made, so that a server that loses answers exceeds no budget."""
    model = Dropped(most=0.1, together=2)
    run = finish(job(place, model=model, usd=1.0))
    attempts = sum(model.answered.values())
    assert 0.8 < attempts <= 1.0 + 1e-9
    assert run.ledger.usd == pytest.approx(attempts)
    sent = [event for event in run.archive.read_events(1) if event.kind.startswith("sent ")]
    assert 0.1 * len(sent) == pytest.approx(attempts)  # so that `resume` counts them, too


def test_attempts_are_free_where_no_dollars_are_limited(place):
    """Without a limit of dollars a question is repeated as the model likes, and counts once."""
    model = Dropped(most=0.1)
    run = finish(job(place, model=model, calls=3))
    assert sum(model.answered.values()) == pytest.approx(1.2)
    assert run.ledger.usd == pytest.approx(0.3)
