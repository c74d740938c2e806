"""Calls an exported program in the sandbox.

It has none of its caller's rights there.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from gapsmith.evaluators.running.calls import convert_datum
from gapsmith.sandbox import Call, Ending, Job, Limits, Sandbox, open_sandbox


class Sandboxed:
    """A program that is called like a function, in the sandbox.

    Each call runs in a process of its own, closed off from the host.

    Args:
        source: the program.
        entry: the name of its function.
        arguments: the names of what it is called with.
        cpu_seconds: the limit of a call; what takes longer raises RuntimeError.
        driver: calls the function for each event of an on-line problem; empty for other problems.
        preload: the packages that it may import.
    """

    def __init__(
        self,
        source: str,
        entry: str,
        arguments: Sequence[str],
        cpu_seconds: float = 60.0,
        driver: str = "",
        preload: str = "numpy",
    ) -> None:
        self._preload = preload
        self._warm_up: Call | None = None
        self._source, self._entry, self._arguments = source, entry, tuple(arguments)
        self._limits, self._driver = Limits(cpu_seconds=cpu_seconds, together=bool(driver)), driver

    @cached_property
    def _sandbox(self) -> Sandbox:
        return open_sandbox(self._preload)

    def __call__(self, *values: Any) -> Any:
        """Returns the program's result for arguments in their order. Raises RuntimeError where it has none."""
        call = {name: convert_datum(value) for name, value in zip(self._arguments, values, strict=True)}
        self._warm_up = self._warm_up or call  # its functions are compiled once, by the first call
        job = Job(
            source=self._source,
            entry=self._entry,
            calls=(call,),
            limits=self._limits,
            driver=self._driver,
            warm_up=self._warm_up if self._preload != "numpy" else None,
        )
        outcome = self._sandbox.run(job)
        if outcome.ending is not Ending.OK:
            raise RuntimeError(f"{outcome.ending}: {outcome.message}")
        return outcome.answers[0].value

    def close(self) -> None:
        """Ends the sandbox's processes."""
        if "_sandbox" in vars(self):
            self._sandbox.close()
