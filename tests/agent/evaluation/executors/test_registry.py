"""Executors by name: one that is added serves every verb, and an unknown one is named before anything begins."""

import sys
from contextlib import closing, contextmanager
from types import ModuleType

import pytest
from helpers import TINY, Inline

from gapsmith.agent import Archive, Budget, discover
from gapsmith.agent.cli.app import main
from gapsmith.agent.evaluation.executors import local, registry
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.evaluation.executors.registry import check_executor, open_executor
from gapsmith.evaluators.base import UsageError
from gapsmith.sandbox import Level, Preload

ELSEWHERE = "gapsmith.agent.evaluation.executors.elsewhere"


@pytest.fixture
def gapsmith(capsys, monkeypatch, tmp_path):
    """Runs the command line in an empty folder; returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rule.py").write_text("def schedule(p, d):\n    return d.argsort(kind='stable')\n")

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return left.value.code or 0, said.out, said.err

    return call


@pytest.fixture
def opened(monkeypatch):
    """An executor `elsewhere` in one file and one line, and a stand-in for `local`; returns how each was opened."""
    found = []

    def make(name):
        @contextmanager
        def open_executor(workers, minimum, preload):
            found.append((name, workers, minimum, preload))
            yield Inline()

        return open_executor

    module = ModuleType(ELSEWHERE)
    module.open_executor = make("elsewhere")
    monkeypatch.setitem(sys.modules, ELSEWHERE, module)
    monkeypatch.setitem(registry.EXECUTORS, "elsewhere", "a test")
    monkeypatch.setattr(local, "open_executor", make("local"))
    return found


def test_the_executor_without_a_name_is_local():
    """`local` is there without anything installed, and is opened with what was asked for."""
    with open_executor("local", 3, Level.L0, "") as executor:
        assert isinstance(executor, LocalExecutor)
    assert check_executor(registry.LOCAL) == "local"


def test_an_unknown_executor_is_named():
    """The message has the nearest name and all known ones."""
    for check in (check_executor, lambda name: open_executor(name, 1, Level.L0, "")):
        with pytest.raises(
            UsageError, match=r"unknown executor 'lokal'; did you mean 'local'\? \(known: local\)"
        ):
            check("lokal")


VERBS = (
    ("run", TINY),
    ("check", "rule.py", "--problem", TINY),
    ("compare", TINY),
    ("verify", "tardiness_interval"),
    ("best", "--instances", "two.txt"),
    ("model", "question.txt", "--model", "openai:m"),
    ("resume", 1),
)


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_an_unknown_executor_is_refused_before_anything_begins(gapsmith, tmp_path, words):
    """Every verb that evaluates says which executors there are, with exit code 2 and without an archive."""
    code, out, err = gapsmith(*words, "--executor", "lokal")
    assert (code, out) == (2, "")
    assert "unknown executor 'lokal'; did you mean 'local'? (known: local)" in " ".join(err.split())
    assert not (tmp_path / "archive.db").exists()


def test_an_executor_that_is_added_serves_every_verb(gapsmith, opened, tmp_path):
    """`check`, `compare`, `run` and `resume` evaluate where the option says, or the file, or the run of the archive."""
    (tmp_path / "job.toml").write_text('executor = "elsewhere"\nworkers = 3\n[budget]\ncalls = 1\n')
    there = ("--executor", "elsewhere")
    for words, name, workers in (
        (("check", "rule.py", "--problem", TINY, "--limit", 1, *there), "elsewhere", 2),
        (("compare", TINY, "--limit", 1, *there), "elsewhere", 2),
        (("compare", TINY, "--limit", 1), "local", 2),
        (("run", TINY, "--config", "job.toml"), "elsewhere", 3),
        (("resume",), "elsewhere", 3),
        (("resume", "--executor", "local"), "local", 3),
        (("resume",), "local", 3),
    ):
        if words[0] == "resume":  # of a finished run, the report alone is printed
            with closing(Archive("archive.db")) as store:
                store.finish(1, "stopped", 1.0)
        code, _, err = gapsmith(*words)
        assert code == 0, err
        assert opened == [(name, workers, Level.L2, Preload("numpy"))], words
        opened.clear()


def test_python_takes_a_name_or_an_object(place, opened):
    """`discover(executor=...)` opens an executor by name; an object is the caller's own."""
    with discover(TINY, budget=Budget(calls=1), archive=place, executor="elsewhere"):
        assert [name for name, *_ in opened] == ["elsewhere"]
    with discover(TINY, budget=Budget(calls=1), archive=place, executor=Inline()):
        assert len(opened) == 1
    with pytest.raises(UsageError, match="unknown executor 'lokal'"):
        discover(TINY, budget=Budget(calls=1), archive=place, executor="lokal")
