"""The compiled tabu search of quadratic assignment: exact prices, valid, never worse, within its work."""

from itertools import permutations

import numpy as np
import pytest
from helpers import load_compiled, load_plain

from gapsmith.evaluators.problems.quadratic_assignment import compiled
from gapsmith.evaluators.problems.quadratic_assignment.exact.solve import compute_cost

PLAIN = load_plain(compiled.__file__)
KINDS = ("both", "flow", "distance", "none")


def draw(seed, n, kind):
    """Matrices of which both, one or none is symmetric, and a random assignment; diagonals are not zero."""
    rng = np.random.default_rng(seed)
    flow, distance = rng.integers(0, 9, (2, n, n))
    flow = flow + flow.T if kind in ("both", "flow") else flow
    distance = distance + distance.T if kind in ("both", "distance") else distance
    return flow, distance, rng.permutation(n)


def price(flow, distance, place):
    """The cost of an assignment."""
    return compute_cost(flow, distance, [int(each) for each in place])


@pytest.mark.parametrize("kind", KINDS)
def test_changes_are_those_of_the_cost(monkeypatch, kind):
    """After every swap and restart, each further swap has its exact price; one of a symmetric pair counts twice."""
    flow, distance, start = draw(3, 7, kind)
    twice = 1 + (kind in ("flow", "distance"))
    choose = vars(PLAIN)["_choose"]
    turns = []

    def check(changes, place, *others):
        for i in range(7):
            for j in range(i + 1, 7):
                other = place.copy()
                other[[i, j]] = place[[j, i]]
                change = price(flow, distance, other) - price(flow, distance, place)
                assert changes[i, j] == twice * change
        turns.append(None)
        return choose(changes, place, *others)

    monkeypatch.setitem(choose.__globals__, "_choose", check)
    PLAIN.search_tabu(flow, distance, start, 0.8, 1, 0.5, 40 * 7 * (7 + compiled.ROW), 1)
    assert len(turns) >= 15


@pytest.mark.parametrize("seed", range(8))
def test_the_best_swap_that_is_not_tabu_is_chosen(seed):
    """One is tabu where both facilities would return, unless it makes the cost a new best."""
    rng = np.random.default_rng(seed)
    n, turn, limit = 7, 5, -8
    changes, tabu, place = rng.integers(-10, 10, (n, n)), rng.integers(0, 12, (n, n)), rng.permutation(n)
    open_ = [
        (changes[i, j], i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if changes[i, j] < limit or tabu[i, place[j]] <= turn or tabu[j, place[i]] <= turn
    ]
    i, j = vars(PLAIN)["_choose"](changes, place, tabu, turn, limit)
    assert (changes[i, j], i, j) == min(open_)
    tabu[:] = turn + 1
    assert vars(PLAIN)["_choose"](changes, place, tabu, turn, -11) == (-1, -1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shake_knows_what_it_changes(kind):
    """So many facilities move, and the difference of the cost is returned."""
    flow, distance, place = draw(4, 9, kind)
    for count in (2, 5, 9, 20):
        before = place.copy()
        change = vars(PLAIN)["_shake"](flow, distance, place, count)
        assert change == price(flow, distance, place) - price(flow, distance, before)
        assert (place != before).sum() == min(count, 9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_an_assignment_stays_valid_and_gets_no_worse(n, kind):
    """For every size and tenure; the input is left as it was."""
    flow, distance, place = draw(n, n, kind)
    copies = [each.copy() for each in (flow, distance, place)]
    for tenure in (0.0, 0.5, 5.0):
        found = PLAIN.search_tabu(flow, distance, place, tenure, 2, 0.5, 8000, 1)
        assert sorted(found.tolist()) == list(range(n))
        assert price(flow, distance, found) <= price(flow, distance, place)
    assert all((one == two).all() for one, two in zip((flow, distance, place), copies, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_small_problems_are_solved(kind):
    """Of five facilities the cheapest assignment of all is found."""
    flow, distance, place = draw(8, 5, kind)
    best = min(price(flow, distance, each) for each in permutations(range(5)))
    assert price(flow, distance, PLAIN.search_tabu(flow, distance, place, 0.8, 3, 0.6, 40000, 1)) == best


@pytest.mark.parametrize("kind", KINDS)
def test_work_is_bounded(monkeypatch, kind):
    """There are no more turns than the work allows, and many of them."""
    turns = []
    choose = vars(PLAIN)["_choose"]
    monkeypatch.setitem(choose.__globals__, "_choose", lambda *given: turns.append(None) or choose(*given))
    flow, distance, place = draw(1, 10, kind)
    each = 10 * (10 + compiled.ROW) * (2 if kind == "none" else 1)
    PLAIN.search_tabu(flow, distance, place, 0.8, 1000, 0.5, 100 * each, 1)
    assert 90 <= len(turns) <= 100


def test_machine_code_is_that_of_the_types_of_real_calls():
    """Types in the warm-up are those of real calls, and the cost goes down as in plain code."""
    numba = load_compiled(compiled.__file__)
    for kind in KINDS:
        flow, distance, place = draw(2, 9, kind)
        found = numba.search_tabu(flow, distance, place, 0.8, 3, 0.6, 40000, 1)
        assert price(flow, distance, found) < price(flow, distance, place)
    assert len(numba.search_tabu.signatures) == 1
