"""Documents say what is there: links, commands, names and paths exist, and no document is long."""

import ast
import importlib
import os
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from gapsmith.agent.cli.app import app
from gapsmith.agent.cli.options import expand_file_lists
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.models.spec import read_share

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("agent", "evaluators", "sandbox", "prompts", "tests", "benchmarks", "docs")
MOST_LINES, MOST_README_LINES, MOST_ENTRIES = 150, 80, 12
OF_READERS = r"(?:my|mine|make|own|evil)(?:_\w+)?\.py"
"""Python files that readers of the documents make themselves."""
PLACEHOLDERS = {
    "ID": "1",
    "RUN": "1",
    "N": "1",
    "S": "1",
    "X": "1",
    "K": "1",
    "[RUN]": "1",
    "NAME-OR-ID…": "1",
}
OTHERS = {"--dist", "--self-test"}
"""Options of pytest and of exported modules, which documents name alone."""

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT).with_suffix(""))
)


@each_document
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    """A link without a scheme names a file, folder or picture beside the document, and a heading in it."""
    for path, heading in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", document.read_text("utf-8")):
        if "://" in path or path.startswith("mailto:"):
            continue
        target = document.parent / path if path else document
        assert target.exists(), path
        assert not heading or heading in _headings(target), f"{path}#{heading}"


@each_document
def test_every_command_parses(document: Path) -> None:
    """A command that begins with `gapsmith` is understood by the command line, problems and models too."""
    for command in _commands(document.read_text("utf-8")):
        for problem, models in _parse(command):
            if problem and problem[0].islower() and not problem.endswith(".py"):
                find_problem(problem)
            for model in models:
                read_share(model)


@each_document
def test_every_benchmark_takes_its_options(document: Path) -> None:
    """A command that begins with `python benchmarks/` names a script and options that it has."""
    for script, rest in re.findall(r"python (benchmarks/\S+\.py)([^\n`]*)", document.read_text("utf-8")):
        given = {word.split("=")[0] for word in shlex.split(rest) if word.startswith("-")}
        assert given <= _options_of_script(ROOT / script), script


@each_document
def test_every_option_named_exists_somewhere(document: Path) -> None:
    """An option in backticks is one of some verb or benchmark."""
    scripts = (_options_of_script(path) for path in sorted((ROOT / "benchmarks").rglob("*.py")))
    known = OTHERS.union(_options_of_verbs(), *scripts)
    assert set(re.findall(r"`(--[a-z][a-z-]+)", document.read_text("utf-8"))) <= known


@each_document
def test_every_path_named_exists(document: Path) -> None:
    """A path of this repository is there, in backticks or not; NAME, * and … stand for anything."""
    parts = rf"(?<![\w/.:-])((?:{'|'.join(FOLDERS)})/[\w/.*…-]*[\w*…])"
    for named in re.findall(parts, document.read_text("utf-8")):
        assert list(ROOT.glob(re.sub(r"\b[A-Z]{2,}\b|…", "*", named))), named


@each_document
def test_every_file_named_exists(document: Path) -> None:
    """A file that is named without its folder is somewhere in the tree, or one that the reader makes."""
    for named in re.findall(r"`([\w.-]+\.(?:py|j2|toml))`", document.read_text("utf-8")):
        assert named in _names_of_files() or re.fullmatch(OF_READERS, named), named


@each_document
def test_every_dotted_name_exists(document: Path) -> None:
    """A module, class, function or attribute under `gapsmith.` is there."""
    for named in set(re.findall(r"\bgapsmith(?:\.\w+)+", document.read_text("utf-8"))):
        found, parts = importlib.import_module("gapsmith"), named.split(".")[1:]
        for at, part in enumerate(parts):
            if not hasattr(found, part):
                importlib.import_module(".".join(["gapsmith", *parts[: at + 1]]))
            found = getattr(found, part)


@each_document
def test_every_class_named_exists(document: Path) -> None:
    """`Name.attribute` in backticks is a class of ours with that method or field."""
    text = re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.M | re.S)
    for name, attribute in re.findall(r"`([A-Z]+[a-z]\w*)\.([a-z]\w*)[`(]", text):
        assert attribute in _attributes(name), f"{name}.{attribute}"


@each_document
def test_every_variable_named_is_read(document: Path) -> None:
    """An environment variable of ours is read somewhere."""
    named = set(re.findall(r"\bGAPSMITH_[A-Z]+", document.read_text("utf-8")))
    assert all(any(f'"{each}"' in text for text in _sources()) for each in named), named


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
    """Each page, and each picture, can be reached from the README."""
    found, open_pages = {ROOT / "README.md"}, [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        for target in re.findall(r"\]\(([^)#\s]+\.(?:md|svg))", page.read_text("utf-8")):
            linked = (page.parent / target).resolve()
            if "://" not in target and linked not in found:
                found.add(linked)
                open_pages += [linked] if linked.suffix == ".md" else []
    assert {*DOCUMENTS, *(ROOT / "docs").rglob("*.svg")} <= found


def _commands(text: str) -> Iterator[str]:
    """Yields the commands of a document: in code blocks and in backticks, without comments."""
    for line in re.findall(r"^(?:\$ |.*&& \S*/|.*; )?(gapsmith \S.*)$", text, re.M):
        if not line.startswith("gapsmith:"):
            yield line.split("  #")[0]
    yield from re.findall(r"`(gapsmith [a-z-][^`]*)`", text)


def _parse(command: str) -> Iterator[tuple[str | None, list[str]]]:
    """Parses a command as the command line does and yields its problem and models; runs nothing."""
    words = expand_file_lists([PLACEHOLDERS.get(word, word) for word in shlex.split(command)[1:]])
    try:
        node: Any = typer.main.get_command(app)
        context = node.make_context("gapsmith", words)
        while commands := getattr(node, "commands", None):
            name, *rest = [*context._protected_args, *context.args]  # noqa: SLF001 - click has no public name
            assert name in commands, command
            node = commands[name]
            context = node.make_context(name, rest, parent=context)
    except typer.Exit:
        return
    except Exception as error:
        raise AssertionError(f"{command}: {error}") from error
    if command.split()[1:2] != ["problems"]:
        yield context.params.get("problem"), [m for m in context.params.get("model") or () if m.islower()]


@cache
def _options_of_verbs() -> frozenset[str]:
    """Returns the options of all verbs, in all spellings."""
    open_nodes, found = [typer.main.get_command(app)], set()
    while open_nodes:
        node: Any = open_nodes.pop()
        open_nodes += getattr(node, "commands", {}).values()
        found |= {option for each in node.params for option in each.opts}
    return frozenset(found | {"--help"})


@cache
def _options_of_script(script: Path) -> frozenset[str]:
    """Returns the options of a benchmark, those of the shared parser included; nothing is imported."""
    text = script.read_text("utf-8")
    shared = script.with_name("common.py")
    text += shared.read_text("utf-8") if "from common import" in text and "options(" in text else ""
    named = re.findall(r'add_argument\(\s*((?:"-[\w-]+"(?:,\s*)?)+)', text)
    return frozenset(re.findall(r'"(-[\w-]+)"', "".join(named))) | {"--help"}


@cache
def _headings(page: Path) -> frozenset[str]:
    """Returns the anchors of a page, as code hosts make them of its headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return frozenset(re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in found)


@cache
def _names_of_files() -> frozenset[str]:
    """Returns the names of all files of the repository, without their folders."""
    folders = (os.walk(ROOT / folder) for folder in FOLDERS)
    return frozenset(
        {name for walk in folders for *_, names in walk for name in names} | set(os.listdir(ROOT))
    )


@cache
def _sources() -> tuple[str, ...]:
    """Returns the texts of all Python files that environment variables may be read in."""
    folders = [ROOT / name for name in FOLDERS if name != "docs"]
    paths = (path for folder in folders for path in sorted(folder.rglob("*.py")))
    return tuple(path.read_text("utf-8") for path in paths if path != Path(__file__))


@cache
def _attributes(name: str) -> frozenset[str]:
    """Returns the methods and fields of all classes of ours of a name."""
    trees = (ast.parse(text) for text in _sources() if re.search(rf"^ *class {name}\b", text, re.M))
    found = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    body = [each for node in found if node.name == name for each in node.body]
    fields = (each.target for each in body if isinstance(each, ast.AnnAssign))
    methods = {each.name for each in body if isinstance(each, ast.FunctionDef)}
    return frozenset(methods | {each.id for each in fields if isinstance(each, ast.Name)})
