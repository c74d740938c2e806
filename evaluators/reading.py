"""Reads the number files of the field: every complaint names the file, the line, what was found and expected."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Trouble, UsageTrouble

LARGEST = 1 << 53
"""Beyond it sums and gaps would not be exact."""

MOST_DECIMALS = 6
_PLAIN = re.compile(r"\d+(\.\d*)?|\.\d+")


class Numbers:
    """The numbers of a text file, one after another, whatever the line breaks; `#` starts a comment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = list(_tokens(path))
        self._next = 0

    @property
    def at_end(self) -> bool:
        """Whether every number has been taken."""
        return self._next == len(self._tokens)

    def integer(self, meaning: str, least: int | None = None, most: int | None = None) -> int:
        """The next number. Raises Trouble when it is absent, no integer, below `least` or above `most`."""
        expected = f"{meaning}, an integer{_range(least, most)}"
        token = self._take(expected)
        value = _integer(token)
        if value is None or (least is not None and value < least) or (most is not None and value > most):
            raise self.complaint(token, expected)
        return value

    def decimals(self, count: int, meaning: str, most: int) -> NDArray[np.int64] | NDArray[np.float64]:
        """The next so many numbers, from 0 to `most`, with a few decimals as some old files have them.

        Returns integers where all are. Raises Trouble with the line.
        """
        found = np.array([self._decimal(meaning, most) for _ in range(count)])
        whole = found.astype(np.int64)
        return whole if (whole == found).all() else found

    def end(self, expected: str) -> None:
        """Raises Trouble with the line unless every number has been taken."""
        if not self.at_end:
            raise self.complaint(self._take(expected), expected)

    def complaint(self, found: str, expected: str) -> Trouble:
        """The Trouble with the number that was taken last."""
        line = self._tokens[max(0, self._next - 1)][0]
        return Trouble(f"{self._path}, line {line}: found {found[:40]!r}; expected {expected}")

    def _take(self, expected: str) -> str:
        if self.at_end:
            line = self._tokens[-1][0]
            raise Trouble(f"{self._path}, line {line}: the file ends; expected {expected}")
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _decimal(self, meaning: str, most: int) -> float:
        expected = f"{meaning}, a number from 0 to {most} with at most {MOST_DECIMALS} decimals"
        token = self._take(expected)
        if not _PLAIN.fullmatch(token) or float(token) > most or len(token.partition(".")[2]) > MOST_DECIMALS:
            raise self.complaint(token, expected)
        return float(token)


def _range(least: int | None, most: int | None) -> str:
    if most is not None:
        return f" from {least} to {most}" if least is not None else f" of at most {most}"
    return "" if least is None else f" of at least {least}"


def _integer(token: str) -> int | None:
    digits = token[1:] if token[0] in "+-" else token
    # By length first: Python reads no decimal number of more than 4300 digits.
    value = int(token) if digits.isdecimal() and len(digits) <= len(str(LARGEST)) else None
    return value if value is not None and abs(value) <= LARGEST else None


def _tokens(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Trouble(f"{path}: is not a text file; expected numbers as text") from None
    except OSError as error:
        raise UsageTrouble(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a readable file"
        ) from None
    lines = enumerate(text.splitlines(), 1)
    found = [(number, token) for number, line in lines for token in line.partition("#")[0].split()]
    if not found:
        raise Trouble(f"{path}: holds no numbers; expected at least one instance")
    return found
