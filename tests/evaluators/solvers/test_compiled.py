"""Kernels: compiled and plain code agree, and nothing fails where no cache can be written."""

import subprocess
import sys

import numba
import numpy as np
import pytest

from gapsmith.evaluators.solvers.bin_packing.patterns import fill_table
from gapsmith.evaluators.solvers.compiled import compile_kernel


def total(values):
    """The sum of an array, by a loop."""
    found = 0
    for k in range(values.size):
        found += values[k]
    return found


def test_a_kernel_says_what_its_source_says(monkeypatch):
    """The compiled function and the one it was made of agree, on several types."""
    monkeypatch.setattr(numba, "njit", lambda cache=False, **options: lambda function: function)
    assert compile_kernel(total) is total
    monkeypatch.undo()
    kernel = compile_kernel(total)
    for values in (np.arange(10), np.arange(10, dtype=np.float64) / 2, np.zeros(0, np.int64)):
        assert kernel(values) == total(values)


def test_a_kernel_and_its_python_source_agree():
    """A kernel of ours gives the same table compiled and interpreted."""
    sizes, values, copies = np.array([3, 4, 5]), np.array([4, 5, 7]), np.array([2, 1, 3])
    tables = []
    for function in (fill_table, fill_table.py_func):
        best, counts = np.zeros(14, np.int64), np.zeros((3, 14), np.int32)
        function(sizes, values, copies, best, counts)
        tables.append((best.tolist(), counts.tolist()))
    assert tables[0] == tables[1]


def test_a_missing_cache_is_no_failure(monkeypatch):
    """Where numba finds no place for its cache the function is compiled without one."""
    real, asked = numba.njit, []

    def njit(*, cache=False, **options):
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function 'total': no locator available for file 'x'")
        return real(**options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compile_kernel(total)(np.arange(4)) == 6
    assert asked == [True, False]


@pytest.mark.parametrize("name", ["bin_packing.patterns", "dual_ascent", "compiled"])
def test_importing_a_module_compiles_nothing(name):
    """Compilation waits for the first call: a command that needs no kernel starts fast."""
    code = (
        f"import gapsmith.evaluators.solvers.{name} as module\n"
        "kernels = [v for v in vars(module).values() if hasattr(v, 'signatures')]\n"
        "print(sum(len(kernel.signatures) for kernel in kernels))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
