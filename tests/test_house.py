"""The layout and the words of the code, measured: folders, names, sentences, lengths, circles."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("agent", "evaluators", "prompts", "sandbox")
VERBS = frozenset((Path(__file__).parent / "data" / "verbs.txt").read_text("utf-8").split())
LITERATURE = ("rules.py", "grammar.py", "patterns.py")
"""Files whose functions are programs that the literature names: SPT, NEH, or-opt."""
NOUNS = frozenset((Path(__file__).parent / "data" / "nouns.txt").read_text("utf-8").split())
"""Public functions that the field or a library calls by a noun: `cost`, `makespan`, `exec_module`."""


TESTS = Path(__file__).parent
WITHOUT_MODULE = {
    "test_documents.py": "what documents say",
    "test_house.py": "the layout and the words of the code",
    "test_packaging.py": "what is installed",
    "test_reference_pages.py": "what the reference pages say",
    "end_to_end": "promises of whole runs and of the command line, which many modules keep together",
    "every_problem": "promises that all problems keep",
    "sandbox/zoo": "attacks, by what they aim at",
    "benchmarks/test_scripts.py": "all benchmarks as scripts",
    "prompts/test_prompts.py": "templates, which are data",
    "evaluators/test_former_names.py": "names of modules before they moved, which `__init__.py` finds",
}
"""Tests and folders of tests that mirror no module, and what they are about."""


def third_person(verb: str) -> set[str]:
    """Returns the spellings of a verb at the beginning of a docstring."""
    return {verb + "s", verb + "es", verb[:-1] + "ies", "is", "has", "does", "goes"}


STARTS = frozenset(form for verb in VERBS for form in third_person(verb))


@cache
def sources() -> dict[str, ast.Module]:
    """Parses every module of ours; keys are paths."""
    paths = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in paths}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yields every function and method with its file, special methods left out."""
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
                yield path, node


def is_property(node: ast.FunctionDef) -> bool:
    """Tells properties, which are named like values, from functions."""
    names = {getattr(each, "id", getattr(each, "attr", "")) for each in node.decorator_list}
    return bool(names & {"property", "cached_property", "setter"})


def named_functions() -> list[tuple[str, ast.FunctionDef]]:
    """Lists the functions whose names we chose: no properties, no programs of the literature."""
    return [(path, node) for path, node in functions() if not is_property(node) and is_ours(path)]


@cache
def outward(path: str) -> set[ast.AST]:
    """Returns a module's functions and its classes' methods, without functions inside functions."""
    classes = (each for each in ast.walk(sources()[path]) if isinstance(each, ast.ClassDef))
    return {*sources()[path].body, *(node for each in classes for node in each.body)}


def is_ours(path: str) -> bool:
    """Tells whether the names in a file are ours, and not the literature's."""
    return Path(path).name not in LITERATURE and "patterns" not in path


def first_word(name: str) -> str:
    """Returns the first word of a name in snake case."""
    return name.strip("_").split("_")[0]


def body_lines(node: ast.FunctionDef) -> int:
    """Counts the lines of a body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("room", ROOMS)
def test_a_folder_has_at_most_twelve_entries(room):
    """What is in a folder can be taken in at one look."""
    folders = [ROOT / room, *(path for path in (ROOT / room).rglob("*") if path.is_dir())]
    for folder in (each for each in folders if "__pycache__" not in each.parts):
        entries = {e.name for e in folder.iterdir()} - {"__init__.py", "__pycache__", "py.typed"}
        assert len(entries) <= 12, f"{folder.relative_to(ROOT)}: {sorted(entries)}"


def test_most_functions_begin_with_a_verb():
    """At least three of five functions say in their first word what they do."""
    names = [first_word(node.name) for _, node in named_functions()]
    share = sum(name in VERBS for name in names) / len(names)
    assert share >= 0.6, f"{share:.3f}"


def test_public_functions_and_methods_begin_with_a_verb():
    """A function is named by what it does, or by the noun that the field or a library has for it."""
    odd = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in named_functions()
        if node in outward(path)
        and not node.name.startswith("_")
        and first_word(node.name) not in VERBS
        and node.name not in NOUNS
    ]
    assert not odd, "\n".join(odd)


def test_no_function_is_a_bare_participle():
    """`asked` or `mended` does not say whether something is asked or was."""
    odd = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in named_functions()
        if re.fullmatch(r"_?[a-z]+(ed|ing)", node.name)
        and node.name.strip("_") not in VERBS
        and node.name not in NOUNS
    ]
    assert not odd, "\n".join(odd)


def test_docstrings_of_functions_begin_with_a_verb_and_are_short():
    """The first line of a docstring has at most twelve words and begins with a verb in the third person."""
    odd = []
    for path, node in named_functions():
        line = (ast.get_docstring(node) or "").partition("\n")[0]
        word = re.match(r"\W*(\w+)", line)
        if line and (word is None or word[1].lower() not in STARTS or len(line.split()) > 12):
            odd.append(f"{path}:{node.lineno} {node.name}: {line}")
    assert not odd, "\n".join(odd)


def described() -> Iterator[tuple[str, str]]:
    """Yields the docstrings of modules, classes and functions, each with its place."""
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                name = getattr(node, "name", "")
                yield f"{path}:{getattr(node, 'lineno', 1)} {name}", ast.get_docstring(node) or ""


def test_modules_and_classes_say_what_they_are_in_twelve_words():
    """The first line of their docstrings has at most twelve words."""
    odd = [
        f"{path}:{getattr(node, 'lineno', 1)}: {line}"
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef)
        and len((line := (ast.get_docstring(node) or "").partition("\n")[0]).split()) > 12
    ]
    assert not odd, "\n".join(odd)


def test_docstrings_are_in_plain_words():
    """Programs are things: no *who* in a first line; no "surely", "so many" and "as such" anywhere."""
    odd = [
        f"{place}: {text}"
        for place, text in described()
        if re.search(r"\b(who|whom|whoever)\b", text.partition("\n")[0], re.IGNORECASE)
        or re.search(r"\b(surely|so many|as such)\b", text, re.IGNORECASE)
    ]
    assert not odd, "\n".join(odd)


def test_functions_are_short():
    """Bodies: half have at most six lines, nine of ten at most eighteen, none over fifty-five."""
    lengths = sorted(body_lines(node) for _, node in functions())
    assert median(lengths) <= 6
    assert lengths[int(0.9 * len(lengths))] <= 18
    assert lengths[-1] <= 55


def imports_of(path: str, tree: ast.Module, modules: dict[str, str]) -> set[str]:
    """Returns the modules of ours that a module imports, for type checkers and inside functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    whole = {name for name in found if name in modules}
    # `from package import module` is an import of the module, not of its package.
    packages = {name for name in whole if modules[name].endswith("__init__.py")}
    shadowed = {name for name in packages if any(each.startswith(f"{name}.") for each in whole - packages)}
    return {modules[name] for name in whole - shadowed} - {path}


def test_there_is_no_circle_of_imports():
    """Type-only imports included: every module can be understood before those that use it."""
    modules = {
        "gapsmith." + path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in sources()
    }
    graph = {path: imports_of(path, tree, modules) for path, tree in sources().items()}
    while free := [path for path, needs in graph.items() if not needs & graph.keys()]:
        for path in free:
            del graph[path]
    circular = {path: sorted(needs & graph.keys()) for path, needs in graph.items()}
    assert not circular, "\n".join(f"{path} -> {needs}" for path, needs in circular.items())


def mirrors_a_module(test: Path) -> bool:
    """Tells whether a test has the place and name of a module, of a package, or of a helper beside it."""
    module = test.with_name(test.name.removeprefix("test_"))
    place = ROOT / module.relative_to(TESTS)
    return place.exists() or place.with_suffix("").is_dir() or module.exists()


def test_tests_stand_where_their_modules_do():
    """`tests/X/test_Y.py` tests `X/Y.py` or `X/Y/`; all that mirror no module are listed, and nothing else is."""
    listed = [TESTS / name for name in WITHOUT_MODULE]
    unlisted = [
        str(test.relative_to(TESTS))
        for test in sorted(TESTS.rglob("test_*.py"))
        if not mirrors_a_module(test) and not {test, *test.parents} & set(listed)
    ]
    assert not unlisted, "\n".join(unlisted)
    assert not [each for each in listed if not each.exists() or (each.is_file() and mirrors_a_module(each))]


def test_there_are_tests_enough():
    """Seven lines of tests for ten of code."""
    code = sum(len((ROOT / path).read_text("utf-8").splitlines()) for path in sources())
    tests = sum(len(path.read_text("utf-8").splitlines()) for path in (ROOT / "tests").rglob("*.py"))
    assert tests >= 0.7 * code, f"{tests} lines of tests, {code} of code"
