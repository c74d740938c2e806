import csv
import itertools

import numpy as np
import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import subset_dynamic_programme

from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import branch_and_memorize
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact import solve as weighted_tardiness
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.local_search import Jobs, iterate
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.relaxations import (
    StartTimes,
    States,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.solve import (
    compute_weighted_tardiness,
    solve_by_sublimation,
    solve_weighted_tardiness,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.state_graph_builder import (
    is_best_order,
    is_in_order,
)
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.problem import problem

FOLDER = DATA / "weighted_tardiness"
needs_data = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public instances are not here; set GAPSMITH_DATA"
)
JOBS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5), st.integers(-10, 60)), max_size=8)


def drawn(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An instance of the usual grid, of ties (short processing times) as often as of none."""
    p = rng.integers(1, rng.choice([4, 12, 100]), size, endpoint=True)
    w = rng.integers(1, rng.choice([1, 3, 10]), size, endpoint=True)
    tf, rdd = rng.choice([0.2, 0.4, 0.6, 0.8, 1.0], 2)
    low, high = (int(p.sum() * (1 - tf + sign * rdd / 2)) for sign in (-1, 1))
    return p, w, rng.integers(low, high, size, endpoint=True)


def test_equals_subset_dynamic_programming_on_hundreds_of_instances() -> None:
    """Up to 9 jobs, ties and negative due dates included, the proven optimum is the optimum."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        p, w, d = drawn(rng, int(rng.integers(1, 10)))
        solved = solve_by_sublimation(p, w, d)
        assert solved.proven
        assert solved.total == subset_dynamic_programme(p, d, w).total


def test_needs_no_good_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its local search the method finds the optimum as well: pruning never costs the last one."""
    monkeypatch.setattr(weighted_tardiness._Search, "_improve", lambda *_: None)
    rng = np.random.default_rng(2)
    for size in itertools.chain([14] * 2, rng.integers(2, 11, 150)):
        p, w, d = drawn(rng, int(size))
        solved = solve_by_sublimation(p, w, d)
        assert solved.proven
        assert solved.total == subset_dynamic_programme(p, d, w).total


@settings(max_examples=150, deadline=None)
@given(JOBS)
def test_equals_brute_force_on_odd_jobs(jobs: list[tuple[int, int, int]]) -> None:
    """Jobs without length or weight, due before time began, and no jobs at all are solved too."""
    p, w, d = np.array(jobs, np.int64).reshape(-1, 3).T
    solved = solve_by_sublimation(p, w, d)
    assert sorted(solved.sequence) == list(range(len(jobs)))
    assert solved.lower == solved.total == compute_weighted_tardiness(p, w, d, solved.sequence)
    assert solved.total == subset_dynamic_programme(p, d, w).total


def test_subset_dynamic_programming_equals_all_sequences() -> None:
    """The judge itself is judged by trying all orders of six jobs."""
    rng = np.random.default_rng(3)
    for _ in range(5):
        p, w, d = drawn(rng, 6)
        orders = itertools.permutations(range(6))
        least = min(compute_weighted_tardiness(p, w, d, order) for order in orders)
        found = subset_dynamic_programme(p, d, w)
        assert found.total == least == compute_weighted_tardiness(p, w, d, found.sequence)


def test_equals_branch_and_memorize_where_weights_are_one() -> None:
    """On total tardiness the method agrees with another one that shares no code with it."""
    rng = np.random.default_rng(4)
    for tf, rdd in itertools.product((0.4, 0.6, 0.8), (0.2, 0.6, 1.0)):
        data = problem.generate(rng, f"RDD={rdd} TF={tf}", 25)
        p, d = np.asarray(data["p"]), np.asarray(data["d"])
        solved = solve_by_sublimation(p, np.ones_like(p), d)
        assert solved.proven
        assert solved.total == branch_and_memorize(p, d).total


def test_every_relaxation_bounds_the_optimum_under_any_multipliers() -> None:
    """The walk's price and the multipliers' sum are at most the optimum, after pruning above it and splitting too."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        p, w, d = drawn(rng, 8)
        order = np.lexsort((-w, d, p))
        jobs = Jobs(p[order], w[order], d[order])
        optimum = subset_dynamic_programme(p, d, w).total
        table = StartTimes(jobs, 1)
        for step in ("table", "graph", "pairs", "split"):
            if step == "table":
                relaxation: StartTimes | States = table
            elif step == "graph":
                graph = States.build_after(table)
                relaxation = graph
            elif step == "pairs":
                graph = graph.pair_states()
                relaxation = graph
            else:
                graph.split(3)
                relaxation = graph
            multiplier = rng.integers(-20, 60, 8)
            price = relaxation.find_shortest_walk(multiplier)
            assert price + multiplier.sum() <= optimum
            relaxation.prune(multiplier, optimum - int(multiplier.sum()))
            assert relaxation.find_shortest_walk(multiplier) == price, step


def test_splitting_all_jobs_makes_the_relaxation_exact() -> None:
    """Once each job's visit is part of the state, the walk is an optimal sequence."""
    rng = np.random.default_rng(6)
    for _ in range(10):
        p, w, d = drawn(rng, 6)
        order = np.lexsort((-w, d, p))
        jobs = Jobs(p[order], w[order], d[order])
        graph = States.build_after(StartTimes(jobs, 1))
        for job in range(6):
            graph.split(job)
        price = graph.find_shortest_walk(np.zeros(6, np.int64))
        assert price == subset_dynamic_programme(p, d, w).total
        assert sorted(graph.order()) == list(range(6))
        assert price == compute_weighted_tardiness(*jobs, graph.order())


def test_of_neighbours_exactly_one_order_survives() -> None:
    """Equal costs included: dominance leaves one order of two jobs, and of three."""
    rng = np.random.default_rng(7)
    for _ in range(200):
        p, w, d = drawn(rng, 3)
        jobs = Jobs(p, w, d)
        start = int(rng.integers(0, 50))
        assert is_in_order(jobs, start + p[0], 0, 1) + is_in_order(jobs, start + p[1], 1, 0) == 1
        assert sum(is_best_order(jobs, start, *order) for order in itertools.permutations(range(3))) == 1


def test_local_search_prices_what_it_returns() -> None:
    """The cost that the descent reports is that of its sequence, which is never worse than its start."""
    rng = np.random.default_rng(8)
    for size in (1, 2, 7, 40):
        p, w, d = drawn(rng, size)
        best = np.arange(size)
        before = compute_weighted_tardiness(p, w, d, best.tolist())
        cost = iterate(Jobs(p, w, d), best, np.empty_like(best), np.empty_like(best), 20, 1, 10**6)
        assert cost == compute_weighted_tardiness(p, w, d, best.tolist()) <= before
        assert sorted(best.tolist()) == list(range(size))


@needs_data
@pytest.mark.parametrize("number", [1, 9, 26, 37, 57, 65, 81, 107, 110, 125])
def test_proves_published_optima_of_forty_jobs(number: int) -> None:
    """Of OR-Library's n = 40, the hardest of all among them, the proven optimum is the published one."""
    with (FOLDER / "optima.csv").open() as file:
        known = {row["instance"]: int(row["upper"]) for row in csv.DictReader(file)}
    instance = problem.read(FOLDER / "wt40.txt")[number - 1]
    found = problem.baseline(instance, 60)
    assert found.proven
    assert found.upper == known[f"wt40-{number:03d}"] == problem.cost(instance, found.solution)


@needs_data
def test_without_time_the_bounds_are_honest() -> None:
    """A limit that is over at once leaves a priced sequence and a lower bound that is none too high."""
    instance = problem.read(FOLDER / "wt40.txt")[80]
    for seconds in (0.0, 0.05, 0.2):
        found = problem.baseline(instance, seconds)
        assert found.lower <= 684 <= found.upper == problem.cost(instance, found.solution)
        assert found.status == ("optimal" if found.lower == found.upper else "bound")


def test_what_is_too_large_is_left_unproven() -> None:
    """Weights or horizons beyond what fits leave honest bounds instead of wrapped numbers or full memory."""
    p, w, d = np.array([7, 9, 8]), np.array([3, 2, 5]), np.array([8, 8, 8])
    heavy = solve_weighted_tardiness(p, w * 10**14, d, 5)
    assert heavy.lower <= 10**14 * subset_dynamic_programme(p, d, w).total <= heavy.upper
    long = solve_weighted_tardiness(p * 10**8, w, d * 10**8, 5)
    assert long.lower <= 10**8 * subset_dynamic_programme(p, d, w).total <= long.upper


@pytest.mark.parametrize(
    ("p", "w", "d", "words"),
    [
        ([1, 2], [1], [1, 2], "shapes"),
        ([[1]], [[1]], [[1]], "shapes"),
        ([1.5], [1], [1], "float64"),
        ([-1], [1], [1], "job 0 takes -1"),
        ([1], [-2], [1], "job 0 weighs -2"),
    ],
)
def test_what_are_no_jobs_is_refused(p: list[int], w: list[int], d: list[int], words: str) -> None:
    """Wrong shapes, fractions and negative times are named."""
    with pytest.raises(GapsmithError, match=words):
        solve_by_sublimation(p, w, d)
