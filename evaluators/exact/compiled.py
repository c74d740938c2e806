"""One way to compile a kernel, so that every kernel is typed, cached and falls back in the same manner."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def compiled(function: Kernel) -> Kernel:
    """Compiles a function with numba on its first call and caches the machine code between processes.

    Numba writes the cache beside the source, or, where that is read-only, to a directory of the user's. Where
    neither can be written the function is compiled anew by each process: slower to start, never a failure.
    """
    try:
        return cast("Kernel", numba.njit(cache=True)(function))
    except RuntimeError:  # "cannot cache function …: no locator available"
        return cast("Kernel", numba.njit(function))
