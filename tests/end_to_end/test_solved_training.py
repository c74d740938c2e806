"""A solved training set is not asked about: the run ends, and says what it did not spend."""

from dataclasses import replace

import pytest
from helpers import Threaded, crash, dying, finish, job, tiny

from gapsmith.agent.archive import Archive
from gapsmith.agent.reports.runs import describe_early_end
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import Rule


def dynamic_programming(p, d):
    """Optimal order by dynamic programming over sets of jobs."""
    n = len(p)
    best = {0: (0, ())}
    for chosen in range(1, 1 << n):
        end = sum(int(p[j]) for j in range(n) if chosen >> j & 1)
        best[chosen] = min(
            (best[chosen ^ 1 << j][0] + max(0, end - int(d[j])), (*best[chosen ^ 1 << j][1], j))
            for j in range(n)
            if chosen >> j & 1
        )
    return list(best[(1 << n) - 1][1])


def solved_by_a_rule():
    """The tiny problem with a rule that is always optimal."""
    return tiny(rules=(*tiny().rules, Rule("optimal", dynamic_programming, "Held and Karp 1962")))


def test_a_solved_training_set_is_not_asked_about(tmp_path):
    """Nothing is asked once the best program is proven optimal in training; the report says what is left."""
    run = finish(job(str(tmp_path / "a.db"), problem=solved_by_a_rule(), calls=9, whole_budget=False))
    assert run.ledger.calls == 0
    (event,) = [each for each in run.archive.read_events(1) if each.kind == "solved"]
    assert event.detail["instances"] == 14
    again = job(str(tmp_path / "a.db"), problem=solved_by_a_rule(), number=1, calls=9, whole_budget=False)
    early = again.report().early
    again.close()
    assert (early.unspent, early.next_scale, early.own) == ({"calls": 9}, "", False)
    words = describe_early_end(early)
    assert "optimal on all 14 training instances" in words
    assert "Unspent: 9 calls." in words
    assert "--cpu-seconds" in words
    assert "--scale medium" in describe_early_end(replace(early, next_scale="medium"))
    assert "larger instances of your own" in describe_early_end(replace(early, own=True))


def test_hosted_models_are_asked_for_faster_programs(tmp_path):
    """Until none was faster for as many slots as the patience says; the decisions and the report tell it."""
    place, options = str(tmp_path / "a.db"), {"calls": 90, "whole_budget": False, "patience": 5}
    run = finish(job(place, problem=solved_by_a_rule(), model=Threaded(), **options))
    rows = [row for row in run.archive.read_candidates(1).values() if row.model]
    assert {row.operator for row in rows} == {"accelerate"}
    assert 5 <= len(rows) <= 5 + 2 * 16  # what was open already
    kinds = [event.kind for event in run.archive.read_events(1)]
    assert kinds.count("speed") == kinds.count("solved") == 1
    again = job(place, problem=solved_by_a_rule(), model=Threaded(), number=1, **options)
    early = again.report().early
    count = sum(bool(row.model) for row in again.archive.read_candidates(1).values())
    again.close()
    assert early.slots == count
    assert f"none was faster in the last {count} slots" in describe_early_end(early)


def test_the_whole_budget_is_used_where_it_is_asked_for(tmp_path):
    """So are those of runs that were begun before there was an end like this, and where optima are not proven."""
    exact = tiny().baseline
    loose = replace(
        solved_by_a_rule(), baseline=lambda i, s: replace(exact(i, s), lower=exact(i, s).lower - 1)
    )
    for k, (problem, whole) in enumerate([(solved_by_a_rule(), True), (loose, False)]):
        run = finish(job(str(tmp_path / f"{k}.db"), problem=problem, calls=4, whole_budget=whole))
        assert run.ledger.calls == 4
    encoded = {name: value for name, value in run.settings.encode().items() if name != "whole_budget"}
    assert Settings.decode(encoded).whole_budget


@pytest.mark.parametrize("after", [5, 25, 45])
def test_a_run_that_ends_early_is_resumed_alike(tmp_path, after):
    """Wherever it died it ends at the same slot, with the same decisions."""
    place = str(tmp_path / "whole.db")
    expected = finish(job(place, problem=solved_by_a_rule(), calls=9, whole_budget=False))
    half = str(tmp_path / "half.db")
    crash(
        job(
            half, problem=solved_by_a_rule(), archive=dying(Archive(half), after), calls=9, whole_budget=False
        )
    )
    again = finish(
        job(half, problem=solved_by_a_rule(), number=1, archive=Archive(half), calls=9, whole_budget=False)
    )
    assert again.archive.compute_fingerprint(1) == expected.archive.compute_fingerprint(1)
