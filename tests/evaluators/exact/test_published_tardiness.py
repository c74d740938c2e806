"""Published instances with published optima; the folder is named by GAPSMITH_DATA or lies beside the project."""

import numpy as np
import pytest
from helpers import DATA

from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import branch_and_memorize

FOLDER = DATA / "tardiness"


def published(name):
    """The instances (p, d) of a file and their optima; skips where the data is not there."""
    if not FOLDER.is_dir():
        pytest.skip(
            f"no published instances in {FOLDER.parent.name}/{FOLDER.name}; set GAPSMITH_DATA to their folder"
        )
    numbers = np.array((FOLDER / f"{name}.txt").read_text().split(), np.int64)
    size = int(numbers[0])
    pairs = numbers.reshape(-1, 1 + 2 * size)[:, 1:].reshape(-1, size, 2)
    optima = [int(word) for word in (FOLDER / f"{name}.opt").read_text().split()]
    return list(zip(pairs[:, :, 0], pairs[:, :, 1], optima, strict=True))


@pytest.mark.parametrize(
    ("name", "step"), [("n20", 1), ("n20_other", 1), ("n100", 1), ("n200", 3), ("n500", 19)]
)
def test_published_optima(name, step):
    """Every instance of 20 and 100 jobs, and a spread of those of 200 and 500, is proven to have its optimum."""
    for number, (p, d, optimum) in enumerate(published(name)[::step]):
        solved = branch_and_memorize(p, d)
        assert (solved.total, solved.proven) == (optimum, True), f"{name}-{number * step + 1}"
