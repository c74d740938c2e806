"""Compiles kernels with numba: typed, cached, with a common fallback."""

import contextlib
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


@cache
def _stamp(folder: Path) -> str:
    """Hashes the sources of a folder of kernels and of this one."""
    paths = sorted({*folder.glob("*.py"), *Path(__file__).parent.glob("*.py")})
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


_OPTIONS: dict[str, Any] = {"_nrt": False}


def compile_kernel(function: Kernel) -> Kernel:
    """Compiles a function with numba on its first call.

    The machine code is cached between processes. Numba writes the cache beside the source, or, where that is
    read-only, to a directory of the user's. Where neither can be written the function is compiled anew by each
    process: slower to start, never a failure.

    Kernels allocate nothing: their callers own all arrays. So numba need not count references to them (`_nrt`),
    which took a third of the time of the search.
    """
    try:
        kernel = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # "cannot cache function …: no locator available"
        return cast("Kernel", numba.njit(**_OPTIONS)(function))
    # Callees are compiled into their callers, but numba checks only whether the caller's own file has changed: a
    # corrected callee would never be run. So the stamp covers all files of the kernel's folder and of this one.
    with contextlib.suppress(AttributeError):
        kernel._cache._cache_file._source_stamp = _stamp(Path(function.__code__.co_filename).parent)  # noqa: SLF001
    return cast("Kernel", kernel)
