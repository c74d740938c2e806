"""Symmetries of a matrix.

The ways to renumber its rows and columns alike that leave it as it is.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

MOST = 256
"""Symmetries that are looked for: grids have 4 or 8, and others only help."""

ATTEMPTS = 20_000
"""Partial renumberings that are looked at."""


def list_automorphisms(matrix: Integers) -> Integers:
    """Lists the permutations s with matrix[s[i], s[j]] = matrix[i, j].

    The shape is (count, n). If there are many, only the first in lexicographic order are listed, so that the
    identity is always among them.
    """
    n = len(matrix)
    found, budget = [], [ATTEMPTS]
    for symmetry in _extend(matrix, _compute_signatures(matrix), [], budget):
        found.append(symmetry)
        if len(found) == MOST:
            break
    if not found:
        found = [list(range(n))]
    return np.array(found, dtype=np.int64)


def _compute_signatures(matrix: Integers) -> list[bytes]:
    """Computes values that are equal for rows that could change places.

    The same holds for columns.
    """
    rows, columns = np.sort(matrix, axis=1), np.sort(matrix, axis=0).T
    return [matrix[i, i].tobytes() + rows[i].tobytes() + columns[i].tobytes() for i in range(len(matrix))]


def _extend(
    matrix: Integers, kinds: list[bytes], images: list[int], budget: list[int]
) -> Iterator[list[int]]:
    """Yields the symmetries that begin with these images.

    They come in lexicographic order, while the budget lasts.
    """
    k = len(images)
    if k == len(matrix):
        yield images
        return
    for image in range(len(matrix)):
        if image in images or kinds[image] != kinds[k]:
            continue
        budget[0] -= 1
        if budget[0] < 0:
            return
        both = [*images, image]
        if (matrix[image, both] == matrix[k, : k + 1]).all() and (
            matrix[both, image] == matrix[: k + 1, k]
        ).all():
            yield from _extend(matrix, kinds, both, budget)
