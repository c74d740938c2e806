"""Sends the events of an on-line instance one by one, each when the decision on the one before is back.

What is decided so cannot depend on what comes later, whatever a program does to its process. Whatever is told or
claimed of an on-line program rests on this; in training all events travel in one call, which is faster, and such
instances are marked (`Instance.whole`), so that their scores are never taken for others.

Rules of the problem itself are our own code: they get the events of an instance in one call everywhere.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Problem, Rule
from gapsmith.sandbox import Array, Ending, Job, Limits, Outcome, Value

Data = Mapping[str, Datum]

PATIENCE = 2.0
"""CPU limits that an instance gets whose events are sent alone."""
EVENT_SECONDS = 0.0005
"""CPU seconds for each event besides: it must be received and answered."""


def wanted(problem: Problem, source: str, instance: Instance) -> bool:
    """Whether a program must be given the events of an instance one by one."""
    if not problem.online or instance.whole:
        return False
    return not any(source == _source(rule, problem.entry.name) for rule in problem.rules)


@lru_cache(maxsize=256)
def _source(rule: Rule, entry: str) -> str:
    return rule.source(entry)


def job(problem: Problem, source: str, instance: Instance) -> Job:
    """The numbers in the first call, then a call for each event; the limits are those of all calls together."""
    columns = {key: value.tolist() for key, value in arrays(instance.data).items()}
    begin = {key: value_of(datum) for key, datum in instance.data.items() if key not in columns}
    steps = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    seconds = PATIENCE * problem.cpu_seconds(instance) + EVENT_SECONDS * len(steps)
    limits = Limits(cpu_seconds=seconds, together=True)
    return Job(
        source=source,
        entry=problem.entry.name,
        calls=(begin, *steps),
        limits=limits,
        driver=problem.driver,
    )


def decisions(outcome: Outcome) -> list[Any] | None:
    """The decision on each event; None where the run did not come to its end."""
    return [answer.value for answer in outcome.answers[1:]] if outcome.ending is Ending.OK else None


def arrays(data: Data) -> dict[str, NDArray[Any]]:
    """The events of an instance: one row of each array is one event."""
    return {key: value for key, value in data.items() if isinstance(value, np.ndarray)}


def value_of(datum: Datum) -> Value:
    """A datum as the sandbox takes it."""
    if isinstance(datum, np.ndarray):
        return Array(datum.dtype.str, datum.shape, np.ascontiguousarray(datum).tobytes())
    return datum
