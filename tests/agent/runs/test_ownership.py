"""Recordings and archives of others are data: they run no code, name no address and lower no isolation."""

import json
from contextlib import closing, suppress
from pathlib import Path

import pytest
from helpers import TINY, Counting, Inline
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent import Archive, Budget, discover
from gapsmith.agent.cli import app as cli
from gapsmith.agent.models.recordings import read_recording, write_recording
from gapsmith.agent.runs.discover import resume
from gapsmith.agent.runs.ownership import add_mark, is_ours
from gapsmith.agent.runs.recording import read_settings, record_run
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import GapsmithError, UsageError
from gapsmith.sandbox import Level

SETTINGS = Settings(problem="tsp", budget=Budget(calls=3)).encode()
LINE = {
    "slot": 3,
    "operator": "refine",
    "model": "m",
    "arm": "a",
    "parents": [0],
    "source": "def schedule(p, d): return d",
    "text": "yes",
    "tokens_in": 1,
    "usd": 0.5,
    "seconds": 1.0,
    "id": "i",
    "detail": {"finish": "complete"},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@pytest.fixture
def of_others(monkeypatch, tmp_path):
    """Has all that is opened from now on be another user's."""

    def change():
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))

    return change


def written(path, header, *lines):
    """A recording in a file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *lines)))
    return f"replay:{path}"


def header(**changes):
    """The first line of a recording, with other settings."""
    return {"recording": 1, "told": True, "fingerprint": "", "slots": 4, "settings": {**SETTINGS, **changes}}


def test_a_mark_is_of_all_settings_and_of_one_user(of_others):
    """A run is ours as long as no setting changes and the key is ours."""
    config = add_mark(SETTINGS)
    assert is_ours(config)
    assert not is_ours({**config, "base_url": "http://elsewhere"})
    assert not is_ours({**config, "mark": ""})
    of_others()
    assert not is_ours(config)


def test_a_recording_of_others_runs_no_code(tmp_path):
    """The problem file that a recording names is not run unless the recording is trusted."""
    code = tmp_path / "mine.py"
    code.write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')\n" + TINY.read_text())
    word = written(tmp_path / "r.jsonl", header(problem=str(code)))
    with pytest.raises(UsageError, match="--trust"):
        read_settings({"model": (word,)})
    assert not (tmp_path / "was_run").exists()
    assert read_settings({"model": (word,)}, trusted=True).problem == str(code)


def test_ones_own_recording_needs_no_trust(tmp_path, of_others):
    """What this user recorded is replayed with its problem file, until that file changes."""
    code = tmp_path / "mine.py"
    code.write_text(TINY.read_text())
    with closing(Archive(str(tmp_path / "a.db"))) as archive:
        run = discover(
            str(code), model=Counting(), budget=Budget(calls=2), archive=archive, executor=Inline()
        )
        for _ in run.search():
            pass
        run.close()
        found = record_run(archive, archive.run(run.number))
    first = {"recording": 1, "told": True, "slots": 9, "mark": found.header.mark}
    word = written(tmp_path / "r.jsonl", {**first, "settings": found.header.settings})
    assert read_settings({"model": (word,)}).problem == str(code)
    code.write_text(TINY.read_text() + "\n# changed\n")
    with pytest.raises(UsageError, match="the file has changed"):
        read_settings({"model": (word,)})


def test_a_recording_may_be_moved_with_its_files(tmp_path, monkeypatch):
    """Files beside a recording are found from every folder, and after both were moved; it needs no trust then."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "data").mkdir(parents=True)
    code = here / "mine.py"
    code.write_text(TINY.read_text())
    files = [here / "data" / f"{k}.txt" for k in range(12)]
    for k, file in enumerate(files):
        file.write_text(f"2\n{k + 3} 1\n2 1\n")
    options = {
        "model": Counting(),
        "budget": Budget(calls=1),
        "executor": Inline(),
        "instances": files,
        "layout": "pairs",
        "whole_budget": True,
    }
    with closing(Archive(str(tmp_path / "a.db"))) as archive:
        run = discover(str(code), archive=archive, **options)
        for _ in run.search():
            pass
        run.close()
        found = record_run(archive, archive.run(run.number), here)
    assert found.header.settings["problem"] == "mine.py"
    write_recording(here / "r.jsonl", found.lines, found.header)
    for folder, word in ((tmp_path, "here/r.jsonl"), (here, "r.jsonl")):
        monkeypatch.chdir(folder)
        settings = read_settings({"model": (f"replay:{word}",)})
        assert Path(settings.problem).resolve() == code
        assert [Path(each).resolve() for each in settings.instances] == files
    here.rename(there)
    settings = read_settings({"model": (f"replay:{there / 'r.jsonl'}",)})
    assert (settings.problem, settings.instances[0]) == (
        str(there / "mine.py"),
        str(there / "data" / "0.txt"),
    )


def test_a_recording_lowers_no_isolation(tmp_path):
    """How well candidates are isolated, and how many run at once, is the user's to say."""
    word = written(
        tmp_path / "r.jsonl",
        header(minimum_level=0, workers=10**6, executor="ray", base_url="http://elsewhere"),
    )
    found = read_settings({"model": (word,)})
    assert found.minimum_level == Level.L2
    assert found.workers == Settings(problem="tsp", budget=found.budget).workers
    assert found.executor == "local"
    assert found.base_url is None


@given(name=st.sampled_from([*SETTINGS, "told", "slots", "recording", "more"]), new=JSON)
def test_no_header_is_too_odd(tmp_path_factory, name, new):
    """A first line with anything in any field is taken, or refused in words."""
    first = header(**{name: new}) if name in SETTINGS or name == "more" else {**header(), name: new}
    word = written(tmp_path_factory.mktemp("r") / "r.jsonl", first)
    with suppress(GapsmithError):  # and nothing else
        assert isinstance(read_settings({"model": (word,)}), Settings)


@given(name=st.sampled_from([*LINE]), new=JSON)
def test_no_line_is_too_odd(tmp_path_factory, name, new):
    """A line with anything in any field is taken, or refused in words."""
    path = tmp_path_factory.mktemp("r") / "r.jsonl"
    written(path, header(), {**LINE, name: new})
    with suppress(GapsmithError):  # and nothing else
        assert len(read_recording(path).lines) == 1


def begun(path, **changes):
    """An archive with a run that has not begun to ask."""
    with closing(Archive(path)) as archive:
        plain = {**SETTINGS, "problem": "single_machine_tardiness", **changes}
        archive.start("single_machine_tardiness", "+".join(plain["models"]), 0, add_mark(plain))
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": ["openai:x,url=http://127.0.0.1:9/v1,key=SECRET_THING"]}, "--model"),
        ({"models": ["openai:x"], "base_url": "http://127.0.0.1:9/v1"}, "base URL http://127.0.0.1:9/v1"),
        ({"models": ["manual:/etc"]}, "manual:/etc"),
        ({"problem": "elsewhere.py"}, "--trust"),
        ({"instances": ["/etc/passwd"]}, "--trust"),
    ],
)
def test_an_archive_of_others_does_not_act_here(tmp_path, capsys, of_others, monkeypatch, changes, words):
    """What an archive of another user names is used only when it is named again, or trusted."""
    monkeypatch.setenv("SECRET_THING", "sk-secret")
    path = begun(str(tmp_path / "a.db"), **changes)
    of_others()
    with pytest.raises(SystemExit) as left:
        cli.main(["resume", "1", "--archive", path])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert words in " ".join(said.split())
    with pytest.raises(UsageError):
        resume(1, archive=path)


def test_a_run_with_an_object_is_told_how_to_go_on(tmp_path, capsys):
    """A model of one's own cannot be opened by a word: the line says the call that goes on."""
    path = begun(str(tmp_path / "a.db"), models=["my-model"])
    with pytest.raises(SystemExit):
        cli.main(["resume", "1", "--archive", path])
    assert "gapsmith.agent.resume(1" in capsys.readouterr().err
