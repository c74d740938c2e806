"""Numba in the guest.

Loaded before the zygote is locked, given a program's machine code in each of its children.

A program is compiled in a child of its own. What it has compiled there leaves that child as bytes, which the host
neither reads nor trusts: it hands them to later children of the same program, and to no other. Nothing is written
to disk, and nothing of a program stays in the zygote. All of this runs in a process that can do no harm, whatever
the machine code does.
"""

import contextlib
import importlib.util
import os
import pickle
import sys
from collections.abc import Iterator
from typing import Any

_EXERCISES = """
import numpy as np
from numba import njit

@njit
def exercise(order, times, costs, weights):
    best, chosen, found = np.inf, -1, [0]
    np.random.seed(1)
    loads, table = np.zeros(len(order), np.int64), np.empty((2, len(order)))
    for place in range(order.shape[0]):
        job = order[place]
        loads[place] = max(times[job], loads[place - 1] if place else 0) + abs(times[job] - 1)
        table[place % 2, place] = min(weights[job], costs[0, job] / (times[job] + 1))
        if weights[job] < best and loads[place] >= 0:
            best, chosen = weights[job], job
            found.append(job)
    drawn = np.random.randint(0, 5) + np.random.random()
    ranked = np.argsort(weights)
    kept = order.copy()
    kept[1:], kept[0] = order[:-1].copy(), order[-1]
    if len(found) > 10**6:
        raise ValueError("never")
    return kept, loads.sum() + weights[ranked[0]] + drawn, chosen
"""
"""What programs use most. After it numba's tables are filled, which would take each program half a second."""


def load() -> None:
    """Compiles a first function, with which numba loads what it needs.

    Children may be unable to open files.
    """
    numpy = sys.modules["numpy"]
    space: dict[str, Any] = {"__name__": "exercises"}
    exec(_EXERCISES, space)
    whole, half = numpy.arange(4), numpy.arange(4.0)
    space["exercise"](whole, whole, numpy.ones((2, 4)), half)


def load_blocks(name: str, path: str) -> None:
    """Imports a trusted module, which compiles its functions.

    Their machine code is cached beside the file, or where numba finds a place. Where what is cached cannot be used,
    as after the file was imported under another name, they are compiled anew.
    """
    try:
        _execute_blocks(name, path, cached=True)
    except Exception:  # noqa: BLE001 - numba raises whatever unpickling the cache raises
        _execute_blocks(name, path, cached=False)


def _execute_blocks(name: str, path: str, cached: bool) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    for _, function in _list_compiled(vars(module)) if cached else ():
        with contextlib.suppress(RuntimeError):  # no place for a cache: they are compiled anew each time
            function.enable_caching()
    if (warm_up := getattr(module, "warm_up", None)) is not None:
        warm_up()


def set_environment() -> None:
    """Keeps numba to one thread and its messages free of colours.

    To be called before it is imported.
    """
    os.environ.update(NUMBA_NUM_THREADS="1", NUMBA_COLOR_SCHEME="no_color")


def forget_environment() -> None:
    """Makes numba read the empty environment, once for all programs."""
    if "numba" in sys.modules:
        sys.modules["numba.core.config"].reload_config()


def prepare(checked: bool) -> None:
    """Prepares numba for one program.

    Equal programs draw equal random numbers; bounds are checked where that is wanted.
    """
    if "numba" not in sys.modules:
        return
    helper = sys.modules["numba._helperlib"]
    for state in (helper.rnd_get_np_state_ptr(), helper.rnd_get_py_state_ptr()):
        helper.rnd_seed(state, 0)
    config: Any = sys.modules["numba.core.config"]
    config.BOUNDSCHECK = 1 if checked else None


def _list_compiled(space: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the functions of a module that numba compiles."""
    kind = sys.modules["numba.core.dispatcher"].Dispatcher
    for name, value in list(space.items()):
        if isinstance(value, kind):
            yield name, value


def encode(space: dict[str, Any], limit: int) -> bytes:
    """Encodes the machine code of a module's own functions.

    Empty where there is none, or more than the limit of bytes.
    """
    if "numba" not in sys.modules:
        return b""
    # Trusted functions that it imports are compiled in every child already; those from the cache cannot be encoded.
    own = {name: each for name, each in _list_compiled(space) if each.py_func.__globals__ is space}
    code = {name: _encode_function(function) for name, function in own.items()}
    data = pickle.dumps({name: found for name, found in code.items() if found})
    return data if len(data) <= limit else b""


def _encode_function(function: Any) -> list[bytes]:
    serialize = sys.modules["numba.core.serialize"]
    found = []
    for compiled in function.overloads.values():
        # A function with addresses of this process in it is compiled again where it is called.
        if not compiled.library.has_dynamic_globals:
            found.append(serialize.dumps(compiled._reduce()))  # noqa: SLF001 - as numba's cache on disk does
    return found


def install(space: dict[str, Any], data: bytes) -> None:
    """Adds machine code to a module's functions.

    Another child of the same program made it.
    """
    result = sys.modules["numba.core.compiler"].CompileResult
    code = pickle.loads(data)
    for name, function in _list_compiled(space):
        for text in code.get(name, ()):
            target = function.targetctx
            compiled = result._rebuild(target, *pickle.loads(text))  # noqa: SLF001
            target.insert_user_function(compiled.entry_point, compiled.fndesc, [compiled.library])
            function.add_overload(compiled)
