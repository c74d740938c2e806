"""Heuristics of a person are candidates like any other, with their origin."""

import pytest
from helpers import Inline, tiny

from gapsmith.agent.archive import ADDED, Archive
from gapsmith.agent.evaluation.compare import Entrant
from gapsmith.agent.evaluation.leading import rank_programs
from gapsmith.agent.evaluation.own.programs import add_programs
from gapsmith.agent.evaluation.scores import Scorer
from gapsmith.agent.reports.story import tell_story
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.settings import Settings
from gapsmith.agent.runs.splits import InstanceSupply

SORTED = "import numpy as np\n\n\ndef schedule(p, d):\n    return np.argsort(d + {}, kind='stable')\n"
SOURCES = {
    "mine.py": SORTED.format("p"),
    "other.py": SORTED.format("3 * p"),
    "bad.py": "import os\n\n\ndef schedule(p, d):\n    return []\n",
    "wrong.py": "def schedule(p, d):\n    return [0]\n",
}


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """An archive to which four files were added, and its candidates by file."""
    problem, store = tiny(), Archive(str(tmp_path_factory.mktemp("added") / "a.db"))
    settings = Settings(problem=problem.name, budget=Budget(evaluations=4))
    splits = InstanceSupply(problem, (), (), 0, store).splits
    entrants = [Entrant(name, source) for name, source in SOURCES.items()]
    rows = add_programs(entrants, splits, Scorer(problem, Inline(), store), settings.encode())
    return store, dict(zip(SOURCES, rows, strict=True))


def test_what_solves_all_instances_is_ranked(added):
    """Both gaps and the CPU time are there, so that `best` lists it with its origin."""
    store, rows = added
    ranked = rank_programs(store, "tiny_tardiness", None, 10)
    assert {row.name for row in ranked} == {"added from mine.py", "added from other.py"}
    row = rows["mine.py"]
    assert (row.operator, row.outcome, row.gate) == (ADDED, "ok", "")
    assert row.train_gap > 0
    assert row.validation_gap > 0
    assert row.cpu_seconds is not None
    assert store.find(row.program).source.startswith("import numpy")


def test_what_fails_is_kept_with_its_reason(added):
    """A forbidden import is refused unrun, and a wrong answer is a failure; neither is ranked."""
    _, rows = added
    assert (rows["bad.py"].program, rows["bad.py"].outcome) == (None, "forbidden_import")
    assert rows["wrong.py"].train_gap is None
    assert rows["wrong.py"].message


def test_its_run_is_told_as_what_it_is(added):
    """It is complete, and has no report to wait for; its settings are those of a run on the same instances."""
    store, _ = added
    run = store.run(1)
    assert (run.kind, run.status) == (ADDED, "done")
    assert Settings.decode(run.config).problem == "tiny_tardiness"
    story = dict(tell_story(run, []))
    assert "added from files" in story["What was asked"][0]
    assert "Result" not in story


def test_it_is_a_start_for_a_run(added):
    """`run --from` takes the best programs of an archive: added ones, too."""
    store, rows = added
    found = {row.program for _, row in store.read_elites("tiny_tardiness", 5)}
    assert found == {rows["mine.py"].program, rows["other.py"].program}
