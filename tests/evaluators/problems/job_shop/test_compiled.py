"""The compiled tabu search of the job shop: valid, never worse, and optimal where everything can be tried."""

from itertools import permutations

import numpy as np
import pytest

from gapsmith.evaluators.problems.job_shop.compiled import search_tabu
from gapsmith.evaluators.problems.job_shop.exact import makespan


def draw(seed, n, m):
    """A shop with random routes, and a random sequence; times of 0 among them."""
    rng = np.random.default_rng(seed)
    machines = np.array([rng.permutation(m) for _ in range(n)])
    return machines, rng.integers(0, 20, (n, m)), rng.permutation(np.repeat(np.arange(n), m))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 3), (4, 1), (5, 4), (12, 5)])
def test_a_sequence_stays_valid_and_gets_no_worse(seed, n, m):
    """Every job keeps its operations, and the makespan is at most that of the start."""
    machines, p, sequence = draw(seed, n, m)
    found = search_tabu(machines, p, sequence, 300, seed)
    assert sorted(found.tolist()) == sorted(sequence.tolist())
    assert makespan(machines, p, found.tolist()) <= makespan(machines, p, sequence.tolist())


@pytest.mark.parametrize("seed", range(6))
def test_small_shops_are_solved(seed):
    """On three jobs and two machines the best of all sequences is found."""
    machines, p, sequence = draw(seed, 3, 2)
    best = min(makespan(machines, p, list(each)) for each in set(permutations([0, 0, 1, 1, 2, 2])))
    assert makespan(machines, p, search_tabu(machines, p, sequence, 2000, 0).tolist()) == best


def test_the_inputs_are_left_as_they_were():
    """Callers use their arrays again."""
    machines, p, sequence = draw(3, 6, 4)
    copies = [each.copy() for each in (machines, p, sequence)]
    search_tabu(machines, p, sequence, 100, 0)
    assert all((one == other).all() for one, other in zip((machines, p, sequence), copies, strict=True))
