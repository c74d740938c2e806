"""Counterexamples: instances on which programs were found wrong.

They are kept for ever, and later programs are tried on them first.
"""

from collections.abc import Mapping
from typing import Any

from gapsmith.agent.archive import Archive
from gapsmith.evaluators.base import Instance

LAG = 32
"""Slots after which an instance is used in the run that found it: by then its slot has ended, so that a run does
not depend on speed. More than are ever open at once."""


class Counterexamples:
    """The counterexamples of a problem, from earlier runs and this one.

    Args:
        problem: its name; what follows a colon does not count, since the instances are the same.
        archive: where they are kept.
    """

    def __init__(self, problem: str, archive: Archive) -> None:
        self._name, self._archive = problem.partition(":")[0], archive
        self._before = [
            Instance.restore(f"counterexample-{k}", row.data)
            for k, row in enumerate(archive.list_counterexamples(self._name), 1)
        ]
        self._found: list[tuple[int, Instance]] = []

    def select(self, slot: int) -> tuple[Instance, ...]:
        """Returns the instances that a slot's program must pass."""
        return (*self._before, *(instance for number, instance in self._found if number + LAG <= slot))

    def add(self, slot: int, program: int | None, found: Mapping[str, Any]) -> None:
        """Keeps one: its data, its digest and its optimum."""
        self._found.append((slot, Instance.restore(f"counterexample of slot {slot}", found["data"])))
        self._archive.add_counterexample(
            self._name, found["digest"], found["data"], found["optimum"], program
        )
