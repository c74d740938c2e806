"""The whole loop over real sockets: a hundred calls of each provider, all recorded with tokens and cost."""

import itertools
from collections import Counter

import pytest
from helpers import TINY, Inline, finish, numbered
from loopback import RATE_LIMITED, Fault, LoopbackServer, Shaped

from gapsmith.agent import Archive, Budget, Run, Settings
from gapsmith.agent.models.base import ModelError
from gapsmith.evaluators.base import UsageError

PRICED = {"openai": "gpt-5", "anthropic": "claude-sonnet-5"}


def run_on(server, kind, place, number=None, **budget):
    """A run whose model is the server's."""
    url = server.openai_url if kind == "openai" else server.anthropic_url
    wanted = Settings(
        problem=str(TINY), models=(f"{kind}:{PRICED[kind]}",), base_url=url, budget=Budget(**budget)
    )
    return Run(wanted, Archive(place), number, executor=Inline())


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """Keys that are none."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test-0123456789")


def different():
    """Answers with programs of their own."""
    numbers = itertools.count()
    return lambda prompt: numbered(next(numbers))


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_hundred_calls_are_all_recorded(kind, place):
    """The archive's tokens are the server's own count, each call has its price, and the sum is the run's."""
    with LoopbackServer(different()) as server:
        run = finish(run_on(server, kind, place, calls=100))
        tally = server.record_tallies
    calls = run.archive.read_calls(1).values()
    assert len(calls) == tally.answered == 100
    assert sum(call.tokens_in for call in calls) == tally.tokens_in
    assert sum(call.tokens_cached for call in calls) == tally.tokens_cached > 0
    assert sum(call.tokens_out for call in calls) == tally.tokens_out > 0
    assert all(call.usd > 0 for call in calls)
    assert sum(call.usd for call in calls) == pytest.approx(run.ledger.usd)
    assert {call.model for call in calls} == {f"{kind}:{PRICED[kind]}"}
    assert len({call.reply_id for call in calls}) == 100
    assert all(call.reply in {numbered(k) for k in range(100)} for call in calls)
    report = run.report()
    assert (report.calls, report.usd) == (100, run.ledger.usd)


def test_the_static_part_is_the_same_for_all_calls(place):
    """All requests of a run share their system prompt, byte for byte, so that providers can cache it."""
    with LoopbackServer(different()) as server:
        run = finish(run_on(server, "openai", place, calls=20))
    assert len({call.system for call in run.archive.read_calls(1).values()}) == 1
    assert len({call.prompt for call in run.archive.read_calls(1).values()}) > 5


def test_a_stumbling_server_costs_no_reply(place):
    """Refusals of a busy server are asked again; what was answered is recorded once."""
    with LoopbackServer(different(), faults=[RATE_LIMITED, None] * 10) as server:
        run = finish(run_on(server, "openai", place, calls=20))
    assert len(run.archive.read_calls(1)) == server.record_tallies.answered == 20
    assert server.record_tallies.requests == 30


def test_dollars_are_a_wall_over_sockets(place):
    """With real prices, the calls of a run cost no more than it may spend."""
    with LoopbackServer(different()) as server:
        probe = finish(run_on(server, "openai", place, calls=1))
        most = max(
            probe.models[0].bound_usd(len(call.system + call.prompt))
            for call in probe.archive.read_calls(1).values()
        )
        run = finish(run_on(server, "openai", place + ".usd", usd=3.5 * most, calls=40))
    calls = run.archive.read_calls(1).values()
    assert sum(call.usd for call in calls) <= 3.5 * most
    assert len(calls) == 40


def test_resume_asks_a_server_for_nothing_twice(place):
    """A second sitting of a run takes the replies of the first from the archive."""
    with LoopbackServer(different()) as server:
        run = run_on(server, "anthropic", place, calls=30)
        for progress in run:
            if progress.calls > 20:
                run.stop()
        run.close()
        first = server.record_tallies.answered
        assert first < 30
        finish(run_on(server, "anthropic", place, 1, calls=30))
        assert server.record_tallies.answered == len(Archive(place).read_calls(1)) == 30


def ended_run(place, *answers, faults=()):
    """The candidates and calls of a run whose calls get these answers, in their order."""
    said = iter(answers)
    with LoopbackServer(lambda prompt: next(said), faults=faults) as server:
        run = finish(run_on(server, "openai", place, calls=len(answers) + sum(f is not None for f in faults)))
    rows = run.archive.read_candidates(1)
    return [rows[slot] for slot in sorted(run.archive.read_calls(1))], run


def test_a_truncated_reply_with_whole_code_is_used(place):
    """Words that are cut off behind the code cost nothing: the program is run, and the call says how it ended."""
    (row,), run = ended_run(place, Shaped(numbered(1) + "It is bet", "truncated"))
    assert row.outcome in ("ok", "raced", "twin")
    (call,) = run.archive.read_calls(1).values()
    assert call.detail["finish"] == "truncated"


def test_a_reply_that_is_cut_inside_its_code_is_recorded_as_such(place):
    """Half a program is not run, even where it can be parsed; the call is paid, and nobody is asked to mend it."""
    half = numbered(1).split("    return")[0] + "    order = d\n"
    (row,), run = ended_run(place, Shaped(half, "truncated"))
    assert (row.outcome, row.charged) == ("truncated", 0)
    assert "max_tokens=" in row.message
    (call,) = run.archive.read_calls(1).values()
    assert call.usd > 0
    assert run.ledger.usd == pytest.approx(call.usd)
    assert not run.loop.state.failures


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Shaped("", "refused"), "refused"), ("", "empty")],
)
def test_replies_without_a_program_are_recorded_by_kind(place, answer, outcome):
    """A refusal and an empty reply are outcomes of their own, and neither is to be mended."""
    (row,), run = ended_run(place, answer)
    assert row.outcome == outcome
    assert not run.loop.state.failures


def test_a_call_that_nobody_answered_is_recorded_as_failed(place):
    """A request that the server rejects fails its slot in the server's words, and costs nothing."""
    bad = Fault(400, {"error": {"message": "the prompt is too long"}})
    rows, run = ended_run(place, numbered(1), faults=[bad])
    assert sorted(row.outcome == "failed" for row in rows) == [False, True]
    failed = next(row for row in rows if row.outcome == "failed")
    assert failed.message.startswith("400: the prompt is too long; a reply may take max_tokens=16000")
    assert run.archive.read_calls(1)[failed.slot].usd == 0.0


def test_resume_knows_how_a_reply_ended(place):
    """A second sitting takes a truncated reply from the archive for what it is."""
    half = Shaped(numbered(1).split("    return")[0], "truncated")
    (row,), _ = ended_run(place, half)
    with LoopbackServer(different()) as server:
        again = finish(run_on(server, "openai", place, 1, calls=1))
        assert server.record_tallies.requests == 0
    assert again.archive.read_candidates(1)[row.slot].outcome == "truncated"


REFUSALS = {
    "key": (
        Fault(401, {"error": {"message": "Incorrect API key provided: sk-test-0123456789"}}),
        "OPENAI_API_KEY",
    ),
    "credit": (
        Fault(429, {"error": {"code": "insufficient_quota", "message": "no quota left"}}),
        "top it up",
    ),
    "wait": (
        Fault(429, {"error": {"message": "daily limit"}}, {"retry-after": "40000"}),
        "resume after that",
    ),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_run_that_is_refused_keeps_all_and_goes_on_later(place, reason):
    """No key, no credit, no more today: one line that says what to do; what was paid for is not paid for again."""
    refusal, advice = REFUSALS[reason]
    faults = itertools.chain([None] * 20, itertools.repeat(refusal))
    with LoopbackServer(different(), faults=faults) as server:
        run = run_on(server, "openai", place, calls=40)
        with pytest.raises(ModelError) as caught:
            finish(run)
        run.close()
        line = str(caught.value)
        assert advice in line
        assert "resume" in line
        assert "\n" not in line
        assert "0123" not in line
        assert len(Archive(place).read_calls(1)) == server.record_tallies.answered == 20
        assert Archive(place).run(1).status == "failed"
    with LoopbackServer(different()) as server:
        finish(run_on(server, "openai", place, 1, calls=40))
        assert server.record_tallies.answered == 20
    assert len(Archive(place).read_calls(1)) == 40


def test_several_models_share_the_work_by_weight(place):
    """Weights on the command line decide whom the loop asks; `resume` knows them; each call bears its model's name."""
    with LoopbackServer(different()) as server:
        words = tuple(f"openai:{name},url={server.openai_url},weight={w}" for name, w in (("a", 4), ("b", 1)))
        settings = Settings(problem=str(TINY), models=words, budget=Budget(calls=60))
        run = finish(Run(settings, Archive(place), executor=Inline()))
    names = Counter(call.model for call in run.archive.read_calls(1).values())
    assert set(names) == {f"openai:{name},url={server.openai_url}" for name in "ab"}
    assert max(names.values()) > 36
    assert Settings.decode(run.archive.run(1).config).models == words


def test_a_strong_model_is_asked_for_its_operators_alone(place):
    """With operators= one model refines and merges, and the other one does all else."""
    with LoopbackServer(different()) as server:
        cheap, strong = (f"openai:{name},url={server.openai_url}" for name in ("cheap", "strong"))
        words = (cheap, f"{strong},operators=refine+merge")
        settings = Settings(problem=str(TINY), models=words, budget=Budget(calls=40))
        run = finish(Run(settings, Archive(place), executor=Inline()))
    asked = {
        (call.model == strong, call.operator in ("refine", "merge"))
        for call in run.archive.read_calls(1).values()
    }
    assert asked == {(True, True), (False, False)}


def test_a_pool_that_cannot_work_makes_no_run(place):
    """Models that do not fit together are refused before anything is recorded."""
    settings = Settings(problem=str(TINY), models=("offline", "offline"), budget=Budget(calls=4))
    with pytest.raises(UsageError, match="named twice"):
        Run(settings, Archive(place), executor=Inline())
    assert not Archive(place).list_runs()
