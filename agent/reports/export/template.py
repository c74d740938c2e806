"""The text around an exported program."""

SANDBOXED_MODULE = '''"""{docstring}
"""

from typing import Any

from gapsmith.agent.evaluation.sandboxed import Sandboxed

SOURCE = (
    {source}
)
DRIVER = {driver}
CPU_SECONDS = {seconds}
_PROGRAM = Sandboxed(SOURCE, {entry!r}, {names}, CPU_SECONDS, DRIVER, {preload!r})


def {name}({arguments}) -> Any:  # type: ignore[no-untyped-def]
    """Solves one instance in a process of its own, closed off from this host."""
    return _PROGRAM({arguments})


if __name__ == "__main__":
    import sys

    sys.exit(
        "this module is to be imported, and {name}({arguments}) called; a module that reads files and tests itself "
        "is exported without --sandboxed"
    )
'''


MODULE = '''"""{docstring}
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The program, as it was found.

{program}


# Reading instances and pricing solutions, as gapsmith does it.


def _load_helpers() -> tuple[Any, Any, Any, Any, Any]:
{bundle}

    return {read}, {cost}, Instance, GapsmithError, {bars}


# Instances of the training set, with the costs that the archive holds.
_TESTS: list[tuple[str, dict[str, Any], float]] = [
{tests}
]
_LAYOUTS: list[str] = {layouts}
_HAS_TIMES = {has_times}


def self_test() -> list[list[Any]]:
    """Name, archived cost and cost now, for each of the instances kept here."""
    _, price, instance, _, _ = _load_helpers()
    return [
        [name, archived, price(instance(name, data), _plain({entry}(*_copied(data).values())))]
        for name, data, archived in _TESTS
    ]


def _copied(data: dict[str, Any]) -> dict[str, Any]:
    return {{key: value.copy() if isinstance(value, np.ndarray) else value for key, value in data.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _make_array(value: Any, kind: str = "") -> Any:
    if not isinstance(value, list | tuple):
        return value
    found = np.array(value)
    fits = kind and (not found.size or kind == "|b1" or np.can_cast(found.dtype, kind, "same_kind"))
    return found.astype(kind) if fits else found
{accept}

def main(arguments: Sequence[str]) -> int:
    """Solves the instances of the files named, or tests itself."""
    import argparse
    import sys

    parser = argparse.ArgumentParser(
        description={title}, epilog="Example: python my_rule.py instances.txt"
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="instances in the formats of the field")
    parser.add_argument("--self-test", action="store_true", help="repeat costs of the archive")
    if _LAYOUTS:
        parser.add_argument("--layout", default={layout!r}, help="of the files: " + ", ".join(_LAYOUTS))
    if _HAS_TIMES:
        parser.add_argument("--csv", action="store_true", help="print start and end of each operation as CSV")
    chosen = parser.parse_args(arguments)
    if chosen.self_test:
        rows = self_test()
        same = sum(archived == now for _, archived, now in rows)
        sys.stdout.write(f"{{same}} of {{len(rows)}} archived costs repeated\\n")
        return 0 if same == len(rows) else 1
    if not chosen.files:
        sys.stderr.write("expected instance files, or --self-test; see --help\\n")
        return 2
    try:
        _solve_files(chosen.files, getattr(chosen, "layout", ""), getattr(chosen, "csv", False))
    except _Unsolved as error:
        sys.stderr.write(f"{{error}}\\n")
        return 1
    return 0


class _Unsolved(Exception):
    """What a file or the program did wrong, in a line."""


def _solve_files(files: Sequence[str], layout: str, as_csv: bool) -> None:
    import csv
    import json
    import sys
    from pathlib import Path

    read, price, _, expected, bars = _load_helpers()
    table = csv.writer(sys.stdout, lineterminator="\\n")
    if as_csv:
        table.writerow(["instance", "where", "operation", "start", "end"])
    for name in files:
        try:
            instances = read(Path(name), layout) if layout else read(Path(name))
        except (expected, ValueError, KeyError) as error:
            raise _Unsolved(" ".join(str(error).split())) from None
        for instance in instances:
            solution, cost = _solve(instance, price)
            if as_csv:
                found, rows = bars(instance.data, solution)
                table.writerows([instance.name, rows[b.row], b.name, f"{{b.start:g}}", f"{{b.end:g}}"] for b in found)
            else:
                line = {{"instance": instance.name, "cost": cost, "solution": solution}}
                sys.stdout.write(json.dumps(line) + "\\n")


def _solve(instance: Any, price: Any) -> tuple[Any, Any]:
    try:
        solution = _plain({entry}(*_copied(dict(instance.data)).values()))
        return solution, price(instance, solution)
    except Exception as error:
        raise _Unsolved(f"{{instance.name}}: {{type(error).__name__}}: {{' '.join(str(error).split())}}") from None


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
'''
ACCEPT = '''

def _accept_lists(function: Any) -> Any:
    """Lets a function take lists as well as arrays; what is empty is a ValueError."""
    from functools import wraps

    kinds = {kinds}

    @wraps(function)
    def call(*values: Any, **named: Any) -> Any:
        given = [_make_array(value, kind) for value, kind in zip(values, [*kinds.values(), *[""] * len(values)])]
        more = {{name: _make_array(value, kinds.get(name, "")) for name, value in named.items()}}
        arrays = [value for value in [*given, *more.values()] if isinstance(value, np.ndarray)]
        if arrays and not any(array.size for array in arrays):
            raise ValueError("there is nothing to solve: " + ", ".join(kinds) + " hold no numbers")
        return function(*given, **more)

    return call


# Types are those of the program above, so that tools show these.
globals()["{entry}"] = _accept_lists({entry})

'''
"""Follows a program that does not call itself: what it passes to itself may be empty."""
