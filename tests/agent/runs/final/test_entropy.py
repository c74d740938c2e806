"""The last instances are drawn when the last program is written: nothing that was written can know them."""

from dataclasses import replace

import pytest
from helpers import Inline, Scripted, Threaded, finish, job, numbered, reply_with, tiny

from gapsmith.agent.codegen.replies.markdown import find_fenced
from gapsmith.agent.evaluation.compare import Entrant, find_entrants, run_all
from gapsmith.agent.models import ReplayModel, write_recording
from gapsmith.agent.models.offline.model import OfflineModel
from gapsmith.agent.runs.final.entropy import Source, draw_final_seed, find_last_drawn, find_source
from gapsmith.agent.runs.final.selection import UNSEEN_FROM, make_unseen
from gapsmith.agent.runs.recording import record_run
from gapsmith.evaluators.base import Split

SEED = 3


def drawn(run):
    """The seed that a finished run draws."""
    return draw_final_seed(run.archive, run.number, run.models, SEED)


def foreseen():
    """The instances that a run of this seed could be expected to end with, if they followed from a seed."""
    problem, found = tiny(), []
    for seed in (0, SEED):
        found += problem.generate_instances(Split.TEST, seed)
        found += problem.generate_instances(Split.VALIDATION, seed, 16, start=UNSEEN_FROM)
    return found


def by_heart(instances):
    """A reply that knows the optima of these instances, and sorts all others by due dates."""
    known = {
        str([i.data["p"].tolist(), i.data["d"].tolist()]): list(tiny().baseline(i, 1.0).solution)
        for i in instances
    }
    return reply_with(
        f"known = {known!r}\n"
        "found = known.get(str([p.tolist(), d.tolist()]))\n"
        "return found if found else np.argsort(d, kind='stable')"
    )


def test_a_test_learnt_by_heart_is_not_met(place):
    """A program with a table of the tests and claims of seed 0 and of the run's seed is as good as without it."""
    learnt = by_heart(foreseen())
    run = finish(job(place, model=Scripted([learnt], 3), calls=1))
    run.report()
    last = make_unseen(run.problem, drawn(run))
    digests = {i.digest for i in (*run.supply.test(drawn(run)), *last.selection, *last.claim)}
    assert not digests & {i.digest for i in foreseen()}
    programs = [
        Entrant("learnt", find_fenced(learnt)[0].texts[0]),
        *find_entrants(run.problem, ["EDD"], None),
    ]
    one, other = (run_all(run.problem, each, last.claim, Inline()) for each in programs)
    assert [score.cost for score in one] == [score.cost for score in other]


def test_equal_runs_of_deterministic_models_draw_alike(place, tmp_path):
    """The seed is a hash of all that was written: equal programs, equal instances; another program, others."""
    seeds = [
        drawn(finish(job(str(tmp_path / f"{k}.db"), model=Scripted([numbered(last)], 3), calls=1)))
        for k, last in enumerate((7, 7, 8))
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    assert find_source([OfflineModel()]) is Source.DECISIONS


def test_other_models_get_entropy(tmp_path):
    """Two runs with the same programs draw differently where a model could plan for the draw."""
    runs = [finish(job(str(tmp_path / f"{k}.db"), model=Threaded(), calls=1)) for k in range(2)]
    assert find_source(runs[0].models) is Source.ENTROPY
    assert drawn(runs[0]) != drawn(runs[1])


def test_what_was_drawn_is_kept_until_more_is_written(place):
    """Resumed at its end a run has the same last instances; once it has gone on, others."""
    run = finish(job(place, model=Threaded(), calls=2))
    first = drawn(run)
    again = finish(job(place, model=Threaded(), calls=2, number=1))
    assert drawn(again) == find_last_drawn(again.archive, 1) == first
    longer = finish(job(place, model=Threaded(), calls=5, number=1))
    assert drawn(longer) == find_last_drawn(longer.archive, 1) != first


def test_a_replay_repeats_the_last_instances(place, tmp_path):
    """The recording carries what was drawn, and the replay's report is on the same instances, cost by cost."""
    run = finish(job(place, model=Threaded(), calls=3))
    report = run.report()
    path = tmp_path / "r.jsonl"
    found = record_run(run.archive, run.archive.run(1))
    write_recording(path, found.lines, found.header)
    model = ReplayModel(path)
    assert (model.has_choices, find_source([model])) == (True, Source.RECORDING)
    replay = finish(job(str(tmp_path / "b.db"), model=model, calls=3, executor=Inline()))
    costs = [[score.cost for score in each.report().reference.scores] for each in (run, replay)]
    assert costs[0] == costs[1] == [score.cost for score in report.reference.scores]
    assert drawn(replay) == drawn(run)


@pytest.mark.parametrize("forged", [0, 12345])
def test_a_forged_seed_in_a_recording_of_a_deterministic_run_is_not_taken(place, tmp_path, forged):
    """Where the seed follows from the decisions, a recording that says another one is not believed."""
    run = finish(job(place, model=Scripted([numbered(7)], 3), calls=1))
    expected = drawn(run)
    found = record_run(run.archive, run.archive.run(1))
    header = replace(found.header, has_choices=False, final_seed=forged)
    write_recording(tmp_path / "r.jsonl", found.lines, header)
    replay = finish(job(str(tmp_path / "b.db"), model=ReplayModel(tmp_path / "r.jsonl"), calls=1))
    assert drawn(replay) == expected != forged
