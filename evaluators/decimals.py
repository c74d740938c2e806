"""Numbers with a few decimals, as some old files have them: read with file and line, and reckoned with exactly."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Trouble
from gapsmith.evaluators.reading import Numbers

MOST_DECIMALS = 6
_PLAIN = re.compile(r"\d+(\.\d*)?|\.\d+")


class Decimals(Numbers):
    """The numbers of a text file, integers or with decimals, one after another."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._where = path

    def array(self, count: int, meaning: str, most: int) -> NDArray[np.int64] | NDArray[np.float64]:
        """The next so many numbers, from 0 to `most`: integers if all are. Raises Trouble with the line."""
        found = np.array([self._decimal(meaning, most) for _ in range(count)])
        whole = found.astype(np.int64)
        return whole if (whole == found).all() else found

    def end(self, meaning: str) -> None:
        """Raises Trouble with the line unless every number has been taken."""
        if not self.at_end:
            line, token = self._tokens[self._next]
            raise Trouble(f"{self._where}, line {line}: found {token[:40]!r}; expected {meaning}")

    def _decimal(self, meaning: str, most: int) -> float:
        expected = f"{meaning}, a number from 0 to {most} with at most {MOST_DECIMALS} decimals"
        if self.at_end:
            raise Trouble(f"{self._where}, line {self._tokens[-1][0]}: the file ends; expected {expected}")
        line, token = self._tokens[self._next]
        self._next += 1
        if not _PLAIN.fullmatch(token) or float(token) > most or len(token.partition(".")[2]) > MOST_DECIMALS:
            raise Trouble(f"{self._where}, line {line}: found {token[:40]!r}; expected {expected}")
        return float(token)


def whole(*arrays: NDArray[np.int64] | NDArray[np.float64]) -> tuple[list[NDArray[np.int64]], int]:
    """The arrays as integers of one decimal unit, and how many of these make 1.

    Exact: a double stands for the decimal that it is the nearest double of.

    Raises:
        ValueError: a number has more than `MOST_DECIMALS` decimals.
    """
    for decimals in range(MOST_DECIMALS + 1):
        unit = 10**decimals
        scaled = [np.rint(np.asarray(array, dtype=float) * unit).astype(np.int64) for array in arrays]
        if all((part / unit == array).all() for part, array in zip(scaled, arrays, strict=True)):
            return scaled, unit
    raise ValueError(f"a number has more than {MOST_DECIMALS} decimals")
