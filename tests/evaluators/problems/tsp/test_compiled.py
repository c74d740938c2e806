"""The compiled tours: exact gains, valid, never longer, within their work."""

from itertools import permutations

import numpy as np
import pytest
from helpers import load_compiled, load_plain

from gapsmith.evaluators.problems.tsp import compiled
from gapsmith.evaluators.problems.tsp.exact.solve import compute_length

PLAIN = load_plain(compiled.__file__)
SIZES = (1, 2, 3, 5, 8, 9, 25)


def draw(seed, n):
    """Symmetric distances without geometry, ties among them, near cities, and a random tour."""
    rng = np.random.default_rng(seed)
    distance = rng.integers(0, 30, (n, n))
    distance = np.triu(distance, 1) + np.triu(distance, 1).T
    return distance, PLAIN.list_near(distance, 6), rng.permutation(n)


def measure(distance, tour):
    """The length of a tour."""
    return compute_length(distance, [int(city) for city in tour])


@pytest.mark.parametrize("n", SIZES)
def test_near_cities_are_the_nearest(n):
    """Their distances are the least, in order, and none is the city itself."""
    distance, near, _ = draw(1, n)
    for i in range(n):
        others = np.sort(np.delete(distance[i], i))
        assert distance[i, near[i]].tolist() == others[:6].tolist()
        assert len({i, *near[i].tolist()}) == min(n, 7)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", SIZES)
def test_fragments_make_a_tour(n, seed):
    """Every city is in it once, whichever edges are short."""
    distance, near, _ = draw(seed, n)
    assert sorted(PLAIN.join_fragments(distance, near).tolist()) == list(range(n))


@pytest.mark.parametrize("seed", range(12))
def test_a_descent_knows_its_gain_and_can_be_undone(seed):
    """The gain is the difference of the lengths, and exchanges taken back in turn restore the edges."""
    distance, near, tour = draw(seed, 25)
    start, n = tour.copy(), 25
    place = np.argsort(tour)
    log, used = np.zeros((500, 4), np.int64), np.zeros(1, np.int64)
    descend, exchange = vars(PLAIN)["_descend"], vars(PLAIN)["_exchange"]
    gain, count = descend(
        distance, near, tour, place, tour.copy(), np.ones(n, np.bool_), n, log, 0, used, 10**6, True
    )
    assert gain == measure(distance, start) - measure(distance, tour) > 0
    assert (tour[place] == np.arange(n)).all()
    for a, b, c, d in log[:count][::-1]:
        exchange(a, c, b, d, tour, place, used)
    edges = [{frozenset(pair) for pair in zip(each, np.roll(each, 1), strict=True)} for each in (start, tour)]
    assert edges[0] == edges[1]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("shift", range(12))
def test_a_segment_is_carried_in_either_direction(shift, mirrored, turned):
    """Of p a e q c f it makes p q c a e f, or p q c e a f if it is turned, wherever the tour begins."""
    n = 12
    tour = np.roll(np.arange(n), shift)
    tour = tour[::-1].copy() if mirrored else tour
    place, log, used = np.argsort(tour), np.zeros((5, 4), np.int64), np.zeros(1, np.int64)
    vars(PLAIN)["_carry"](0, 1, 3, 4, 6, 7, turned, tour, place, log, 0, used)
    order = [0, 4, 5, 6, *((3, 2, 1) if turned else (1, 2, 3)), 7, 8, 9, 10, 11]
    edges = [{frozenset(pair) for pair in zip(each, np.roll(each, 1), strict=True)} for each in (order, tour)]
    assert edges[0] == edges[1]
    assert (tour[place] == np.arange(n)).all()


@pytest.mark.parametrize("warmth", [0.0, 0.5])
@pytest.mark.parametrize("n", SIZES)
def test_a_tour_stays_valid_and_gets_no_longer(n, warmth):
    """However long it may be in between; the input is left as it was."""
    distance, near, tour = draw(n, n)
    kept = tour.copy()
    found = PLAIN.search_locally(distance, near, tour, warmth, 3000, 1)
    assert sorted(found.tolist()) == list(range(n))
    assert measure(distance, found) <= measure(distance, tour)
    assert (tour == kept).all()


def test_small_tours_are_solved():
    """Of eight cities the shortest tour of all is found."""
    distance, near, tour = draw(5, 8)
    best = min(measure(distance, (0, *rest)) for rest in permutations(range(1, 8)) if rest[0] < rest[-1])
    assert measure(distance, PLAIN.search_locally(distance, near, tour, 0.1, 20000, 1)) == best


@pytest.mark.parametrize("work", [300, 5000, 20000])
def test_work_is_bounded(monkeypatch, work):
    """The search ends when its work is done, in the middle of a descent, too."""
    seen = []
    descend = vars(PLAIN)["_descend"]

    def note(*given):
        seen.append(given[9])
        return descend(*given)

    monkeypatch.setitem(descend.__globals__, "_descend", note)
    distance, near, tour = draw(2, 40)
    PLAIN.search_locally(distance, near, tour, 0.1, work, 1)
    assert work <= seen[-1][0] <= work + 500


def test_machine_code_does_as_plain_code():
    """Types in the warm-up are those of real calls, and numba agrees with Python."""
    numba = load_compiled(compiled.__file__)
    distance, near, _ = draw(3, 25)
    assert numba.list_near(distance, 6).tolist() == near.tolist()
    tour = numba.join_fragments(distance, near)
    assert measure(distance, tour) == measure(distance, PLAIN.join_fragments(distance, near))
    assert measure(distance, numba.search_locally(distance, near, tour, 0.1, 5000, 1)) <= measure(
        distance, tour
    )
    names = ("list_near", "join_fragments", "search_locally")
    assert all(len(getattr(numba, name).signatures) == 1 for name in names)
