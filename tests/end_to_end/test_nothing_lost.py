"""Nothing paid for is lost: `kill -9` at any moment, and `resume` pays for nothing twice."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers import (
    Counting,
    Inline,
    Scripted,
    Threaded,
    crash,
    dying,
    finish,
    job,
    photographed,
    reply_with,
    tiny,
)

from gapsmith.agent import Archive
from gapsmith.agent.models.base import ModelError
from gapsmith.evaluators.base import GapsmithError

CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from helpers import Archive, Inline, Counting, dying, finish, job, kill_myself
place, after = sys.argv[2], int(sys.argv[3])
finish(job(place, archive=dying(Archive(place), after, kill_myself), calls=12))
"""


def number_of(place):
    """The run that the archive holds, if it came so far."""
    runs = Archive(place).list_runs()
    return runs[0].id if runs else None


def calls_of(place):
    """The slots whose replies are kept."""
    return sorted(Archive(place).read_calls(1))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Fingerprints of runs that nothing happened to, by calls."""
    folder = tmp_path_factory.mktemp("undisturbed")

    def of(calls):
        run = finish(job(str(folder / f"{calls}.db"), calls=calls))
        return run.archive.compute_fingerprint(run.number)

    return {calls: of(calls) for calls in (3, 12)}


def test_a_crash_before_any_commit_is_made_good_by_resuming(tmp_path, undisturbed):
    """Whatever commit a run dies at, it ends as if nothing had happened, and no question is asked twice."""
    first = Counting()
    archive, snapshots = photographed(tmp_path / "0.db", lambda: list(first.asked))
    finish(job("", archive=archive, model=first, calls=3))
    for moment, (place, asked) in enumerate(snapshots):
        kept, model = calls_of(place), Counting()
        resumed = finish(job(place, number=number_of(place), model=model, calls=3))
        assert resumed.archive.compute_fingerprint(1) == undisturbed[3], f"died at commit {moment}"
        assert sorted([*kept, *model.asked]) == [3, 4, 5], f"died at commit {moment}"
        # A reply that was about to be committed is the only one that may be asked for again.
        assert set(asked) - set(kept) <= set(asked[-1:])
    assert len(snapshots) > 30


@pytest.mark.parametrize("after", [4, 35, 55])
def test_a_killed_process_is_made_good_by_resuming(place, undisturbed, after):
    """`kill -9` of the real process leaves an archive from which the run ends as if nothing had happened."""
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parents[1]), place, str(after)]
    child = subprocess.run(command, check=False, capture_output=True, text=True)
    assert child.returncode == -signal.SIGKILL, child.stderr
    kept, model, executor = calls_of(place), Counting(), Inline()
    scored = _scored(place)
    resumed = finish(job(place, number=number_of(place), model=model, executor=executor, calls=12))
    assert resumed.archive.compute_fingerprint(resumed.number) == undisturbed[12]
    assert sorted([*kept, *model.asked]) == list(range(3, 15))
    assert not {each.source for each in executor.runner.jobs if len(each.calls) == 12} & scored


def _scored(place):
    """The sources of the programs whose first block of instances the archive has scores of."""
    archive = Archive(place)
    rows = [row for row in archive.read_candidates(1).values() if row.outcome == "ok"]
    return {archive.find(row.program).source for row in rows}


def test_a_run_killed_while_it_reports_ends_with_the_same_report(place):
    """The report after a crash in the sealed test is that of an undisturbed run."""
    run = finish(job(place, calls=12))
    expected = run.report()
    other = Path(place + ".other")
    archive, snapshots = photographed(other)
    disturbed = finish(job("", archive=archive, calls=12))
    searched = len(snapshots)
    disturbed.report()
    (place, _), *_ = snapshots[searched + 2 :]
    resumed = finish(job(place, number=1, calls=12)).report()
    assert (resumed.fingerprint, resumed.best_id, resumed.gain) == (
        expected.fingerprint,
        expected.best_id,
        expected.gain,
    )


# Models that answer in threads


def test_every_reply_of_a_threaded_model_is_kept(place):
    """With sixteen questions under way, all replies come into the archive, none twice."""
    model = Threaded(together=16)
    finish(job(place, model=model, calls=40))
    assert model.peak == 16
    assert calls_of(place) == sorted(model.asked) == sorted(model.answered)


@pytest.mark.parametrize("after", [34, 40, 60, 90])
def test_a_threaded_run_asks_for_nothing_twice(place, after):
    """After a crash, the slots whose replies are kept are not asked again, and the run fills its budget."""
    run = job(place, archive=dying(Archive(place), after), model=Threaded(), calls=30)
    assert crash(run)
    kept, model = calls_of(place), Threaded()
    finish(job(place, number=1, model=model, calls=30))
    assert sorted([*kept, *model.asked]) == calls_of(place) == list(range(3, 33))


def test_a_stop_keeps_what_is_under_way(place):
    """After `stop` nothing more is asked, and the replies that were under way are kept."""
    model = Threaded(together=16)
    run = job(place, model=model, calls=40)
    for progress in run:
        if progress.calls >= 16:
            run.stop()
    run.close()
    assert calls_of(place) == sorted(model.answered)
    assert len(model.asked) < 40
    model = Threaded()
    finish(job(place, number=1, model=model, calls=40))
    assert calls_of(place) == list(range(3, 43))


def test_leaving_the_iteration_keeps_what_is_under_way(place):
    """Who breaks out of the loop over a run loses no reply that was paid for."""
    model = Threaded(together=16)
    run = job(place, model=model, calls=40)
    for progress in run:
        if progress.slot > 2:
            break
    run.close()
    del run
    assert calls_of(place) == sorted(model.answered)


@pytest.mark.parametrize("error", [ModelError("no credit left"), RuntimeError("a bug in a library")])
def test_one_failing_call_loses_no_other(place, error):
    """When a call ends the run, by trouble or by a bug, the replies of the others are kept."""
    model = Threaded(together=16, fail=error, fail_at=(11,))
    with pytest.raises(ModelError, match=str(error)):
        finish(job(place, model=model, calls=40))
    assert calls_of(place) == sorted(model.answered)
    assert len(model.answered) >= 15
    model = Threaded()
    finish(job(place, number=1, model=model, calls=40))
    assert calls_of(place) == list(range(3, 43))


def test_a_deterministic_model_in_trouble_loses_no_evaluation(place):
    """When a recording is at its end, what was answered is evaluated and kept, and the run can go on."""

    class Ending(Scripted):
        def reply(self, request):
            if request.slot >= 7:
                raise ModelError("the recording is exhausted")
            return super().reply(request)

    with pytest.raises(GapsmithError, match="exhausted"):
        finish(
            job(
                place,
                model=Ending([reply_with(f"return np.argsort(d + {k} * p)") for k in range(4)], 3),
                calls=9,
            )
        )
    rows = Archive(place).read_candidates(1)
    assert {slot: row.outcome for slot, row in rows.items() if row.outcome == "asked"} == {}
    assert len(rows) == 7


def test_a_run_out_of_time_still_knows_what_it_found(place):
    """Resuming a run whose seconds are used up takes up all that is kept: it does not forget its programs."""
    run = finish(job(place, calls=12))
    expected = run.report()
    config = {**run.archive.run(1).config, "budget": {"seconds": 5.0}}
    run.archive.finish(1, "searched", 6.0)
    model = Counting()
    resumed = finish(job(place, number=1, model=model, calls=12, seconds=5.0))
    assert model.asked == []
    assert config["budget"]["seconds"] < resumed.ledger.seconds
    assert resumed.report().best_id == expected.best_id
    assert resumed.archive.compute_fingerprint(1) == expected.fingerprint


def test_a_threaded_run_out_of_time_takes_up_what_was_paid_for(place):
    """A gap that a crash left among the replies does not hide those behind it when the time is up."""
    model = Threaded(together=16, fail=ModelError("gone"), fail_at=(5,))
    with pytest.raises(ModelError):
        finish(job(place, model=model, calls=16))
    Archive(place).finish(1, "failed", 6.0)
    slots = [progress.slot for progress in job(place, number=1, model=Threaded(), seconds=5.0)]
    assert sorted(slots) == sorted([0, 1, 2, *model.answered])


def test_a_reader_sees_a_run_while_it_works(place):
    """Another connection reads the archive between two commits of a run, from another thread."""
    run, seen = job(place, calls=4), []
    for progress in run:
        reader = threading.Thread(target=lambda: seen.append(len(Archive(place).read_candidates(1))))
        reader.start()
        reader.join()
        assert seen[-1] >= progress.slot + 1
    run.close()
    assert os.path.exists(place)


def test_the_problem_is_the_tiny_one():
    """The crash tests above are cheap because an instance has at most seven jobs."""
    assert max(len(instance.data["p"]) for instance in tiny().generate_instances("train")) == 7
