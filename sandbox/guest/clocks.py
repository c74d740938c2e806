"""Removes the clocks from the guest's `time`.

A program that depends on one gets an error.

This helps honest programs, whose results would change from run to run; it stops no hostile one. A program that
still depends on a clock is found when elites are run again.
"""

import time
from typing import NoReturn

NAMES = (
    *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"),
    *("process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns"),
)


def hide() -> None:
    """Replaces every clock of the module `time` by a function that raises."""
    for name in NAMES:
        setattr(time, name, _refuse)


def _refuse(*_arguments: object) -> NoReturn:
    raise PermissionError(
        "there is no clock here: a result must not depend on time; bound the work by counting"
    )
