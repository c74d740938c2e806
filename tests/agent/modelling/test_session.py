"""Asking and running: nothing paid for is lost, the budget is a wall, and errors go back at most twice."""

import threading

import pytest
from helpers import Crash, Inline, Shuffled, dying, photographed
from words import Told, answering, at_desk, reply_with, write_set

from gapsmith.agent.archive import Archive
from gapsmith.agent.modelling.benchmark import ask_all
from gapsmith.agent.modelling.question import read_questions
from gapsmith.agent.modelling.sample import STRIDE
from gapsmith.agent.models.base import ModelError, Reply, Stopped
from gapsmith.agent.runs.budget import Budget
from gapsmith.evaluators.base import UsageError

BROKEN = reply_with("return 1 / 0")
REPLIES = {
    "<a>": answering(1),
    "<b>": [BROKEN, answering(2)],
    "<c>": [BROKEN, reply_with("return []"), answering(3)],
}
ENDS = ("right", "right", "wrong")
ANSWERS = {"a": 1, "b": 2, "c": 4}


@pytest.fixture
def questions(tmp_path):
    """Three questions: answered at once, after one repair, and wrongly after two."""
    return read_questions(write_set(tmp_path / "set.jsonl", ANSWERS))


def told(**changes):
    """A model that answers them."""
    return Told(copied(), **changes)


def copied():
    """The replies, to be used up."""
    return {key: list(text) if isinstance(text, list) else text for key, text in REPLIES.items()}


def kinds(marked):
    """The kinds of the questions, in order."""
    return [each.kind for each in marked]


def test_errors_go_back_at_most_twice(place, questions):
    """A repair is shown the program and what happened; its slot is that of the sample and its number."""
    model = told()
    marked = at_desk(lambda context: ask_all(context, questions), place, model)
    assert kinds(marked) == list(ENDS)
    assert [request.slot for request in model.requests] == [0, 1, 1 + STRIDE, 2, 2 + STRIDE, 2 + 2 * STRIDE]
    assert [request.operator for request in model.requests] == ["formulate"] * 2 + ["repair", "formulate"] + [
        "repair"
    ] * 2
    assert "ZeroDivisionError" in model.requests[2].prompt
    assert "return 1 / 0" in model.requests[2].prompt
    assert "solve returned []" in model.requests[5].prompt


def test_after_two_repairs_it_ends(place, questions):
    """Who never mends it is asked three times; who insists on a program is not asked again."""
    model = Told({"<a>": [reply_with(f"return {k} / 0") for k in range(5)], "<b>": BROKEN, "<c>": BROKEN})
    marked = at_desk(lambda context: ask_all(context, questions), place, model)
    assert kinds(marked) == ["crash"] * 3
    assert [len(each.samples[0].attempts) for each in marked] == [3, 2, 2]


def test_a_doubtful_status_is_asked_about(place, questions):
    """Infeasible and unbounded go back with the doubt; a program that is sent again stands."""
    model = Told(
        {
            "<a>": answering(None, "infeasible"),
            "<b>": [answering(None, "unbounded"), answering(2)],
            "<c>": BROKEN,
        }
    )
    marked = at_desk(lambda context: ask_all(context, questions), place, model)
    assert kinds(marked) == ["infeasible", "right", "crash"]
    doubts = [
        request.slot for request in model.requests if "answer with the same program again" in request.prompt
    ]
    assert doubts == [STRIDE, 1 + STRIDE]


def test_every_reply_is_committed_before_it_is_used(tmp_path, questions):
    """When a program runs, the reply that brought it is in the archive already."""
    place, seen = str(tmp_path / "a.db"), []

    class Looking(Inline):
        def submit(self, work):
            seen.append(len(Archive(place).read_calls(1)))
            return super().submit(work)

    at_desk(lambda context: ask_all(context, questions), place, told(), executor=Looking())
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_crash_before_any_commit_is_made_good_by_resuming(tmp_path, questions):
    """Whatever commit a run dies at, it ends as if nothing had happened; nothing kept is asked or run again."""
    whole = told()
    archive, snapshots = photographed(tmp_path / "0.db")
    wanted = at_desk(lambda context: ask_all(context, questions), "", whole, archive=archive)
    assert len(snapshots) > 12
    for place, _ in snapshots:
        store = Archive(place)
        runs = [row.id for row in store.list_runs()]
        kept = store.read_calls(1) if runs else {}
        replies = copied()
        for slot, call in sorted(kept.items()):  # what was answered already comes from the archive
            texts = replies[f"<{'abc'[slot % STRIDE]}>"]
            if isinstance(texts, list) and len(texts) > 1:
                assert texts.pop(0) == call.reply
        model, executor = Told(replies), Inline()
        found = at_desk(
            lambda context: ask_all(context, questions),
            place,
            model,
            runs[0] if runs else None,
            executor,
            store,
        )
        assert found == wanted
        assert sorted([*kept, *(request.slot for request in model.requests)]) == sorted(
            r.slot for r in whole.requests
        )
        assert executor.done <= 1 + len(model.requests)


def test_calls_are_a_wall(place, questions):
    """No call more than the budget has; what was not asked is told as such, and what was asked counts."""
    model = told()
    marked = at_desk(lambda context: ask_all(context, questions), place, model, budget=Budget(calls=2))
    assert len(model.requests) == 2
    assert kinds(marked) == ["right", "crash", "not asked"]


@pytest.mark.parametrize("deterministic", [True, False])
def test_dollars_are_a_wall(place, questions, deterministic):
    """Calls under way are reckoned with, at the most they can cost."""
    model = told(deterministic=deterministic)
    at_desk(lambda context: ask_all(context, questions), place, model, budget=Budget(usd=0.80))
    assert len(model.requests) == 3


def test_what_an_earlier_sitting_paid_counts(place, questions):
    """A budget is of the run, not of the sitting."""
    replies, wall = copied(), Budget(usd=0.80)
    at_desk(lambda context: ask_all(context, questions), place, Told(replies), budget=wall)
    model = Told(replies)
    at_desk(lambda context: ask_all(context, questions), place, model, 1, budget=wall)
    assert not model.requests


def test_room_that_a_cheap_call_leaves_is_used(place, questions):
    """A question waits while a call under way may turn out cheaper than it could have been."""

    class Cheap(Told):
        def reply(self, request):
            return Reply(text=super().reply(request).text, usd=0.01)

    model = Cheap(copied(), deterministic=False, usd=0.6)
    marked = at_desk(lambda context: ask_all(context, questions), place, model, budget=Budget(usd=1.0))
    assert kinds(marked) == list(ENDS)


def test_an_unknown_price_and_a_limit_of_dollars_exclude_each_other(place, questions):
    """A wall that could not be kept is refused before anything is asked."""
    model = told(usd=None)
    with pytest.raises(UsageError, match="price of told is not known"):
        at_desk(lambda context: ask_all(context, questions), place, model, budget=Budget(usd=1.0))
    assert not model.requests
    assert not Archive(place).list_runs()


def test_threads_change_nothing(place, questions, tmp_path):
    """Replies that come in any order are scored as if they had come in theirs."""
    wanted = at_desk(lambda context: ask_all(context, questions), place, told(), samples=2)
    for seed in range(3):
        with Shuffled(seed) as executor:
            model = Told({"<a>": answering(1), "<b>": answering(2), "<c>": answering(3)}, deterministic=False)
            store = str(tmp_path / f"{seed}.db")
            found = at_desk(
                lambda context: ask_all(context, questions), store, model, executor=executor, samples=2
            )
        assert [each.vote.sample.value for each in found] == [each.vote.sample.value for each in wanted]
        assert [[one.number for one in each.samples] for each in found] == [[0, 1]] * 3


def test_questions_are_asked_together(place, questions):
    """As many calls are under way as the order allows, where the model is no recording."""
    gate = threading.Barrier(3, timeout=60)

    class Together(Told):
        def reply(self, request):
            gate.wait()
            return super().reply(request)

    model = Together({"<": answering(1)}, deterministic=False)
    at_desk(lambda context: ask_all(context, questions), place, model, parallel=3)
    assert len(model.requests) == 3


def test_trouble_with_the_model_ends_the_run_and_keeps_the_rest(place, questions):
    """Replies that were under way are kept, the error is raised, and the run can be resumed."""

    class Failing(Told):
        def reply(self, request):
            if "<b>" in request.prompt:
                raise ModelError("no credit")
            return super().reply(request)

    replies = copied()
    with pytest.raises(ModelError, match="no credit"):
        at_desk(lambda context: ask_all(context, questions), place, Failing(replies, deterministic=False))
    store = Archive(place)
    kept = set(store.read_calls(1))
    assert store.run(1).status == "failed"
    assert 1 not in kept
    model = Told(replies)
    assert kinds(at_desk(lambda context: ask_all(context, questions), place, model, 1)) == list(ENDS)
    assert not kept & {request.slot for request in model.requests}


def test_a_stop_asks_nothing_more(place, questions):
    """Once told to stop, a run ends without an error, and what was answered is kept."""

    class Waiting(Told):
        def reply(self, request):
            if "<b>" in request.prompt:
                raise Stopped("told to stop")
            return super().reply(request)

    def work(context):
        model.stop = context.stop
        context.stop.set()
        return ask_all(context, questions)

    model = Waiting(copied())
    assert kinds(at_desk(work, place, model)) == ["not asked"] * 3
    assert not model.requests
    assert Archive(place).run(1).status == "stopped"


def test_replies_are_kept_however_the_work_is_left(place, questions):
    """Whoever stops taking results, or dies at the commit of a verdict, has lost no reply."""
    gate = threading.Barrier(3, timeout=60)

    class Together(Told):
        def reply(self, request):
            gate.wait()
            return super().reply(request)

    def leave(_, done, __):
        if done:
            raise Crash

    with pytest.raises(Crash):
        at_desk(
            lambda context: ask_all(context, questions, leave),
            place,
            Together({"<": answering(1)}, deterministic=False),
        )
    assert sorted(Archive(place).read_calls(1)) == [0, 1, 2]


def test_a_reply_is_kept_although_its_verdict_is_not(place, questions):
    """A run that dies at the commit of a verdict has the reply."""
    with pytest.raises(Crash):
        at_desk(lambda context: ask_all(context, questions), "", told(), archive=dying(Archive(place), 4))
    assert list(Archive(place).read_calls(1)) == [0]


def test_nobody_is_waited_for_once_the_work_is_left(place, questions):
    """A person who would answer later hears of the end."""

    class Person(Told):
        def reply(self, request):
            if "<b>" not in request.prompt:
                return super().reply(request)
            self.heard = self.stop.wait(20)
            raise Stopped("told to stop")

    def work(context):
        model.stop = context.stop
        return ask_all(context, questions)

    model = Person(copied(), deterministic=False)
    with pytest.raises(Crash):
        at_desk(work, "", model, archive=dying(Archive(place), 6))
    assert model.heard


@pytest.mark.parametrize("finish", ["truncated", "refused", "empty", "failed"])
def test_a_reply_that_ended_badly_says_how(place, questions, finish):
    """It is no program of the model's; the next prompt says what happened, and a good answer counts."""

    class Ending(Told):
        def reply(self, request):
            said = super().reply(request)
            if request.operator == "repair":
                return said
            return Reply(text=said.text[: said.text.index("def")], detail={"finish": finish})

    model = Ending({"<": answering(1)})
    marked = at_desk(lambda context: ask_all(context, questions[:1]), place, model)
    assert kinds(marked) == ["right"]
    assert f"no code: {finish}: " in model.requests[1].prompt
