"""Any run can be recorded and replayed: what is the same then, and what is decided anew."""

import json
from contextlib import suppress

import pytest
from helpers import (
    Counting,
    Inline,
    Shuffled,
    Threaded,
    crash,
    dying,
    finish,
    job,
    numbered,
    shorten_tuning,
    tiny,
)

from gapsmith.agent.archive import Archive
from gapsmith.agent.models import Header, Recorded, ReplayModel, Reply, Request, write_recording
from gapsmith.agent.models.offline.model import OfflineModel
from gapsmith.agent.runs.recording import record_run
from gapsmith.agent.search.strategies import make_portfolio
from gapsmith.evaluators.base import GapsmithError, UsageError
from gapsmith.evaluators.problems.single_machine_tardiness.problem import problem as full


def record(run, path):
    """The recording of a run, in a file."""
    found = record_run(run.archive, run.archive.run(run.number))
    write_recording(path, found.lines, found.header)
    return path


def replay(place, path, **changes):
    """The run of a recording, with the budget that was recorded."""
    model = ReplayModel(path)
    budget = {name: limit for name, limit in model.recording.header.settings["budget"].items() if limit}
    return finish(job(place, model=model, **{**changes, **budget}))


def stopped(place):
    """A run that somebody stops at its 20th slot, long before its budget is used up."""
    run = job(place, evaluations=200)
    for progress in run:
        if progress.slot == 20:
            run.stop()
    run.close()
    return run


def candidates(run):
    """What was asked and what came of it, whatever the numbers of the programs: slot by slot."""
    archive = run.archive
    found = {}
    for slot, row in archive.read_candidates(run.number).items():
        hashes = [archive.find(parent).hash for parent in row.parents]
        program = archive.find(row.program).hash if row.program else None
        found[slot] = row.operator, row.arm, hashes, program
    return found


def scores(run):
    """All costs that the archive holds, by program and instance."""
    digests = [i.digest for split in ("train", "validation") for i in tiny().generate_instances(split, 3)]
    programs = {row.program for row in run.archive.read_candidates(run.number).values() if row.program}
    costs = run.archive.read_score_table(list(programs), digests)
    return {
        (run.archive.find(program).hash, digest): score.cost
        for program, known in costs.items()
        for digest, score in known.items()
    }


@pytest.fixture
def elsewhere(tmp_path):
    """Another archive than the first."""
    return str(tmp_path / "elsewhere.db")


def test_an_offline_run_is_replayed_as_it_was(place, elsewhere, tmp_path):
    """Same candidates, same fingerprint, and no model; the recording holds nothing but replies and settings."""
    run = finish(job(place, evaluations=16))
    path = record(run, tmp_path / "r.jsonl")
    again = replay(elsewhere, path)
    assert candidates(again) == candidates(run)
    assert (
        again.archive.compute_fingerprint(1)
        == run.archive.compute_fingerprint(1)
        == ReplayModel(path).recording.header.fingerprint
    )
    assert not ReplayModel(path).has_choices


def test_a_replay_asks_for_the_same_words(place, elsewhere, tmp_path):
    """Every prompt of a deterministic run is rendered alike, byte for byte, and has the same reply."""
    run = finish(job(place, calls=8))
    again = replay(elsewhere, record(run, tmp_path / "r.jsonl"))
    said = [
        [
            (c.slot, c.system, c.prompt, c.reply, c.tokens_in, c.usd, c.template)
            for c in each.archive.read_calls(1).values()
        ]
        for each in (run, again)
    ]
    assert said[0] == said[1]
    assert len(said[0]) == 8


def test_a_run_in_which_everything_happens(place, elsewhere, tmp_path, monkeypatch):
    """Several trajectories, tuned constants and cuts: they follow from the replies and the settings."""
    shorten_tuning(monkeypatch)
    run = finish(job(place, strategies=make_portfolio(900), evaluations=40))
    assert "tune" in {row.operator for row in run.archive.read_candidates(1).values()}
    again = replay(elsewhere, record(run, tmp_path / "r.jsonl"), strategies=make_portfolio(900))
    assert again.archive.compute_fingerprint(1) == run.archive.compute_fingerprint(1)


def test_a_resumed_run_is_replayed_as_if_it_had_not_been_killed(place, elsewhere, tmp_path):
    """What was killed and resumed has the recording of a run that was not."""
    run = job(place, archive=dying(Archive(place), 60), evaluations=20)
    assert crash(run)
    resumed = finish(job(place, number=run.number, evaluations=20))
    again = replay(elsewhere, record(resumed, tmp_path / "r.jsonl"))
    assert again.archive.compute_fingerprint(1) == resumed.archive.compute_fingerprint(1)


def test_the_replay_of_a_replay(place, elsewhere, tmp_path):
    """A recording of a replay is the recording, but for who answered."""
    first = record(finish(job(place, evaluations=12)), tmp_path / "r.jsonl")
    second = record(replay(elsewhere, first), tmp_path / "s.jsonl")
    texts = [
        [(line.slot, line.reply.text) for line in ReplayModel(path).recording.lines]
        for path in (first, second)
    ]
    assert texts[0] == texts[1]


# Runs that no seed gives again


class Slow(Threaded):
    """Answers of the offline model, once so many came together: in an order that is nobody's."""

    def __init__(self, name, together=1):
        super().__init__(together=together)
        self.name, self._offline = name, OfflineModel()

    def _answer(self, request):
        with self._lock:
            found = self._offline.reply(request)
        return Reply(text=found.text, usd=0.01)


@pytest.fixture(scope="module")
def threaded(tmp_path_factory):
    """A run that asked two models in threads, and tuned constants."""
    place = str(tmp_path_factory.mktemp("threaded") / "a.db")
    with pytest.MonkeyPatch.context() as patch, Shuffled(4) as executor:
        shorten_tuning(patch)
        models = [Slow("one", together=3), Slow("two")]
        settings = {"strategies": make_portfolio(300), "problem": tiny(grammar=full.grammar), "calls": 24}
        yield finish(job(place, models=models, executor=executor, **settings))


def test_a_threaded_run_is_replayed_to_the_same_candidates(threaded, elsewhere, tmp_path):
    """Whatever the order in which answers came: the same questions, programs and costs, slot by slot."""
    rows = threaded.archive.read_candidates(1).values()
    assert {"one", "two"} <= {row.model for row in rows}
    assert "tune" in {row.operator for row in rows}
    path = record(threaded, tmp_path / "r.jsonl")
    assert ReplayModel(path).has_choices
    again = replay(elsewhere, path, strategies=make_portfolio(300))
    assert candidates(again) == candidates(threaded)
    before, after = scores(threaded), scores(again)
    common = before.keys() & after.keys()
    assert len(common) > 100
    assert {key: before[key] for key in common} == {key: after[key] for key in common}
    assert again.ledger.calls == threaded.ledger.calls == 24


def test_all_replays_of_one_recording_are_alike(threaded, elsewhere, tmp_path):
    """What had depended on the order of the answers is decided in the order of the slots; the calls are kept."""
    path = record(threaded, tmp_path / "r.jsonl")
    one = replay(elsewhere, path, strategies=make_portfolio(300))
    with Shuffled(1) as executor:
        two = replay(str(tmp_path / "third.db"), path, strategies=make_portfolio(300), executor=executor)
    assert one.archive.compute_fingerprint(1) == two.archive.compute_fingerprint(1)
    kept = [
        [(c.slot, c.model, c.reply, c.usd, c.detail) for c in run.archive.read_calls(1).values()]
        for run in (threaded, one)
    ]
    assert kept[0] == kept[1]
    assert one.ledger.usd == pytest.approx(threaded.ledger.usd)


def test_a_run_that_was_stopped_ends_where_it_was_stopped(place, elsewhere, tmp_path):
    """Behind the last recorded reply nothing is asked, and the replay is at its end without trouble."""
    run = stopped(place)
    again = replay(elsewhere, record(run, tmp_path / "r.jsonl"))
    assert candidates(again) == candidates(run)
    assert again.archive.compute_fingerprint(1) == run.archive.compute_fingerprint(1)


def test_a_run_that_was_stopped_before_a_tuning_is_not_tuned_in_the_replay(
    place, elsewhere, tmp_path, monkeypatch
):
    """A tuning needs no reply, and yet none is begun behind the recorded end."""
    shorten_tuning(monkeypatch)
    run = stopped(place)
    again = replay(elsewhere, record(run, tmp_path / "r.jsonl"))
    assert candidates(again) == candidates(run)
    assert again.archive.compute_fingerprint(1) == run.archive.compute_fingerprint(1)


def test_a_recording_that_does_not_say_how_many_slots_there_were_is_replayed(place, elsewhere, tmp_path):
    """One of an earlier version ends with its last reply."""
    run = finish(job(place, evaluations=12))
    path = record(run, tmp_path / "r.jsonl")
    first, *lines = path.read_text().splitlines()
    header = json.loads(first)
    assert header.pop("slots") == max(candidates(run)) + 1
    path.write_text("\n".join([json.dumps(header), *lines]) + "\n")
    assert candidates(replay(elsewhere, path)) == candidates(run)


def test_money_and_time_are_no_part_of_a_seed(place, elsewhere, tmp_path):
    """Where a search could end by dollars or seconds, its choices are told."""
    run = finish(job(place, model=Counting(), calls=6, seconds=1000.0))
    path = record(run, tmp_path / "r.jsonl")
    assert ReplayModel(path).has_choices
    assert candidates(replay(elsewhere, path)) == candidates(run)


def test_a_gap_is_a_reply_that_did_not_come(tmp_path):
    """A slot that was asked in vain has no program in the replay either, and the replay goes on."""
    lines = [Recorded(reply=Reply(text=numbered(k)), slot=k) for k in (3, 5)]
    write_recording(tmp_path / "r.jsonl", lines, Header(settings={}))
    asked = Request(slot=4, operator="refine", system="", prompt="", seed=0, problem=tiny())
    assert ReplayModel(tmp_path / "r.jsonl").reply(asked).detail["finish"] == "failed"


def test_nothing_to_record_is_said(place):
    """A run without a reply has no recording."""
    run = finish(job(place, executor=Inline(), seconds=1e-9))
    with pytest.raises(GapsmithError, match="run 1 has no replies yet"):
        record_run(run.archive, run.archive.run(1))


def test_a_choice_that_nobody_knows(elsewhere, tmp_path):
    """A recording of an operator that this version has not is told in one line."""
    settings = {"problem": "tiny", "budget": {"calls": 3}}
    lines = [Recorded(reply=Reply(text="x"), slot=4, operator="dream", arm="genetic")]
    write_recording(tmp_path / "r.jsonl", lines, Header(settings=settings, has_choices=True))
    with pytest.raises(UsageError, match="slot 4 with operator 'dream'; expected one of refine"):
        job(elsewhere, model=ReplayModel(tmp_path / "r.jsonl"))


def test_no_address_is_recorded(place, tmp_path):
    """A base URL may hold a password: it stays in its archive."""
    run = finish(job(place, calls=2))
    row = run.archive.run(1)
    row.config = {**row.config, "base_url": "http://user:secret@host/v1", "batch": True}
    found = record_run(run.archive, row)
    assert "secret" not in json.dumps(dict(found.header.settings))
    assert found.header.settings["parallel"] == 16


ODD = (
    {"arm": "unknown"},
    {"parents": [99]},
    {"operator": "repair", "parents": []},
    {"operator": "tune", "parents": []},
    {"operator": "tune", "source": "nonsense("},
    {"operator": "merge", "parents": []},
    {"slot": 10**8},
    {"source": ""},
    {"model": ""},
)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: "-".join(odd))
def test_a_choice_that_cannot_have_been_made(elsewhere, tmp_path, odd):
    """What a recording tells of choices may be anything: the replay ends in order, or in words."""
    program = "def schedule(p, d):\n    return d.argsort()\n"
    line = {"slot": 3, "operator": "refine", "model": "m", "arm": "main", "parents": [0], "source": program}
    path = tmp_path / "r.jsonl"
    first = {"recording": 1, "told": True, "slots": 6, "settings": {}}
    lines = (first, {**line, "text": f"```python\n{program}```", **odd})
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    with suppress(GapsmithError):  # and nothing else
        finish(job(elsewhere, model=ReplayModel(path), calls=6))
