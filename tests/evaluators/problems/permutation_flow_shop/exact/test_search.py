"""The kernels of the flow shop's search, one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.permutation_flow_shop.exact.search import (
    COUNT,
    DEPTH,
    NODES,
    UPPER,
    bound_backward,
    bound_forward,
    expand,
    insert_job,
    make_stack,
    run_iterated_greedy,
    search_tree,
)
from gapsmith.evaluators.problems.permutation_flow_shop.exact.solve import makespan

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, jobs, machines, largest=20):
    """A shop of random times."""
    return np.random.default_rng(seed).integers(0, largest, (jobs, machines), endpoint=True)


def room(n, m):
    """The scratch arrays of the heuristics."""
    front = (np.zeros((n + 1, m + 1), np.int64), *(np.zeros(size, np.int64) for size in (n, n, 4)))
    return front, np.zeros((n + 2, m + 2), np.int64)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(1, 6), st.integers(1, 4))
def test_an_insertion_takes_the_first_best_place(seed, n, m):
    """The makespan is the least over all places, and no earlier place has it."""
    p = drawn(seed, n, m)
    sequence = np.random.default_rng(seed).permutation(n)
    size, job = n - 1, int(sequence[-1])
    before = sequence[:size].copy()
    (front, *_), back = room(n, m)
    found = insert_job(p, sequence, size, job, front, back)
    lengths = [makespan(p, np.insert(before, place, job)) for place in range(n)]
    assert found == min(lengths)
    assert sequence.tolist() == np.insert(before, lengths.index(found), job).tolist()


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(4, 9), st.integers(1, 4))
def test_the_greedy_reports_the_makespan_of_its_sequence(seed, n, m):
    """What is returned is what the sequence takes, and more rounds never give a longer one."""
    p, lengths = drawn(seed, n, m), []
    for rounds in (0, 20, 200):
        best = np.arange(n)
        front, back = room(n, m)
        lengths.append(run_iterated_greedy(p, best, rounds, 0, 1.0, front, back))
        assert sorted(best.tolist()) == list(range(n))
        assert makespan(p, best) == lengths[-1]
    assert lengths == sorted(lengths, reverse=True)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(2, 5), st.integers(1, 4))
def test_first_moves_are_bounded_by_their_best_completions(seed, n, m):
    """With nothing fixed, the bound of each job in front and at the end is below the best sequence with it there."""
    p = drawn(seed, n, m)
    ends, rest, least = np.zeros(m, np.int64), p.sum(axis=0), p.min(axis=0)
    orders = list(itertools.permutations(range(n)))
    for job in range(n):
        first = min(makespan(p, np.array(order)) for order in orders if order[0] == job)
        last = min(makespan(p, np.array(order)) for order in orders if order[-1] == job)
        assert bound_forward(p, job, ends, ends, rest, least) <= first
        assert bound_backward(p, job, ends, ends, rest, least) <= last


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_a_search_in_slices_ends_as_one_without(seed, step):
    """However often the search is left and entered again, it proves the least makespan."""
    p, best = drawn(seed, 6, 3), np.arange(6)
    stack = make_stack(p, makespan(p, best), best)
    while stack.state[DEPTH] >= 0:
        search_tree(p, stack, stack.state[NODES] + step)
    shortest = min(makespan(p, np.array(order)) for order in itertools.permutations(range(6)))
    assert stack.state[UPPER] == shortest == makespan(p, best)


def test_a_search_from_the_optimum_keeps_the_sequence():
    """Only less than the given makespan is looked for: an optimal start is not overwritten."""
    p = drawn(11, 6, 3)
    order = min(itertools.permutations(range(6)), key=lambda order: makespan(p, np.array(order)))
    best = np.array(order)
    stack = make_stack(p, makespan(p, best), best)
    search_tree(p, stack, 10**6)
    assert stack.state[DEPTH] == -1
    assert best.tolist() == list(order)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 7), st.integers(1, 4))
def test_children_come_by_their_bounds_and_may_improve(seed, n, m):
    """The children of the root are different jobs, the least bound first, and all below the makespan to beat."""
    p = drawn(seed, n, m)
    upper = makespan(p, np.arange(n))
    stack = make_stack(p, upper, np.arange(n))
    expand(p, stack)
    count = int(stack.frames[0, COUNT])
    bounds, jobs = stack.bounds[0, :count].tolist(), stack.jobs[0, :count].tolist()
    assert bounds == sorted(bounds)
    assert all(bound < upper for bound in bounds)
    assert len(set(jobs)) == count
