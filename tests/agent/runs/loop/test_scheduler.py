"""The scheduler alone, with fake chains: turns in order, held questions, failures, abandoned questions."""

import threading
from concurrent.futures import Future

import pytest

from gapsmith.agent.models.base import Reply, Stopped
from gapsmith.agent.models.callers import Callers
from gapsmith.agent.runs.loop.scheduler import Evaluate, Scheduler, Turn
from gapsmith.evaluators.base import GapsmithError
from gapsmith.sandbox import SandboxError


class Later:
    """An executor whose work ends when the test says so."""

    def __init__(self):
        self.waiting = []

    def submit(self, work):
        """Keeps the work."""
        future = Future()
        self.waiting.append((future, work))
        return future

    def finish(self, place=0):
        """Ends a piece of work with its own value, or with the error that it is."""
        future, value = self.waiting.pop(place)
        if isinstance(value, Exception):
            future.set_exception(value)
        else:
            future.set_result(value)


class Question:
    """A question that has room or not, and is answered when the test says so."""

    def __init__(self, room=True, answer=None):
        self.is_too_long, self.future, self.marks = room, Future(), []
        if answer is not None:
            self.future.set_result(Reply(text=answer))

    def send(self, callers):
        """Sends it if there is room."""
        return self.future if self.is_too_long else None

    def keep(self, reply):
        """The chain gets the text."""
        self.marks.append("kept")
        return reply.text

    def drop(self):
        """There will be no room."""
        self.marks.append("dropped")

    def fail(self):
        """No answer came."""
        self.marks.append("failed")


@pytest.fixture
def executor():
    """Work that ends when the test says so."""
    return Later()


@pytest.fixture
def scheduler(executor):
    """A scheduler without chains."""
    return Scheduler(executor, Callers(lambda: True))


def turns(log, name, *wanted):
    """A chain that passes these turns, and says so."""
    for turn in wanted:
        yield turn
        log.append((name, turn))
    return name


def one_work(value):
    """A chain that ends with the result of its work."""
    (result,) = yield Evaluate((value,))
    return result


def one_question(ask):
    """A chain that ends with its reply."""
    return (yield ask)


def drain(scheduler, in_order=True):
    """Grants turns as long as there are any."""
    while scheduler.is_due(in_order):
        scheduler.grant_turn(in_order)


def test_results_are_in_the_order_of_the_work(scheduler, executor):
    """Work that ends in another order gives the chain its results in the order of the requests."""

    def chain():
        return (yield Evaluate(("a", "b", "c")))

    scheduler.start(0, chain())
    for _ in range(3):
        assert not scheduler.ended
        executor.finish(-1)
        scheduler.wait(1.0)
    assert list(scheduler.ended) == [["a", "b", "c"]]
    assert len(scheduler) == 0


def test_a_turn_waits_for_earlier_chains(scheduler, executor):
    """A later chain whose work is done first passes no turn before the earlier one has come as far."""
    log = []

    def slow():
        yield Turn.SCREEN
        yield Evaluate(("slow",))
        yield from turns(log, "first", Turn.NOVELTY)

    scheduler.start(0, slow())
    scheduler.start(1, turns(log, "second", Turn.SCREEN, Turn.NOVELTY))
    drain(scheduler)
    assert log == [("second", Turn.SCREEN)]
    executor.finish()
    scheduler.wait(1.0)
    drain(scheduler)
    assert log == [("second", Turn.SCREEN), ("first", Turn.NOVELTY), ("second", Turn.NOVELTY)]


def test_without_order_a_turn_is_granted_at_once(scheduler):
    """Where order does not matter nobody waits for an earlier chain."""
    log = []
    scheduler.start(0, one_work("never ends"))
    scheduler.start(1, turns(log, "second", Turn.SCREEN, Turn.LEARN))
    drain(scheduler)
    assert log == []
    drain(scheduler, in_order=False)
    assert log == [("second", Turn.SCREEN), ("second", Turn.LEARN)]


@pytest.mark.parametrize("turn", [Turn.GATE, Turn.LEARN])
def test_what_changes_the_search_is_granted_to_the_oldest_alone(scheduler, executor, turn):
    """A later chain waits for its gate until all earlier chains have ended, however far they have come."""
    log = []

    def oldest():
        yield Turn.LEARN
        yield Evaluate(("weighed again",))
        return "first"

    scheduler.start(0, oldest())
    scheduler.start(1, turns(log, "second", turn))
    drain(scheduler)
    assert log == []
    executor.finish()
    scheduler.wait(1.0)
    drain(scheduler)
    assert log == [("second", turn)]
    assert list(scheduler.ended) == ["first", "second"]


def test_an_answer_that_is_there_is_taken_up_at_once(scheduler):
    """A deterministic model has answered by the time the chain is started."""
    ask = Question(answer="text")
    scheduler.start(0, one_question(ask))
    assert list(scheduler.ended) == ["text"]
    assert ask.marks == ["kept"]


def test_an_answer_is_taken_up_when_it_comes(scheduler):
    """An answer of another thread is committed and given to the chain by the driver's thread."""
    ask = Question()
    scheduler.start(0, one_question(ask))
    thread = threading.Thread(target=ask.future.set_result, args=(Reply(text="late"),))
    thread.start()
    thread.join()
    assert ask.marks == []
    scheduler.wait(1.0)
    assert list(scheduler.ended) == ["late"]


def test_held_questions_are_sent_in_their_order(scheduler):
    """A question without room is held; the oldest is tried first, and a younger one does not overtake it."""
    first, second = Question(room=False, answer="one"), Question(room=False, answer="two")
    scheduler.start(0, one_question(first))
    scheduler.start(1, one_question(second))
    second.is_too_long = True
    assert scheduler.held == 2
    assert not scheduler.retry_held()
    first.is_too_long = True
    assert scheduler.retry_held()
    assert scheduler.retry_held()
    assert not scheduler.retry_held()
    assert list(scheduler.ended) == ["one", "two"]


def test_a_held_question_that_never_has_room_is_dropped(scheduler):
    """The chain is sent None, and what was set aside is released."""
    ask = Question(room=False)
    scheduler.start(0, one_question(ask))
    scheduler.drop_held()
    assert list(scheduler.ended) == [None]
    assert ask.marks == ["dropped"]
    assert scheduler.held == 0


@pytest.mark.parametrize("error", [SandboxError("no sandbox"), GapsmithError("an author's fault")])
def test_a_failure_of_ours_drops_its_chain_and_is_kept(scheduler, executor, error):
    """Others go on; the first error is the run's, and later ones do not replace it."""
    closed = []

    def chain():
        try:
            yield Evaluate((error,))
        finally:
            closed.append(True)

    scheduler.start(0, chain())
    scheduler.start(1, one_work("good"))
    scheduler.start(2, one_work(GapsmithError("later")))
    for _ in range(3):
        executor.finish()
        scheduler.wait(1.0)
    assert scheduler.error is error
    assert closed == [True]
    assert list(scheduler.ended) == ["good"]
    assert not scheduler.exhausted


def test_one_failure_among_several_works_is_enough(scheduler, executor):
    """Results that come for a chain that was dropped are not taken up."""

    def chain():
        yield Evaluate((SandboxError("broke"), "good"))

    scheduler.start(0, chain())
    for _ in range(2):
        executor.finish()
        scheduler.wait(1.0)
    assert str(scheduler.error) == "broke"
    assert len(scheduler) == 0
    assert not scheduler.ended


def test_any_other_error_is_raised(scheduler, executor):
    """A fault of the program itself is no result of a chain, and is not swallowed."""
    scheduler.start(0, one_work(ZeroDivisionError("ours")))
    executor.finish()
    with pytest.raises(ZeroDivisionError):
        scheduler.wait(1.0)


def test_a_model_that_stops_exhausts_the_run_without_an_error(scheduler):
    """A recording that has no more replies, or a person who stops, ends the search in peace."""
    ask = Question()
    ask.future.set_exception(Stopped("no more replies"))
    scheduler.start(0, one_question(ask))
    assert scheduler.exhausted
    assert scheduler.error is None
    assert ask.marks == ["failed"]
    assert not scheduler.ended


def test_a_refused_question_is_on_record(scheduler):
    """A server's refusal is the run's error, and the question is marked as failed."""
    ask = Question()
    scheduler.start(0, one_question(ask))
    ask.future.set_exception(GapsmithError("refused"))
    scheduler.wait(1.0)
    assert str(scheduler.error) == "refused"
    assert ask.marks == ["failed"]


def test_abandoned_questions_leave_what_has_come(scheduler, executor):
    """Once the time is used up, chains that wait for a model are dropped; work and answers that came go on."""
    silent, answered = Question(), Question()
    scheduler.start(0, one_question(silent))
    scheduler.start(1, one_question(answered))
    scheduler.start(2, one_work("work"))
    answered.future.set_result(Reply(text="in time"))
    scheduler.drop_questions()
    assert scheduler.numbers == [1, 2]
    assert scheduler.exhausted
    executor.finish()
    for _ in range(2):
        scheduler.wait(1.0)
    assert list(scheduler.ended) == ["in time", "work"]
    silent.future.set_result(Reply(text="too late"))
    scheduler.wait(1.0)
    assert silent.marks == []
    assert list(scheduler.ended) == ["in time", "work"]


def test_other_threads_have_functions_called_by_the_driver(scheduler):
    """`call_soon` may be called from any thread; the function runs when the driver waits."""
    seen = []
    thread = threading.Thread(
        target=scheduler.call_soon, args=(lambda: seen.append(threading.current_thread()),)
    )
    thread.start()
    thread.join()
    assert seen == []
    scheduler.wait(1.0)
    assert seen == [threading.current_thread()]


def test_a_wait_without_arrivals_is_short(scheduler):
    """Nothing comes: the driver gets its thread back, to look at the time."""
    scheduler.wait(0.01)
    assert not scheduler.ended
