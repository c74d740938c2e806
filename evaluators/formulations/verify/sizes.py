"""Sizes of tiny instances.

Large enough to show mistakes, and sometimes as small as possible.
"""

import numpy as np


def draw_tiny_size(rng: np.random.Generator, least: int, most: int) -> int:
    """Draws a size: the larger one of two uniform draws.

    Rare mistakes need several parts; mistakes in empty loops need the smallest instance.
    """
    return int(rng.integers(least, most, 2, endpoint=True).max())
