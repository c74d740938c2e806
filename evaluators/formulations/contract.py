"""The contract of a formulation.

A trusted CP-SAT model of a problem, and what candidates may build on it.
"""

import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gapsmith.evaluators.base import Datum, Instance, Split
from gapsmith.evaluators.grammar import Rule

if TYPE_CHECKING:  # OR-Tools takes a second to load; listing names does without it
    from ortools.sat.python import cp_model

Variables: TypeAlias = Mapping[str, Any]
"""Name -> a variable or interval of the model, or nested lists of them, None where there is none."""

Values: TypeAlias = Mapping[str, Any]
"""The same nesting with whole numbers in place of variables; None in place of intervals."""

HEADER = "import numpy as np\nfrom ortools.sat.python import cp_model\n"
"""What a pattern may use in addition to its arguments."""


class Claim(StrEnum):
    """The claim of an added constraint.

    It is the first word of the constraint's name, before a colon, as in "implied: no idle".
    """

    IMPLIED = "implied"
    SYMMETRY = "symmetry"
    BOUND = "bound"
    CHANNEL = "channel"
    HINT = "hint"
    STREAMLINER = "streamliner"


@dataclass(frozen=True)
class Built:
    """A model, and its variables by name."""

    model: "cp_model.CpModel"
    variables: Variables


@dataclass(frozen=True)
class Pattern:
    """A classical way to strengthen a model.

    Attributes:
        name: that of its function.
        claim: what its constraints claim.
        source: `def NAME(model, variables, data):`, which uses `np`, `cp_model` and nothing else of Gapsmith.
            It adds to the model; every constraint is named with its claim: `.with_name("implied: no idle")`.
            Functions that it calls may follow.
        citation: its source in the literature.
    """

    name: str
    claim: Claim
    source: str
    citation: str = ""


def make_pattern(
    function: Callable[..., None],
    claim: Claim,
    citation: str = "",
    helpers: Sequence[Callable[..., Any]] = (),
) -> Pattern:
    """Makes a pattern of a function, with the source of its helpers."""
    sources = [textwrap.dedent(inspect.getsource(each)) for each in (function, *helpers)]
    return Pattern(function.__name__, claim, "\n\n".join(sources), citation)


@dataclass(frozen=True, kw_only=True)
class Formulation:
    """A trusted base model of a problem.

    With everything needed to judge additions to it.

    Attributes:
        name: as on the command line, for example "tardiness_interval".
        problem: the name of the problem it models.
        title: one line.
        brief: describes variables and constraints in prompts: names, shapes, units.
        citation: its source in the literature.
        build: the model of an instance; deterministic; minimises or maximises what `Problem.cost` returns.
        decode: the problem's solution of the variables' values; its cost equals the objective at an optimum.
        decisions: the names of the variables that determine the solution; enumerations are projected on them.
        micro: data of a tiny instance, solved in milliseconds: ties, equal parts, zero slack, sizes from 1 or 2.
        generate: `(rng, size) -> data` of an instance where the base needs 0.1 to 3 units of deterministic time.
        sizes: per split, used in turn; those of the test may be larger.
        patterns: the library of known ways to strengthen it.
        builds: whole models of the problem as candidates: functions `build(data)` with a helper `decode`, the base
            itself the first.
        linear: whether the base can be written as a mixed-integer programme, for HiGHS and SCIP.
        encode: values of some variables, None elsewhere, for a solution of the problem: a heuristic's hint.
    """

    name: str
    problem: str
    title: str
    brief: str
    citation: str
    build: Callable[[Instance], Built]
    decode: Callable[[Instance, Values], Any]
    decisions: tuple[str, ...]
    micro: Callable[[np.random.Generator], Mapping[str, Datum]]
    generate: Callable[[np.random.Generator, int], Mapping[str, Datum]]
    sizes: Mapping[Split, Sequence[int]]
    patterns: tuple[Pattern, ...] = field(default=())
    builds: tuple[Rule, ...] = ()
    linear: bool = False
    encode: Callable[[Instance, Any], Values] | None = None
