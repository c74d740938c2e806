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


def _reader_and_pricer() -> tuple[Any, Any, Any]:
{bundle}

    return {read}, {cost}, Instance


# Instances of the training set, with the costs that the archive holds.
_TESTS: list[tuple[str, dict[str, Any], float]] = [
{tests}
]


def self_test() -> list[list[Any]]:
    """Name, archived cost and cost now, for each of the instances kept here."""
    _, price, instance = _reader_and_pricer()
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


def main(arguments: Sequence[str]) -> int:
    """Solves the instances of the files named, or tests itself."""
    import json
    import sys
    from pathlib import Path

    if "--self-test" in arguments:
        rows = self_test()
        same = sum(archived == now for _, archived, now in rows)
        sys.stdout.write(f"{{same}} of {{len(rows)}} archived costs repeated\\n")
        return 0 if same == len(rows) else 1
    if not arguments:
        sys.stderr.write("expected instance files, or --self-test\\n")
        return 2
    read, price, _ = _reader_and_pricer()
    for argument in arguments:
        for instance in read(Path(argument)):
            solution = _plain({entry}(*_copied(dict(instance.data)).values()))
            line = {{"instance": instance.name, "cost": price(instance, solution), "solution": solution}}
            sys.stdout.write(json.dumps(line) + "\\n")
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
'''
