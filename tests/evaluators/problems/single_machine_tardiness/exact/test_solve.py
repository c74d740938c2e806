"""Branch and memorize against brute force, on everything that is small."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import subset_dynamic_programme

from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.problems.single_machine_tardiness.exact import solve as module
from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import (
    bound_by_sorting,
    branch_and_memorize,
    compute_total_tardiness,
    descend,
    sequence_by_mdd,
    solve_total_tardiness,
)

JOBS = st.lists(st.tuples(st.integers(0, 12), st.integers(-20, 60)), max_size=8)
MORE_JOBS = st.lists(st.tuples(st.integers(1, 30), st.integers(-50, 500)), min_size=1, max_size=30)


def random_instance(rng, size, tightness=None, spread=None, longest=100):
    """Due dates around the share `1 - tightness` of the total length, over `spread` of it; many ties if short."""
    p = rng.integers(1, longest + 1, size)
    tightness = rng.uniform(0, 1) if tightness is None else tightness
    spread = rng.uniform(0, 1.2) if spread is None else spread
    low, high = (int(p.sum() * (1 - tightness + side * spread / 2)) for side in (-1, 1))
    return p, rng.integers(low, high + 1, size)


def split(jobs):
    """Pairs to the two lists of the solvers."""
    return [length for length, _ in jobs], [due for _, due in jobs]


@pytest.mark.parametrize("longest", [1, 2, 5, 20, 100, 10_000])
def test_random_instances(longest):
    """On hundreds of random instances of every tightness the total is that of the dynamic programme over subsets."""
    rng = np.random.default_rng(longest)
    for _ in range(500):
        p, d = random_instance(rng, rng.integers(1, 10), longest=longest)
        solved = branch_and_memorize(p, d)
        assert solved.proven
        assert solved.total == subset_dynamic_programme(p, d).total, (p.tolist(), d.tolist())


@pytest.mark.parametrize("size", [11, 12, 13])
def test_somewhat_larger_random_instances(size):
    """Tight instances, where most branching happens, agree with the dynamic programme as well."""
    rng = np.random.default_rng(size)
    for _ in range(12):
        p, d = random_instance(rng, size, tightness=rng.uniform(0.4, 1.0), spread=rng.uniform(0.1, 0.4))
        assert branch_and_memorize(p, d).total == subset_dynamic_programme(p, d).total, (
            p.tolist(),
            d.tolist(),
        )


@given(JOBS)
@settings(max_examples=400, deadline=None)
def test_any_small_instance(jobs):
    """Zero lengths, negative due dates and ties included, the optimum and a sequence of that cost are found."""
    p, d = split(jobs)
    solved, judge = branch_and_memorize(p, d), subset_dynamic_programme(p, d)
    assert solved.total == judge.total == compute_total_tardiness(p, d, solved.sequence)
    assert sorted(solved.sequence) == sorted(judge.sequence) == list(range(len(jobs)))
    assert compute_total_tardiness(p, d, judge.sequence) == judge.total


@given(MORE_JOBS, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_order_of_jobs_does_not_matter(jobs, shuffler):
    """The numbering of the jobs has no influence on the optimum."""
    shuffled = jobs.copy()
    shuffler.shuffle(shuffled)
    assert branch_and_memorize(*split(jobs)).total == branch_and_memorize(*split(shuffled)).total


@given(MORE_JOBS, st.integers(0, 29), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_a_later_due_date_costs_nothing(jobs, which, later):
    """A due date put off by x lowers the optimum by something from 0 to x."""
    p, d = split(jobs)
    before = branch_and_memorize(p, d).total
    d[which % len(d)] += later
    assert before - later <= branch_and_memorize(p, d).total <= before


@given(MORE_JOBS)
@settings(max_examples=200, deadline=None)
def test_no_single_move_improves_an_optimum(jobs):
    """A descent that starts from the proven sequence stays there, and no bound or heuristic crosses its total."""
    p, d = split(jobs)
    solved = branch_and_memorize(p, d)
    assert compute_total_tardiness(p, d, descend(p, d, solved.sequence)) == solved.total
    start = sequence_by_mdd(p, d)
    improved = descend(p, d, start)
    assert sorted(improved) == list(range(len(jobs)))
    assert solved.total <= compute_total_tardiness(p, d, improved) <= compute_total_tardiness(p, d, start)
    assert bound_by_sorting(p, d) <= solved.total


@pytest.mark.parametrize(
    ("p", "d", "total"),
    [
        ([], [], 0),
        ([7], [3], 4),
        ([7], [-3], 10),
        ([0, 0], [-1, 2], 1),
        ([10, 11, 10, 10, 11, 10], [15, 11, 13, 11, 12, 11], 141),
        ([5] * 100, [0] * 100, 5 * 5050),
        ([3, 1, 2], [6, 1, 3], 0),
    ],
)
def test_known_totals(p, d, total):
    """Cases that can be checked by hand, and the six jobs of arXiv 2510.24013, where MDD finds 144 only."""
    solved = branch_and_memorize(p, d)
    assert (solved.total, solved.proven) == (total, True)


@pytest.mark.parametrize("slack", [-1, 0, 1])
def test_zero_slack(slack):
    """When every due date is met exactly, or missed or beaten by one, the boundary is on the right side."""
    rng = np.random.default_rng(5)
    for _ in range(100):
        p = rng.integers(1, 9, 8)
        d = np.cumsum(p) + slack
        shuffled = rng.permutation(8)
        found = branch_and_memorize(p[shuffled], d[shuffled]).total
        assert found == subset_dynamic_programme(p, d).total
        assert slack < 0 or found == 0


def test_forgetting_costs_no_truth():
    """With next to no memory, values and sets are thrown away again and again, and the optimum is the same."""
    rng = np.random.default_rng(1)
    for _ in range(3):
        p, d = random_instance(rng, 130, tightness=0.6, spread=0.2)
        rich, poor = branch_and_memorize(p, d), branch_and_memorize(p, d, memory_bytes=0)
        assert (poor.total, poor.proven) == (rich.total, True)
        assert poor.nodes > rich.nodes


def test_leaving_and_entering_again(monkeypatch):
    """A search cut into slices of a few nodes makes the very steps of one that runs through."""
    p, d = random_instance(np.random.default_rng(2), 100, tightness=0.6, spread=0.2)
    through = branch_and_memorize(p, d)
    monkeypatch.setattr(module, "SLICE_NODES", 7)
    assert branch_and_memorize(p, d) == through


def test_time_limit(monkeypatch):
    """Out of time, bounds are honest: the optimum is between them, the sequence costs the upper, nothing is proven."""
    p, d = random_instance(np.random.default_rng(3), 60, tightness=0.6, spread=0.2)
    optimum = branch_and_memorize(p, d).total
    monkeypatch.setattr(module, "SLICE_NODES", 7)
    baseline = solve_total_tardiness(p, d, seconds=0)
    assert (baseline.status, baseline.solver) == ("bound", "descent")
    assert baseline.lower < optimum <= baseline.upper == compute_total_tardiness(p, d, baseline.solution)
    assert not branch_and_memorize(p, d, seconds=0).proven


def test_baseline_of_a_solved_instance():
    """A baseline that is proven has equal bounds, plain data as solution and the algorithm's name."""
    baseline = solve_total_tardiness([3, 2, 2], [1, 1, 1], seconds=10)
    assert (baseline.lower, baseline.upper, baseline.status) == (10, 10, "optimal")
    assert baseline.solver == "branch-and-memorize"
    assert [type(job) for job in baseline.solution] == [int, int, int]


def test_a_wrong_claim_is_a_named_bug(monkeypatch):
    """A value that its sequence does not cost is never returned: the error says that it is a bug of ours."""
    monkeypatch.setattr(module._Search, "solve", lambda _: (0, [0, 1]))
    with pytest.raises(AssertionError, match="bug in branch and memorize: claims 0, its sequence costs 4"):
        branch_and_memorize([2, 3], [1, 2])


@pytest.mark.parametrize(
    ("p", "d", "word"),
    [
        ([1, 2], [1], "shape"),
        ([1.5], [1], "expected integers"),
        ([1], [0.5], "expected integers"),
        ([4, -1], [1, 1], "job 1 takes -1"),
        ([1 << 59, 1 << 59], [0, 0], "scale the numbers down"),
    ],
)
def test_what_is_no_instance(p, d, word):
    """Arguments that are not an instance are refused with what was found."""
    with pytest.raises(GapsmithError, match=word):
        branch_and_memorize(p, d)
