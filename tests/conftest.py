import gc
import importlib.util
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The key that marks runs as this user's is not made in the home of the tester.
_STATE = tempfile.TemporaryDirectory(prefix="gapsmith-state-")
os.environ["XDG_STATE_HOME"] = _STATE.name

# Commands that tests start import what is compiled already.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A loaded machine is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def _load(name, path):
    """Imports a file that no import path leads to under pytest's importlib mode."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_HERE = Path(__file__).parent
_load("loopback", _HERE / "agent" / "models" / "server.py")
_load("batch_loopback", _HERE / "agent" / "models" / "batch_server.py")
_load("small", _HERE / "evaluators" / "formulations" / "small.py")
_load("oracles", _HERE / "oracles.py")
helpers = _load("helpers", _HERE / "helpers.py")
_load("words", _HERE / "agent" / "modelling" / "words.py")


def pytest_collection_finish():
    """What collecting has made lives to the end: no collection of garbage walks through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def nothing_left():
    """What the tests of a file leave behind does not add up: open archives, children that wait for models."""
    yield
    gc.collect()
    if "gapsmith.evaluators.formulations.solve.pool" in sys.modules:
        sys.modules["gapsmith.evaluators.formulations.solve.pool"].close_all()


@pytest.fixture
def tiny():
    """1‖ΣTj of six and seven jobs."""
    return helpers.tiny()


@pytest.fixture
def place(tmp_path):
    """Where a test's archive goes."""
    return str(tmp_path / "archive.db")


@pytest.fixture(scope="session")
def sandboxes():
    """Two real sandboxes, opened once."""
    from gapsmith.agent.evaluation.executors.local import LocalExecutor

    with LocalExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="session")
def solvers():
    """A real sandbox with OR-Tools, opened once."""
    from gapsmith.agent.evaluation.executors.local import LocalExecutor
    from gapsmith.agent.modelling.program import PRELOAD

    with LocalExecutor(1, preload=PRELOAD) as executor:
        yield executor


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive():
    """Restores SIGINT and SIGHUP where the tests run in the background of a script, which has them ignored."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
