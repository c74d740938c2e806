"""Reads PSPLIB's `.sm` files: projects of one mode.

Every complaint names the file, the line, found and expected.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.reading import MAX_ENTRIES, make_size_error, parse_integer, read_text, split_lines

Integers = NDArray[np.int64]

MOST = 10**9
"""Greater numbers are refused, so that all sums stay exact."""

LONGEST = 10**7
"""Of all durations together, times the resources: the exact method keeps what is in use at each moment."""


@dataclass(frozen=True)
class Project:
    """A project as in its file.

    Activities are numbered from 0; the first and the last have no duration.

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
        self._lines = split_lines(read_text(path, "a PSPLIB project"))

    def find_heading(self, words: str) -> int:
        """Returns the place after the line that begins with these words.

        Raises GapsmithError when there is none.
        """
        places = [
            place for place, line in enumerate(self._lines) if line.strip().upper().startswith(words.upper())
        ]
        if not places:
            raise self.build_error(
                len(self._lines) - 1,
                f"the file ends{self._other}",
                f"a line {words!r}; PSPLIB's .sm files of one mode are the one form that is read",
            )
        if len(places) > 1:
            raise self.build_error(
                places[1], f"found {self._lines[places[1]].strip()[:40]!r} again", "it once"
            )
        return places[0] + 1

    @property
    def _other(self) -> str:
        """What a file without headings looks like."""
        first = next((line.split() for line in self._lines if line.strip()), [])
        patterson = len(first) == 2 and all(parse_integer(word) is not None for word in first)
        return ", and begins with two numbers as Patterson's .rcp files do" if patterson else ""

    def read_value(self, words: str) -> int:
        """Returns the number after the colon of a heading."""
        place = self.find_heading(words) - 1
        return self.parse_numbers(self._lines[place].partition(":")[2].split()[:1], place, 1, words)[0]

    def read_row(self, place: int, least: int, meaning: str) -> list[int]:
        """Returns the numbers of a line.

        Raises GapsmithError for anything else, or for fewer numbers than expected.
        """
        if place >= len(self._lines):
            raise self.build_error(place - 1, "the file ends", meaning)
        return self.parse_numbers(self._lines[place].split(), place, least, meaning)

    def parse_numbers(self, words: list[str], place: int, least: int, meaning: str) -> list[int]:
        """Converts words to integers from 0 to MOST."""
        found = [parse_integer(word, 0, MOST) for word in words]
        for word, value in zip(words, found, strict=True):
            if value is None:
                limit = f"to {MOST}" if len(word) > 8 else "of at least 0"
                raise self.build_error(place, f"found {word[:40]!r}", f"{meaning}, integers {limit}")
        if len(words) < least:
            raise self.build_error(
                place, f"found {len(words)} numbers", f"{meaning}, at least {least} numbers"
            )
        return [value for value in found if value is not None]

    def build_error(self, place: int, found: str, expected: str) -> GapsmithError:
        """Returns an error about a line.

        Lines are counted from 0 here and from 1 in the message.
        """
        return GapsmithError(f"{self.path}, line {max(place, 0) + 1}: {found}; expected {expected}")


def read_project(path: Path) -> Project:
    """Reads one project. Raises GapsmithError with the line."""
    lines = _Lines(path)
    n, resources = lines.read_value("jobs (incl. supersource/sink"), lines.read_value("- renewable")
    if n < 1:
        raise lines.build_error(
            lines.find_heading("jobs (incl.") - 1, f"found {n}", "the number of jobs, at least 1"
        )
    precedence = _read_precedence(lines, n)
    first = lines.find_heading("REQUESTS/DURATIONS") + 2
    place = lines.find_heading("RESOURCEAVAILABILITIES") + 1
    capacity = lines.read_row(place, resources, f"the capacities of {resources} resources")
    if len(capacity) > resources:
        raise lines.build_error(
            place, f"found {len(capacity)} capacities", f"{resources}, of renewable resources"
        )
    if n * resources > MAX_ENTRIES:
        raise make_size_error(lines.path, place + 1, f"{n} jobs with {resources} resources", n * resources)
    duration, demand = np.zeros(n, np.int64), np.zeros((n, resources), np.int64)
    total = 0
    for i in range(n):
        row = lines.read_row(first + i, 3 + resources, f"job {i + 1}, mode, duration and requests")
        if len(row) > 3 + resources:
            found = f"found {len(row) - 3} requests of job {i + 1}"
            raise lines.build_error(first + i, found, f"{resources}, one for each renewable resource")
        total += row[2]
        if total * max(1, resources) > LONGEST:
            found = f"found duration {row[2]}, with which all sum up to {total}"
            raise lines.build_error(first + i, found, f"at most {LONGEST // max(1, resources)} in all")
        if row[:2] != [i + 1, 1]:
            raise lines.build_error(
                first + i, f"found job {row[0]} in mode {row[1]}", f"job {i + 1} in mode 1"
            )
        duration[i], demand[i] = row[2], row[3 : 3 + resources]
        if over := [k for k in range(resources) if demand[i, k] > capacity[k]]:
            found = f"job {i + 1} requests {demand[i, over[0]]} units of resource {over[0] + 1}"
            raise lines.build_error(first + i, found, f"at most its capacity, {capacity[over[0]]}")
    return Project(duration, precedence, demand, np.array(capacity, np.int64))


def _read_precedence(lines: _Lines, n: int) -> Integers:
    first = lines.find_heading("PRECEDENCE RELATIONS") + 1
    arcs: list[tuple[int, int]] = []
    for i in range(n):
        number, modes, count, *after = lines.read_row(first + i, 3, f"job {i + 1}, modes and successors")
        if number != i + 1 or modes != 1:
            found = f"found job {number} with {modes} modes"
            raise lines.build_error(first + i, found, f"job {i + 1} with 1 mode")
        if count != len(after):
            raise lines.build_error(first + i, f"found {len(after)} successors", f"{count}, as the line says")
        for j in after:
            # Jobs are numbered so that all successors come later: a cycle cannot be written.
            if not i + 1 < j <= n:
                raise lines.build_error(first + i, f"found successor {j}", f"a job from {i + 2} to {n}")
            arcs.append((i, j - 1))
    return np.array(arcs, np.int64).reshape(-1, 2)
