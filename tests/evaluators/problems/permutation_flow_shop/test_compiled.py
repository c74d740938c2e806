"""The compiled insertions of the flow shop: exact prices, never worse, within their work."""

import numpy as np
import pytest
from helpers import load_compiled, load_plain

from gapsmith.evaluators.problems.permutation_flow_shop import compiled
from gapsmith.evaluators.problems.permutation_flow_shop.exact.solve import makespan

PLAIN = load_plain(compiled.__file__)
FIND_PLACE, IMPROVE, HEADS, TAILS = (
    vars(PLAIN)[name] for name in ("_find_place", "_improve", "_fill_heads", "_fill_tails")
)
SIZES = [(1, 1), (1, 4), (2, 3), (7, 1), (9, 4)]
NONE = np.zeros(0, np.int64)


def draw(seed, n, m):
    """Times, with zeros and many ties, and a random sequence."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 9, (n, m)), rng.permutation(n)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_a_job_goes_to_a_place_where_the_makespan_is_least(seed, n, m):
    """No other place in the sequence of the other jobs is better."""
    p, sequence = draw(seed, n, m)
    job, rest = sequence[0], sequence[1:]
    found = PLAIN.insert_jobs(p, rest, np.array([job]))
    assert [each for each in found if each != job] == rest.tolist()
    assert makespan(p, found) == min(makespan(p, np.insert(rest, place, job)) for place in range(n))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_kept_heads_and_tails_are_those_of_the_sequence(seed, n, m):
    """After many reinsertions the makespan that is kept is that of the sequence, and no job can be put better."""
    p, sequence = draw(seed, n, m)
    start = makespan(p, sequence)
    heads, tails, *others = np.zeros((4, n + 2, m + 1), np.int64)
    HEADS(p, sequence, 0, n, heads)
    TAILS(p, sequence, n - 1, n, tails)
    span, left = IMPROVE(p, sequence, n, heads, tails, *others, 10**6)
    assert span == makespan(p, sequence) == heads[n, m] == tails[0, 0] <= start
    for place in range(n if left > 0 else 0):
        rest = np.delete(sequence, place)
        assert span <= min(makespan(p, np.insert(rest, i, sequence[place])) for i in range(n))


@pytest.mark.parametrize("removed", [0, 1, 3, 20])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_a_sequence_stays_valid_and_gets_no_worse(removed, n, m):
    """Whatever is taken out, and however warm it is; the input is left as it was."""
    p, sequence = draw(removed, n, m)
    kept = sequence.copy()
    found = PLAIN.iterate_greedy(p, sequence, removed, 2.0, 20000, 1)
    assert sorted(found.tolist()) == list(range(n))
    assert makespan(p, found) <= makespan(p, sequence)
    assert (sequence == kept).all()


def test_work_is_bounded(monkeypatch):
    """As many places are tried as the work allows, not more."""
    tried = []

    def find_place(*given):
        tried.append(given[3] + 1)
        return FIND_PLACE(*given)

    monkeypatch.setitem(FIND_PLACE.__globals__, "_find_place", find_place)
    p, sequence = draw(0, 15, 4)
    for work in (20000, 40000):
        PLAIN.iterate_greedy(p, sequence, 2, 0.5, work, 1)
        assert 0.9 * work <= sum(tried) * (4 + compiled.ROW) <= 1.1 * work
        tried.clear()


def test_machine_code_inserts_as_plain_code_does():
    """Types in the warm-up are those of real calls, and numba agrees with Python."""
    numba = load_compiled(compiled.__file__)
    p, sequence = draw(3, 12, 5)
    found = numba.insert_jobs(p, NONE, sequence)
    assert found.tolist() == PLAIN.insert_jobs(p, NONE, sequence).tolist()
    assert makespan(p, numba.iterate_greedy(p, found, 2, 0.5, 20000, 1)) <= makespan(p, found)
    assert all(len(getattr(numba, name).signatures) == 1 for name in ("insert_jobs", "iterate_greedy"))
