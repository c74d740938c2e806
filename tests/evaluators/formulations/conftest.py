import importlib.util
import sys
from pathlib import Path

import pytest


def _load(name):
    """Imports a file that no import path leads to under pytest's importlib mode."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)


for _name in (
    "families",
    "traps",
    "traps_schedules",
    "traps_sets",
    "traps_ties",
    "traps_builds",
    "small",
    "solvers",
):
    _load(_name)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """What a judge remembers is kept for the tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
