"""Reads bin packing instances: OR-Library's text and FunSearch's JSON."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import GapsmithError, Instance
from gapsmith.evaluators.reading import MAX_DECIMALS, MAX_TIME, is_decimal, read_text, split_lines

Sizes = tuple[int, list[int]]
"""Capacity and item sizes."""


def read(path: Path) -> list[Instance]:
    """Reads all instances of a file.

    The format is detected by the first character: `{` or `[` is JSON. Raises GapsmithError.
    """
    text = read_text(path)
    found = list(_read_json(path, text) if text.lstrip().startswith(("{", "[")) else _read_text(path, text))
    names = [path.stem] if len(found) == 1 else [f"{path.stem}-{k + 1}" for k in range(len(found))]
    return [
        Instance(name, {"items": np.array(items, dtype=np.int64), "capacity": capacity})
        for name, (capacity, items) in zip(names, found, strict=True)
    ]


class _Tokens:
    """The words of a text file, one after another."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        lines = enumerate(split_lines(text), 1)
        self._tokens = [(number, token) for number, line in lines for token in line.split()]
        self._next = 0

    @property
    def total(self) -> int:
        """The number of words in the file."""
        return len(self._tokens)

    @property
    def at_end(self) -> bool:
        """Whether every word has been taken."""
        return self._next == len(self._tokens)

    def take_word(self, expected: str) -> str:
        """Takes the next word. Raises GapsmithError at the end of the file."""
        if self.at_end:
            line = self._tokens[-1][0] if self._tokens else 1
            raise GapsmithError(f"{self._path}, line {line}: the file ends; expected {expected}")
        self._next += 1
        return self._tokens[self._next - 1][1]

    def build_error(self, expected: str) -> GapsmithError:
        """Returns the GapsmithError with the word that was taken last."""
        line, token = self._tokens[self._next - 1]
        return GapsmithError(f"{self._path}, line {line}: found {token[:40]!r}; expected {expected}")

    def number(self, meaning: str, above: int = 0, most: Decimal = Decimal(MAX_TIME)) -> Decimal:
        """Takes the next word as a number within limits. Raises GapsmithError."""
        expected = f"{meaning}, a number above {above} and at most {most}"
        token = self.take_word(expected)
        if not is_decimal(token):
            raise self.build_error(expected + f", with at most {MAX_DECIMALS} decimals")
        value = Decimal(token)
        if not above < value <= most:
            raise self.build_error(expected)
        return value

    def skip_best(self) -> None:
        """Skips the best known number of bins, 0 if none is known."""
        expected = "the best known number of bins, a number of at least 0"
        if not is_decimal(self.take_word(expected)):
            raise self.build_error(expected)

    def count(self, meaning: str) -> int:
        """Takes the next word as an integer above 0. Raises GapsmithError."""
        value = self.number(meaning)
        if value != int(value):
            raise self.build_error(f"{meaning}, an integer")
        return int(value)


def _read_text(path: Path, text: str) -> Iterator[Sizes]:
    """Reads OR-Library's text. Raises GapsmithError with the line."""
    tokens = _Tokens(path, text)
    count = tokens.count("the number of instances")
    if tokens.total in (count + 2, 2 * count + 2):
        raise tokens.build_error(
            "the number of instances, and for each a name, `capacity items best` and its sizes, as in OR-Library's "
            "files; n, a capacity and n sizes, as in BPPLIB's, are not read"
        )
    for _ in range(count):
        tokens.take_word("the name of an instance")
        capacity = tokens.number("the capacity of a bin")
        total = tokens.count("the number of items")
        tokens.skip_best()
        items = [tokens.number("the size of an item", 0, capacity) for _ in range(total)]
        # The triplets of OR-Library have sizes with one decimal: all sizes are integers of the smallest decimal used.
        unit = 10 ** max(0, *(-int(value.normalize().as_tuple().exponent) for value in (capacity, *items)))
        if capacity * unit > MAX_TIME:
            raise tokens.build_error(f"a capacity of at most {MAX_TIME} of the smallest decimals that occur")
        yield int(capacity * unit), [int(value * unit) for value in items]
    if not tokens.at_end:
        tokens.take_word("")
        raise tokens.build_error("the end of the file, as many instances as its first line says")


def _read_json(path: Path, text: str) -> Iterator[Sizes]:
    """Reads FunSearch's JSON, an object of instances by name. Raises GapsmithError."""
    try:
        content: Any = json.loads(text, object_pairs_hook=_refuse_repeated_names)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        words = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise GapsmithError(
            f"{path}, line {line}: is not JSON ({words}); expected an object of instances"
        ) from None
    if not isinstance(content, dict) or not content:
        raise GapsmithError(
            f"{path}, line 1: found a {type(content).__name__}; expected an object of instances by name"
        )
    for name, instance in content.items():
        yield _check_instance(path, name, instance)


def _shorten(value: Any) -> str:
    """Shortens a value of any depth and length for a message."""
    return f"a {type(value).__name__}" if isinstance(value, dict | list) else repr(str(value)[:40])


def _refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Builds an object from its fields. Raises ValueError for a repeated name."""
    found = dict(pairs)
    if len(found) < len(pairs):
        again = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{again[:40]!r} occurs twice")
    return found


def _check_instance(path: Path, name: str, instance: Any) -> Sizes:
    """Checks one instance of a JSON file. Raises GapsmithError."""
    expected = (
        f"expected `capacity`, an integer from 1 to {MAX_TIME}, and `items`, a list of integers from 1 to the "
        "capacity"
    )
    place = f"{path}, instance {name[:40]!r}"
    fields = instance if isinstance(instance, dict) else {}
    capacity, items = fields.get("capacity"), fields.get("items")
    if type(capacity) is not int or not 1 <= capacity <= MAX_TIME:
        found = f"capacity {_shorten(capacity)}" if fields else _shorten(instance)
        raise GapsmithError(f"{place}: found {found}; {expected}")
    if not isinstance(items, list) or not items:
        raise GapsmithError(f"{place}: found items {_shorten(items)}; {expected}")
    for number, item in enumerate(items, 1):
        if type(item) is not int or not 1 <= item <= capacity:
            shown = _shorten(item) if isinstance(item, dict | list | str) else str(item)[:40]
            raise GapsmithError(f"{place}: item {number} is {shown}; {expected}")
    if (declared := fields.get("num_items", len(items))) != len(items):
        raise GapsmithError(
            f"{place}: holds {len(items)} items; expected {_shorten(declared).strip(chr(39))}"
        )
    return capacity, items
