"""The kernel of branch and bound: bits, partitions into cliques, and a search that can be interrupted."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.problems.independent_set.exact import branch_and_bound as kernel


def bits_of(rows):
    """Boolean rows as 64-bit words, lowest bit first, made without numpy's packing."""
    words = -(-rows.shape[1] // 64)
    packed = np.zeros((len(rows), words), dtype=np.uint64)
    for i, j in np.argwhere(rows):
        packed[i, j // 64] |= np.uint64(1) << np.uint64(j % 64)
    return packed


def random_graph(n, density, seed):
    """The adjacency matrix of a uniform random graph."""
    upper = np.triu(np.random.default_rng(seed).random((n, n)) < density, 1)
    return upper | upper.T


def cliques_of(adjacent, candidates, needed):
    """The vertices that the kernel writes and the number of the clique of each."""
    n, words = len(adjacent), -(-len(adjacent) // 64)
    branch, bound = np.full(n, -1), np.full(n, -1)
    rest, clique = np.zeros(words, np.uint64), np.zeros(words, np.uint64)
    chosen = bits_of(candidates[None, :])[0]
    count = kernel.partition_into_cliques(bits_of(adjacent), chosen, rest, clique, branch, bound, needed)
    return branch[:count].tolist(), bound[:count].tolist()


class Search:
    """The arrays of a search for an independent set larger than a size."""

    def __init__(self, adjacent, size=0):
        n = len(adjacent)
        self.adjacent = bits_of(adjacent)
        words = self.adjacent.shape[1]
        self.left = np.zeros((n + 2, words), np.uint64)
        self.left[0] = bits_of(np.ones((1, n), dtype=bool))[0]
        self.scratch = np.zeros((2, words), np.uint64)
        self.branch, self.bound = np.zeros((n + 2, n), np.int64), np.zeros((n + 2, n), np.int64)
        self.count, self.chosen = np.full(n + 2, -1), np.zeros(n + 1, np.int64)
        self.best, self.state = np.zeros(n + 1, np.int64), np.array([0, size, 0, 0])

    def advance(self, nodes):
        """Explores at most so many further nodes."""
        kernel.search_nodes(
            self.adjacent, self.left, self.scratch, self.branch, self.bound, self.count, self.chosen, self.best,
            self.state, nodes,
        )  # fmt: skip

    @property
    def is_done(self):
        """Whether the search is complete."""
        return bool(self.state[kernel.DONE])

    @property
    def found(self):
        """The best set so far, in the order in which it was chosen."""
        return self.best[: self.state[kernel.BEST]].tolist()


def test_the_lowest_bit_of_a_word_is_found():
    """Higher bits do not hide the lowest one, at any of the 64 places."""
    for place in range(64):
        assert kernel.find_lowest_bit(np.uint64((1 << place) | (1 << 63))) == place


@settings(max_examples=40)
@given(st.integers(1, 90), st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 1000), st.data())
def test_a_partition_covers_every_candidate_once(n, density, seed, data):
    """Equal numbers are cliques, numbers rise from 1 without gaps, and no candidate is left out."""
    adjacent = random_graph(n, density, seed)
    candidates = np.random.default_rng(data.draw(st.integers(0, 99))).random(n) < 0.7
    vertices, numbers = cliques_of(adjacent, candidates, 1)
    assert sorted(vertices) == np.flatnonzero(candidates).tolist()
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, max(numbers, default=0) + 1))
    members = list(zip(numbers, vertices, strict=True))
    for (one, u), (other, v) in combinations(members, 2):
        assert one != other or adjacent[u, v]


@given(st.integers(1, 40), st.integers(0, 1000), st.integers(1, 6))
def test_cliques_below_the_needed_number_are_left_out(n, seed, needed):
    """What is written is exactly the tail of the whole partition."""
    adjacent = random_graph(n, 0.5, seed)
    everyone = np.ones(n, dtype=bool)
    whole = list(zip(*cliques_of(adjacent, everyone, 1), strict=True))
    tail = list(zip(*cliques_of(adjacent, everyone, needed), strict=True))
    assert tail == [(v, number) for v, number in whole if number >= needed]


@settings(max_examples=25)
@given(st.integers(2, 70), st.sampled_from([0.2, 0.5]), st.integers(0, 1000), st.integers(1, 9))
def test_an_interrupted_search_ends_where_an_uninterrupted_one_does(n, density, seed, step):
    """Slices of a few nodes visit the same nodes in all, and find the same set."""
    adjacent = random_graph(min(n, 45) if density < 0.5 else n, density, seed)
    whole, sliced = Search(adjacent), Search(adjacent)
    whole.advance(10**7)
    while not sliced.is_done:
        before = sliced.state[kernel.NODES]
        sliced.advance(step)
        assert sliced.state[kernel.NODES] <= before + step
    assert whole.is_done
    assert sliced.found == whole.found
    assert sliced.state[kernel.NODES] == whole.state[kernel.NODES]
    assert not adjacent[np.ix_(whole.found, whole.found)].any()


@given(st.integers(1, 30), st.integers(0, 1000))
def test_a_start_of_the_optimal_size_cannot_be_beaten(n, seed):
    """A search that has to beat the optimum ends without a set; one that has to beat one less finds it."""
    adjacent = random_graph(n, 0.4, seed)
    first = Search(adjacent)
    first.advance(10**6)
    size = len(first.found)
    beaten, regained = Search(adjacent, size), Search(adjacent, size - 1)
    beaten.advance(10**6)
    regained.advance(10**6)
    assert beaten.is_done
    assert beaten.state[kernel.BEST] == size
    assert not beaten.best.any()
    assert len(regained.found) == size


@settings(max_examples=60)
@given(st.integers(1, 10), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 10_000))
def test_a_complete_search_finds_what_counting_out_finds(n, density, seed):
    """From nothing the search ends with a set as large as the largest of all subsets."""
    adjacent = random_graph(n, density, seed)
    subsets = (list(c) for size in range(n, -1, -1) for c in combinations(range(n), size))
    largest = next(len(c) for c in subsets if not adjacent[np.ix_(c, c)].any())
    search = Search(adjacent)
    search.advance(10**6)
    assert search.is_done
    assert len(search.found) == largest
