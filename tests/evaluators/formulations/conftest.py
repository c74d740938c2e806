import importlib.util
import sys
from pathlib import Path


def _load(name):
    """Imports a file that no import path leads to under pytest's importlib mode."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)


for _name in ("families", "traps", "traps_schedules", "traps_sets", "traps_ties", "traps_builds"):
    _load(_name)
