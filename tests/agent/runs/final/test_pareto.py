"""The Pareto front of gap, time and size."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.runs.final.pareto import FrontPoint, find_front, is_dominating, thin_front

numbers = st.integers(1, 6)
points = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=12).map(
    lambda rows: [FrontPoint(k, "", float(g), c * 0.05, s) for k, (g, c, s) in enumerate(rows)]
)


@given(points)
def test_nothing_on_the_front_is_dominated_by_it(found):
    """No point of the front dominates another of it."""
    kept = find_front(found)
    assert not any(is_dominating(a, b) for a, b in itertools.permutations(kept, 2))


@given(points)
def test_what_is_left_out_is_no_better_anywhere(found):
    """For every point that is left out, one on the front is as good and as short, and not clearly slower."""
    kept = find_front(found)
    for point in found:
        assert any(
            a.gap <= point.gap and a.size <= point.size and a.cpu_seconds <= point.cpu_seconds * 1.1 + 1e-12
            for a in kept
        )


@given(points)
def test_without_a_tolerance_it_is_the_pareto_front(found):
    """With exact times the front is the points that nothing dominates, equal ones once."""
    exact = {
        (p.gap, p.cpu_seconds, p.size)
        for p in found
        if not any(is_dominating(other, p, 0.0) for other in found)
    }
    assert sorted((p.gap, p.cpu_seconds, p.size) for p in find_front(found, 0.0)) == sorted(exact)


@pytest.mark.parametrize(("slower", "kept"), [(1.05, 1), (1.2, 2)])
def test_a_little_slower_is_equal(slower, kept):
    """A better program that is 5 % slower drops the worse one; one that is 20 % slower does not."""
    better, worse = FrontPoint(1, "", 1.0, slower, 10), FrontPoint(2, "", 2.0, 1.0, 10)
    assert len(find_front([worse, better])) == kept


def test_a_chain_of_slower_programs_does_not_drop_the_fast_one():
    """Each is 8 % slower than the next, and drops it: those that are clearly faster than the best stay."""
    chain = [FrontPoint(k, "", float(k), 1.08**-k, 10) for k in range(8)]
    assert [p.program for p in find_front(chain)] == [0, 2, 4, 6]


def test_a_thinned_front_keeps_its_ends():
    """The best, the fastest and the shortest stay, and the order."""
    whole = [FrontPoint(k, "", float(k), 30.0 - k, 50 + k) for k in range(20)]
    whole[7] = FrontPoint(7, "", 7.0, 23.0, 1)
    whole[9] = FrontPoint(9, "", 9.0, 0.5, 59)
    for most in (3, 5, 12):
        found = thin_front(whole, most)
        assert len(found) == most
        assert {0, 7, 9} <= {p.program for p in found}
        assert found == sorted(found, key=lambda p: p.gap)
    assert thin_front(whole, 20) == whole
