"""Tuning in a whole run: constants are improved outside the model, within the budget, and nothing of it is lost."""

import pytest
from helpers import (
    Counting,
    Scripted,
    Shuffled,
    finish,
    job,
    numbered,
    photographed,
    reply_with,
    shorten_tuning,
    tiny,
)

from gapsmith.agent.runs.loop.compose import recall_choice
from gapsmith.agent.search.operators import BY_NAME
from gapsmith.agent.search.tuning.parameters import find_parameters

TRIES = '''Swaps.
```python
import numpy as np

PARAMS = {"tries": (2, 1, 60)}


def schedule(p, d):
    """Swaps that pay, from the order of due dates."""
    rng, order = np.random.default_rng(1), np.argsort(d, kind="stable")
    best = np.maximum(np.cumsum(p[order]) - d[order], 0).sum()
    for _ in range(PARAMS["tries"][0]):
        i, j = rng.integers(0, len(p), 2)
        other = order.copy()
        other[i], other[j] = order[j], order[i]
        cost = np.maximum(np.cumsum(p[other]) - d[other], 0).sum()
        if cost <= best:
            order, best = other, cost
    return order
```
'''


MOST = 9 * 4
"""Instances of a tuning here: the program as it is and eight trials, on four instances each."""


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Tuning that fits into a short run."""
    shorten_tuning(monkeypatch)


def tuning_run(place, **changes):
    """A run of one rule whose model first returns a program with a bad default, then ever others."""
    problem = tiny()
    texts = [TRIES, *(numbered(slot) for slot in range(1, 30))]
    changes = {"model": Scripted(texts, 1), "calls": 8, **changes}
    return job(place, problem=tiny(rules=problem.rules[:1]), **changes)


def tunings(run):
    """The slots in which constants were tuned."""
    return [row for row in run.archive.read_candidates(1).values() if row.operator == "tune"]


def test_a_bad_default_is_tuned(place):
    """The tuned program is a candidate of its own: its parent's child and arm, better, and among the elites."""
    plain = [
        reply_with(f"return np.argsort({key})") for key in ("p", "-p", "-d", "p * d", "p - d", "p * p", "d")
    ]
    run = finish(tuning_run(place, model=Scripted([TRIES, *plain], 1)))  # no other program has constants
    parent = run.archive.find_candidate(1, 1)
    tuned = next(row for row in tunings(run) if row.parents == [parent.program])
    assert (tuned.arm, tuned.model) == (parent.arm, "")
    assert tuned.outcome == "ok"
    assert tuned.train_gap < parent.train_gap
    assert find_parameters(run.archive.find(tuned.program).source)[0].default > 2
    assert run.loop.state.best.gap <= tuned.train_gap
    (event,) = [e for e in run.archive.read_events(1) if e.kind == "tuned" and e.slot == tuned.slot]
    assert event.detail["after"] < event.detail["before"]
    assert 0 < event.detail["run"] <= MOST


def test_tuning_is_charged(place):
    """What tuning may run counts as evaluations of all training instances, its program besides; calls do not."""
    run = finish(tuning_run(place))
    rows = run.archive.read_candidates(1)
    found = tunings(run)
    set_aside = -(-MOST // 14)
    assert found
    assert run.ledger.evaluations == sum(r.charged for s, r in rows.items() if s) + set_aside * len(found)
    assert run.ledger.calls == 8
    assert all(row.evaluated >= MOST for row in found)


def test_tuning_has_its_share_and_no_more(place):
    """Where evaluations are short, it runs a third of what the programs of models ran, and the budget holds."""
    run = tuning_run(place, calls=None, evaluations=40)
    for progress in run:
        assert progress.evaluations <= 40
    run.close()
    found = tunings(run)
    assert found
    assert MOST * len(found) <= count_asked(run) * 14 / 3


def test_tuning_has_its_share_where_calls_are_counted(place):
    """It runs no more than the programs of models did, however long it waits."""
    run = finish(tuning_run(place, calls=16))
    assert 0 < MOST * len(tunings(run)) <= count_asked(run) * 14


def count_asked(run):
    """The programs that a model wrote and that were run."""
    return sum(row.charged for row in run.archive.read_candidates(1).values() if row.model)


def test_without_tuning_nothing_is_tuned(place):
    """The part can be switched off."""
    assert tunings(finish(tuning_run(place, without=("tuning",)))) == []


def test_trials_may_end_in_any_order(place, tmp_path):
    """Generations of trials run side by side: whichever ends first, the same program comes of it."""
    expected = finish(tuning_run(place)).archive.compute_fingerprint(1)
    with Shuffled(1) as executor:
        run = finish(tuning_run(str(tmp_path / "other.db"), executor=executor))
    assert run.archive.compute_fingerprint(1) == expected


def test_a_crash_while_constants_are_tuned_is_made_good(tmp_path):
    """Whatever commit around the tuning a run dies at, it ends as if nothing had happened, and asks nobody twice."""
    archive, copies = photographed(tmp_path / "0.db")
    run = finish(tuning_run("", archive=archive))
    expected, disturbed = archive.compute_fingerprint(1), 0
    for place, _ in copies[20::2]:
        other = tuning_run(place, number=1, model=(model := Scripted([TRIES], 1)))
        rows = other.archive.read_candidates(1).values()
        if not any(row.operator == "tune" and row.outcome == "asked" for row in rows):
            continue
        disturbed += 1
        finish(other)
        assert other.archive.compute_fingerprint(1) == expected
        assert model.requests == []
    assert disturbed
    assert tunings(run)


def test_the_tuned_of_a_finished_run_is_not_tuned_again(place):
    """Resuming a run that is done runs nothing."""
    expected = finish(tuning_run(place)).archive.compute_fingerprint(1)
    again = finish(tuning_run(place, number=1, model=Counting()))
    assert again.archive.compute_fingerprint(1) == expected
    assert again.models[0].asked == []


class InThreads(Scripted):
    """Answers in threads: on resume the order of events is not that of the first sitting."""

    deterministic = False


def test_a_tuning_that_was_begun_is_taken_up(tmp_path):
    """Where the order of events is not repeated, an earlier sitting's tunings go on, and nothing is tuned twice."""
    archive, copies = photographed(tmp_path / "0.db")
    texts = [TRIES, *(numbered(slot) for slot in range(1, 30))]
    finish(tuning_run("", archive=archive, model=InThreads(texts, 1)))
    begun = 0
    for place, _ in copies[20::6]:
        other = tuning_run(place, number=1, model=InThreads(texts, 1))
        begun += any(row.outcome == "asked" for row in tunings(other))
        finish(other)
        tuned = [row.parents for row in tunings(other)]
        assert len(tuned) == len(set(map(tuple, tuned)))
        assert all(row.outcome != "asked" for row in tunings(other))
    assert begun


def test_a_tuning_of_a_program_that_is_no_elite_any_more_goes_on(place):
    """What is known of the program from the archive is enough."""
    texts = [TRIES, "```python\ndef schedule(p, d):\n    return []\n```", *map(numbered, range(2, 30))]
    run = finish(tuning_run(place, model=InThreads(texts, 1)))
    rows = run.archive.read_candidates(1).values()
    lost = next(each for each in rows if each.outcome == "infeasible")
    row = tunings(run)[0].model_copy(update={"parents": [lost.program]})
    choice = recall_choice(row, BY_NAME, run.loop.state, run.archive)
    assert choice.parents[0].source == run.archive.find(lost.program).source
