"""Reads the number files of the field.

Every error names file, line, finding and expectation.

The work is linear in the size of a file, and every count in it is checked against a limit before anything of
that size is allocated.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import GapsmithError, UsageError

MAX_VALUE = 1 << 53
"""The largest number in a file: beyond it sums and gaps would not be exact."""

MAX_TIME = 1 << 48
"""The latest time in a schedule: sums of such times and of their differences stay within CP-SAT's 64 bits."""

MAX_BYTES = 1 << 26
"""Larger files are refused: no instance of a problem here needs 64 MiB."""

MAX_NUMBERS = 1 << 23
"""The most numbers in one file: 30 times as many as in the largest published ones."""

MAX_ENTRIES = 100_000_000
"""The most entries of one matrix: 800 MB. Instances that need more are refused before anything is allocated."""

MAX_DECIMALS = 6
_PLAIN = re.compile(r"\d+(\.\d*)?|\.\d+")
_LINE_END = re.compile(r"\r\n?|\n")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_text(path: Path, expected: str = "numbers as text") -> str:
    """Reads the text of a file in any of the usual encodings.

    UTF-8 with or without its mark, UTF-16 with its mark, else Latin-1. The end mark of DOS is skipped. Raises
    UsageError where it cannot be read, GapsmithError where it is not text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "cannot be read").lower()
        raise UsageError(f"{path}: {reason}; expected a readable file") from None
    if len(content) > MAX_BYTES:
        raise GapsmithError(f"{path}: is larger than {MAX_BYTES:,} bytes; expected a smaller file")
    text = _decode(content)
    if text is None or "\0" in text:
        raise GapsmithError(f"{path}: is not a text file; expected {expected}")
    return text.rstrip().rstrip("\x1a")


def _decode(content: bytes) -> str | None:
    """Decodes the text; returns None where it is not text.

    Only comments may hold characters outside ASCII, so that Latin-1 does no harm.
    """
    try:
        if (wide := _MARKS.get(content[:2])) is not None:
            return content.decode(wide)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None if error.encoding.startswith("utf-16") else content.decode("latin-1")


def split_lines(text: str) -> list[str]:
    """Splits a text at line feeds and carriage returns alone.

    Form feeds and similar characters stay inside a line.
    """
    return _LINE_END.split(text)


def parse_integer(word: str, least: int = 0, most: int = MAX_VALUE) -> int | None:
    """Reads an integer in ASCII digits from `least` to `most`, else None.

    The work is bounded for long words.
    """
    digits = word[1:] if word[:1] in ("+", "-") else word
    # By length first: Python reads no decimal number of more than 4300 digits.
    if not (digits.isascii() and digits.isdecimal()) or len(digits.lstrip("0")) > len(str(MAX_VALUE)):
        return None
    value = int(word[: len(word) - len(digits)] + (digits.lstrip("0") or "0"))
    return value if least <= value <= most else None


def make_size_error(
    path: Path, line: int, found: str, entries: int, limit: int = MAX_ENTRIES
) -> GapsmithError:
    """Makes the error for an instance that would need too much memory."""
    return GapsmithError(
        f"{path}, line {line}: found {found}, which need {entries:,} numbers in memory; "
        f"expected at most {limit:,}"
    )


class LayoutError(GapsmithError):
    """The lines of a file do not have the tried layout."""


class NumberReader:
    """The numbers of a text file in order, whatever the line breaks.

    `#` starts a comment.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = list(_read_tokens(path))
        self._next = 0
        self._largest = (0, 1)

    @property
    def at_end(self) -> bool:
        """Whether every number has been taken."""
        return self._next == len(self._tokens)

    @property
    def count(self) -> int:
        """The count of numbers in the file."""
        return len(self._tokens)

    @property
    def left(self) -> int:
        """The count of numbers that have not been taken."""
        return len(self._tokens) - self._next

    @cached_property
    def widths(self) -> list[int]:
        """The counts of numbers on each line that has any."""
        return [sum(1 for _ in group) for _, group in groupby(self._tokens, key=lambda token: token[0])]

    @cached_property
    def _starts(self) -> Mapping[int, int]:
        """The row of `widths` for the place of each number that begins a line."""
        places = np.concatenate(([0], np.cumsum(self.widths))).tolist()
        return {place: row for row, place in enumerate(places)}

    def count_per_line(self, count: int) -> list[int] | None:
        """Counts the numbers on each line of the next `count` numbers.

        None where these begin or end inside a line.
        """
        first, last = self._starts.get(self._next), self._starts.get(self._next + count)
        return None if first is None or last is None else self.widths[first:last]

    def has_even_lines(self, rows: int, width: int) -> bool:
        """Tells whether the next numbers stand on `rows` lines of `width` numbers."""
        found = self.count_per_line(rows * width)
        return found is not None and len(found) == rows and set(found) == {width}

    def has_rows(self, rows: int, width: int) -> bool:
        """Tells whether the next numbers form a matrix of `rows` rows.

        Each row is on a line of its own, or broken into lines as the first one is.
        """
        found = self.count_per_line(rows * width)
        if found is None or len(found) % rows:
            return False
        each = len(found) // rows
        row = found[:each]
        even = all(length == row[0] for length in row[:-1]) and 0 < row[-1] <= row[0]
        return sum(row) == width and even and found == row * rows

    def peek_widths(self, count: int) -> list[int]:
        """Counts the numbers on each of the next lines.

        It is 0 after the end, or where the next number does not begin a line.
        """
        first = self._starts.get(self._next, len(self.widths))
        return [*self.widths[first : first + count], *[0] * count][:count]

    def shape(self, count: int) -> str:
        """Describes in words how the next `count` numbers are spread over lines."""
        first = self._starts.get(self._next)
        if first is None:
            return "numbers that begin inside a line"
        left, found = count, list[int]()
        for width in self.widths[first : first + 4]:
            found, left = [*found, width], left - width
            if left <= 0:
                break
        return f"lines of {', '.join(map(str, found))}{' …' if left > 0 else ''} numbers"

    def read_integer(self, meaning: str, least: int | None = None, most: int | None = None) -> int:
        """Reads the next number as an integer from `least` to `most`.

        Raises GapsmithError for anything else.
        """
        low, high = -MAX_VALUE if least is None else least, MAX_VALUE if most is None else most
        expected = f"{meaning}, an integer{_describe_range(least, most)}"
        token = self._take(expected)
        value = parse_integer(token, low, high)
        if value is None:
            digits = token.lstrip("+-")
            limit = f" and at most {high}" if most is None and digits.isdecimal() and len(digits) > 15 else ""
            raise self.make_error(token, expected + limit)
        self._note(value)
        return value

    def read_integers(self, count: int, meaning: str, least: int | None = None) -> NDArray[np.int64]:
        """Reads the next `count` integers. Raises GapsmithError with the line."""
        return np.array([self.read_integer(meaning, least) for _ in range(count)], dtype=np.int64)

    def peek(self, count: int) -> Sequence[str]:
        """Returns the next `count` words, fewer at the end, without taking them."""
        return [word for _, word in self._tokens[self._next : self._next + count]]

    def refuse_words(self) -> None:
        """Raises GapsmithError where the file begins with a word, as Taillard's do."""
        (line, token), *_ = self._tokens
        if token[0].isalpha():
            raise GapsmithError(
                f"{self._path}, line {line}: found {token[:40]!r}; expected numbers alone; files with words between "
                "them, as Taillard's own, are not read: leave the lines of words out"
            )

    def check_bound(self, worst: int, what: str, most: int = MAX_VALUE) -> None:
        """Raises GapsmithError where the cost of a solution could be inexact.

        The message names the largest number of the file.
        """
        if worst > most:
            value, line = self._largest
            raise GapsmithError(
                f"{self._path}, line {line}: found {value}; expected numbers with which {what} stays within {most} "
                f"(it could reach {worst}); scale the numbers down"
            )

    def read_decimals(self, count: int, meaning: str, most: int) -> NDArray[np.int64] | NDArray[np.float64]:
        """Reads the next `count` numbers, from 0 to `most`, with few decimals.

        Some old files have them. Returns integers where all are. Raises GapsmithError with the line.
        """
        found = np.array([self._read_decimal(meaning, most) for _ in range(count)])
        whole = found.astype(np.int64)
        return whole if (whole == found).all() else found

    def end(self, expected: str) -> None:
        """Raises GapsmithError with the line unless every number has been taken."""
        if not self.at_end:
            raise self.make_error(self._take(expected), expected)

    def make_error(self, found: str, expected: str) -> GapsmithError:
        """Makes the GapsmithError about the number that was taken last."""
        line = self._tokens[max(0, self._next - 1)][0]
        return GapsmithError(f"{self._path}, line {line}: found {found[:40]!r}; expected {expected}")

    def make_layout_error(self, count: int, expected: str) -> LayoutError:
        """Makes the GapsmithError about the lines of the next `count` numbers."""
        line = self._tokens[min(self._next, len(self._tokens) - 1)][0]
        return LayoutError(f"{self._path}, line {line}: found {self.shape(count)}; expected {expected}")

    def _take(self, expected: str) -> str:
        if self.at_end:
            raise GapsmithError(
                f"{self._path}, line {self._tokens[-1][0]}: the file ends; expected {expected}"
            )
        self._next += 1
        return self._tokens[self._next - 1][1]

    def _read_decimal(self, meaning: str, most: int) -> float:
        expected = f"{meaning}, a number from 0 to {most} with at most {MAX_DECIMALS} decimals"
        token = self._take(expected)
        if not is_decimal(token) or float(token) > most:
            raise self.make_error(token, expected)
        self._note(int(float(token)))
        return float(token)

    def _note(self, value: int) -> None:
        """Records the largest number and its line, for the message of `bounded`."""
        if abs(value) > self._largest[0]:
            self._largest = abs(value), self._tokens[self._next - 1][0]


def is_decimal(word: str) -> bool:
    """Tells whether a word is a non-negative number with few decimals."""
    return (
        len(word) <= 40
        and word.isascii()
        and _PLAIN.fullmatch(word) is not None
        and len(word.partition(".")[2]) <= MAX_DECIMALS
    )


def _describe_range(least: int | None, most: int | None) -> str:
    if most is not None:
        return f" from {least} to {most}" if least is not None else f" of at most {most}"
    return "" if least is None else f" of at least {least}"


def _read_tokens(path: Path) -> Iterator[tuple[int, str]]:
    found = 0
    for number, line in enumerate(split_lines(read_text(path)), 1):
        for token in line.partition("#")[0].split():
            found += 1
            if found > MAX_NUMBERS:
                raise GapsmithError(
                    f"{path}, line {number}: holds more than {MAX_NUMBERS:,} numbers; expected fewer"
                )
            yield number, token
    if not found:
        raise GapsmithError(f"{path}: holds no numbers; expected at least one instance")
