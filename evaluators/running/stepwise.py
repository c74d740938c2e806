"""Sends the events of an on-line instance one by one.

Each after the decision on the one before.

Such a decision cannot depend on later events, whatever a program does to its process. All reported figures and
claims about on-line programs rest on this. In training, all events are sent in one call, which is faster, and
such instances are marked (`Instance.whole`), so that their scores are kept apart.

Rules of the problem itself are our own code: they get all events of an instance in one call everywhere. Either way
an instance has a process of its own, so that a program may keep what it likes from event to event.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Instance, Problem
from gapsmith.evaluators.grammar import Rule
from gapsmith.evaluators.running.calls import convert_datum, make_warm_up
from gapsmith.sandbox import Ending, Job, Limits, Outcome

Data = Mapping[str, Datum]

PATIENCE = 2.0
"""Factor on the CPU limit of an instance whose events are sent one by one."""
EVENT_SECONDS = 0.0005
"""Further CPU seconds for each event, which must be received and answered."""


def is_stepwise(problem: Problem, source: str, instance: Instance) -> bool:
    """Tells whether a program must get the events one by one."""
    if not problem.online or instance.whole:
        return False
    return not any(source == _source(rule, problem.entry.name) for rule in problem.rules)


@lru_cache(maxsize=256)
def _source(rule: Rule, entry: str) -> str:
    return rule.source(entry)


def make_job(problem: Problem, source: str, instance: Instance) -> Job:
    """Makes the job: first the numbers, then a call for each event.

    The limits are for all calls together.
    """
    columns = {key: value.tolist() for key, value in select_arrays(instance.data).items()}
    begin = {key: convert_datum(datum) for key, datum in instance.data.items() if key not in columns}
    steps = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    seconds = PATIENCE * problem.compute_cpu_limit(instance) + EVENT_SECONDS * len(steps)
    limits = Limits(cpu_seconds=seconds, together=True)
    return Job(
        source=source,
        entry=problem.entry.name,
        calls=(begin, *steps),
        limits=limits,
        driver=problem.driver,
        warm_up=make_warm_up(problem, source, instance),
    )


def list_decisions(outcome: Outcome) -> list[Any] | None:
    """Returns the decision on each event; None for an unfinished run."""
    return [answer.value for answer in outcome.answers[1:]] if outcome.ending is Ending.OK else None


def select_arrays(data: Data) -> dict[str, NDArray[Any]]:
    """Returns the arrays of an instance: each row is one event."""
    return {key: value for key, value in data.items() if isinstance(value, np.ndarray)}
