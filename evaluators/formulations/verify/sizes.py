"""What draws tiny instances: large enough to go wrong on, and now and then as small as they can be."""

import numpy as np


def tiny_size(rng: np.random.Generator, least: int, most: int) -> int:
    """The larger one of two draws: rare mistakes need parts, those of empty loops need the smallest instance."""
    return int(rng.integers(least, most, 2, endpoint=True).max())
