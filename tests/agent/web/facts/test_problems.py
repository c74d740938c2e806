"""Problems of an archive: summaries, exact results, runs that began with words or formulations."""

import pytest

from gapsmith.agent.archive import Archive
from gapsmith.agent.web.facts import problems
from gapsmith.evaluators.base import Baseline, Instance

RATIO = {"value": 0.5, "ci95": None, "instances": 2}
FORMULATION = {
    "ratio": RATIO, "units": 1.5, "base_units": 3.0, "placebo": RATIO, "wall_ratio": None, "verified": None,
}  # fmt: skip
BOUNDS = ((5.0, 5.0, 1.0), (4.0, 6.0, 3.0), (1.0, 9.0, 2.0))


@pytest.fixture
def store(place):
    """Three exact results and three runs."""
    store = Archive(place)
    store.start("tsp", "offline", 0, {}, "1")
    second = store.start("tardiness_interval", "offline", 0, {}, "1")
    store.start("modelling", "manual:x", 0, {"verb": "model", "about": {"file": "q.txt"}}, "1")
    store.finish(second, "done", 1.0, {"formulation": FORMULATION, "best": {}})
    for k, (lower, upper, seconds) in enumerate(BOUNDS):
        found = Baseline(lower, upper, [k, 0], "exact", seconds)
        store.add_baseline("tsp", Instance(f"train-0-{k}", {"k": k}), found, 60.0)
    yield store
    store.close()


def test_problems_are_summed_up(store):
    """Runs and exact results, of problems that have either."""
    found = {each.problem: each for each in problems.list_summaries(store)}
    assert found.keys() == {"tsp", "tardiness_interval", "modelling"}
    assert (found["tsp"].runs, found["tsp"].solved, found["tsp"].proven, found["tsp"].seconds) == (
        1,
        3,
        1,
        6.0,
    )
    assert (found["modelling"].runs, found["modelling"].solved) == (1, 0)


@pytest.mark.parametrize(
    ("order", "choice", "names"),
    [
        ("instance", "all", ["train-0-0", "train-0-1", "train-0-2"]),
        ("seconds", "all", ["train-0-1", "train-0-2", "train-0-0"]),
        ("open", "open", ["train-0-2", "train-0-1"]),
        ("instance", "proven", ["train-0-0"]),
    ],
)
def test_exact_results_are_chosen_and_ordered(store, order, choice, names):
    """Those that are open, those that took long."""
    found = problems.list_baselines(store, "tsp", order, choice, 1)
    assert [each.instance for each in found] == names
    assert problems.count_baselines(store, "tsp") == (3, 1, 6.0)


def test_pages_have_a_limit(store, monkeypatch):
    """The rest is on further pages."""
    monkeypatch.setattr(problems, "PAGE", 2)
    assert len(problems.list_baselines(store, "tsp", "instance", "all", 2)) == 1


def test_a_stored_solution_is_found(store):
    """With its instance's name and its bounds; none for another digest."""
    digest = Instance("train-0-1", {"k": 1}).digest
    name, found = problems.find_baseline(store, "tsp", "1", digest)
    assert (name, found.solution, found.lower, found.upper) == ("train-0-1", [1, 0], 4.0, 6.0)
    assert problems.find_baseline(store, "tsp", "1", "0" * 32) is None


def test_runs_on_formulations_and_in_words_are_found(store):
    """Each kind has its page."""
    assert [row.id for row in problems.list_formulation_runs(store)] == [2]
    assert [row.id for row in problems.list_question_runs(store)] == [3]
