import importlib.util
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _load(folder, name):
    """Imports a script, which no import path leads to under pytest's importlib mode, by its bare name."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / folder / f"{name}.py")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


# In the order of their imports.
for script in ("common", "null_server", "winners_curse", "racing"):
    _load("search", script)
_load("", "plots")
_load("", "large")
for script in ("faulty_server", "ledger"):
    _load("models", script)
