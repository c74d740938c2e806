"""`watch`: a run in progress as another terminal sees it."""

import json

import pytest
from helpers import Inline, finish, job

from gapsmith.agent import Archive
from gapsmith.agent.cli import watch
from gapsmith.agent.cli.app import main


@pytest.fixture
def watched(place, capsys, monkeypatch):
    """Watches the run of an archive; `then` is called in place of waiting."""

    def call(then=lambda: None):
        monkeypatch.setattr(watch.time, "sleep", lambda _: then())
        with pytest.raises(SystemExit) as left:
            main(["watch", "--archive", place, "--json"])
        assert not left.value.code
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return call


def test_an_ended_run_is_one_line(place, watched, capsys):
    """What it used and found is that of the archive, and the line says what to do next."""
    run = finish(job(place, evaluations=12, executor=Inline()))
    run.archive.finish(1, "done", 61.0, {"evaluations": 12, "calls": 9, "usd": 0.0, "seconds": 61.0})
    (found,) = watched()
    leader = run.archive.rank_candidates(run=1)[0]
    assert (found["status"], found["evaluations"], found["calls"], found["seconds"]) == ("done", 12, 9, 61.0)
    assert (found["leader"], found["leader_train_gap_percent"]) == (leader.program, leader.train_gap)
    with pytest.raises(SystemExit):
        main(["watch", "1", "--archive", place])
    assert "done · 12 evaluations · 9 calls · $0.00 · 61 s" in capsys.readouterr().out


def test_a_line_follows_every_change_until_the_end(place, watched, monkeypatch):
    """A look that finds nothing new prints nothing; a run without a process is told as interrupted."""
    archive = Archive(place)
    archive.start("toy", "offline", 0, {})
    changes = iter(
        [
            lambda: None,
            lambda: archive.finish(
                1, "done", 5.0, {"evaluations": 3, "calls": 2, "usd": None, "seconds": 5.0}
            ),
        ]
    )
    monkeypatch.setattr(Archive, "_mark_interrupted", lambda _, rows: rows)
    found = watched(lambda: next(changes)())
    assert [line["status"] for line in found] == ["running", "done"]
    monkeypatch.undo()


def test_a_run_without_a_process_is_interrupted(place, watched):
    """Nothing is waited for, and the line says how to go on."""
    Archive(place).start("toy", "offline", 0, {})
    (found,) = watched()
    assert found["status"] == "interrupted"
