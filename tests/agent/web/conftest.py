"""A small real archive: a run with its report, one in progress, and hostile text wherever text can be."""

import importlib.util
import sys
from pathlib import Path

import pytest
from helpers import Inline, job, tiny

from gapsmith.agent.archive import Archive

pytest.importorskip("starlette")


def _load(name):
    """Imports a file beside this one under pytest's importlib mode."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_load("browser")
hostile = _load("hostile")


@pytest.fixture(scope="session")
def archive_place(tmp_path_factory):
    """The path of an archive with a finished run (1) and a hostile one in progress (2)."""
    place = str(tmp_path_factory.mktemp("web") / "archive.db")
    run = job(place, problem=tiny(name=hostile.NAME), executor=Inline(), calls=8)
    for _ in run.search():
        pass
    run.report()
    run.close()
    store = Archive(place)
    hostile.write_hostile(store)
    store.close()
    return place


@pytest.fixture(scope="session")
def view_store(archive_place):
    """The archive, opened for reading as `gapsmith web` opens it."""
    store = Archive(archive_place, True)
    yield store
    store.close()
