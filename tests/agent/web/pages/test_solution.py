"""What a program does on an instance: run in the sandbox, on demand, and drawn."""

import threading

import pytest

from gapsmith.agent.archive import Archive, Candidate
from gapsmith.agent.web.ask import Ask
from gapsmith.agent.web.facts.instances import find_built_in
from gapsmith.agent.web.pages import solution
from gapsmith.agent.web.pages.export import write_module
from gapsmith.agent.web.pages.solution import show_solution
from gapsmith.agent.web.view import View
from gapsmith.evaluators.base import GapsmithError, Split
from gapsmith.evaluators.scoring import Score
from gapsmith.sandbox import Level

NAME = "single_machine_tardiness"
EDD = "import numpy as np\n\n\ndef schedule(p, d):\n    return np.argsort(d, kind='stable')\n"
FAILS = "def schedule(p, d):\n    return 1 / 0\n"
FORBIDDEN = "import os\n\n\ndef schedule(p, d):\n    return os.listdir()\n"


@pytest.fixture(scope="module")
def instance():
    """An instance as the problem generates it."""
    return find_built_in(NAME).generate_instances(Split.TRAIN, 1, 1, 3)[0]


@pytest.fixture(scope="module")
def view(tmp_path_factory, instance):
    """Programs that work, fail, and must not run, each with a score on the instance."""
    store = Archive(str(tmp_path_factory.mktemp("solution") / "archive.db"))
    run = store.start(NAME, "offline", 0, {"problem": NAME, "scale": "small", "budget": {"calls": 1}}, "1")
    for slot, source in enumerate((EDD, FAILS, FORBIDDEN)):
        program, _ = store.add_program(NAME, f"h{slot}", source, 5)
        store.answer(Candidate(run=run, slot=slot, operator="rule", program=program, outcome="ok"))
        store.add_scores(program, [(instance, Score("ok", "", 5.0, 0.01, Level.L2))])
    store.add_baseline(NAME, instance, find_built_in(NAME).baseline(instance, 0.1), 60.0)
    yield View(store, "archive.db")
    store.close()


def show(view, instance, number, **query):
    """The facts of the page."""
    return show_solution(view, Ask({"number": number, "digest": instance.digest}, query)).facts


def test_nothing_is_run_unless_it_is_asked_for(view, instance):
    """A page that is opened shows the stored solution alone."""
    facts = show(view, instance, 1)
    assert facts["attempt"] is None
    assert facts["own"] is None
    assert "<svg" in facts["best"]


def test_a_program_is_run_and_priced(view, instance):
    """Its solution is drawn, and its cost is the verifier's; a second look runs nothing."""
    facts = show(view, instance, 1, run="yes")
    attempt = facts["attempt"]
    assert attempt.cost == find_built_in(NAME).cost(instance, attempt.solution)
    assert facts["gap"] >= 0
    assert "<svg" in facts["own"]
    assert show(view, instance, 1, run="yes")["attempt"] is attempt


def test_a_program_that_fails_says_why(view, instance):
    """An exception is a message on the page, not an error of it."""
    facts = show(view, instance, 2, run="yes")
    assert "ZeroDivisionError" in facts["attempt"].message
    assert facts["own"] is None


def test_a_forbidden_program_is_not_run(view, instance):
    """An archive of others may hold what no run would have evaluated."""
    assert show(view, instance, 3, run="yes")["attempt"].message.startswith("it is not run: ")


def test_programs_run_one_at_a_time(view, instance, monkeypatch):
    """Many open pages do not take the machine: the second request is answered with a wait."""
    monkeypatch.setattr(solution, "PATIENCE", 0.01)
    view.drawing.acquire()
    try:
        found = []
        other = threading.Thread(
            target=lambda: found.append(show(view, instance, 1, run="yes")["attempt"].message)
        )
        other.start()
        other.join()
    finally:
        view.drawing.release()
    assert found == ["another program is being run; try again in a moment"]


def test_an_unknown_instance_is_named(view, instance):
    """A digest that the program never met makes no instance."""
    with pytest.raises(GapsmithError, match="only generated instances of built-in problems are drawn"):
        show_solution(view, Ask({"number": 1, "digest": "0" * 32}, {}))


def test_only_built_in_problems_are_exported_here(view):
    """A problem file would have to be loaded, with the rights of whoever looks."""
    program, _ = view.store.add_program("/tmp/mine.py", "x", EDD, 5)
    with pytest.raises(GapsmithError, match=f"gapsmith export {program} -o"):
        write_module(view, Ask({"number": program}, {}))
