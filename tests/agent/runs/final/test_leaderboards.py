"""The set of programs that complement each other."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.runs.final.leaderboards import MOST, choose_complementary, pool_gaps
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Scale

INSTANCES = [Instance(str(k), {}) for k in range(4)]
SCALE = Scale(INSTANCES, [Baseline(10, 10, None, "hand", 0.0)] * 4)
costs = st.lists(st.lists(st.integers(10, 30), min_size=4, max_size=4), min_size=1, max_size=8)


def test_specialists_are_found():
    """The generalist comes first, then what helps most where it is weak; what helps nowhere never comes."""
    rows = [[12, 12, 12, 12], [10, 20, 20, 20], [20, 20, 10, 10], [13, 13, 13, 13]]
    assert choose_complementary(SCALE, rows) == [0, 2, 1]
    assert pool_gaps(SCALE, [rows[k] for k in (0, 2, 1)]) == [20.0, 10.0, 5.0]


def test_when_maximising_more_is_better():
    """The best of a set is the greatest value of each instance."""
    scale = Scale(INSTANCES, [Baseline(10, 10, None, "hand", 0.0)] * 4, maximise=True)
    rows = [[8, 8, 8, 8], [10, 0, 0, 0]]
    assert choose_complementary(scale, rows) == [0, 1]
    assert pool_gaps(scale, rows) == [20.0, 15.0]


@given(costs)
def test_every_member_lowers_the_gap(rows):
    """Each prefix of the set is strictly better than the one before, and the first is the best single one."""
    chosen = choose_complementary(SCALE, rows)
    gaps = pool_gaps(SCALE, [rows[k] for k in chosen])
    assert gaps[0] == min(SCALE.compute_pooled_gap(row) for row in rows)
    assert all(b < a for a, b in pairwise(gaps))
    assert len(set(chosen)) == len(chosen) <= MOST


@given(costs)
def test_the_greedy_set_is_near_the_best_pair(rows):
    """The reduction below what is worst everywhere is at least 1 − 1/e of the best pair's."""
    worst, losses = 20.0 * 4, np.array(rows, dtype=float) - 10
    best = min(
        (losses[list(pair)].min(axis=0).sum() for pair in combinations(range(len(rows)), 2)), default=worst
    )
    greedy = losses[choose_complementary(SCALE, rows, 2)].min(axis=0).sum()
    assert worst - greedy >= (1 - 1 / np.e) * (worst - best) - 1e-9
