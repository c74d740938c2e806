import importlib.util
import sys
from pathlib import Path

import pytest

from gapsmith.agent.models import Options, Request, close_model, open_model
from gapsmith.agent.models.hosted.transport import rate_limit as pacing

NAMES = {"openai": "gpt-5", "anthropic": "claude-sonnet-5"}


def _load_server():
    """Imports `server.py`, which no import path leads to under pytest's importlib mode, as `loopback`."""
    if "loopback" not in sys.modules:
        spec = importlib.util.spec_from_file_location("loopback", Path(__file__).with_name("server.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules["loopback"] = module
        spec.loader.exec_module(module)
    return sys.modules["loopback"]


_load_server()


class Wait:
    """A clock that only waiting moves on. `seconds` is what was waited in all, by anybody."""

    def __init__(self):
        self.seconds, self.then = 0.0, lambda: None

    def now(self):
        """Seconds since the beginning."""
        return self.seconds

    def pause(self, condition, seconds):
        """Waits without waiting; others may go on meanwhile."""
        self.seconds += seconds
        self.then()
        condition.wait(0)


@pytest.fixture
def waited(monkeypatch):
    """The time that models wait before they ask, which does not pass."""
    wait = Wait()
    monkeypatch.setattr(pacing, "now", wait.now)
    monkeypatch.setattr(pacing, "pause", wait.pause)
    return wait


@pytest.fixture
def serve():
    """Makes loopback servers that are closed when the test ends."""
    servers = []

    def make(*args, **options):
        servers.append(sys.modules["loopback"].LoopbackServer(*args, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def question():
    """Makes requests; no hosted model looks at the problem, so there is none."""

    def make(slot=0, *, prompt="please improve", system="the contract"):
        return Request(slot=slot, operator="refine", system=system, prompt=prompt, seed=slot, problem=None)

    return make


@pytest.fixture
def connect():
    """Opens models at a loopback server, by the way they talk, and closes them when the test ends."""
    models = []

    def make(server, way, *, key="sk-test-0123456789", name=None, **options):
        kind = "anthropic" if way == "messages" else "openai"
        model = open_model(
            f"{kind}:{name or NAMES[kind]}",
            environment={f"{kind.upper()}_API_KEY": key} if key else {},
            base_url=server.anthropic_url if kind == "anthropic" else server.openai_url,
            api=None if kind == "anthropic" else way,
            options=Options(**options),
        )
        models.append(model)
        return model

    yield make
    for model in models:
        close_model(model)
