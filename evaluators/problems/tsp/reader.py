"""Reads TSPLIB's files of symmetric travelling salesman problems.

A matrix of integer distances, rounded as it says.

The rounding is Reinelt's (TSPLIB 95, section 2), which published optima rest on: EUC_2D rounds to the nearest
integer, halves up; CEIL_2D rounds up; ATT divides the square by ten and rounds up; GEO takes degrees and minutes
(38.24 is 38°24'), pi as 3.141592, the earth's radius as 6378.388 km, and cuts off after adding 1. Degrees are cut
off, not rounded: the printed description says nint, the program behind the published optima does not.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.reading import MAX_NUMBERS, make_size_error, parse_integer, read_text, split_lines

Matrix: TypeAlias = "NDArray[np.int64]"
Points: TypeAlias = "NDArray[np.float64]"
Token: TypeAlias = tuple[int, str]

MOST_CITIES = 7_500
"""Files of more cities are refused: the exact method keeps five matrices of all distances, 2 GB at this size."""

_REAL = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)

LONGEST = 10**9
"""Greater distances are refused, so that sums of any tour stay exact in int64."""

BLOCK = 1 << 20
"""Distances that are computed at once."""

PI, EARTH_RADIUS = 3.141592, 6378.388


def read_tsplib(path: Path) -> Matrix:
    """Reads the distances of a file of TYPE TSP.

    The shape is [n, n]. Raises GapsmithError with file and line.
    """
    return _File(path).compute_distances()


def measure_euclidean(points: Points) -> Matrix:
    """Computes EUC_2D and EUC_3D: rounded to the nearest integer, halves up."""
    return _compute_by_rows(points, lambda away: np.floor(_measure_lengths(away) + 0.5))


def measure_euclidean_up(points: Points) -> Matrix:
    """Computes CEIL_2D: rounded up."""
    return _compute_by_rows(points, lambda away: np.ceil(_measure_lengths(away)))


def measure_pseudo_euclidean(points: Points) -> Matrix:
    """Computes ATT: the root of a tenth of the square, rounded up.

    This is TSPLIB's "if nint(r) < r then nint(r) + 1".
    """
    return _compute_by_rows(points, lambda away: np.ceil(np.sqrt((away**2).sum(axis=-1) / 10.0)))


def measure_manhattan(points: Points) -> Matrix:
    """Computes MAN_2D: sums of absolute differences, rounded to the nearest integer."""
    return _compute_by_rows(points, lambda away: np.floor(np.abs(away).sum(axis=-1) + 0.5))


def measure_maximum(points: Points) -> Matrix:
    """Computes MAX_2D: the greater rounded absolute difference.

    Each of the two is rounded to the nearest integer.
    """
    return _compute_by_rows(points, lambda away: np.floor(np.abs(away) + 0.5).max(axis=-1))


def measure_geographical(points: Points) -> Matrix:
    """Computes GEO: kilometres on TSPLIB's earth.

    Latitudes and longitudes are in degrees.minutes.
    """
    degrees = np.trunc(points)
    radians = PI * (degrees + 5.0 * (points - degrees) / 3.0) / 180.0
    return _fill_matrix(len(points), lambda rows: _measure_kilometres(radians[rows], radians))


def _measure_kilometres(some: Points, radians: Points) -> Points:
    (here, east), (latitude, longitude) = some.T, radians.T
    q1 = np.cos(east[:, None] - longitude)
    q2 = np.cos(here[:, None] - latitude)
    q3 = np.cos(here[:, None] + latitude)
    angle = np.arccos(np.clip(0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3), -1.0, 1.0))
    kilometres: Points = np.floor(EARTH_RADIUS * angle + 1.0)
    return kilometres


METRICS: dict[str, tuple[int, Callable[[Points], Matrix]]] = {
    "EUC_2D": (2, measure_euclidean),
    "EUC_3D": (3, measure_euclidean),
    "CEIL_2D": (2, measure_euclidean_up),
    "MAN_2D": (2, measure_manhattan),
    "MAX_2D": (2, measure_maximum),
    "ATT": (2, measure_pseudo_euclidean),
    "GEO": (2, measure_geographical),
}

# A symmetric matrix by columns of one triangle is the same by rows of the other.
FORMATS: dict[str, Callable[[int], tuple[NDArray[np.integer], ...]]] = {
    "FULL_MATRIX": lambda n: tuple(np.indices((n, n)).reshape(2, -1)),
    "UPPER_ROW": lambda n: np.triu_indices(n, 1),
    "LOWER_COL": lambda n: np.triu_indices(n, 1),
    "LOWER_ROW": lambda n: np.tril_indices(n, -1),
    "UPPER_COL": lambda n: np.tril_indices(n, -1),
    "UPPER_DIAG_ROW": np.triu_indices,
    "LOWER_DIAG_COL": np.triu_indices,
    "LOWER_DIAG_ROW": np.tril_indices,
    "UPPER_DIAG_COL": np.tril_indices,
}

SECTIONS = ("NODE_COORD_SECTION", "EDGE_WEIGHT_SECTION", "DISPLAY_DATA_SECTION")


def _measure_lengths(away: Points) -> Points:
    lengths: Points = np.sqrt((away**2).sum(axis=-1))
    return lengths


def _compute_by_rows(points: Points, metric: Callable[[Points], Points]) -> Matrix:
    """Returns the matrix of a metric of differences, row by row.

    All differences, of shape [rows, n, width], never exist at once.
    """
    return _fill_matrix(len(points), lambda rows: metric(points[rows, None] - points))


def _fill_matrix(n: int, distances: Callable[[slice], Points]) -> Matrix:
    matrix = np.empty((n, n), np.int64)
    step = max(1, BLOCK // n)
    for first in range(0, n, step):
        rows = slice(first, first + step)
        matrix[rows] = distances(rows)
    np.fill_diagonal(matrix, 0)
    return matrix


class _File:
    """One file, taken apart.

    The head's words by keyword and the tokens of each section with their lines.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head: dict[str, Token] = {}
        self._sections: dict[str, list[Token]] = {}
        self._last, self._found = 1, 0
        current: list[Token] | None = None
        for number, line in enumerate(split_lines(read_text(path, "a TSPLIB file")), 1):
            self._last, words = number, line.split()
            if not words:
                continue
            if words[0].rstrip(":") == "EOF":
                break
            if words[0].rstrip(":").endswith("_SECTION"):
                current = self._get_section(words[0].rstrip(":"))
            elif current is not None and not words[0][0].isalpha():
                current.extend((number, word) for word in words)
                self._found += len(words)
                if self._found > MAX_NUMBERS:
                    raise self._make_error(number, f"more than {MAX_NUMBERS:,} numbers", "fewer")
            else:
                current = None
                self._read_keyword(line)

    def compute_distances(self) -> Matrix:
        """Computes the matrix that the file describes."""
        self._get_word("TYPE", ("TSP",))
        n = self._read_dimension()
        kind = self._get_word("EDGE_WEIGHT_TYPE", ("EXPLICIT", *METRICS))
        matrix = self._read_explicit(n) if kind == "EXPLICIT" else self._measure(n, *METRICS[kind])
        if matrix.max() > LONGEST:
            raise self._make_error(self._last, f"a distance of {matrix.max()}", f"at most {LONGEST}")
        return matrix

    def _make_error(self, line: int, found: str, expected: str) -> GapsmithError:
        return GapsmithError(f"{self._path}, line {line}: found {found}; expected {expected}")

    def _get_section(self, name: str) -> list[Token]:
        if name not in SECTIONS:
            raise self._make_error(self._last, name, f"one of {', '.join(SECTIONS)}")
        if name in self._sections:
            raise self._make_error(self._last, f"{name} again", "each section once")
        return self._sections.setdefault(name, [])

    def _read_keyword(self, line: str) -> None:
        name, colon, value = line.partition(":")
        if not colon:
            raise self._make_error(self._last, repr(line.strip()[:40]), "KEYWORD : VALUE, a section, or EOF")
        name = name.strip()
        if name in self._head and name != "COMMENT":
            raise self._make_error(self._last, f"{name[:40]} again", "each keyword once")
        self._head[name] = (self._last, value.strip())

    def _get_word(self, keyword: str, known: tuple[str, ...]) -> str:
        line, found = self._head.get(keyword, (self._last, f"no {keyword}"))
        word = (found.split() or [""])[0]
        if word not in known:
            raise self._make_error(line, repr(found[:40]), f"{keyword} to be one of {', '.join(known)}")
        return word

    def _read_dimension(self) -> int:
        line, found = self._head.get("DIMENSION", (self._last, "no DIMENSION"))
        if (n := parse_integer(found, 3)) is None:
            raise self._make_error(line, repr(found[:40]), "DIMENSION to be an integer of at least 3")
        if n > MOST_CITIES:
            raise make_size_error(self._path, line, f"{n} cities", n * n, MOST_CITIES**2)
        return n

    def _tokens(self, section: str, count: int, meaning: str) -> list[Token]:
        tokens = self._sections.get(section, [])
        if len(tokens) != count:
            line = tokens[-1][0] if tokens else self._last
            raise self._make_error(line, f"{len(tokens)} numbers in {section}", f"{count}: {meaning}")
        return tokens

    def _number(self, token: Token) -> float:
        number = float(token[1]) if _REAL.fullmatch(token[1]) else float("nan")
        if not abs(number) <= LONGEST:
            raise self._make_error(token[0], repr(token[1][:40]), f"a number of at most {LONGEST}")
        return number

    def _read_whole(self, token: Token, least: int, most: int) -> int:
        number = self._number(token)
        if number != int(number) or not least <= number <= most:
            raise self._make_error(token[0], repr(token[1][:40]), f"an integer from {least} to {most}")
        return int(number)

    def _measure(self, n: int, width: int, metric: Callable[[Points], Matrix]) -> Matrix:
        tokens = self._tokens(
            "NODE_COORD_SECTION", n * (width + 1), f"{n} rows of a number and {width} coordinates"
        )
        rows = [tokens[start : start + width + 1] for start in range(0, len(tokens), width + 1)]
        points = np.full((n, width), np.nan)
        for row in rows:
            city = self._read_whole(row[0], 1, n) - 1
            if not np.isnan(points[city, 0]):
                raise self._make_error(row[0][0], f"city {city + 1} again", "each city once")
            points[city] = [self._number(token) for token in row[1:]]
        return metric(points)

    def _read_explicit(self, n: int) -> Matrix:
        form = self._get_word("EDGE_WEIGHT_FORMAT", tuple(FORMATS))
        whole, diagonal = form == "FULL_MATRIX", "DIAG" in form
        count = n * n if whole else n * (n + 1) // 2 if diagonal else n * (n - 1) // 2
        tokens = self._tokens("EDGE_WEIGHT_SECTION", count, f"the matrix of {n} cities in this format")
        places = FORMATS[form](n)
        matrix = np.full((n, n), -1, dtype=np.int64)
        matrix[places] = [self._read_whole(token, 0, LONGEST) for token in tokens]
        matrix = np.where(matrix < 0, matrix.T, matrix)
        np.fill_diagonal(matrix, 0)
        if (uneven := np.argwhere(matrix != matrix.T)).size:
            i, j = uneven[0]
            raise self._make_error(
                tokens[int(i) * n + int(j)][0],
                f"{matrix[i, j]} from city {i + 1} to {j + 1} and {matrix[j, i]} back",
                "a symmetric matrix",
            )
        return matrix
