"""Minimum 1-trees against all spanning trees."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.tsp.exact.one_tree import FAR, bottlenecks, one_tree


@st.composite
def graphs(draw, most=5):
    """A symmetric matrix of small weights and potentials of its vertices."""
    n, rng = draw(st.integers(3, most)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    upper = np.triu(rng.integers(0, draw(st.sampled_from([2, 50])), (n, n), endpoint=True), 1)
    return upper + upper.T, rng.integers(-20, 20, n)


def tree_of(weight, potential):
    """The value of the kernel, and what it writes: parents, order, keys, ends and degrees."""
    n = len(weight)
    parent, key, degree = (np.zeros(n, np.int64) for _ in range(3))
    order, ends = np.zeros(n - 1, np.int64), np.zeros(2, np.int64)
    value = one_tree(weight, potential, parent, order, key, ends, degree)
    return value, parent, order, key, ends, degree


def is_tree(edges, vertices):
    """Whether edges join all vertices without a circle."""
    joined = {min(vertices)}
    for _ in edges:
        joined |= {v for edge in edges if joined & set(edge) for v in edge}
    return joined == set(vertices) and len(edges) == len(vertices) - 1


def least_one_tree(weight, potential):
    """The least weight of a 1-tree under potentials, over all of them, less twice the potentials."""
    n = len(weight)
    modified = weight + potential[:, None] + potential
    pairs = list(itertools.combinations(range(1, n), 2))
    trees = [edges for edges in itertools.combinations(pairs, n - 2) if is_tree(edges, range(1, n))]
    inner = min(sum(modified[a, b] for a, b in edges) for edges in trees)
    return inner + np.sort(modified[0, 1:])[:2].sum() - 2 * potential.sum()


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_the_value_is_the_least_of_all_one_trees(graph):
    """Prim's algorithm and two edges at city 0 find the minimum."""
    assert tree_of(*graph)[0] == least_one_tree(*graph)


@settings(max_examples=50, deadline=None)
@given(graphs(most=9))
def test_what_is_written_is_the_tree(graph):
    """Parents and ends are edges of one tree, whose weights and degrees are those reported."""
    weight, potential = graph
    n = len(weight)
    value, parent, order, key, ends, degree = tree_of(*graph)
    modified = weight + potential[:, None] + potential
    edges = [(int(v), int(parent[v])) for v in order[1:]]
    assert is_tree(edges, range(1, n))
    assert all(key[v] == modified[v, u] for v, u in edges)
    edges += [(0, int(end)) for end in ends]
    assert ends[0] != ends[1]
    assert sum(modified[a, b] for a, b in edges) - 2 * potential.sum() == value
    assert np.bincount(np.ravel(edges), minlength=n).tolist() == degree.tolist()


@settings(max_examples=40, deadline=None)
@given(graphs(most=7))
def test_a_bottleneck_is_the_heaviest_edge_on_the_way(graph):
    """For every two cities but 0 it is the greatest weight on their path in the tree."""
    n = len(graph[0])
    _, parent, order, key, _, _ = tree_of(*graph)
    largest = np.zeros((n, n), np.int64)
    bottlenecks(parent, order, key, largest)
    ways = {1: []}
    for v in order[1:]:
        ways[int(v)] = [*ways[int(parent[v])], int(v)]
    for a, b in itertools.combinations(range(1, n), 2):
        path = set(ways[a]) ^ set(ways[b])
        assert largest[a, b] == largest[b, a] == max(key[v] for v in path)


def test_absent_edges_leave_no_tree():
    """Where a city cannot be reached, the value says that there is no 1-tree."""
    weight = np.ones((4, 4), np.int64)
    weight[2, :] = weight[:, 2] = FAR
    assert tree_of(weight, np.zeros(4, np.int64))[0] >= FAR
