"""The Python way in: `discover` and `resume` do what the command line does, and leave nothing open."""

import gc
import json
from pathlib import Path

import pytest
from helpers import TINY, Counting, Inline, job, tiny

from gapsmith.agent import Archive, Budget, Run, Settings, discover, resume
from gapsmith.agent.cli import app as cli
from gapsmith.agent.cli.terminal.progress import describe_plan
from gapsmith.agent.evaluation.executors import local
from gapsmith.agent.runs.run import RunStopped
from gapsmith.evaluators.base import GapsmithError, UsageError

FOUR = Budget(calls=4)


class Own(Counting):
    """A model of the caller's own."""

    name, closed = "mine", False

    def close(self):
        """Notes that it was closed."""
        self.closed = True


@pytest.fixture
def place(tmp_path):
    """Where an archive may be."""
    return tmp_path / "a.db"


@pytest.fixture
def closings(monkeypatch):
    """The archives that were closed."""
    found, close = [], Archive.close
    monkeypatch.setattr(Archive, "close", lambda self: (found.append(self), close(self))[1])
    return found


def row_of(place, number=1):
    """A run's row."""
    archive = Archive(str(place))
    row = archive.run(number)
    archive.close()
    return row


def begun(place, **options):
    """A small run on the tiny problem, by its path."""
    return discover(TINY, **{"budget": FOUR, "archive": place, "executor": Inline(), **options})


# A run ends as on the command line


def test_iterating_to_the_end_finishes_the_run(place):
    """The report is made and kept: `runs` says done, with a winner."""
    with begun(place) as run:
        slots = [progress.slot for progress in run]
    row = row_of(place)
    assert len(slots) == 7
    assert (row.status, row.report["best"]["id"]) == ("done", run.report().best_id)


def test_a_report_finishes_the_run(place):
    """`report` alone searches first; a second one is the same."""
    with begun(place) as run:
        report = run.report()
        assert run.report() is report
    assert report.calls == 4
    assert row_of(place).status == "done"


def test_a_finished_run_stays_as_it_was_reported(place, capsys, monkeypatch):
    """`resume` prints the report of an older version as it was, asks nothing and decides nothing again."""
    with begun(place) as run:
        run.report()
    store = Archive(str(place))
    older = {**store.run(1).report, "best": {"id": 2, "pooled_gap_percent": 1.25}, "fingerprint": "older"}
    store.finish(1, "done", 7.0, older)
    events = [event.kind for event in store.read_events(1)]
    monkeypatch.setattr(cli.run, "discover_and_show", None)  # would search
    with pytest.raises(SystemExit) as left:
        cli.main(["resume", "1", "--archive", str(place), "--json"])
    assert not left.value.code
    assert older.items() <= json.loads(capsys.readouterr().out).items()
    with pytest.raises(SystemExit):
        cli.main(["resume", "1", "--archive", str(place)])
    assert "program 2: 1.25 %" in capsys.readouterr().out
    with resume(archive=place, executor=Inline()) as run:
        run.report()
    row = store.run(1)
    assert (row.status, row.seconds, row.report) == ("done", 7.0, older)
    assert [event.kind for event in store.read_events(1)] == events
    store.close()


def test_a_run_that_was_left_can_be_reported_and_resumed(place):
    """A loop that is left by `break` stops the run; `resume` in Python goes on to its end."""
    with begun(place) as run:
        for progress in run:
            if progress.slot == 4:
                break
    assert row_of(place).status == "stopped"
    with resume(archive=place, executor=Inline()) as run:
        assert run.report().calls == 4
    assert row_of(place).status == "done"


def test_the_search_alone_makes_no_report(place):
    """`search` leaves the sealed test closed."""
    with begun(place) as run:
        assert len(list(run.search())) == 7
    assert (row_of(place).status, row_of(place).report) == ("searched", None)


def test_a_stop_ends_the_report(place):
    """A stop while the report is made ends it, with what is scored kept; `resume` makes the same report."""
    told = []

    def stop_then(progress, done, whole):
        told.append(progress)
        if (progress, done) == ("running programs", 1):
            run.stop()

    with Run(
        Settings(problem=str(TINY), budget=FOUR), str(place), executor=Inline(), progress=stop_then
    ) as run:
        for _ in run.search():
            pass
        with pytest.raises(RunStopped, match="run 1 was stopped while it was running programs"):
            run.report()
    assert told.count("running programs") == 2
    assert (row_of(place).status, row_of(place).report) == ("searched", None)
    with resume(archive=place, executor=Inline()) as run:
        report = run.report()
    with begun(place.with_name("other.db")) as run:
        assert run.report().fingerprint == report.fingerprint


def test_a_stop_ends_the_solving(place):
    """A stop while instances are solved asks nothing, and marks the run as stopped."""
    settings = Settings(problem=str(TINY), budget=FOUR)
    with Run(settings, str(place), executor=Inline(), progress=lambda *_: run.stop()) as run:
        assert list(run.search()) == []
    assert row_of(place).status == "stopped"


def test_what_was_found_before_a_stop_is_reported(place):
    """`report` after `stop` makes the report of what there is."""
    with begun(place) as run:
        for progress in run.search():
            if progress.slot == 4:
                run.stop()
        assert run.report().best_id
    assert row_of(place).status == "stopped"


# What is opened is closed, and nothing else


def test_what_a_run_opens_is_closed(place, closings):
    """The archive of a path is closed with the run, also where the run cannot begin; that of the caller is not."""
    begun(place).close()
    assert len(closings) == 1
    with pytest.raises(UsageError):
        begun(place, without=["nothing"])
    assert len(closings) == 2
    archive, model = Archive(str(place)), Own()
    with begun(archive, model=model):
        pass
    assert (len(closings), model.closed) == (2, False)
    archive.close()


def test_a_run_that_cannot_begin_leaves_no_row(place, monkeypatch):
    """Where no sandbox can be had, the archive has no run that works for ever."""
    monkeypatch.setattr(local, "open_executor", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        begun(place, executor="local")
    archive = Archive(str(place))
    assert archive.list_runs() == []
    archive.close()


def test_the_collector_is_left_alone(place):
    """A run in Python changes neither thresholds nor what the caller has frozen."""
    gc.freeze()
    try:
        before = gc.get_threshold(), gc.get_freeze_count()
        with begun(place) as run:
            during = [(gc.get_threshold(), gc.get_freeze_count()) for _ in run]
        assert {threshold for threshold, _ in during} == {before[0]}
        assert gc.get_threshold() == before[0]
        assert gc.get_freeze_count() > 0
        assert max(count for _, count in during) <= before[1]
    finally:
        gc.unfreeze()


# Arguments


def test_paths_are_taken_as_paths_or_words(place, tmp_path):
    """Problem, archive, instances and test may be `Path`s; the archive keeps words."""
    learn, test = tmp_path / "learn.txt", tmp_path / "test.txt"
    learn.write_text("".join(f"2\n{k} 3\n2 4\n" for k in range(1, 25)))
    test.write_text("2\n5 9\n2 6\n")
    with begun(place, instances=[learn], test=[test], layout="pairs") as run:
        assert [instance.name for instance in run.supply.test(0)] == ["test"]
    kept = row_of(place).config
    assert kept["instances"] == [str(learn)]
    assert Path(kept["problem"]) == TINY
    json.dumps(kept)


def test_a_single_path_is_one_file(place, tmp_path):
    """A path in place of a list of paths is not taken letter by letter."""
    with pytest.raises(GapsmithError, match=r"nowhere\.txt"):
        begun(place, instances=tmp_path / "nowhere.txt")
    with pytest.raises(GapsmithError, match=r"nowhere\.txt"):
        begun(place, instances=str(tmp_path / "nowhere.txt"))


@pytest.mark.parametrize(
    ("typed", "meant"), [("worker", "workers"), ("cpu_second", "cpu_seconds"), ("bugdet", "budget")]
)
def test_a_misspelt_option_names_the_nearest(place, typed, meant):
    """A typing error is a TypeError with the option that was meant, before anything is opened."""
    with pytest.raises(TypeError, match=f"unknown option '{typed}'; did you mean '{meant}'"):
        begun(place, **{typed: 1})
    assert not place.exists()


# Resuming


def test_own_models_and_problems_are_resumed_in_python(place):
    """A run of a model and a problem that were objects goes on with such objects, and asks for nothing twice."""
    first, second = Own(), Own()
    with discover(tiny(name="own"), model=first, budget=FOUR, archive=place, executor=Inline()) as run:
        for progress in run:
            if progress.slot == 4:
                break
    with resume(1, archive=place, problem=tiny(name="own"), model=second, executor=Inline()) as run:
        run.report()
    assert set(first.asked) | set(second.asked) == set(range(3, 7))
    assert not set(first.asked) & set(second.asked)


def test_other_models_and_problems_are_refused(place, tmp_path):
    """Another problem or model than the run's is refused with both names; so is an archive that is not there."""
    begun(place).close()
    with pytest.raises(UsageError, match="run 1 has the model 'offline'; found 'mine'"):
        resume(archive=place, model=Own(), executor=Inline())
    with pytest.raises(UsageError, match="run 1 has the problem 'tiny_tardiness'; found 'own'"):
        resume(archive=place, problem=tiny(name="own"), executor=Inline())
    with pytest.raises(GapsmithError, match="does not exist"):
        resume(archive=tmp_path / "no.db")
    assert not (tmp_path / "no.db").exists()


def test_the_way_in_is_complete():
    """`discover` has every setting of a new run as a keyword of its own, so that editors can show it."""
    names = set(discover.__annotations__)
    assert {
        name for name in Settings.__dataclass_fields__ if name not in ("models", "dealt_by_place")
    } <= names
    assert {"model", "archive", "executor", "strategies", "progress"} <= names


# What a run says first


@pytest.mark.parametrize("seconds", [0.001, 5.0])
def test_the_cpu_limit_is_what_was_asked_for(place, seconds):
    """`cpu_seconds` lowers the problem's limit or raises it, for every instance, and the first line says so."""
    with begun(place, cpu_seconds=seconds) as run:
        assert {run.problem.compute_cpu_limit(instance) for instance in run.supply.train} == {seconds}
        assert f"CPU limit {seconds:g} s for a program on an instance" in describe_plan(run)


def test_the_first_line_says_what_will_happen(place, tmp_path):
    """Instances of each part, where they come from, and the limits."""
    learn = tmp_path / "learn.txt"
    learn.write_text("".join(f"2\n{k} 3\n2 4\n" for k in range(1, 25)))
    with begun(place) as run:
        assert "14 training, 8 validation, 7 test (generated); at most 4 calls" in describe_plan(run)
    with begun(place, instances=[learn], layout="pairs") as run:
        assert "8 training, 8 validation, 8 test (files)" in describe_plan(run)


def test_a_run_and_its_report_show_themselves_in_a_notebook(place):
    """Before the report there is a line, then a table of winner and best rule; names are escaped, scripts absent."""
    run = job(str(place), problem=tiny(name="<script>"), executor=Inline(), calls=2)
    assert "no report yet" in run._repr_html_()
    report = run.report()
    page = run._repr_html_()
    assert page == report._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert f"program {report.best_id}" in page
    assert f"{report.reference.entrant.name} (best rule)" in page
    assert "points of pooled gap" in page
