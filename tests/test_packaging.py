"""What is on disk is what is installed: packages, links for type checkers, templates, sizes."""

import ast
import importlib
import runpy
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("agent", "evaluators", "prompts", "sandbox")
LONGEST = 400


@pytest.fixture(scope="module")
def setuptools():
    """The packaging part of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]


def folders():
    """The folders that hold Python or templates, as packages."""
    found = {path.parent for room in ROOMS for kind in ("*.py", "*.j2") for path in (ROOT / room).rglob(kind)}
    return {".".join(("gapsmith", *folder.relative_to(ROOT).parts)): folder for folder in found}


def sources():
    """Every module of ours."""
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_packages_and_folders_agree(monkeypatch):
    """Every folder with code or templates is installed; one without `__init__.py` would be missing from the wheel."""
    found = {}
    stand_in = SimpleNamespace(setup=lambda **given: found.update(given))
    monkeypatch.setitem(sys.modules, "setuptools", stand_in)
    runpy.run_path(str(ROOT / "setup.py"))
    assert sorted(found["packages"]) == sorted(folders())
    assert found["package_dir"] == {f"gapsmith.{room}": room for room in ROOMS}


def test_links_and_folders_agree():
    """Type checkers find every room under the name by which it is imported."""
    links = {link.name: link.resolve() for link in (ROOT / ".links" / "gapsmith").iterdir()}
    assert links == {room: ROOT / room for room in ROOMS}
    assert all((ROOT / ".links" / "gapsmith" / room).is_symlink() for room in ROOMS)


def test_public_data_is_looked_for_in_one_place():
    """A test with a path of its own skips in silence once it is moved: only the helpers know where public data lies."""
    knowing = ('/ "shared"', 'environ.get("GAPSMITH_DATA"', 'environ["GAPSMITH_DATA"')
    tests = set((ROOT / "tests").rglob("*.py")) - {ROOT / "tests" / "helpers.py", Path(__file__)}
    assert [path for path in sorted(tests) if any(name in path.read_text("utf-8") for name in knowing)] == []


def test_everything_that_is_no_code_is_packaged(setuptools):
    """Templates, tables and marks of types match the patterns of the package data."""
    patterns = setuptools["package-data"]["*"]
    for room in ROOMS:
        assert (ROOT / room / "py.typed").is_file()
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts:
                assert any(path.match(pattern) for pattern in patterns), path


def test_the_templates_are_found_where_they_are_installed():
    """Every operator has a template among the resources of the package."""
    from importlib import resources

    from gapsmith.agent.search.operators import OPERATORS, REPAIR

    names = {path.name for path in resources.files("gapsmith.prompts").iterdir()}
    assert {f"{operator.name}.md.j2" for operator in (*OPERATORS, REPAIR)} | {"system.md.j2"} <= names


def test_gapsmith_itself_is_no_module():
    """The name is a namespace: rooms can be added to it, and it hides nothing."""
    assert importlib.import_module("gapsmith").__spec__.origin is None


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_say_what_they_are(path):
    """No file is longer than four hundred lines, and each begins with a sentence on what it is for."""
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(text)) or not text.strip()
