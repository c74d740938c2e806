"""Sizes of tiny instances.

Large enough to show mistakes, and sometimes as small as possible.
"""

import numpy as np


def draw_tiny_size(rng: np.random.Generator, minimum: int, maximum: int) -> int:
    """Draws a size: the larger one of two uniform draws.

    Rare mistakes need several parts; mistakes in empty loops need the smallest instance.
    """
    return int(rng.integers(minimum, maximum, 2, endpoint=True).max())
