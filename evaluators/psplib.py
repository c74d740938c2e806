"""Reads PSPLIB's `.sm` files: projects of one mode. Every complaint names the file, the line, found and expected."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Trouble

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Project:
    """A project as in its file, activities numbered from 0, the first and the last without duration.

    Attributes:
        duration: shape [n].
        precedence: pairs (before, after), shape [arcs, 2].
        demand: units of each renewable resource while the activity runs, shape [n, r].
        capacity: units there are, shape [r].
    """

    duration: Integers
    precedence: Integers
    demand: Integers
    capacity: Integers


class _Lines:
    """The lines of a file, looked up by their headings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise Trouble(f"{path}: is not a text file; expected a PSPLIB project") from None
        except OSError as error:
            words = (error.strerror or "cannot be read").lower()
            raise Trouble(f"{path}: {words}; expected a readable file") from None

    def heading(self, words: str) -> int:
        """The place after the line that begins with these words. Raises Trouble when there is none."""
        for place, line in enumerate(self._lines):
            if line.strip().upper().startswith(words.upper()):
                return place + 1
        raise self.trouble(len(self._lines) - 1, "the file ends", f"a line {words!r}")

    def value(self, words: str) -> int:
        """The number after the colon of such a line."""
        place = self.heading(words) - 1
        return self.numbers(self._lines[place].partition(":")[2].split()[:1], place, 1, words)[0]

    def row(self, place: int, least: int, meaning: str) -> list[int]:
        """The numbers of a line, at least so many. Raises Trouble for anything else."""
        if place >= len(self._lines):
            raise self.trouble(place - 1, "the file ends", meaning)
        return self.numbers(self._lines[place].split(), place, least, meaning)

    def numbers(self, words: list[str], place: int, least: int, meaning: str) -> list[int]:
        """Words as integers of at least 0."""
        for word in words:
            if not re.fullmatch(r"\d+", word):
                raise self.trouble(place, f"found {word[:40]!r}", f"{meaning}, integers of at least 0")
        if len(words) < least:
            raise self.trouble(place, f"found {len(words)} numbers", f"{meaning}, at least {least} numbers")
        return [int(word) for word in words]

    def trouble(self, place: int, found: str, expected: str) -> Trouble:
        """A complaint about a line, counted from 0 here and from 1 in words."""
        return Trouble(f"{self.path}, line {max(place, 0) + 1}: {found}; expected {expected}")


def read_project(path: Path) -> Project:
    """Reads one project. Raises Trouble with the line."""
    lines = _Lines(path)
    n, resources = lines.value("jobs (incl. supersource/sink"), lines.value("- renewable")
    if n < 1:
        raise lines.trouble(lines.heading("jobs (incl.") - 1, f"found {n}", "the number of jobs, at least 1")
    precedence = _precedence(lines, n)
    first = lines.heading("REQUESTS/DURATIONS") + 2
    duration, demand = np.zeros(n, np.int64), np.zeros((n, resources), np.int64)
    place = lines.heading("RESOURCEAVAILABILITIES") + 1
    capacity = lines.row(place, resources, f"the capacities of {resources} resources")[:resources]
    for i in range(n):
        row = lines.row(first + i, 3 + resources, f"job {i + 1}, mode, duration and requests")
        if row[:2] != [i + 1, 1]:
            raise lines.trouble(first + i, f"found job {row[0]} in mode {row[1]}", f"job {i + 1} in mode 1")
        duration[i], demand[i] = row[2], row[3 : 3 + resources]
        if over := [k for k in range(resources) if demand[i, k] > capacity[k]]:
            found = f"job {i + 1} requests {demand[i, over[0]]} units of resource {over[0] + 1}"
            raise lines.trouble(first + i, found, f"at most its capacity, {capacity[over[0]]}")
    return Project(duration, precedence, demand, np.array(capacity, np.int64))


def _precedence(lines: _Lines, n: int) -> Integers:
    first = lines.heading("PRECEDENCE RELATIONS") + 1
    arcs: list[tuple[int, int]] = []
    for i in range(n):
        number, modes, count, *after = lines.row(first + i, 3, f"job {i + 1}, modes and successors")
        if number != i + 1 or modes != 1:
            found = f"found job {number} with {modes} modes"
            raise lines.trouble(first + i, found, f"job {i + 1} with 1 mode")
        if count != len(after):
            raise lines.trouble(first + i, f"found {len(after)} successors", f"{count}, as the line says")
        for j in after:
            # Jobs are numbered so that all successors come later: a cycle cannot be written.
            if not i + 1 < j <= n:
                raise lines.trouble(first + i, f"found successor {j}", f"a job from {i + 2} to {n}")
            arcs.append((i, j - 1))
    return np.array(arcs, np.int64).reshape(-1, 2)
