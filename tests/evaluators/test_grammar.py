"""Compiled functions of a problem: what is offered, what is shown, and what an exported program needs."""

import ast
from contextlib import suppress
from pathlib import Path

import pytest

from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.models.offline.program import parse
from gapsmith.evaluators.catalogue import load_problem
from gapsmith.evaluators.grammar import UNREADABLE, CompiledFunctions, Grammar, parse_python

FILE = '''
"""Trusted functions."""

import numpy as np
from numba import njit

STEP = 2


@njit
def _shift(a):
    return a + STEP


@njit
def improve(order, p):
    """Shifts an order: order int64 [n], changed in place; p int64 [n, m].

    Nobody knows why.
    """
    return _shift(order)


@njit
def other(order):
    """Nothing."""
    return np.sum(order)


def warm_up():
    """Compiles."""
    improve(np.arange(3), np.ones((3, 2)))
'''


@pytest.fixture
def compiled(tmp_path: Path) -> CompiledFunctions:
    """The functions of such a file."""
    path = tmp_path / "compiled.py"
    path.write_text(FILE)
    return CompiledFunctions(str(path))


def test_public_compiled_functions_are_offered(compiled: CompiledFunctions) -> None:
    """Neither what begins with an underscore nor what is not compiled."""
    assert compiled.names == ("improve", "other")


def test_a_function_is_described_in_one_line(compiled: CompiledFunctions) -> None:
    """Its arguments, and the first two paragraphs of its docstring."""
    shown = "improve(order, p): Shifts an order: order int64 [n], changed in place; p int64 [n, m]."
    expected = f"{shown} Nobody knows why."
    assert compiled.describe("improve") == expected


def test_the_source_of_a_function_holds_what_it_uses(compiled: CompiledFunctions) -> None:
    """Constants and helpers come along, in the order of the file; other functions and imports do not."""
    source = compiled.extract_source(["improve"])
    space: dict[str, object] = {"njit": lambda function: function}
    exec(source, space)
    assert space["improve"](1, None) == 3  # type: ignore[operator]
    assert source.index("STEP = 2") < source.index("@njit\ndef _shift") < source.index("def improve")
    assert "other" not in source
    assert "import" not in source


def score(order):
    """A block."""
    return order


def compiled_score(order):
    """A block that calls a compiled function."""
    return improve(order)  # type: ignore[name-defined]  # noqa: F821


def main(order):
    """The entry."""
    return score(order)


def test_compiled_blocks_take_part_on_demand() -> None:
    """They and their import are there where functions may be imported, and gone where they may not."""
    grammar = Grammar(
        main=main,
        blocks={"score": (score,)},
        terminals=(),
        priorities=(),
        compiled={"score": (compiled_score,)},
    )
    chosen = grammar.choose_compiled(("improve", "other"))
    assert list(chosen.sources("score")) == ["score", "compiled_score"]
    assert chosen.header == "import numpy as np\nfrom gapsmith_blocks import improve, other"
    assert chosen.choose_compiled(("improve", "other")).blocks == chosen.blocks
    assert chosen.choose_compiled(()) == grammar
    assert grammar.header == "import numpy as np"
    assert chosen.write_header(10.0) == f"{chosen.header}\nSECONDS = 10"
    assert grammar.write_header(10.0) == grammar.header


PARSED = "def schedule(p, d):\n    return [0]\n"


def fail(monkeypatch, times):
    """Lets CPython's parser raise SystemError so many times."""
    left, real = [times], ast.parse

    def stumble(*arguments, **words):
        left[0] -= 1
        if left[0] >= 0:
            raise SystemError("AST constructor recursion depth mismatch (before=63, after=65)")
        return real(*arguments, **words)

    monkeypatch.setattr(ast, "parse", stumble)


def test_a_stumble_of_the_parser_changes_nothing(monkeypatch):
    """A SystemError that another thread causes is no fact about the source."""
    expected = ast.dump(ast.parse(PARSED))
    fail(monkeypatch, 2)
    assert ast.dump(parse_python(PARSED)) == expected


@pytest.mark.parametrize("source", ["(" * 400, "x" + "+x" * 200_000, "\0", "\ud800", "def"])
def test_failures_are_a_few(source):
    """Depth, null bytes, surrogates and wrong syntax raise what callers expect."""
    with suppress(*UNREADABLE):
        parse_python(source)


def test_what_always_fails_is_an_outcome(monkeypatch):
    """Screening gives it a name, and `offline` takes it for no program."""
    fail(monkeypatch, 10**9)
    found = screen(PARSED, load_problem("single_machine_tardiness").entry)
    assert found.outcome == "syntax_error"
    assert found.message == "the code cannot be parsed: it is nested too deep"
    assert parse("x = 'never seen before'\n") is None
