"""`--batch` for word problems: half the price, nothing paid twice, whatever happens in between."""

import json
import os
import re
import signal

import pytest
from batch_loopback import BatchServer
from helpers import Crash, Inline, dying
from words import answering, ordered, reply_with, write_set

from gapsmith.agent.archive import Archive
from gapsmith.agent.cli import modelling as commands
from gapsmith.agent.cli.app import main
from gapsmith.agent.modelling.benchmark import ask_all
from gapsmith.agent.modelling.job import open_job
from gapsmith.agent.modelling.question import read_questions
from gapsmith.agent.models.hosted.transport import rate_limit as pacing
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.loop import batches as batching
from gapsmith.evaluators.base import UsageError

MODELS = {"openai": "openai:gpt-5", "anthropic": "anthropic:claude-sonnet-5"}
KINDS = pytest.mark.parametrize("kind", MODELS)
ENDS = ["right", "right", "wrong"]
BROKEN = reply_with("return 1 / 0")


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Keys that are none, and no pause between two looks."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test-0123456789")
    monkeypatch.setattr(batching, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(pacing, "FIRST_WAIT_SECONDS", 0.0)


@pytest.fixture
def file(tmp_path):
    """A set of three questions."""
    return write_set(tmp_path / "set.jsonl", {"a": 1, "b": 2, "c": 4})


def say(prompt):
    """Answers the first question at once, the second after a repair, the third wrongly."""
    if "<b>" in prompt and "ZeroDivisionError" not in prompt:
        return BROKEN
    return answering({"a": 1, "b": 2, "c": 3}[re.search("<([abc])>", prompt)[1]])


def open_bench(server, kind, place, number=None, archive=None, **changes):
    """Opens a job that asks the server in batches, without a sandbox."""
    url = server.openai_url if kind == "openai" else server.anthropic_url
    given = {"model": MODELS[kind], "base_url": url, "parallel": None, "batch": True}
    return open_job(ordered(**{**given, **changes}), archive or Archive(place), number, (), Inline())


def bench(server, kind, file, place, **changes):
    """Asks all questions; returns the kinds of their answers."""
    with open_bench(server, kind, place, **changes) as found:
        return [each.kind for each in ask_all(found, read_questions(file))]


def sizes(server):
    """The questions of each batch."""
    return [len(batch.questions) for batch in server.batches.values()]


def check_paid_once(server, place, calls):
    """Every question was sent in one batch, is recorded as it was sent, and was paid for once."""
    recorded = Archive(place).read_calls(1)
    assert sum(sizes(server)) == len(recorded) == server.record_tallies.answered == calls
    assert set(server.billed.values()) == {1}
    for batch in server.batches.values():
        for id_, question in batch.questions.items():
            call = recorded[int(id_.rpartition("-")[2])]
            assert call.prompt == server.prompt_of(batch.endpoint, question)
            assert call.detail["batch"] == batch.id


@KINDS
def test_questions_go_in_one_batch_and_repairs_in_the_next(file, place, kind):
    """All samples travel together, at half the price, and only repairs need another batch."""
    with BatchServer(say, looks=2) as server:
        assert bench(server, kind, file, place, samples=2) == ENDS
        assert sizes(server) == [6, 2]
        assert server.record_tallies.requests == 0  # none was asked alone
        check_paid_once(server, place, 8)
    told = server.record_tallies
    fresh, cached, output = {"openai": (1.25, 0.125, 10.0), "anthropic": (2.0, 0.2, 10.0)}[kind]
    paid = (
        (told.tokens_in - told.tokens_cached) * fresh + told.tokens_cached * cached + told.tokens_out * output
    )
    calls = Archive(place).read_calls(1).values()
    assert sum(call.usd for call in calls) == pytest.approx(paid / 2e6, rel=1e-9)


def test_the_size_of_a_batch_is_that_of_parallel(file, place):
    """`--parallel 2` sends two questions at a time; without it a batch has up to 128."""
    with BatchServer(say) as server:
        assert bench(server, "openai", file, place, parallel=2) == ENDS
        assert sizes(server) == [2, 2]
    assert ordered(parallel=None, batch=True).window == 128
    assert ordered(parallel=None).window == 8


@pytest.mark.parametrize("commits", range(3, 15))
def test_dying_at_any_commit_pays_for_nothing_twice(file, place, commits):
    """Whatever commit a run dies at, resuming collects the batches that are at the provider."""
    kind = list(MODELS)[commits % 2]
    with BatchServer(say, looks=2) as server:
        archive = Archive(place)
        with pytest.raises(Crash):
            bench(server, kind, file, place, archive=dying(archive, commits))
        archive.close()
        assert bench(server, kind, file, place, number=1) == ENDS
        check_paid_once(server, place, 4)


def test_a_resumed_batch_keeps_the_questions_as_they_were_sent(file, place):
    """Where prompts are worded otherwise by then, the archive has those that were answered."""
    with BatchServer(say, looks=10**9) as server:
        with open_bench(server, "openai", place) as found:
            server.on_look = found.stop.set
            ask_all(found, read_questions(file))
        server.on_look, server.looks = None, 1
        file.write_text(file.read_text().replace("how much?", "how much in all?"))
        assert bench(server, "openai", file, place, number=1) == ENDS
        check_paid_once(server, place, 4)
    assert ["in all?" in call.prompt for _, call in sorted(Archive(place).read_calls(1).items())] == [
        False, False, False, True,
    ]  # fmt: skip


def test_dollars_are_a_wall_for_batches_too(file, place):
    """What a batch may cost is set aside before it is sent, so that a question waits for room."""
    with BatchServer(say) as server:
        bench(server, "openai", file, place, budget=Budget(calls=9, usd=0.2))
        assert sizes(server)[0] == 2
    assert 0 < sum(call.usd for call in Archive(place).read_calls(1).values()) <= 0.2


def test_time_is_a_wall_for_batches_too(file, place):
    """When the time is used up nobody waits for the batch, and its questions count as not asked."""
    with BatchServer(say, looks=10**9) as server:
        ends = bench(server, "openai", file, place, budget=Budget(calls=9, seconds=0.3))
    assert ends == ["not asked"] * 3


def test_models_without_batches_are_refused(place):
    """Before anything is recorded, the message says which models have batches."""

    class Recorded:
        name, deterministic = "replay:none", True

        def bound_usd(self, _length):
            return 0.0

    archive = Archive(place)
    opened = open_job(ordered(batch=True), archive, None, (Recorded(),), Inline())
    with pytest.raises(
        UsageError, match="--batch is for models of openai: and anthropic:; found replay:none"
    ):
        opened.__enter__()
    assert archive.list_runs() == []


@pytest.fixture
def gapsmith(capsys, monkeypatch, tmp_path):
    """Runs the command line without sandboxes; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "open_job", lambda *order: open_job(*order, (), Inline()))

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return left.value.code or 0, said.out, " ".join(said.err.split())

    return call


def test_a_stopped_bench_is_collected_by_resume(gapsmith, file, place):
    """A stopped `bench --batch` names its batch and how it is collected; `resume` scores the answers."""
    with BatchServer(say, looks=10**9) as server:

        def interrupt():
            server.on_look = None
            os.kill(os.getpid(), signal.SIGINT)

        server.on_look = interrupt
        options = ("--model", "openai:gpt-5", "--batch", "--base-url", server.openai_url, "--archive", place)
        code, out, err = gapsmith("bench", "modelling", file, *options)
        assert (code, out) == (130, "")
        (id_,) = server.batches
        assert f"run 1 stopped, {id_} with 3 requests continues at openai:gpt-5; continue with:" in err
        server.looks = 1
        code, out, err = gapsmith("resume", "--json", "--archive", place)
        assert code == 0, err
        assert json.loads(out)["calls"] == 4
        check_paid_once(server, place, 4)


def test_the_samples_of_one_question_travel_together(gapsmith, tmp_path):
    """`model --batch --samples 3` is one batch of three."""
    (tmp_path / "question.txt").write_text("How much does <a> earn?")
    with BatchServer(say) as server:
        asked = ("model", "question.txt", "--model", "openai:gpt-5", "--base-url", server.openai_url)
        code, out, err = gapsmith(*asked, "--batch", "--samples", 3, "--json")
        assert code == 0, err
        assert sizes(server) == [3]
    assert json.loads(out)["objective"] == 1
