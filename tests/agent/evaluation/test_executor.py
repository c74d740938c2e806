"""Workers: each opens a sandbox of its own, and one that fails at once is told as what it is."""

import pytest

from gapsmith.agent.evaluation import executor
from gapsmith.agent.evaluation.executor import LocalExecutor
from gapsmith.sandbox import SandboxTrouble


class Failing:
    """A sandbox that opens and then fails."""

    def run(self, job):
        """Fails."""
        raise SandboxTrouble("too many open files")

    def close(self):
        """Nothing to close."""


def test_a_sandbox_that_fails_at_once_is_told_each_time(monkeypatch):
    """Work after the first failure meets the same trouble, not a half-opened worker."""
    monkeypatch.setattr(executor, "open_sandbox", lambda **_: Failing())
    with LocalExecutor(workers=1) as local:
        for _ in range(2):
            with pytest.raises(SandboxTrouble, match="open files"):
                local.submit(lambda runner, spent: spent).result()
