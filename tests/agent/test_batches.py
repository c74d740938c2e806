"""Questions in batches: half the price, nothing lost and nothing paid twice, whatever happens in between."""

import itertools

import pytest
from batch_loopback import BatchServer
from helpers import TINY, Inline, finish, numbered

from gapsmith.agent import Archive, Budget, Run, Settings, batching

PRICED = {"openai": "gpt-5", "anthropic": "claude-sonnet-5"}
KINDS = pytest.mark.parametrize("kind", PRICED)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Keys that are none, and no pause between two looks."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test-0123456789")
    monkeypatch.setattr(batching, "FIRST_PAUSE", 0.0)


def different():
    """Answers with a program that no other answer has."""
    count = itertools.count()
    return lambda _: numbered(next(count))


def run_on(server, kind, place, number=None, archive=None, parallel=10, **budget):
    """A run whose model is the server's, in batches."""
    wanted = Settings(
        problem=str(TINY),
        models=(f"{kind}:{PRICED[kind]}",),
        base_url=server.openai_url if kind == "openai" else server.anthropic_url,
        budget=Budget(**budget),
        batch=True,
        parallel=parallel,
    )
    return Run(wanted, archive or Archive(place), number, executor=Inline())


@KINDS
def test_a_run_in_batches(place, kind):
    """All questions go in batches as large as the window, and each answer is recorded once, at half the price."""
    with BatchServer(different()) as server:
        run = finish(run_on(server, kind, place, calls=30))
    calls = run.archive.calls(1)
    assert len(calls) == server.tally.answered == 30
    assert [len(batch.questions) for batch in server.batches.values()] == [10, 10, 10]
    assert server.tally.requests == 0  # none was asked alone
    assert {call.detail["batch"] for call in calls.values()} == set(server.batches)
    assert sum(call.tokens_out for call in calls.values()) == server.tally.tokens_out
    fresh, cached, output = {"openai": (1.25, 0.125, 10.0), "anthropic": (2.0, 0.2, 10.0)}[kind]
    told = server.tally
    paid = (
        (told.tokens_in - told.tokens_cached) * fresh + told.tokens_cached * cached + told.tokens_out * output
    )
    assert run.ledger.usd == pytest.approx(paid / 2e6, rel=1e-9)
