"""Of numba a program may say no more than which functions to compile, and how fast."""

import pytest

from gapsmith.agent.codegen.screen import screen
from gapsmith.evaluators.base import Argument, EntryPoint
from gapsmith.evaluators.outcomes import CandidateOutcome

ENTRY = EntryPoint(
    "solve", (Argument("a", "", ""),), "", imports=("numba", "gapsmith_blocks"), blocks=("two_opt",)
)
BODY = "def solve(a):\n    return f(a)\n"


def complaint(head: str, entry: EntryPoint = ENTRY) -> str:
    """What the screen says of a program with that head; empty where it passes."""
    found = screen(f"{head}\n{BODY}", entry)
    return "" if found.outcome is CandidateOutcome.OK else found.message


FINE = [
    "from numba import njit\n@njit\ndef f(a):\n    return a",
    "import numba\n@numba.njit(fastmath=True, error_model='numpy')\ndef f(a):\n    return a",
    "import numba as nb\n@nb.jit(nopython=True, boundscheck=False)\ndef f(a):\n    return a",
    "from numba import jit as fast\ndef g(a):\n    return a\nf = fast(inline='always')(g)",
    "from numba import njit\ndef g(a):\n    return a\nf = njit(g, nogil=True)",
    "from numba import njit\n@njit(cache=False, parallel=False)\ndef f(a):\n    return a",
    "from gapsmith_blocks import two_opt as f",
]


@pytest.mark.parametrize("head", FINE)
def test_functions_may_be_compiled(head: str) -> None:
    """Decorated or called, with options that reach nothing, and compiled functions of the problem."""
    assert complaint(head) == ""


NOT_FINE = [
    ("from numba import njit\n@njit(cache=True)\ndef f(a):\n    return a", "nothing is written to disk"),
    ("from numba import njit\n@njit(parallel=True)\ndef f(a):\n    return a", "one thread"),
    ("from numba import njit\n@njit(nopython=False)\ndef f(a):\n    return a", "object mode"),
    ("from numba import njit\n@njit(forceobj=True)\ndef f(a):\n    return a", "object mode"),
    ("from numba import njit\nON = True\n@njit(fastmath=ON)\ndef f(a):\n    return a", "written there"),
    ("from numba import njit\n@njit(**{'cache': True})\ndef f(a):\n    return a", "written there"),
    ("from numba import njit\n@njit('int64(int64[:])')\ndef f(a):\n    return a", "signature"),
    ("from numba import njit\ng = '1'\ndef g(a): return a\nf = njit(g)", "signature"),
    ("from numba import njit\ndef h(g):\n    return njit(g)\ndef g(a): return a\nf = h('1')", "signature"),
    ("from numba import njit\nf = njit(*['1'])", "signature"),
    ("from numba import njit\nf = list(map(njit, ['1']))", "as a value"),
    ("import numba\nf = numba.njit", "as a value"),
    ("from numba import prange\nf = prange", "only jit and njit"),
    ("from numba import objmode\nf = 1", "only jit and njit"),
    ("from numba import cfunc\nf = 1", "only jit and njit"),
    ("from numba import carray\nf = 1", "only jit and njit"),
    ("from numba.extending import intrinsic\nf = 1", "not open"),
    ("from numba.core import config\nf = 1", "not open"),
    ("import numba\nf = numba.core", "only jit and njit"),
    ("import numba\nf = numba.types", "only jit and njit"),
    ("from numba import *\nf = 1", "imports all"),
    ("from numba import njit\n@njit\ndef f(a): return a\nf.overloads", "attribute overloads"),
    ("from numba import njit\n@njit\ndef f(a): return a\ng = f.targetctx", "attribute targetctx"),
    ("from numba import njit\n@njit\ndef f(a): return a\ng = getattr(f, 'inspect_llvm')", "attribute inspect_llvm"),
    ("from numba import njit\n@njit\ndef f(a): return a\nf.enable_caching()", "attribute enable_caching"),
    ("import llvmlite\nf = 1", "llvmlite"),
    ("import gapsmith_blocks\nf = gapsmith_blocks.np", "from gapsmith_blocks import NAME"),
    ("from gapsmith_blocks import np\nf = np", "gapsmith_blocks has two_opt"),
    ("from gapsmith_blocks import *\nf = 1", "imports all"),
]  # fmt: skip


@pytest.mark.parametrize(("head", "words"), NOT_FINE)
def test_nothing_else_may_be_said(head: str, words: str) -> None:
    """Threads, caches, object mode, signatures as text, the compiler's insides: refused unrun, with the reason."""
    assert words in complaint(head)


def test_packages_must_be_allowed() -> None:
    """Without the problem's leave numba and scipy are modules like any other that is closed."""
    plain = EntryPoint("solve", ENTRY.arguments, "")
    for head in ("from numba import njit as f", "from scipy.optimize import milp as f"):
        assert "imports" in complaint(head, plain)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("from scipy.optimize import linear_sum_assignment as f", ""),
        ("from scipy.sparse.csgraph import minimum_spanning_tree as f", ""),
        ("from scipy.spatial import KDTree as f", ""),
        ("from scipy.sparse import load_npz as f", "load_npz"),
        ("from scipy.spatial import ConvexHull as f", "ConvexHull"),
        ("from scipy import LowLevelCallable as f", "LowLevelCallable"),
        ("from scipy.io import loadmat as f", "not open"),
    ],
)
def test_scipy_only_computes(head: str, words: str) -> None:
    """Functions that read or write files, or take addresses, stay closed."""
    found = complaint(head, EntryPoint("solve", ENTRY.arguments, "", imports=("scipy",)))
    assert (words in found) if words else (found == "")
