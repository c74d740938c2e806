"""Programs of the offline model.

Python source in pieces, and the building blocks of a grammar.

Source stays text, so that what is not changed keeps its layout, comments and docstrings.
"""

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import zip_longest
from typing import NamedTuple, TypeVar

from gapsmith.agent.models.offline.expressions import Node, read, write_text
from gapsmith.agent.models.offline.vocabulary import Vocabulary
from gapsmith.agent.search.tuning.docstrings import update_docstrings
from gapsmith.evaluators.base import Problem
from gapsmith.evaluators.grammar import UNREADABLE, extract_source, parse_python

Found = TypeVar("Found", bound=ast.AST)

HOLE = "priority"
GREATEST_EXPRESSION = 400  # nodes of `ast`, twice what ours have: beyond it recursion could fail
BUILTINS = frozenset(dir(builtins))
LEAST_SETTING = 3
"""Smaller whole numbers are ends, steps and powers: no settings, and nothing that a setting may become."""

# What reading and printing raise for code that is broken, hostile, or beyond what `ast` can print.


class Piece(NamedTuple):
    """A top-level statement as text, with what stands before it.

    A function has its name.
    """

    name: str
    text: str

    def parse_tree(self) -> ast.stmt:
        """Parses the statement anew, so that it may be changed."""
        return parse_python(self.text).body[0]


class Program(NamedTuple):
    """The pieces of a module in their order."""

    pieces: tuple[Piece, ...]

    @property
    def source(self) -> str:
        """The module."""
        return "\n".join(piece.text for piece in self.pieces) + "\n"

    def find_source(self, name: str) -> str:
        """Returns the source of a function; empty where there is none."""
        return next((piece.text.strip("\n") for piece in reversed(self.pieces) if piece.name == name), "")

    @property
    def names(self) -> list[str]:
        """The functions, in their order."""
        return [piece.name for piece in self.pieces if piece.name]

    def replace_source(self, name: str, text: str) -> "Program":
        """Returns the program with another source of one function."""
        return Program(
            tuple(_find_function(name, text) if piece.name == name else piece for piece in self.pieces)
        )


def _find_function(name: str, text: str) -> Piece:
    return Piece(name, f"\n\n{text}")


# What follows is remembered by text alone: the same text always gives the same value.
@lru_cache(maxsize=1024)
def parse(source: str) -> Program | None:
    """Splits a module into pieces; None where it is not Python."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    try:
        body = parse_python(source).body
    except UNREADABLE:
        return None
    return Program(tuple(_split_pieces(source.split("\n"), body))) if body else None


def _split_pieces(lines: list[str], body: list[ast.stmt]) -> Iterator[Piece]:
    begin = 0
    for statement, following in zip_longest(body, body[1:]):
        end = statement.end_lineno or statement.lineno
        if following is None or following.lineno > end:  # else a semicolon: both are one piece
            yield Piece(getattr(statement, "name", ""), "\n".join(lines[begin:end]))
            begin = end


@dataclass(frozen=True)
class Literal:
    """A number in a block that may be varied, with its place."""

    line: int
    start: int
    end: int
    value: int | float


class Block:
    """The source of one role, with its hole and its numbers."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._lines = source.split("\n")
        self._tree = parse_python(source).body[0]
        self._nodes = tuple(ast.walk(self._tree))

    @cached_property
    def arity(self) -> int:
        """How many arguments the function takes; -1 for what is no plain function."""
        return len(self._tree.args.args) if isinstance(self._tree, ast.FunctionDef) else -1

    @cached_property
    def hole(self) -> tuple[int, int, Node] | None:
        """First and last line of the assignment to `priority`, and its expression."""
        node = next((each for each in self._of(ast.Assign) if self._is_hole(each)), None)
        if node is None or sum(1 for _ in ast.walk(node.value)) > GREATEST_EXPRESSION:
            return None
        return node.lineno - 1, node.end_lineno or node.lineno, read(node.value)

    def _is_hole(self, node: ast.Assign) -> bool:
        """Tells whether a statement sets the priority on its own lines."""
        lines = "\n".join(self._lines[node.lineno - 1 : node.end_lineno]).strip()
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return names == [HOLE] and len(node.targets) == 1 and ";" not in lines and lines.startswith(HOLE)

    def _of(self, kind: type[Found]) -> list[Found]:
        return [node for node in self._nodes if isinstance(node, kind)]

    @cached_property
    def names(self) -> frozenset[str]:
        """All names that the function reads."""
        return frozenset(node.id for node in self._of(ast.Name) if isinstance(node.ctx, ast.Load))

    @cached_property
    def own(self) -> frozenset[str]:
        """All names that the function binds: arguments, locals, functions of its own."""
        own = [node.arg for node in self._of(ast.arg)] + [node.name for node in self._of(ast.FunctionDef)]
        return frozenset(own + [node.id for node in self._of(ast.Name) if isinstance(node.ctx, ast.Store)])

    def is_whole(self, given: frozenset[str]) -> bool:
        """Tells whether the function imports nothing and reads given names alone."""
        imports = [*self._of(ast.Import), *self._of(ast.ImportFrom)]
        return not imports and self.names <= self.own | BUILTINS | given

    @cached_property
    def literals(self) -> tuple[Literal, ...]:
        """The numbers outside the hole that set how much is done: whole ones from 3, and fractions."""
        found = [_read_literal(node) for node in self._of(ast.Constant)]
        hole = range(*self.hole[:2]) if self.hole else range(0)
        kept = [each for each in found if each and each.line not in hole and self._lines[each.line].isascii()]
        return tuple(sorted(kept, key=lambda each: (each.line, each.start)))

    @cached_property
    def shape(self) -> str:
        """The source without docstring, hole and numbers: equal for all variants of one block."""
        lines = list(self._lines)
        for each in reversed(self.literals):
            lines[each.line] = lines[each.line][: each.start] + "#" + lines[each.line][each.end :]
        if self.hole:
            lines[self.hole[0] : self.hole[1]] = [HOLE] * (self.hole[1] - self.hole[0])
        kept = lines[:1] + lines[self._body_line :]
        return "\n".join(line.strip() for line in kept if line.strip() not in ("", HOLE))

    @property
    def _body_line(self) -> int:
        if isinstance(self._tree, ast.FunctionDef) and ast.get_docstring(self._tree, clean=False) is not None:
            return self._tree.body[0].end_lineno or 1
        return 1

    def fill(self, expression: str) -> str:
        """Returns a function with another priority in its hole."""
        if self.hole is None:
            return self.source
        first, last, _ = self.hole
        indent = self._lines[first][: -len(self._lines[first].lstrip())]
        return "\n".join([*self._lines[:first], f"{indent}{HOLE} = {expression}", *self._lines[last:]])

    def replace_number(self, literal: Literal, value: str) -> str:
        """Replaces a number, in the docstring too if it occurs there."""
        lines = list(self._lines)
        line = lines[literal.line]
        lines[literal.line] = line[: literal.start] + value + line[literal.end :]
        return update_docstrings(self.source, "\n".join(lines))


def _read_literal(node: ast.Constant) -> Literal | None:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or node.end_col_offset is None:
        return None
    if isinstance(node.value, int) and node.value < LEAST_SETTING:
        return None
    return Literal(node.lineno - 1, node.col_offset, node.end_col_offset, node.value)


@lru_cache(maxsize=4096)
def block_of(source: str) -> Block:
    """Analyses the source of a function.

    It must be one that `parse` gave, or a grammar.
    """
    return Block(source)


def _list_blocks(sources: Mapping[str, str]) -> dict[str, Block]:
    return {name: block_of(source.rstrip()) for name, source in sources.items()}


class Kit:
    """A grammar made ready.

    Its blocks by role and by name, and what a priority may say.
    """

    def __init__(self, problem: Problem) -> None:
        grammar = problem.grammar
        if grammar is None:
            raise ValueError(f"problem {problem.name} has no grammar.")
        self.entry = problem.entry.name
        self.header = grammar.write_header(problem.least_cpu_limit) if grammar.imported else grammar.header
        self.given = frozenset(("np", *(("SECONDS", *grammar.imported) if grammar.imported else ())))
        self.words = Vocabulary.build(grammar)
        self.main = extract_source(grammar.main, self.entry).rstrip()
        self.blocks = {role: _list_blocks(grammar.sources(role)) for role in grammar.blocks}
        self._named = {
            (role, each.shape): name for role in self.roles for name, each in self.blocks[role].items()
        }

    @property
    def roles(self) -> list[str]:
        """The roles, in the grammar's order."""
        return list(self.blocks)

    def assemble(self, functions: dict[str, str]) -> Program:
        """Makes a program of one function per role."""
        pieces = [_find_function(role, functions[role]) for role in self.roles]
        return Program(
            (
                *(Piece("", line) for line in self.header.split("\n")),
                *pieces,
                _find_function(self.entry, self.main),
            )
        )

    def recognise(self, program: Program | None) -> Program | None:
        """Returns a program that has exactly one fitting function per role.

        It takes what the blocks of the role take. None for any other program.
        """
        if program is None or any(program.names.count(name) != 1 for name in [*self.roles, self.entry]):
            return None
        played = all(self._can_play(role, program.find_source(role)) for role in self.roles)
        return program if played and self.header in program.source else None

    def _can_play(self, role: str, source: str) -> bool:
        return block_of(source).arity == next(iter(self.blocks[role].values())).arity

    def name(self, role: str, source: str) -> str:
        """Returns the name of the grammar's block that a function is.

        Numbers and priority aside; empty if it is none.
        """
        return self._named.get((role, block_of(source).shape), "")

    def find_limits(self, role: str, source: str) -> tuple[int | float, ...]:
        """Returns the numbers of a known block, as its author wrote them.

        Empty for an unknown block.
        """
        name = self.name(role, source)
        return tuple(each.value for each in self.blocks[role][name].literals) if name else ()

    def get_priority(self, source: str) -> Node | None:
        """Returns the priority of a function.

        None where it has no hole, or the priority uses other things than it may.
        """
        block = block_of(source)
        return block.hole[2] if block.hole and block.own >= set(self.words.kinds) else None

    def fill(self, source: str, priority: Node) -> str:
        """Returns a function with another priority in its hole."""
        return block_of(source).fill(write_text(priority, self.words.signs))
