"""Workers on this machine: each opens a sandbox of its own."""

import pytest

from gapsmith.agent.evaluation.executors import local as module
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.sandbox import SandboxError


class Failing:
    """A sandbox that opens and then fails."""

    def run(self, job):
        """Fails."""
        raise SandboxError("too many open files")

    def close(self):
        """Nothing to close."""


def test_a_sandbox_that_fails_at_once_is_told_each_time(monkeypatch):
    """Work after the first failure meets the same trouble, not a half-opened worker."""
    monkeypatch.setattr(module, "open_sandbox", lambda **_: Failing())
    with LocalExecutor(workers=1) as local:
        for _ in range(2):
            with pytest.raises(SandboxError, match="open files"):
                local.submit(lambda runner, null_cpu_seconds: null_cpu_seconds).result()
