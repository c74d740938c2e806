"""What the calls of a run cost, and what that bought."""

import json

import pytest
from helpers import Threaded, finish, job

from gapsmith.agent import Archive
from gapsmith.agent.archive import CallRow, CandidateRow
from gapsmith.agent.archive.costs import summarise_costs
from gapsmith.agent.cli.app import main
from gapsmith.agent.runs.final.encoding import encode_spending

SLOTS = (
    # operator, model, gap in training, gate, dollars, tokens in, cached, out
    ("rule", "", 9.0, "passed", None, 0, 0, 0),
    ("refine", "a", 8.0, "passed", 0.5, 100, 0, 10),
    ("refine", "b", 8.5, "", 0.25, 100, 50, 10),
    ("tune", "", 7.0, "passed", None, 0, 0, 0),
    ("merge", "a", 7.5, "", 0.5, 100, 100, 10),
    ("merge", "a", None, "", 1.0, 100, 100, 10),
    ("merge", "b", 6.0, "held back", 0.25, 100, 50, 10),
    ("refine", "a", 5.0, "passed", 0.5, 100, 0, 10),
)


@pytest.fixture
def kept(place):
    """An archive with a run of the slots above."""
    archive = Archive(place)
    run = archive.start("tiny", "a+b", 0, {})
    for slot, (operator, model, gap, gate, usd, tokens_in, cached, out) in enumerate(SLOTS):
        row = CandidateRow(run=run, slot=slot, operator=operator, model=model, train_gap=gap, gate=gate)
        fields = {"template": "", "system": "", "prompt": "", "reply": "", "tokens_in": tokens_in}
        call = CallRow(
            run=run,
            slot=slot,
            model=model,
            operator=operator,
            usd=usd,
            tokens_cached=cached,
            tokens_out=out,
            **fields,
        )
        archive.answer(row, call if model else None)
    return archive


def test_an_improvement_is_better_than_all_before_it(kept):
    """A best beats every earlier slot, rules and tuned programs included; a champion passed the gate."""
    found = summarise_costs(kept, 1)
    improved = {spent.name: (spent.bests, spent.champions) for spent in (*found.models, *found.operators)}
    assert improved == {"a": (2, 2), "b": (1, 0), "refine": (2, 2), "merge": (1, 0)}
    assert (found.whole.bests, found.whole.champions, found.whole.calls) == (3, 2, 6)


def test_the_end_of_a_run_takes_nothing_from_what_came_before(kept):
    """The shortened winner, slot -1 with the best gap of all, is no earlier program than the others."""
    before = summarise_costs(kept, 1)
    kept.answer(CandidateRow(run=1, slot=-1, operator="shorten", train_gap=1.0))
    assert summarise_costs(kept, 1) == before
    assert before.whole.usd_per_best == 1.0


def test_all_calls_are_paid_for_by_what_they_improved(kept):
    """Cost-of-pass counts the dollars of every call, also of those that gave nothing."""
    found = summarise_costs(kept, 1)
    (a, b), (merge, refine) = found.models, found.operators
    assert (a.usd, a.usd_per_best, a.usd_per_champion) == (2.5, 1.25, 1.25)
    assert (b.usd, b.usd_per_best, b.usd_per_champion) == (0.5, 0.5, None)
    assert (merge.usd_per_best, merge.usd_per_champion) == (1.75, None)
    assert refine.usd_per_champion == 0.625
    assert found.whole.usd_per_champion == 1.5


def test_the_hit_rate_is_of_tokens(kept):
    """The cached share is that of input tokens which came from the provider's cache."""
    found = summarise_costs(kept, 1)
    assert [spent.cached_share for spent in found.models] == [0.5, 0.5]
    assert found.whole.cached_share == 0.5


def test_an_unknown_price_makes_the_sum_unknown(place):
    """Where the price of one call is not known, no sum is shown as if it were."""
    run = finish(job(place, model=Threaded(usd=lambda slot: None if slot == 5 else 0.01), calls=6))
    found = summarise_costs(run.archive, 1).whole
    assert (found.calls, found.usd, found.usd_per_best) == (6, None, None)
    assert found.tokens_in == 42


def test_a_run_without_calls_has_no_shares(place):
    """Nothing is divided by nothing."""
    archive = Archive(place)
    found = encode_spending(summarise_costs(archive, archive.start("tiny", "offline", 0, {})))
    assert (found["calls"], found["usd"], found["cached_share"], found["usd_per_champion"]) == (
        0,
        0.0,
        None,
        None,
    )
    assert (found["models"], found["operators"]) == ([], [])


def test_every_report_says_what_the_calls_cost(place, capsys):
    """The report's sums are those of the archive; `explain` has them for a run that was not reported."""
    run = finish(job(place, model=Threaded(usd=lambda slot: 0.01), calls=6))
    report = run.report()
    calls = run.archive.read_calls(1).values()
    assert report.spending.whole.usd == pytest.approx(sum(call.usd for call in calls))
    assert report.spending.whole.calls == report.calls == 6
    assert report.usd == pytest.approx(report.spending.whole.usd)
    with pytest.raises(SystemExit):
        main(["explain", "1", "--archive", place, "--json"])
    told = json.loads(capsys.readouterr().out)["spending"]
    assert (told["calls"], told["tokens_in"], len(told["operators"])) == (
        6,
        42,
        len(report.spending.operators),
    )
    with pytest.raises(SystemExit):
        main(["explain", "1", "--archive", place])
    assert "what the calls cost" in capsys.readouterr().out
