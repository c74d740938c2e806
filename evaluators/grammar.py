"""Parts of programs: entry point, rules, terminals, grammar, library."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What reading a source may raise: ValueError for null bytes and lone surrogates, the last two for deep nesting."""

TRIES = 5


def parse_python(source: str) -> ast.Module:
    """Parses a source; raises one of UNREADABLE."""
    tree: ast.Module = _parse(source, "exec")
    return tree


def parse_expression(text: str) -> ast.expr:
    """Parses an expression; raises one of UNREADABLE."""
    tree: ast.Expression = _parse(text, "eval")
    return tree.body


def _parse(source: str, mode: str) -> Any:
    """Parses a source, again where CPython's parser stumbles.

    CPython 3.11 counts the depth of all threads' trees together, so that one thread may see the other's and raise
    SystemError for a source that is fine. What fails every time is nested too deep.
    """
    for _ in range(TRIES):
        try:
            return ast.parse(source, mode=mode)
        except SystemError:
            continue
    raise RecursionError("it is nested too deep")


BLOCKS = "gapsmith_blocks"
"""The module from which programs import the compiled functions of a problem."""

SECONDS = 1.0
"""Stands for the CPU limit in compiled blocks: programs set it to that of their run (`Grammar.write_header`)."""


def extract_source(function: Callable[..., Any], name: str) -> str:
    """Returns the source of a function under another name."""
    text = textwrap.dedent(inspect.getsource(function))
    return text.replace(f"def {function.__name__}(", f"def {name}(", 1)


@dataclass(frozen=True)
class Argument:
    """One argument of the entry point.

    Name, type with shape, meaning with unit, annotation in an export.
    """

    name: str
    type: str
    meaning: str
    annotation: str = "Any"


@dataclass(frozen=True)
class EntryPoint:
    """The function that a candidate defines: arguments and result.

    Attributes:
        imports: modules that it may import in addition to those of every candidate.
        blocks: compiled functions that it may import from `gapsmith_blocks`; see `CompiledFunctions`.
    """

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    annotation: str = "Any"
    imports: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The `def` line."""
        return f"def {self.name}({', '.join(argument.name for argument in self.arguments)}):"


@dataclass(frozen=True)
class Rule:
    """A classical heuristic of the field.

    A function that uses only `np` and its helpers.
    """

    name: str
    function: Callable[..., Any]
    citation: str
    helpers: tuple[Callable[..., Any], ...] = ()

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return next(iter((self.function.__doc__ or "").strip().splitlines()), "")

    def source(self, entry: str) -> str:
        """Returns the rule as a candidate's module.

        It runs in the sandbox and seeds the archive like any other candidate.
        """
        helpers = [extract_source(helper, helper.__name__) for helper in self.helpers]
        return "\n\n".join(["import numpy as np\n", *helpers, extract_source(self.function, entry)])


def _stand_in() -> None:
    """Stands in for the function of a heuristic that is given as text."""


@dataclass(frozen=True)
class GivenRule(Rule):
    """A heuristic of the user's own.

    A run must beat it like the classical ones.

    Attributes:
        text: the source of its module.
        described: one line that says what it does.
    """

    function: Callable[..., Any] = _stand_in
    citation: str = "given by the user"
    text: str = ""
    described: str = ""

    @property
    def summary(self) -> str:
        """The line that describes it."""
        return self.described

    def source(self, entry: str) -> str:
        """Returns the text of its module."""
        return self.text


@dataclass(frozen=True)
class CompiledFunctions:
    """Functions of ours that numba compiles once per sandbox.

    Programs import them from `gapsmith_blocks`.

    They stand in a file of their own, `compiled.py` in the problem's folder, which imports numpy and
    `from numba import njit` alone, and nothing else of ours, since it is loaded inside the sandbox. A function is
    `@njit`; its docstring says shapes, types and what it changes, for prompts show it. Names that begin with an
    underscore are for the file itself. `warm_up()`, which is not compiled, calls every function with the types that
    programs use (instances come as C-contiguous int64 or float64 arrays): each sandbox calls it once, before it is
    locked, and what it compiles is cached on disk. What a program calls with other types is compiled in the program's
    own warm-up, or at the instance's expense.

    Blocks of a grammar use them under their own names, imported at the top of `grammar.py`; see `Grammar.compiled`.
    An exported program gets their source, so that it stands alone.

    Attributes:
        file: its path.
    """

    file: str

    @cached_property
    def _statements(self) -> dict[str, ast.stmt]:
        """The top-level statements by the names that they bind."""
        found: dict[str, ast.stmt] = {}
        for statement in parse_python(self._text).body:
            for name in _list_bound(statement):
                found.setdefault(name, statement)
        return found

    @cached_property
    def _text(self) -> str:
        return Path(self.file).read_text(encoding="utf-8")

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions that programs may import, by name."""
        return {
            name: statement
            for name, statement in self._statements.items()
            if isinstance(statement, ast.FunctionDef) and statement.decorator_list and name[:1] != "_"
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in the order of the file."""
        return tuple(self.functions)

    def describe(self, name: str) -> str:
        """Describes a function: its `def` line, and two paragraphs of its docstring."""
        function = self.functions[name]
        words = " ".join(" ".join((ast.get_docstring(function) or "").split("\n\n")[:2]).split())
        return f"{name}({ast.unparse(function.args)}): {words}"

    def extract_source(self, names: Collection[str]) -> str:
        """Returns the source of functions with all that they use, in the order of the file; no imports."""
        needed, waiting = set[str](), list(names)
        while waiting:
            name = waiting.pop()
            if name not in needed and name in self._statements:
                needed.add(name)
                nodes = ast.walk(self._statements[name])
                waiting += [node.id for node in nodes if isinstance(node, ast.Name)]
        lines, texts = self._text.splitlines(), dict[int, str]()
        for name in needed:
            if not isinstance(statement := self._statements[name], ast.Import | ast.ImportFrom):
                first = min([statement.lineno, *(each.lineno for each in _list_decorators(statement))])
                texts[first] = "\n".join(lines[first - 1 : statement.end_lineno])
        return "\n\n\n".join(texts[first] for first in sorted(texts))


def _list_decorators(statement: ast.stmt) -> list[ast.expr]:
    return statement.decorator_list if isinstance(statement, ast.FunctionDef) else []


def _list_bound(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in statement.names]
    nodes = ast.walk(statement)
    return [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


@dataclass(frozen=True)
class Terminal:
    """A quantity that the genetic programmer may use.

    An expression, its dimension and its meaning.

    Attributes:
        name: the local variable that holds it inside a block.
        kind: "time", "weight", "count", "ratio": addition and comparison need equal kinds.
        meaning: also shown to language models, so that both start with equal knowledge.
    """

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """The parts from which the `offline` model assembles programs.

    Functions of Gapsmith, taken as source.

    A program is `import numpy as np`, one block for each role, named as the role, and `main`, named as the
    entry point, which calls the roles. Blocks are self-contained and use `np` alone. An assignment to the name
    `priority` inside a block is a hole: its right-hand side evolves, over `terminals`, which must be locals of
    every block that has a hole.

    Attributes:
        main: the entry point; calls every role by its name.
        blocks: role -> the functions that can fill it.
        terminals: the quantities that a priority expression may use.
        priorities: expressions of classical rules, the initial population.
        compiled: role -> further blocks, which call compiled functions of the problem (`CompiledFunctions`) by their
            names; they take part where programs may import numba, as at medium and large scale. Their work follows
            the CPU limit, `SECONDS`, so that a greater limit is used and equal limits give equal programs.
        imported: the compiled functions that every program of the grammar imports.
    """

    main: Callable[..., Any]
    blocks: Mapping[str, tuple[Callable[..., Any], ...]]
    terminals: tuple[Terminal, ...]
    priorities: tuple[str, ...]
    compiled: Mapping[str, tuple[Callable[..., Any], ...]] = field(default_factory=dict)
    imported: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        """The imports of every program."""
        more = f"\nfrom {BLOCKS} import {', '.join(self.imported)}" if self.imported else ""
        return f"import numpy as np{more}"

    def write_header(self, seconds: float) -> str:
        """Returns the imports, and the CPU limit for compiled blocks."""
        return f"{self.header}\nSECONDS = {seconds:g}" if self.imported else self.header

    def choose_compiled(self, imported: tuple[str, ...]) -> "Grammar":
        """Returns the grammar with its compiled blocks, or without them where no function is imported."""
        plain = {
            role: tuple(block for block in blocks if block not in self.compiled.get(role, ()))
            for role, blocks in self.blocks.items()
        }
        more = self.compiled if imported else {}
        blocks = {role: (*plain[role], *more.get(role, ())) for role in plain}
        return replace(self, blocks=blocks, imported=imported)

    def sources(self, role: str) -> dict[str, str]:
        """Returns the blocks of a role by name.

        Each is the source of a function named as the role.
        """
        return {block.__name__: extract_source(block, role) for block in self.blocks[role]}


@dataclass(frozen=True)
class Library:
    """Parts of programs, which `offline` combines without a grammar.

    Attributes:
        names: names of the parts, in the order in which programs use them.
        combine: `(names) -> source` of the program that uses these parts.
        programs: complete programs to choose from instead, where there are no parts.
    """

    names: tuple[str, ...]
    combine: Callable[[Collection[str]], str]
    programs: tuple[Rule, ...] = ()
