"""The exact method of the travelling salesman: what must not change an optimum, and limits."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.tsp.exact import solve
from gapsmith.evaluators.problems.tsp.exact.cpsat import solve_circuit
from gapsmith.evaluators.problems.tsp.exact.solve import (
    SCALE,
    OneTrees,
    bound_held_karp,
    compute_length,
    solve_tour,
)


@st.composite
def matrices(draw, least=3, most=7):
    """Symmetric matrices of small integers."""
    n, rng = draw(st.integers(least, most)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    upper = np.triu(rng.integers(0, draw(st.sampled_from([1, 9, 99])), (n, n), endpoint=True), 1)
    return upper + upper.T


def shortest(distance):
    """The least length over all tours."""
    rest = itertools.permutations(range(1, len(distance)))
    return min(compute_length(distance, (0, *order)) for order in rest)


def test_lengths_beyond_64_bits_are_exact():
    """Distances whose sum leaves int64 are added without overflow."""
    assert compute_length(np.full((4, 4), 2**62, dtype=np.int64), [0, 1, 2, 3]) == 4 * 2**62


@settings(max_examples=30, deadline=None)
@given(matrices(), st.randoms(use_true_random=False))
def test_labels_of_cities_do_not_matter(distance, random):
    """Cities under other numbers have the same shortest length."""
    order = random.sample(range(len(distance)), len(distance))
    found = solve_tour(distance[np.ix_(order, order)], 9.0)
    assert found.lower == found.upper == shortest(distance)


@settings(max_examples=25, deadline=None)
@given(matrices(least=8, most=8), st.integers(0, 50))
def test_a_longer_way_to_every_city_adds_up(distance, extra):
    """The same added to every distance adds n times as much to the optimum, and changes no tour's rank."""
    more = distance + extra * (1 - np.eye(8, dtype=np.int64))
    assert solve_tour(more, 9.0).upper == solve_tour(distance, 9.0).upper + 8 * extra


@settings(max_examples=25, deadline=None)
@given(matrices(least=4, most=7))
def test_held_karp_is_never_above_the_optimum(distance):
    """The bound of the ascent, rounded up to whole lengths, is at most the shortest tour."""
    optimum = shortest(distance)
    _, ascent = bound_held_karp(distance, optimum)
    assert -(-ascent.bound // SCALE) <= optimum


@settings(max_examples=25, deadline=None)
@given(matrices(least=4, most=6))
def test_no_edge_of_a_shortest_tour_is_struck_out(distance):
    """All edges of every optimal tour stay allowed at the optimum."""
    optimum = shortest(distance)
    trees, ascent = bound_held_karp(distance, optimum)
    edges = trees.mark_edges_below(ascent.multipliers, optimum)
    assert (edges == edges.T).all()
    assert not edges.diagonal().any()
    for rest in itertools.permutations(range(1, len(distance))):
        tour = np.array((0, *rest))
        if compute_length(distance, tour) == optimum:
            assert edges[tour, np.roll(tour, -1)].all()


def test_distances_beyond_the_range_are_refused():
    """Distances whose scaled sums could leave 64 bits are an error, not a wrong bound."""
    with pytest.raises(ValueError, match="too long"):
        OneTrees(np.full((4, 4), 2**55, np.int64))


@settings(max_examples=25, deadline=None)
@given(matrices(least=4, most=6))
def test_the_circuit_finds_the_shortest_tour(distance):
    """Over all edges the model proves the optimum; with one less allowed it proves that there is none."""
    edges = ~np.eye(len(distance), dtype=bool)
    optimum = shortest(distance)
    bound, tour = solve_circuit(distance, edges, optimum, 5.0)
    assert tour is not None
    assert bound == optimum == compute_length(distance, tour)
    assert solve_circuit(distance, edges, optimum - 1, 5.0) == (optimum, None)


def test_the_circuit_keeps_to_the_edges():
    """A tour uses allowed edges alone, and without a circuit of them there is none."""
    ring = np.roll(np.eye(6, dtype=bool), 1, axis=1)
    distance = np.ones((6, 6), np.int64)
    bound, tour = solve_circuit(distance, ring | ring.T, 6, 5.0)
    assert bound == 6
    assert tour in ([0, 1, 2, 3, 4, 5], [0, 5, 4, 3, 2, 1])
    halves = np.kron(np.eye(2, dtype=bool), np.ones((3, 3), bool)) & ~np.eye(6, dtype=bool)
    assert solve_circuit(distance, halves, 6, 5.0) == (7, None)


def test_more_edges_than_the_model_takes_are_left_unproven(monkeypatch):
    """Where the model would be too large, the bound of the 1-trees and the tour at hand are returned."""
    monkeypatch.setattr(solve, "MOST_EDGES", 0)
    rng = np.random.default_rng(2)
    upper = np.triu(rng.integers(0, 99, (12, 12)), 1)
    found = solve_tour(upper + upper.T, 5.0)
    assert found.solver == "held-karp"
    assert found.lower <= found.upper == compute_length(upper + upper.T, found.solution)
