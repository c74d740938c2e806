"""Questions in batches: half the price, nothing lost and nothing paid twice, whatever happens in between."""

import itertools
import os
import signal
from dataclasses import replace

import pytest
from batch_loopback import BatchServer, kind_of
from helpers import TINY, Crash, Inline, crash, finish, numbered
from loopback import BROKEN, Fault

from gapsmith.agent import Archive, Budget, Run, Settings
from gapsmith.agent.archive import BatchRow
from gapsmith.agent.cli.app import main
from gapsmith.agent.cli.terminal.progress import describe_batch
from gapsmith.agent.models import ModelError
from gapsmith.agent.models.hosted.batch.base import TRIES
from gapsmith.agent.models.hosted.transport import rate_limit as pacing
from gapsmith.agent.runs.loop import batches as batching
from gapsmith.evaluators.base import UsageError

PRICED = {"openai": "gpt-5", "anthropic": "claude-sonnet-5"}
KINDS = pytest.mark.parametrize("kind", PRICED)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Keys that are none, and no pause between two looks."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test-0123456789")
    monkeypatch.setattr(batching, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(pacing, "FIRST_WAIT_SECONDS", 0.0)


def different():
    """Answers with a program that no other answer has."""
    count = itertools.count()
    return lambda _: numbered(next(count))


def run_on(server, kind, place, number=None, archive=None, parallel=10, batch=True, **budget):
    """A run whose model is the server's, in batches."""
    wanted = Settings(
        problem=str(TINY),
        models=(f"{kind}:{PRICED[kind]}",),
        base_url=server.openai_url if kind == "openai" else server.anthropic_url,
        budget=Budget(**budget),
        batch=batch,
        parallel=parallel,
    )
    return Run(wanted, archive or Archive(place), number, executor=Inline())


@KINDS
def test_a_run_in_batches(place, kind):
    """All questions go in batches as large as the window, and each answer is recorded once, at half the price."""
    with BatchServer(different()) as server:
        run = finish(run_on(server, kind, place, calls=30))
    calls = run.archive.read_calls(1)
    assert len(calls) == server.record_tallies.answered == 30
    assert [len(batch.questions) for batch in server.batches.values()] == [10, 10, 10]
    assert server.record_tallies.requests == 0  # none was asked alone
    assert {call.detail["batch"] for call in calls.values()} == set(server.batches)
    assert sum(call.tokens_out for call in calls.values()) == server.record_tallies.tokens_out
    fresh, cached, output = {"openai": (1.25, 0.125, 10.0), "anthropic": (2.0, 0.2, 10.0)}[kind]
    told = server.record_tallies
    paid = (
        (told.tokens_in - told.tokens_cached) * fresh + told.tokens_cached * cached + told.tokens_out * output
    )
    assert run.ledger.usd == pytest.approx(paid / 2e6, rel=1e-9)


def bodies_alone(server, kind, place):
    """The bodies of a run that asks one by one."""
    run = run_on(server, kind, place, batch=False, calls=3)
    finish(run)
    return [received.body for received in server.received]


@KINDS
def test_a_question_is_the_same_alone_and_in_a_batch(place, kind):
    """Each question of a batch is the body that the same run sends alone: cache marks, limits and all."""
    with BatchServer(different()) as server:
        alone = bodies_alone(server, kind, place)
    with BatchServer(different()) as server:
        finish(run_on(server, kind, place + ".b", calls=3))
        together = [body for batch in server.batches.values() for body in batch.questions.values()]
    assert together[0] in alone  # threads send in any order
    assert [set(body) for body in together] == [set(body) for body in alone]


@KINDS
@pytest.mark.parametrize("fate", ["expired", "cancelled", "errored", "missing"])
def test_what_a_batch_leaves_unanswered_is_asked_again(place, kind, fate):
    """What expired, was cancelled, failed or is missing is recorded by kind, and goes with the next batch."""
    with BatchServer(
        different(), fate=lambda slot, times: fate if slot % 3 == 0 and times == 1 else "answered"
    ) as server:
        run = finish(run_on(server, kind, place, calls=12))
        assert set(server.billed.values()) == {1}
    calls = run.archive.read_calls(1)
    assert len(calls) == server.record_tallies.answered == 12
    kinds = {"cancelled": {"openai": "cancelled", "anthropic": "canceled"}[kind], "errored": "500"}
    name = kinds.get(fate, fate)
    ends = [row.ends for row in run.archive.read_batches(1)]
    left = [slot for end in ends for slot in end.get(name, [])]
    assert sorted(slot for slot, call in calls.items() if call.detail.get("faults")) == sorted(left)
    assert {calls[slot].detail["faults"] for slot in left} == {name}
    assert sum(len(end["answered"]) for end in ends if "answered" in end) == 12


@KINDS
def test_what_is_never_answered_is_recorded_as_failed(place, kind):
    """A question that no batch answers is asked three times, and costs nothing."""
    with BatchServer(different(), fate=lambda slot, times: "expired") as server:
        run = finish(run_on(server, kind, place, calls=4, parallel=4))
    calls = run.archive.read_calls(1).values()
    assert {(call.detail["finish"], call.usd, call.detail["faults"]) for call in calls} == {
        ("failed", 0.0, " ".join(["expired"] * (TRIES - 1)))
    }
    assert len(calls) == 4
    assert len(server.batches) == TRIES


@KINDS
def test_a_refused_question_is_recorded_and_not_asked_again(place, kind):
    """What a server will not have, it will not have the next day either."""
    with BatchServer(different(), fate=lambda slot, times: "refused") as server:
        run = finish(run_on(server, kind, place, calls=4, parallel=4))
    assert {call.detail["finish"] for call in run.archive.read_calls(1).values()} == {"failed"}
    assert len(server.batches) == 1


CREATE = {"openai": "POST /v1/batches", "anthropic": "POST /v1/messages/batches"}
LOOK = {"openai": "GET /v1/batches/ID", "anthropic": "GET /v1/messages/batches/ID"}
RESULTS = {"openai": "GET /v1/files/ID/content", "anthropic": "GET /v1/messages/batches/ID/results"}
CUT_OFF = Fault(0)
"""The request is carried out, and its response is lost."""


@KINDS
@pytest.mark.parametrize("fault", [BROKEN, CUT_OFF])
@pytest.mark.parametrize("step", [CREATE, LOOK, RESULTS])
def test_a_fault_at_any_step_costs_nothing(place, kind, fault, step):
    """Whatever request fails once, no question is sent twice, and every answer is recorded."""
    with BatchServer(different(), struck={(step[kind], 0): fault}, looks=2) as server:
        run = finish(run_on(server, kind, place, calls=6, parallel=6))
    assert len(run.archive.read_calls(1)) == server.record_tallies.answered == 6
    assert len(server.batches) == 1


def gone_at(place, method, number, kept):
    """An archive whose process is gone at a commit of one kind, right before it or right after."""
    archive, count = Archive(place), itertools.count()
    commit = getattr(archive, method)

    def then(*given):
        if (now := next(count)) == number and not kept:
            raise Crash
        commit(*given)
        if now == number:
            raise Crash

    setattr(archive, method, then)
    return archive


@KINDS
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(
    ("method", "number"),
    [("post", 0), ("post", 1), ("follow", 0), ("follow", 1), ("answer", 3), ("answer", 5)],
)
def test_dying_at_any_commit_pays_for_nothing_twice(place, kind, method, number, kept):
    """Before and after each commit of a batch's life: resume goes on, and no question is sent twice."""
    with BatchServer(different(), looks=2) as server:
        assert crash(
            run_on(server, kind, place, archive=gone_at(place, method, number, kept), calls=8, parallel=4)
        )
        finish(run_on(server, kind, place, number=1, calls=8, parallel=4))
        check_paid_once(server, Archive(place), 8)


def check_paid_once(server, archive, calls):
    """Every question was sent in one batch, answered once, and is recorded as it was sent."""
    recorded = archive.read_calls(1)
    # A real server bills what it has accepted, whoever asks for the results.
    assert sum(len(batch.questions) for batch in server.batches.values()) == calls
    assert len(recorded) == calls
    assert server.record_tallies.answered == calls
    assert set(server.asked.values()) == set(server.billed.values()) == {1}
    sent = {
        id_.rpartition("-")[2]: (batch, question)
        for batch in server.batches.values()
        for id_, question in batch.questions.items()
    }
    for slot, call in recorded.items():
        batch, question = sent[str(slot)]
        assert call.prompt == server.prompt_of(batch.endpoint, question)
        assert call.detail["batch"] == batch.id
    assert sum(call.usd for call in recorded.values()) > 0


@KINDS
@pytest.mark.parametrize("step", [CREATE, LOOK, RESULTS])
def test_dying_between_a_request_and_its_response(place, kind, step):
    """A process that is gone when the server's response comes finds the batch again, and pays for nothing twice."""
    with BatchServer(different(), looks=2) as server:
        run = run_on(server, kind, place, calls=5, parallel=5)
        handle = server.handle

        def gone(request):
            answered = handle(request)
            if _is(step[kind], request):
                run.stop()
                return None
            return answered

        server.handle = gone
        finish(run)
        server.handle = handle
        assert len(Archive(place).read_calls(1)) < 5
        finish(run_on(server, kind, place, number=1, calls=5, parallel=5))
        check_paid_once(server, Archive(place), 5)
        assert len(server.batches) == 1


def _is(step, request):
    return f"{'POST' if request.body else 'GET'} {kind_of(request.path.partition('?')[0])}" == step


@KINDS
def test_a_stop_leaves_the_batch_running(place, kind):
    """Who stops a run waits for no batch; it is named, and resume collects it."""
    with BatchServer(different(), looks=10**9) as server:
        run = run_on(server, kind, place, calls=5, parallel=5)
        server.on_look = run.stop
        finish(run)
        assert [waiting.row.id for waiting in run.loop.waiting] == list(server.batches)
        assert run.archive.run(1).status == "stopped"
        server.on_look, server.looks = None, 1
        finish(run_on(server, kind, place, number=1, calls=5, parallel=5))
        check_paid_once(server, Archive(place), 5)


@KINDS
def test_a_smaller_window_after_a_stop_asks_for_nothing_twice(place, kind):
    """Answers of slots whose turn has not come yet are kept for them."""
    with BatchServer(different(), looks=10**9) as server:
        run = run_on(server, kind, place, calls=8, parallel=8)
        server.on_look = run.stop
        finish(run)
        server.on_look, server.looks = None, 1
        finish(run_on(server, kind, place, number=1, calls=8, parallel=2))
        check_paid_once(server, Archive(place), 8)


@KINDS
def test_a_batch_of_somebody_else_is_not_taken_for_ours(place, kind):
    """When a batch was never accepted, another one of that size and time is looked into, and left alone."""
    with BatchServer(different(), looks=2) as server:
        assert crash(
            run_on(server, kind, place, archive=gone_at(place, "follow", 0, False), calls=4, parallel=4)
        )
        assert [row.state for row in Archive(place).read_batches(1)] == ["sending"]
        server.batches.clear()
        other = finish(run_on(server, kind, place + ".other", calls=4, parallel=4))
        theirs = set(server.batches)
        finish(run_on(server, kind, place, number=1, calls=4, parallel=4))
        ours = Archive(place).read_batches(1)
    assert [row.state for row in ours] == ["lost", "ended"]
    assert ours[1].id not in theirs
    assert len(Archive(place).read_calls(1)) == len(other.archive.read_calls(1)) == 4


def test_a_batch_that_fails_as_a_whole_ends_the_run(place):
    """When a server refuses the whole batch, the run ends with its words, and resume sends it anew."""
    with BatchServer(different(), failed="token_limit_exceeded") as server:
        with pytest.raises(ModelError, match="the file is not valid"):
            finish(run_on(server, "openai", place, calls=4, parallel=4))
        server.failed = ""
        finish(run_on(server, "openai", place, number=1, calls=4, parallel=4))
    assert len(Archive(place).read_calls(1)) == 4
    assert [row.state for row in Archive(place).read_batches(1)] == ["lost", "ended"]


def test_a_wrong_key_ends_the_run_and_the_right_one_goes_on(place, monkeypatch):
    """A batch that cannot be sent is told in one line; nothing is lost by it."""
    with BatchServer(different(), key="sk-right-0123456789") as server:
        with pytest.raises(ModelError, match="OPENAI_API_KEY"):
            finish(run_on(server, "openai", place, calls=4, parallel=4))
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right-0123456789")
        finish(run_on(server, "openai", place, number=1, calls=4, parallel=4))
        assert len(Archive(place).read_calls(1)) == server.record_tallies.answered == 4


def test_a_batch_that_is_gone_is_not_asked_again_by_itself(place, monkeypatch):
    """What the server does not know any more may belong to another key: the run says so, and does not pay twice."""
    with BatchServer(different(), looks=10**9) as server:
        run = run_on(server, "anthropic", place, calls=4, parallel=4)
        server.on_look = run.stop
        finish(run)
        server.on_look = None
        server.batches.clear()
        with pytest.raises(ModelError, match="expected the key and base URL by which it was sent"):
            finish(run_on(server, "anthropic", place, number=1, calls=4, parallel=4))
        assert not server.batches


def test_models_of_several_servers_each_have_their_batches(place, monkeypatch):
    """Of two models, each gets the questions that are its own, in batches of its own."""
    with BatchServer(different()) as one, BatchServer(different()) as two:
        monkeypatch.setenv("OPENAI_BASE_URL", one.openai_url)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", two.anthropic_url)
        wanted = Settings(
            problem=str(TINY),
            models=("openai:gpt-5", "anthropic:claude-sonnet-5"),
            budget=Budget(calls=20),
            batch=True,
            parallel=10,
        )
        run = finish(Run(wanted, Archive(place), executor=Inline()))
        assert one.record_tallies.answered + two.record_tallies.answered == 20
        assert min(one.record_tallies.answered, two.record_tallies.answered) > 0
    assert {row.model for row in run.archive.read_batches(1)} == set(wanted.models)


def test_dollars_are_a_wall_for_batches_too(place):
    """What a batch may cost is set aside before it is sent, by its own price."""
    with BatchServer(different()) as server:
        run = run_on(server, "openai", place, calls=40, usd=0.5, parallel=40)
        most = max(progress.usd for progress in run)
        run.close()
    assert most <= 0.5
    assert max(len(batch.questions) for batch in server.batches.values()) < 10
    assert run.ledger.usd > 0


def test_batches_need_a_model_that_has_them(place):
    """A run in batches is refused for models that answer at once, before anything is recorded."""
    wanted = Settings(problem=str(TINY), budget=Budget(calls=4), batch=True)
    with pytest.raises(UsageError, match="--batch is for models of openai: and anthropic:; found offline"):
        Run(wanted, Archive(place), executor=Inline())
    assert Archive(place).list_runs() == []


@pytest.mark.parametrize(("calls", "window"), [(20, 4), (200, 25), (100_000, 128)])
def test_batches_are_few_and_large(calls, window):
    """The window is wider than without batches: a large one takes no longer than a small one."""
    alone = Settings(problem="p", budget=Budget(calls=calls))
    assert replace(alone, batch=True).window == window >= alone.window
    assert replace(alone, batch=True, parallel=7).window == 7


def test_a_batch_is_told_while_it_is_waited_for():
    """The progress line says whose answers are waited for, how many are there, and since when."""
    row = BatchRow(name="n", run=1, model="openai:gpt-5", system="", slots={"3": {}, "4": {}}, made=1000.0)
    words = describe_batch(batching.BatchStatus(row, done=1), now=1000.0 + 7300.0)
    assert words == "waiting for a batch: 1 of 2 by openai:gpt-5, 121 min"


def test_the_command_line_says_which_batch_goes_on(place, capsys):
    """A stopped run names its batch and how it is collected; `--batch` is kept with the run."""
    with BatchServer(different(), looks=10**9) as server:

        def interrupt():
            server.on_look = None
            os.kill(os.getpid(), signal.SIGINT)

        server.on_look = interrupt
        words = ["run", str(TINY), "--model", "openai:gpt-5", "--batch", "--calls", "4", "--parallel", "4"]
        place_words = ["--base-url", server.openai_url, "--archive", place, "--allow-weak-isolation"]
        with pytest.raises(SystemExit) as left:
            main([*words, *place_words])
        assert left.value.code == 130  # interrupted, as by Ctrl-C
        said = " ".join(capsys.readouterr().err.split())
        assert "continues at openai:gpt-5" in said
        (id_,) = server.batches
        assert (
            f"run 1 stopped, {id_} with 4 requests continues at openai:gpt-5; continue with: gapsmith resume 1"
            in said
        )
    assert Archive(place).run(1).config["batch"] is True
