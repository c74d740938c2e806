"""Exact methods for the independent set: reductions, covers, bounds and known graphs."""

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.independent_set.exact import solve as exact
from gapsmith.evaluators.problems.independent_set.exact.cpsat import solve_with_cpsat
from gapsmith.evaluators.problems.independent_set.exact.solve import (
    SCALE,
    CliqueDual,
    bound_by_cliques,
    build_by_degree,
    cover_edges,
    reduce_graph,
    search_exhaustively,
    solve_independent_set,
)


def graph(n, edges):
    """The adjacency matrix of those edges."""
    adjacent = np.zeros((n, n), dtype=bool)
    for u, v in edges:
        adjacent[u, v] = adjacent[v, u] = True
    return adjacent


def random_graph(n, density, seed):
    """The adjacency matrix of a uniform random graph."""
    upper = np.triu(np.random.default_rng(seed).random((n, n)) < density, 1)
    return upper | upper.T


def largest(adjacent):
    """The size of a largest independent set, by recursion on a vertex."""

    def size(left):
        if not left:
            return 0
        v = max(left, key=lambda u: adjacent[u, list(left)].sum())
        without = size(left - {v})
        return max(without, 1 + size(left - {v} - set(np.flatnonzero(adjacent[v]))))

    return size(frozenset(range(len(adjacent))))


def is_independent(adjacent, chosen):
    """Whether no two of the vertices are adjacent, and none is there twice."""
    return len(set(chosen)) == len(chosen) and not adjacent[np.ix_(chosen, chosen)].any()


GRAPHS = st.builds(
    random_graph, st.integers(1, 14), st.sampled_from([0.1, 0.3, 0.6, 0.9]), st.integers(0, 10_000)
)

PETERSEN = graph(
    10,
    [(k, (k + 1) % 5) for k in range(5)]
    + [(k, k + 5) for k in range(5)]
    + [(5 + k, 5 + (k + 2) % 5) for k in range(5)],
)


def circle(n):
    """A circle of n vertices."""
    return graph(n, [(k, (k + 1) % n) for k in range(n)])


@pytest.mark.parametrize(
    ("adjacent", "size"),
    [
        (PETERSEN, 4),
        (circle(5), 2),
        (circle(9), 4),
        (~np.eye(7, dtype=bool), 1),
        (np.zeros((6, 6), dtype=bool), 6),
        (graph(7, [(u, v) for u in range(3) for v in range(3, 7)]), 4),
        (graph(8, [(u, v) for u, v in combinations(range(8), 2) if (u ^ v).bit_count() == 1]), 4),
        (graph(9, [(u, v) for u, v in combinations(range(9), 2) if u // 3 == v // 3 or u % 3 == v % 3]), 3),
    ],
    ids=["Petersen", "C5", "C9", "complete", "empty", "bipartite", "cube", "rook"],
)
def test_known_graphs_have_their_known_numbers(adjacent, size):
    """The stability numbers of textbook graphs are proven, by a set of that size."""
    found = solve_independent_set(adjacent, 10.0)
    assert found.lower == found.upper == size == len(found.solution)
    assert is_independent(adjacent, found.solution)
    assert search_exhaustively(adjacent, [], 10.0)[0]


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 10_000))
def test_reductions_alone_solve_forests(n, seed):
    """A tree has a vertex of degree at most 1 at all times, so that nothing is left to decide."""
    rng = np.random.default_rng(seed)
    adjacent = graph(n, [(v, int(rng.integers(0, v))) for v in range(1, n) if rng.random() < 0.9])
    taken, rest = reduce_graph(adjacent)
    assert rest == []
    assert is_independent(adjacent, taken)
    assert bound_by_cliques(n, cover_edges(adjacent), 1) >= len(taken)
    assert solve_independent_set(adjacent, 10.0).solver == "reductions"


@given(GRAPHS)
def test_taken_vertices_are_apart_from_those_left(adjacent):
    """A vertex that is taken has no neighbour among the vertices left, so that both solutions can be joined."""
    taken, rest = reduce_graph(adjacent)
    assert is_independent(adjacent, taken)
    assert not adjacent[np.ix_(taken, rest)].any()
    assert not set(taken) & set(rest)


def test_a_deadline_in_the_past_leaves_everything_undecided():
    """Without time no vertex is decided and no edge covered, and the baseline is still a true bound."""
    past = time.process_time() - 1
    assert reduce_graph(PETERSEN, past) == ([], list(range(10)))
    assert cover_edges(PETERSEN, past) == []
    found = solve_independent_set(PETERSEN, -1.0)
    assert found.lower <= 4 <= found.upper
    assert is_independent(PETERSEN, found.solution)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_disjoint_cliques_are_covered_one_by_one(sizes):
    """The cover of disjoint cliques has each once, and the bound counts them exactly."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    adjacent = (owner[:, None] == owner) & ~np.eye(len(owner), dtype=bool)
    cliques = cover_edges(adjacent)
    assert sorted(map(len, cliques)) == sorted(size for size in sizes if size > 1)
    if cliques:
        alone = [size for size in sizes if size == 1]
        assert bound_by_cliques(len(owner), cliques, 1) == len(cliques) + len(alone)


@settings(max_examples=60)
@given(GRAPHS)
def test_the_clique_bound_lies_between_optimum_and_all(adjacent):
    """The bound is never below the optimum, whatever size is known, and never above the number of vertices."""
    cliques, optimum = cover_edges(adjacent), largest(adjacent)
    for known in {1, optimum}:
        assert optimum <= bound_by_cliques(len(adjacent), cliques, known) <= len(adjacent)


@given(GRAPHS, st.data())
def test_the_dual_lies_below_each_of_its_tangents(adjacent, data):
    """The dual is concave: from any point, value plus subgradient times step is at least the value there."""
    cliques = cover_edges(adjacent)
    if not cliques:
        return
    dual = CliqueDual(len(adjacent), cliques)
    points = st.lists(st.integers(0, SCALE), min_size=len(cliques), max_size=len(cliques)).map(np.array)
    here, there = data.draw(points), data.draw(points)
    value, slope = dual(here)
    assert dual(there)[0] <= value + int(slope @ (there - here))


@given(GRAPHS)
def test_the_greedy_set_is_maximal_and_of_turan_size(adjacent):
    """No vertex can be added, and the set has at least the sum of 1 / (degree + 1) vertices (Wei 1981)."""
    chosen = build_by_degree(adjacent)
    assert is_independent(adjacent, chosen)
    assert (adjacent[chosen].any(axis=0) | np.isin(np.arange(len(adjacent)), chosen)).all()
    assert len(chosen) >= (1 / (adjacent.sum(axis=1) + 1)).sum() - 1e-9


@settings(max_examples=30)
@given(GRAPHS, st.integers(0, 1000))
def test_numbers_of_vertices_do_not_matter(adjacent, seed):
    """A graph with its vertices renumbered has the same stability number."""
    order = np.random.default_rng(seed).permutation(len(adjacent))
    renumbered = adjacent[np.ix_(order, order)]
    assert solve_independent_set(adjacent, 10.0).upper == solve_independent_set(renumbered, 10.0).upper


@settings(max_examples=30)
@given(GRAPHS, GRAPHS)
def test_stability_numbers_of_parts_add_up(one, other):
    """The number of a graph of two parts without edges between them is the sum of both."""
    n = len(one)
    union = np.zeros((n + len(other),) * 2, dtype=bool)
    union[:n, :n], union[n:, n:] = one, other
    assert solve_independent_set(union, 10.0).upper == largest(one) + largest(other)


@settings(max_examples=20)
@given(GRAPHS)
def test_the_order_of_methods_does_not_matter(adjacent):
    """CP-SAT first or branch and bound first: both prove the optimum."""
    for dense_from in (0.0, 2.0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exact, "DENSE_FROM", dense_from)
            found = solve_independent_set(adjacent, 10.0)
        assert found.lower == found.upper == largest(adjacent)


def test_cpsat_returns_its_hint_without_time():
    """A limit of nothing gives back the bound and the set that were given, or better ones, never worse ones."""
    adjacent = random_graph(60, 0.1, 3)
    hint = build_by_degree(adjacent)
    bound, found = solve_with_cpsat(60, cover_edges(adjacent), 60, hint, 0.0)
    assert is_independent(adjacent, found)
    assert len(hint) <= len(found) <= bound <= 60


def test_cpsat_never_passes_a_bound_that_is_given():
    """A proven bound of the caller is kept: the model's own is not reported where it is weaker."""
    bound, found = solve_with_cpsat(10, cover_edges(PETERSEN), 4, [0], 5.0)
    assert bound == len(found) == 4
