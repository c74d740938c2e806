"""Exports of compiled programs stand alone: with numba, and without it."""

import builtins
import importlib
from pathlib import Path

import pytest
from helpers import tiny

from gapsmith.agent.reports.export.compiled import is_compiled, replace_imports
from gapsmith.evaluators.base import CompiledFunctions, GapsmithError

BLOCKS = '''
from numba import njit

STEP = 2

@njit
def shift(a):
    """Adds two."""
    return _add(a, STEP)

@njit
def _add(a, b):
    return a + b

def warm_up():
    shift(1)
'''
PROGRAM = '''"""A program."""
import numpy as np
import numba as nb
from numba import njit, jit as fast
from gapsmith_blocks import shift as move

@njit(fastmath=True)
def one(a): return a + 1

@fast
def two(a): return one(a) + 1

@nb.njit
def three(a): return two(a) + 1

def schedule(p, d):
    return move(three(p))
'''


@pytest.fixture
def problem(tmp_path: Path):
    """A problem with compiled functions."""
    path = tmp_path / "compiled.py"
    path.write_text(BLOCKS)
    return tiny(compiled=CompiledFunctions(str(path))).choose_packages(("numba",))


def run(text: str) -> int:
    """What the program's entry gives for four."""
    space: dict[str, object] = {}
    exec(text, space)
    return space["schedule"](4, None)  # type: ignore[operator, no-any-return]


def test_it_needs_neither_our_module_nor_numba(problem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without numba the same functions run as Python, those of the problem too."""
    text = replace_imports(PROGRAM, problem)
    assert "gapsmith" not in text
    assert run(text) == 9
    real = builtins.__import__

    def refuse(name, *more, **named):
        """Has no numba."""
        if name.startswith("numba"):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert run(text) == 9


def test_it_is_compiled_with_checks_of_indices(problem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports it is safe from writes outside of arrays, whatever the program asked for."""
    asked = []

    def njit(*functions, **options):
        """Compiles nothing."""
        asked.append(options)
        return functions[0] if functions else lambda function: function

    monkeypatch.setattr(importlib.import_module("numba"), "njit", njit)
    assert run(replace_imports(PROGRAM.replace("fastmath=True", "boundscheck=False"), problem)) == 9
    assert len(asked) == 5
    assert all(options["boundscheck"] is True for options in asked)


def test_only_compiled_programs_are_changed() -> None:
    """A program of numpy alone is exported as it is."""
    assert is_compiled(PROGRAM)
    assert not is_compiled("import numpy as np\n")


def test_equal_names_are_refused(problem) -> None:
    """A program's function would take the place of the one that a compiled function calls."""
    with pytest.raises(GapsmithError, match="_add"):
        replace_imports(PROGRAM + "\ndef _add(a, b): return 0\n", problem)


@pytest.mark.parametrize(
    "text",
    [
        'from numba import (njit\n); x = """\nf.system(1)\n#"""',
        'import numba; x = """\nf.system(1)\n"""',
        'import math; x = """\nf.system(1)\n"""\nimport numba',
    ],
)
def test_texts_do_not_become_code(problem, text) -> None:
    """A text that begins on the line of an import, which is replaced or moved, is refused."""
    with pytest.raises(GapsmithError, match="more than an import"):
        replace_imports(f"{text}\n\n\ndef schedule(p, d):\n    return d\n", problem)
