"""Documents say what is there: links, verbs, options and paths exist, and no document is long."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gapsmith.agent.cli.app import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MOST_LINES, MOST_README_LINES, MOST_ENTRIES = 150, 80, 12
OTHERS = {
    # of pip, pytest, other programs, and benchmarks
    *("--dist", "--self-test", "--only", "--tasks", "--problems", "--seeds", "--candidates", "--way"),
}
"""Options in documents that need not be those of the verb on their line."""

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT).with_suffix(""))
)


@each_document
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """A link without a scheme names a file or folder beside the document."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text("utf-8"))
    missing = [each for each in targets if "://" not in each and not (document.parent / each).exists()]
    assert not missing


@each_document
def test_every_verb_and_option_exists(document: Path) -> None:
    """A command that begins with `gapsmith` has a known verb, and options that this verb knows."""
    options = _options()
    for command in _commands(document.read_text("utf-8")):
        words = command.split()
        verb = " ".join(words[1:3]) if " ".join(words[1:3]) in options else words[1]
        if verb.startswith("-"):
            continue
        assert verb in options, command
        given = {re.split(r"[=`,.;:)]", word)[0] for word in words[2:] if word.startswith("--")}
        assert given <= options[verb], command


@each_document
def test_every_option_named_exists_somewhere(document: Path) -> None:
    """An option in backticks is one of some verb."""
    known = set().union(*_options().values()) | OTHERS
    named = set(re.findall(r"`(--[a-z][a-z-]+)", document.read_text("utf-8")))
    assert named <= known


@each_document
def test_every_path_named_exists(document: Path) -> None:
    """A path of this repository in backticks is there; NAME and … stand for anything."""
    parts = r"`((?:agent|evaluators|sandbox|prompts|tests|benchmarks|docs)/[^`\s]*)`"
    for named in re.findall(parts, document.read_text("utf-8")):
        assert list(ROOT.glob(re.sub(r"\b[A-Z]{2,}\b|…", "*", named).rstrip("/"))), named


@each_document
def test_every_import_in_an_example_works(document: Path) -> None:
    """Names that examples import from gapsmith are there."""
    for block in re.findall(r"^```python\n(.*?)^```", document.read_text("utf-8"), re.M | re.S):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gapsmith"):
                module = importlib.import_module(node.module or "")
                assert all(hasattr(module, alias.name) for alias in node.names), node.module


@each_document
def test_no_document_is_long(document: Path) -> None:
    """A page is read at one go; the README is one screen and a half."""
    limit = MOST_README_LINES if document.parent == ROOT and document.name == "README.md" else MOST_LINES
    assert len(document.read_text("utf-8").splitlines()) <= limit


def test_no_folder_of_documents_is_crowded() -> None:
    """At most twelve entries a folder."""
    folders = [ROOT / "docs", *(path for path in (ROOT / "docs").rglob("*") if path.is_dir())]
    assert all(len(list(folder.iterdir())) <= MOST_ENTRIES for folder in folders)


def test_every_document_is_linked() -> None:
    """Each page can be reached from the README."""
    found, open_pages = {ROOT / "README.md"}, [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8")):
            linked = (page.parent / target).resolve()
            if "://" not in target and linked not in found:
                found.add(linked)
                open_pages.append(linked)
    assert set(DOCUMENTS) <= found


def _options() -> dict[str, set[str]]:
    """Returns the options of each verb, in all spellings."""
    verbs: dict[str, Any] = {}
    for name, command in vars(typer.main.get_command(app))["commands"].items():
        nested = getattr(command, "commands", {})
        verbs |= {f"{name} {each}": leaf for each, leaf in nested.items()} or {name: command}
    return {
        verb: {option for each in leaf.params for option in each.opts} | {"--help"}
        for verb, leaf in verbs.items()
    }


def _commands(text: str) -> Iterator[str]:
    """Yields the commands of a document: in code blocks and in backticks, without comments."""
    for line in re.findall(r"^(?:\$ |.*&& \S*/)?(gapsmith \S.*)$", text, re.M):
        if not line.startswith("gapsmith:"):
            yield line.split("  #")[0]
    yield from re.findall(r"`(gapsmith [a-z][^`]*)`", text)
