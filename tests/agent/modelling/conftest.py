import importlib.util
import sys
from pathlib import Path

import pytest


def _load_words():
    """Imports `words.py`, which no import path leads to under pytest's importlib mode, as `words`."""
    if "words" not in sys.modules:
        spec = importlib.util.spec_from_file_location("words", Path(__file__).with_name("words.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules["words"] = module
        spec.loader.exec_module(module)


_load_words()


@pytest.fixture(scope="session")
def solvers():
    """A real sandbox with OR-Tools, opened once."""
    from gapsmith.agent.evaluation.executors.local import LocalExecutor
    from gapsmith.agent.modelling.program import PRELOAD

    with LocalExecutor(1, preload=PRELOAD) as executor:
        yield executor
