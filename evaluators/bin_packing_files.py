"""Reads bin packing instances: OR-Library's text and FunSearch's JSON."""

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import Instance, Trouble

Sizes = tuple[int, list[int]]
"""Capacity and item sizes."""


def read(path: Path) -> list[Instance]:
    """The instances of a file; its form is told by its first letter. Raises Trouble."""
    text = _content(path)
    found = list(_json(path, text) if text.lstrip().startswith(("{", "[")) else _text(path, text))
    names = [path.stem] if len(found) == 1 else [f"{path.stem}-{k + 1}" for k in range(len(found))]
    return [
        Instance(name, {"items": np.array(items, dtype=np.int64), "capacity": capacity})
        for name, (capacity, items) in zip(names, found, strict=True)
    ]


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Trouble(f"{path}: is not a text file; expected numbers as text") from None
    except OSError as error:
        raise Trouble(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a readable file"
        ) from None


class _Tokens:
    """The words of a text file, one after another."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        lines = enumerate(text.splitlines(), 1)
        self._tokens = [(number, token) for number, line in lines for token in line.split()]
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    def word(self, expected: str) -> str:
        if self.at_end:
            line = self._tokens[-1][0] if self._tokens else 1
            raise Trouble(f"{self._path}, line {line}: the file ends; expected {expected}")
        self._next += 1
        return self._tokens[self._next - 1][1]

    def wrong(self, expected: str) -> Trouble:
        line, token = self._tokens[self._next - 1]
        return Trouble(f"{self._path}, line {line}: found {token[:40]!r}; expected {expected}")

    def number(self, meaning: str, above: int = 0, most: Decimal | None = None) -> Decimal:
        expected = f"{meaning}, a number above {above}" + (f" and at most {most}" if most else "")
        token = self.word(expected)
        try:
            value = Decimal(token)
        except InvalidOperation:
            raise self.wrong(expected) from None
        if not value.is_finite() or value <= above or (most is not None and value > most):
            raise self.wrong(expected)
        return value

    def count(self, meaning: str) -> int:
        value = self.number(meaning)
        if value != int(value):
            raise self.wrong(f"{meaning}, an integer")
        return int(value)


def _text(path: Path, text: str) -> Iterator[Sizes]:
    tokens = _Tokens(path, text)
    for _ in range(tokens.count("the number of instances")):
        tokens.word("the name of an instance")
        capacity = tokens.number("the capacity of a bin")
        total = tokens.count("the number of items")
        tokens.number("the best number of bins known", -1)
        items = [tokens.number("the size of an item", 0, capacity) for _ in range(total)]
        # The triplets of OR-Library have sizes to a tenth: all are taken in the smallest unit that occurs.
        unit = 10 ** max(0, *(-int(value.normalize().as_tuple().exponent) for value in (capacity, *items)))
        yield int(capacity * unit), [int(value * unit) for value in items]
    if not tokens.at_end:
        tokens.word("")
        raise tokens.wrong("the end of the file, as many instances as its first line says")


def _json(path: Path, text: str) -> Iterator[Sizes]:
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise Trouble(
            f"{path}, line {line}: is not JSON ({error}); expected an object of instances"
        ) from None
    if not isinstance(content, dict) or not content:
        raise Trouble(
            f"{path}, line 1: found a {type(content).__name__}; expected an object of instances by name"
        )
    for name, instance in content.items():
        yield _instance(path, name, instance)


def _instance(path: Path, name: str, instance: Any) -> Sizes:
    expected = (
        "expected `capacity`, an integer from 1, and `items`, a list of integers from 1 to the capacity"
    )
    fields = instance if isinstance(instance, dict) else {}
    capacity, items = fields.get("capacity"), fields.get("items")
    if type(capacity) is not int or capacity < 1 or not isinstance(items, list) or not items:
        raise Trouble(f"{path}, instance {name!r}: found {str(instance)[:40]!r}; {expected}")
    for place, item in enumerate(items):
        if type(item) is not int or not 1 <= item <= capacity:
            raise Trouble(f"{path}, instance {name!r}: item {place + 1} is {item!r:.40}; {expected}")
    if fields.get("num_items", len(items)) != len(items):
        raise Trouble(
            f"{path}, instance {name!r}: holds {len(items)} items; expected {fields['num_items']!r:.40}"
        )
    return capacity, items
