"""Instances of a problem, their splits, and errors of users."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = int | float
Datum: TypeAlias = NDArray[Any] | int | float


class GapsmithError(Exception):
    """An error that a user can fix.

    One line with finding, expectation and remedy.
    """


class UsageError(GapsmithError):
    """A wrong argument of a call.

    An unknown name, a missing file, a value out of range.
    """


class Infeasible(Exception):
    """A returned value is no solution.

    The reason, in words for the next prompt.
    """


class Split(StrEnum):
    """The three splits of instances.

    Train drives the search, validation decides what counts as better, test is sealed until the report.
    """

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, eq=False)
class Instance:
    """One case of a problem.

    The arguments of the entry point by name, in its order, without its optimum.

    Attributes:
        name: `STEM-K` in a file of several (1-based), else `STEM`; those of generated ones hold scale, split, seed and
            number.
        data: arrays and numbers, exactly the candidate's arguments.
        stratum: the class of the generator's grid, or "all".
        whole: whether the events of an on-line instance are given in one call; see `stepwise`.
        alone: whether it is run in a process of its own, where nothing of other instances is left.
    """

    name: str
    data: Mapping[str, Datum]
    stratum: str = "all"
    whole: bool = False
    alone: bool = False

    @cached_property
    def digest(self) -> str:
        """A hash of the data: equal for equal data, whatever the file or the platform.

        It also tells how the instance is run: a score reached with all events visible, or after other instances, is
        no score of one whose events come one by one, or that is alone.
        """
        digest = hashlib.sha256(json.dumps(self.plain, sort_keys=True).encode()).hexdigest()
        mark = "w" if self.whole else "a" if self.alone else ""
        return digest[: 32 - len(mark)] + mark

    @property
    def size(self) -> int:
        """The count of numbers in the data."""
        return sum(int(np.size(value)) for value in self.data.values())

    @property
    def plain(self) -> dict[str, Any]:
        """The data in types that JSON can hold."""
        return {
            key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            for key, value in self.data.items()
        }

    @classmethod
    def restore(cls, name: str, plain: Mapping[str, Any]) -> "Instance":
        """Makes an instance of plain data."""
        return cls(name, {key: np.array(v) if isinstance(v, list) else v for key, v in plain.items()})


def describe_unknown(thing: str, found: str, known: list[str]) -> str:
    """Describes an unknown name: the nearest known one, and all of them."""
    near = get_close_matches(found, known, 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {thing} {found!r}{hint} (known: {', '.join(known)})"
