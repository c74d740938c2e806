"""Instances and their optimal solutions in a few lines, for a prompt.

Training instances only.

What a solution is, is read off its form: an order of all items, a choice among them, a group for each, an order
in which each comes several times, or a number for each. Data that has one row for each item is shown with it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.agent.codegen.sanitize import flatten_untrusted
from gapsmith.evaluators.base import Baseline, Datum, Instance

SHOWN_NUMBERS = 60
SHOWN_ROWS, SHOWN_COLUMNS = 4, 24
FIRST, LAST = 10, 3
SHOWN_CLASSES = 6
NARROW = 6
"""Rows of data with more numbers than this are not shown with every item."""


def format_data(instance: Instance) -> list[str]:
    """Formats the arguments of an instance, with long ones cut short."""
    return [line for name, value in instance.data.items() for line in _format_datum(name, value)]


def summarise_instances(instances: Sequence[Instance]) -> list[str]:
    """Describes the instances of each class: number, shapes and ranges.

    More classes than `SHOWN_CLASSES` are described together.
    """
    groups: dict[str, list[Instance]] = {}
    for instance in instances:
        groups.setdefault(instance.stratum, []).append(instance)
    if len(groups) > SHOWN_CLASSES:
        groups = {f"all {len(groups)} classes": list(instances)}
    return [
        f"{flatten_untrusted(name)}, {len(group)} instance{'s' * (len(group) > 1)}: {_summarise_arguments(group)}"
        for name, group in groups.items()
    ]


def _summarise_arguments(instances: Sequence[Instance]) -> str:
    return "; ".join(
        _summarise_argument(name, [i.data[name] for i in instances]) for name in instances[0].data
    )


def _summarise_argument(name: str, values: Sequence[Datum]) -> str:
    """Describes one argument: its shapes, its range and its median."""
    shapes = {np.shape(value) for value in values}
    numbers = np.concatenate([np.ravel(np.asarray(value, dtype=float)) for value in values])
    ranks = {len(shape) for shape in shapes}
    if len(ranks) == 1:
        sides = [_format_range(min(side), max(side)) for side in zip(*shapes, strict=True)]
        shape = f" [{', '.join(sides)}]" if sides else ""
    else:
        shape = f" of {_format_range(min(ranks), max(ranks))} dimensions"
    if not numbers.size:
        return f"{name}{shape}"
    low, middle, high = (float(find(numbers)) for find in (np.min, np.median, np.max))
    median = f", median {format_number(middle, 3)}" if low < high else ""
    return f"{name}{shape}, {_format_range(low, high)}{median}"


def _format_range(low: float, high: float) -> str:
    return format_number(low, 4) + (f" to {format_number(high, 4)}" if high > low else "")


def format_shapes(instance: Instance) -> str:
    """Formats the sizes of the arguments: `p [50], m = 3`."""
    return ", ".join(_shape(name, value) for name, value in instance.data.items())


def format_values(values: Any) -> str:
    """Formats a returned solution, cut short."""
    if isinstance(values, list | tuple) and all(isinstance(value, int | float) for value in values):
        return f"[{_list_values(values, SHOWN_NUMBERS, ', ')}]"
    return flatten_untrusted(str(values), 4 * SHOWN_NUMBERS)


def describe_solution(instance: Instance, baseline: Baseline) -> str:
    """Describes an exact solution in words and numbers.

    Empty where the exact method has no solution to show.
    """
    solution = baseline.solution
    if not isinstance(solution, list | tuple) or not solution or not all(_is_whole(v) for v in solution):
        return ""
    values, data = [int(v) for v in solution], instance.data
    counts = Counter(values)
    if set(values) == set(range(len(counts))) and len(set(counts.values())) == 1 and len(counts) > 2:
        return _order(values, data) if counts[0] == 1 else _describe_repeated(values, data)
    if set(values) <= {0, 1} and _find_columns(data, len(values)):
        return _describe_choice([k for k, value in enumerate(values) if value], len(values), data)
    if len(counts) == len(values) < (n := _count_items(data)) and min(values) >= 0 and max(values) < n:
        return _describe_choice(values, n, data)
    if set(values) == set(range(len(counts))):
        return _describe_groups(values, data)
    return _describe_numbers(values, data)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


def _order(values: Sequence[int], data: Mapping[str, Datum]) -> str:
    """Describes an order of all items.

    For a matrix of distances it says how near each step goes.
    """
    n = len(values)
    squares = [matrix for matrix in _list_arrays(data) if matrix.shape == (n, n)]
    if len(squares) == 1 and len(data) == 1:
        return _count_nearer(values, squares[0])
    head, show = _list_heads(data, n), _make_formatter(data, n)
    if n <= FIRST + LAST:
        return f"in order{head}: {', '.join(map(show, values))}"
    first, last = (", ".join(map(show, part)) for part in (values[:FIRST], values[-LAST:]))
    return f"in order{head}: {first}, … {last}"


def _count_nearer(values: Sequence[int], distance: NDArray[Any]) -> str:
    """Counts, for each step of a tour, places nearer than its end."""
    pairs = zip(values, [*values[1:], values[0]], strict=True)
    nearer = Counter(min(3, int((np.delete(distance[a], a) < distance[a, b]).sum())) for a, b in pairs)
    words = ("the nearest", "the second nearest", "the third nearest", "one farther away")
    parts = [f"{100 * nearer[k] / len(values):.0f} % to {word}" for k, word in enumerate(words)]
    return f"steps go {', '.join(parts)}; the tour starts {_list_values(values, FIRST, ', ')}"


def _describe_repeated(values: Sequence[int], data: Mapping[str, Datum]) -> str:
    """Describes an order in which each item comes several times.

    The k-th occurrence of an item belongs to column k of its data.
    """
    n, times = max(values) + 1, len(values) // (max(values) + 1)
    tables = {name: np.asarray(v) for name, v in data.items() if np.shape(v) == (n, times)}
    seen: Counter[int] = Counter()
    parts = []
    for value in values[: FIRST + LAST]:
        k, seen[value] = seen[value], seen[value] + 1
        shown = ", ".join(format_number(table[value, k]) for table in tables.values())
        parts.append(f"{value}.{k} ({shown})" if shown else f"{value}.{k}")
    head = f", as item.time ({', '.join(tables)})" if tables else ""
    return f"begins{head}: {', '.join(parts)}, …"


def _describe_choice(chosen: Sequence[int], n: int, data: Mapping[str, Datum]) -> str:
    """Describes a choice of items by what distinguishes the chosen ones."""
    inside = np.zeros(n, dtype=bool)
    inside[list(chosen)] = True
    parts = [
        f"{name} {column[inside].mean():.4g} of these, {column[~inside].mean():.4g} of the others"
        for name, column in _find_columns(data, n).items()
        if inside.any() and not inside.all()
    ]
    return f"takes {len(chosen)} of {n}: {_list_values(list(chosen), FIRST, ', ')}; in the mean: {'; '.join(parts)}"


def _describe_groups(values: Sequence[int], data: Mapping[str, Datum]) -> str:
    """Describes the first groups of an assignment of items to groups."""
    name, column = next(iter(_find_columns(data, len(values)).items()), ("", np.zeros(0)))
    if not name:
        return f"groups, item by item: {_list_values(list(values), SHOWN_NUMBERS, ' ')}"
    inside: list[list[float]] = [[] for _ in range(max(values) + 1)]
    for group, number in zip(values, column.tolist(), strict=True):
        inside[group].append(number)
    alike = Counter(" + ".join(format_number(v) for v in sorted(each, reverse=True)) for each in inside)
    parts = [f"{count} of {words}" if count > 1 else words for words, count in alike.most_common(FIRST)]
    return f"{len(inside)} groups, by {name}: {'; '.join(parts)}{'; …' if len(alike) > FIRST else ''}"


def _describe_numbers(values: Sequence[int], data: Mapping[str, Datum]) -> str:
    """Describes a number for each item: the items sorted by their numbers."""
    order = sorted(range(len(values)), key=lambda k: (values[k], k))
    show = _make_formatter(data, len(values))
    parts = [f"{show(k)} at {values[k]}" for k in order[: FIRST + LAST]]
    return f"by their numbers{_list_heads(data, len(values))}: {', '.join(parts)}, …"


def _make_formatter(data: Mapping[str, Datum], n: int) -> Any:
    """Writes an item with what the data has of it."""
    tables = _find_rows(data, n)

    def tell(k: int) -> str:
        numbers = ", ".join(" ".join(format_number(v) for v in np.ravel(rows[k])) for rows in tables.values())
        return f"{k} ({numbers})" if tables else str(k)

    return tell


def _list_heads(data: Mapping[str, Datum], n: int) -> str:
    tables = _find_rows(data, n)
    return f", item ({', '.join(tables)})" if tables else ""


def _find_rows(data: Mapping[str, Datum], n: int) -> dict[str, NDArray[Any]]:
    """Returns the arguments with one row per item that are short enough."""
    found = {name: np.asarray(value) for name, value in data.items()}
    return {
        name: rows
        for name, rows in found.items()
        if rows.ndim in (1, 2) and len(rows) == n and (rows.ndim == 1 or rows.shape[1] <= NARROW)
    }


def _find_columns(data: Mapping[str, Datum], n: int) -> dict[str, NDArray[Any]]:
    """Returns one number per item.

    It is the item's own number, the mean of its column, or the sum of its row of a square matrix.
    """
    found: dict[str, NDArray[Any]] = {}
    for name, value in data.items():
        array = np.asarray(value, dtype=float)
        if array.shape == (n,):
            found[name] = array
        elif array.shape == (n, n):
            found[f"row sum of {name}"] = array.sum(axis=1)
        elif array.ndim == 2 and array.shape[1] == n:
            found[f"column of {name}"] = array.mean(axis=0)
    return found


def _count_items(data: Mapping[str, Datum]) -> int:
    """Counts the items to choose from, by the first argument."""
    return len(next(iter(_list_arrays(data)), ()))


def _list_arrays(data: Mapping[str, Datum]) -> list[NDArray[Any]]:
    return [np.asarray(value) for value in data.values() if np.ndim(value)]


def _shape(name: str, value: Datum) -> str:
    shape = np.shape(value)
    return (
        f"{name} [{', '.join(map(str, shape))}]"
        if shape
        else f"{name} = {format_number(np.asarray(value).item())}"
    )


def _format_datum(name: str, value: Datum) -> list[str]:
    array = np.asarray(value)
    if array.ndim == 0:
        return [f"{name} = {format_number(array.item())}"]
    if array.ndim == 1:
        return [f"{name} = [{_list_values(array.tolist(), SHOWN_NUMBERS, ', ')}]"]
    table = array.reshape(len(array), -1)[:SHOWN_ROWS].tolist()
    rows = [f"  [{_list_values(row, SHOWN_COLUMNS, ', ')}]" for row in table]
    return [f"{name} = [", *rows, "  …]" if len(array) > SHOWN_ROWS else "]"]


def _list_values(values: Sequence[Any], limit: int, between: str) -> str:
    shown = between.join(
        f"{value:g}" if isinstance(value, float) else str(int(value)) for value in values[:limit]
    )
    return shown + (f"{between}…" if len(values) > limit else "")


def format_number(value: float, digits: int = 6) -> str:
    """Formats a number: whole numbers with all digits, others rounded."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.{digits}g}"
