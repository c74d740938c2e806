"""How much faster a formulation is, with an interval."""

import pytest

from gapsmith.evaluators.formulations.solve.benchmark import (
    price_times,
)
from gapsmith.evaluators.formulations.speed import compute_ratio


def test_ratio_has_its_interval():
    """The ratio of a tenth of the time is a tenth, inside an interval that differs where instances do."""
    base, mine = (
        [price_times([t]) for t in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)],
        [price_times([t / 10]) for t in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)],
    )
    found = compute_ratio(mine, base)
    assert found.ci95[0] < found.value < found.ci95[1]
    assert found.value == pytest.approx(0.1, abs=0.005)
    assert (compute_ratio(base, base).ci95, compute_ratio(base, base).instances) == ((1.0, 1.0), 6)
    assert (compute_ratio(mine[:5], base[:5]).ci95, compute_ratio(mine[:5], base[:5]).instances) == (None, 5)
