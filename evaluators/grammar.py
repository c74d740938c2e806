"""What a genetic programmer and a formulation search build programs from."""

import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


def extract_source(function: Callable[..., Any], name: str) -> str:
    """Returns the source of a function under another name."""
    text = textwrap.dedent(inspect.getsource(function))
    return text.replace(f"def {function.__name__}(", f"def {name}(", 1)


@dataclass(frozen=True)
class Argument:
    """One argument of the entry point: name, type with shape, meaning with unit, annotation in an export."""

    name: str
    type: str
    meaning: str
    annotation: str = "Any"


@dataclass(frozen=True)
class EntryPoint:
    """The function that a candidate must define, and what it must return.

    Attributes:
        imports: modules that it may import in addition to those of every candidate.
    """

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    annotation: str = "Any"
    imports: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The `def` line."""
        return f"def {self.name}({', '.join(argument.name for argument in self.arguments)}):"


@dataclass(frozen=True)
class Rule:
    """A classical heuristic of the field: a function that uses only `np` and its helpers."""

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
    """A heuristic of the user's own, which a run must beat like the classical ones.

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
class Terminal:
    """A quantity that the genetic programmer may use: an expression, its dimension and its meaning.

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
    """The parts from which the `offline` model assembles programs: functions of our own, taken as source.

    A program is `import numpy as np`, one block for each role, named as the role, and `main`, named as the
    entry point, which calls the roles. Blocks are self-contained and use `np` alone. An assignment to the name
    `priority` inside a block is a hole: its right-hand side evolves, over `terminals`, which must be locals of
    every block that has a hole.

    Attributes:
        main: the entry point; calls every role by its name.
        blocks: role -> the functions that can fill it.
        terminals: the quantities that a priority expression may use.
        priorities: expressions of classical rules, the initial population.
    """

    main: Callable[..., Any]
    blocks: Mapping[str, tuple[Callable[..., Any], ...]]
    terminals: tuple[Terminal, ...]
    priorities: tuple[str, ...]

    def sources(self, role: str) -> dict[str, str]:
        """Returns the blocks of a role by name.

        Each is the source of a function named as the role.
        """
        return {block.__name__: extract_source(block, role) for block in self.blocks[role]}


@dataclass(frozen=True)
class Library:
    """Known parts of programs, which `offline` combines where a problem has no grammar.

    Attributes:
        names: names of the parts, in the order in which programs use them.
        combine: `(names) -> source` of the program that uses these parts.
        programs: complete programs to choose from instead, where there are no parts.
    """

    names: tuple[str, ...]
    combine: Callable[[Collection[str]], str]
    programs: tuple[Rule, ...] = ()
