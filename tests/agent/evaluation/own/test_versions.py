"""A problem of one's own is known by its source: after an edit nothing that was kept before is used."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import CASES, Inline, finish
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent import Archive
from gapsmith.agent.cli.app import main
from gapsmith.agent.evaluation.baselines import find_baselines
from gapsmith.agent.evaluation.own.files import hash_sources
from gapsmith.agent.evaluation.own.versions import describe_unused_results
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.run import Run
from gapsmith.agent.runs.settings import Settings
from gapsmith.evaluators.base import Split, UsageError

MINE = '''"""Sum of completion times."""
import numpy as np
from gapsmith.evaluators.base import Argument, Baseline, EntryPoint, Problem, Rule, Split
from gapsmith.evaluators.solutions import permutation

FACTOR = 1


def generate(rng, stratum, size):
    return {"p": rng.integers(1, 30, size)}


def cost(instance, solution):
    p = np.asarray(instance.data["p"])
    return FACTOR * int(np.cumsum(p[permutation(solution, len(p), "job")]).sum())


def baseline(instance, seconds):
    s = np.argsort(instance.data["p"], kind="stable").tolist()
    return Baseline(cost(instance, s), cost(instance, s), s, "SPT", 0.0)


def fifo(p):
    """As they come."""
    return np.arange(len(p))


problem = Problem(
    name="mine", title="sum of completion times", brief="Order jobs.",
    entry=EntryPoint("schedule", (Argument("p", "int64 array of shape [n]", "times"),), "a sequence"),
    sizes=dict.fromkeys(Split, (6,)), counts=dict.fromkeys(Split, 6),
    generate=generate, cost=cost, baseline=baseline, rules=(Rule("FIFO", fifo, "folklore"),),
)
'''
EDITED = MINE.replace("FACTOR = 1", "FACTOR = 2")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The file, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    return Path("mine.py")


def run_of(problem, place="archive.db", number=None):
    """A run of rules alone."""
    settings = Settings(problem=str(problem), budget=Budget(calls=1), seed=1, baseline_seconds=1.0)
    run = Run(settings, place, number, executor=Inline())
    try:
        return finish(run)
    finally:
        run.close()


@pytest.fixture
def gapsmith(capsys):
    """Runs the command line; returns exit code, stdout and stderr in one line."""

    def call(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return left.value.code or 0, said.out, " ".join(said.err.split())

    return call


def test_after_an_edit_optima_and_costs_are_those_of_the_new_problem(mine):
    """A doubled objective gives doubled optima and costs, and so the same gaps; nothing is mixed."""
    first = run_of(mine)
    mine.write_text(EDITED)
    second = run_of(mine)
    store = Archive("archive.db")
    gaps = [store.find_candidate(run, 0).train_gap for run in (first.number, second.number)]
    assert gaps[0] == gaps[1] > 0
    numbers = [store.find_candidate(run, 0).program for run in (first.number, second.number)]
    digests = [instance.digest for instance in second.problem.generate_instances(Split.TRAIN, 1)]
    old, new = (store.read_scores(number, digests) for number in numbers)
    assert [new[d].cost for d in digests] == [2 * old[d].cost for d in digests]
    solved = [store.read_baselines("mine", digests, each.problem.version) for each in (first, second)]
    assert [solved[1][d].lower for d in digests] == [2 * solved[0][d].lower for d in digests]


def test_an_edit_is_told(mine, gapsmith):
    """Who runs, solves or compares after an edit reads what is left aside; afterwards nothing more is said."""
    run = run_of(mine)
    store = Archive("archive.db")
    (edition,) = store.list_versions("mine")
    assert (edition.run, edition.baselines, edition.evaluations) == (run.number, 12, 12)
    assert describe_unused_results(store, find_problem("mine.py"), "mine.py") == ""
    mine.write_text(EDITED)
    told = "mine.py changed since run 1: its 12 optima and 12 costs are left aside"
    code, _, err = gapsmith("compare", "mine.py", "--allow-weak-isolation")
    assert (code, err) == (0, told)
    code, _, err = gapsmith("compare", "mine.py", "--allow-weak-isolation")
    assert (code, err) == (0, "")


def test_programs_of_older_versions_are_counted(mine, gapsmith):
    """`best FILE` after an edit is empty, and says that the file changed and how many programs it leaves aside."""
    run_of(mine)
    assert "FIFO" in gapsmith("best", "mine.py")[1]
    mine.write_text(EDITED)
    code, out, err = gapsmith("best", "mine.py")
    assert (code, out) == (0, "")
    assert err.startswith("mine.py changed since run 1: its 1 program is left aside")
    assert "FIFO" in gapsmith(*err.partition("with: gapsmith ")[2].split())[1]


def test_another_file_of_that_name_is_told_apart(mine):
    """Two files whose problems have one name share nothing, and the words say that they are two."""
    run_of(mine)
    Path("other.py").write_text(EDITED)
    words = describe_unused_results(Archive("archive.db"), find_problem("other.py"), "other.py")
    assert words.startswith(
        "other.py is another problem than mine.py of run 1, which has the same name: its 12 optima"
    )
    run_of("other.py")
    store = Archive("archive.db")
    assert {row.run for row in store.rank_candidates("mine")} == {2}
    assert {row.run for row in store.rank_candidates("mine", version=find_problem("mine.py").version)} == {1}


def test_a_run_of_a_problem_that_changed_does_not_go_on(mine, gapsmith):
    """`resume` and `export` say what changed and what to do, in one line, and mix nothing."""
    run_of(mine)
    mine.write_text(EDITED)
    before = Path("archive.db").stat().st_size
    code, out, err = gapsmith("resume")
    assert (code, out) == (2, "")
    assert err.startswith("gapsmith: mine.py changed since run 1 began")
    assert err.endswith(f"or start a new run: gapsmith run {mine.resolve()}")
    code, out, err = gapsmith("export", 1, "-o", "rule.py", "--allow-weak-isolation")
    assert (code, out) == (1, "")
    assert "changed since program 1 was priced" in err
    assert Path("archive.db").stat().st_size == before
    mine.write_text(MINE)
    assert run_of(mine, number=1).archive.find_candidate(1, 0).program == 1


def test_a_run_goes_on_from_another_folder(mine, tmp_path, monkeypatch, gapsmith):
    """What a run was given as a relative path is kept whole, so that `resume` and `export` find it."""
    code, out, _ = gapsmith("run", "mine.py", "--calls", 1, "--allow-weak-isolation", "--json")
    assert code == 0
    program = json.loads(out)["best"]["id"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, _, err = gapsmith(
        "export", program, "-o", "rule.py", "--archive", "../archive.db", "--allow-weak-isolation"
    )
    assert "does not exist" not in err
    code, _, err = gapsmith("resume", 1, "--archive", "../archive.db", "--json")
    assert code == 0, err


def test_an_older_run_of_ones_own_problem_goes_on_measured_anew(mine):
    """A run of before versions gets the file's version; costs of a time that knew no versions are not used."""
    run_of(mine)
    with closing(sqlite3.connect("archive.db")) as connection, connection:
        for table in ("runs", "programs", "baselines"):
            connection.execute(f"UPDATE {table} SET version = '1'")
        connection.execute("UPDATE evaluations SET cost = 1")
    resumed = run_of(mine, number=1)
    assert resumed.edited == "run 1 is older than the versions of problems: its programs are measured again"
    store = Archive("archive.db")
    (number,) = {row.program for row in store.read_candidates(1).values() if row.operator == "rule"}
    digests = [instance.digest for instance in resumed.problem.generate_instances(Split.TRAIN, 1)]
    assert 1 not in {score.cost for score in store.read_scores(number, digests).values()}
    assert store.find(number).version == store.run(1).version == hash_sources(mine)


# The file and what it imports

HELPED = MINE.replace("FACTOR = 1", "import helper\nFACTOR = helper.FACTOR")


def test_a_module_beside_a_problem_is_imported_and_belongs_to_its_version(mine, tmp_path, monkeypatch):
    """Whoever runs from wherever finds it; an edit of it is an edit of the problem, and is what is run."""
    mine.write_text(HELPED)
    helper = Path("helper.py")
    helper.write_text("FACTOR = 1\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = []
    for factor in (1, 2):
        (tmp_path / helper).write_text(f"FACTOR = {factor}\n")
        problem = find_problem("../mine.py")
        one = problem.generate_instances(Split.TRAIN, 0, 1)
        found.append((problem.version, find_baselines(problem, one)[one[0].digest].lower))
    assert found[1][0] != found[0][0]
    assert found[1][1] == 2 * found[0][1]


def test_two_folders_with_a_helper_of_one_name_each_get_their_own(tmp_path):
    """A module beside a problem is that folder's, whatever was imported under its name before."""
    lows = []
    for factor in (3, 5):
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "mine.py").write_text(HELPED)
        (folder / "helper.py").write_text(f"FACTOR = {factor}\n")
        problem = find_problem(str(folder / "mine.py"))
        one = problem.generate_instances(Split.TRAIN, 0, 1)
        lows.append(find_baselines(problem, one)[one[0].digest].lower)
    assert 5 * lows[0] == 3 * lows[1]


def test_a_file_beside_that_is_named_as_a_module_of_python_stands_for_none(tmp_path):
    """A `random.py` or `numpy.py` beside a problem does not take the place of what its imports mean."""
    (tmp_path / "mine.py").write_text("import random\n" + MINE)
    before = hash_sources(tmp_path / "mine.py")
    for name in ("random.py", "numpy.py"):
        (tmp_path / name).write_text("raise RuntimeError\n")
    assert hash_sources(tmp_path / "mine.py") == before


def test_a_data_file_that_is_not_found_is_explained(tmp_path, monkeypatch):
    """A relative path in a problem file fails from another folder, with the way to write it."""
    (tmp_path / "mine.py").write_text("open('data.txt')\n" + MINE)
    with pytest.raises(UsageError, match=r"Path\(__file__\)\.parent"):
        find_problem(str(tmp_path / "mine.py"))
    (tmp_path / "data.txt").write_text("")
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\nopen(Path(__file__).parent / 'data.txt').close()\n" + MINE
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find_problem(os.path.join("..", "mine.py")).name == "mine"


@given(st.text(alphabet="abc=1 \n#'\"\\é\r\f", max_size=40))
def test_any_edit_of_a_source_is_another_version(tmp_path_factory, tail):
    """Equal sources have equal versions, whatever their line ends; other sources have others."""
    folder = tmp_path_factory.mktemp("sources")
    one, two, unix = folder / "one.py", folder / "two.py", folder / "unix.py"
    text = f"x = {tail!r}\n"
    one.write_bytes(text.encode())
    two.write_bytes((text + "# more\n").encode())
    unix.write_bytes(text.replace("\n", "\r\n").encode())
    assert hash_sources(one) == hash_sources(unix) != hash_sources(two)


@pytest.mark.skipif(not (CASES / "F08-mine-before.py").is_file(), reason="the cases are not here")
def test_the_edited_problem_of_the_cases_keeps_its_gap(mine):
    """Case F08: costs a hundred times as large; the gap is that of before."""
    gaps = []
    for version in ("before", "after"):
        mine.write_bytes((CASES / f"F08-mine-{version}.py").read_bytes())
        run = run_of(mine)
        gaps.append(Archive("archive.db").find_candidate(run.number, 0).train_gap)
    assert gaps[0] == gaps[1]
