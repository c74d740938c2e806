"""OR-Tools' general formulation as the second opinion on branch and memorize."""

import numpy as np
import pytest
from oracles import cpsat_total_tardiness

from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import (
    branch_and_memorize,
    compute_total_tardiness,
)


@pytest.mark.parametrize("size", [8, 9, 10, 11, 12])
def test_cpsat_agrees(size):
    """On random instances of 8 to 12 jobs both prove the same total, and CP-SAT's sequence has it."""
    rng = np.random.default_rng(size)
    for tightness in np.linspace(0.2, 1.0, 7):
        p = rng.integers(1, 30, size)
        d = rng.integers(int(p.sum() * (0.7 - tightness)), int(p.sum() * (1.3 - tightness)) + 1, size)
        lower, upper, sequence = cpsat_total_tardiness(p, d, 60)
        assert lower == upper == branch_and_memorize(p, d).total == compute_total_tardiness(p, d, sequence)


def test_jobs_without_length():
    """Jobs of no length cost what their start makes them late."""
    p, d = [10, 0, 10, 0], [15, 11, -13, -2]
    lower, upper, sequence = cpsat_total_tardiness(p, d, 60)
    assert lower == upper == branch_and_memorize(p, d).total == compute_total_tardiness(p, d, sequence)
