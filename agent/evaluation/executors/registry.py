"""The executors by name.

A new one is a file in this folder and a line in this table.
"""

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager

from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.evaluators.base import UsageError, describe_unknown
from gapsmith.sandbox import Level, Preload

LOCAL = "local"
"""The executor that is used where none is named."""

EXECUTORS: Mapping[str, str] = {
    LOCAL: "sandboxes on this machine",
}
"""Where each runs evaluations.

The file of an executor has the same name, and a function `open_executor(workers, minimum, preload)` as below. It is
loaded only where it is used, so that it may need a library that is not installed with Gapsmith.
"""


def check_executor(name: str) -> str:
    """Returns the name of an executor. Raises UsageError for an unknown one."""
    if name not in EXECUTORS:
        raise UsageError(describe_unknown("executor", name, list(EXECUTORS)))
    return name


def open_executor(
    name: str, workers: int, minimum: Level, preload: str | Preload
) -> AbstractContextManager[Executor]:
    """Opens the executor of that name for use in a `with` statement.

    Args:
        name: as in `EXECUTORS`.
        workers: how many evaluations run at once, from 1.
        minimum: the weakest isolation that is accepted.
        preload: what programs may import beside the standard library; see `open_sandbox`.

    Raises:
        UsageError: the name is unknown, or a library that the executor needs is not installed.
    """
    module = importlib.import_module(f"gapsmith.agent.evaluation.executors.{check_executor(name)}")
    opened: AbstractContextManager[Executor] = module.open_executor(workers, minimum, preload)
    return opened
