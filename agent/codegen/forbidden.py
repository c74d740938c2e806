"""Checks that a program uses no forbidden names.

An exported program runs with the rights of the user that imports it.

The sandbox bounds what a candidate does while it is measured. An exported module has no sandbox around it, so that a
program may name only what computes: public names of the allowed modules, builtins that reach neither files nor the
interpreter, and attributes that lead to neither. Modules are never values, so that no attribute is read of them unseen.
"""

import ast
import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from string import Formatter
from types import ModuleType

from gapsmith.agent.codegen import forbidden_compiled
from gapsmith.agent.codegen.forbidden_names import (
    _NAMED,
    _ONLY,
    _READABLE,
    BY_NAME,
    FILE_ENDINGS,
    MODULES,
    OURS,
    SOLVER_FUNCTIONS,
    SOLVERS,
    STARS,
    UNSAFE_ATTRIBUTES,
    UNSAFE_BUILTINS,
    UNSAFE_CHANGES,
    UNSAFE_MEMBERS,
)
from gapsmith.agent.codegen.forbidden_places import Kinds, find_misplaced
from gapsmith.evaluators.base import BLOCKS, NUMBA

DEEPEST = 6
"""Names in a row that may begin with a module."""


def find_forbidden(kinds: Kinds, bound: set[str], blocks: Sequence[str] = ()) -> str:
    """Returns the first forbidden name of a program with its line.

    Empty where there is none.

    Args:
        kinds: the nodes of its tree.
        bound: the names that it binds.
        blocks: compiled functions that it may import.
    """
    return next(_Scan(kinds, bound, blocks).list_complaints(), "")


class _Scan:
    """One look at a program's nodes."""

    def __init__(self, kinds: Kinds, bound: set[str], blocks: Sequence[str]) -> None:
        self._kinds, self._bound, self._blocks = kinds, bound, blocks
        self._modules: dict[str, str] = {}  # imported modules, by the names that they have here
        self._members: dict[str, str] = {}  # what else was imported, by the same: the name that it has there
        self._bases = {id(node.value) for node in kinds.get(ast.Attribute, ())}
        self._called = {id(node.func): node for node in kinds.get(ast.Call, ())}

    def list_complaints(self) -> Iterator[str]:
        """Yields all complaints, each with its line."""
        for node, words in self._found():
            yield f"line {getattr(node, 'lineno', 1)}: {words}"

    def _found(self) -> Iterator[tuple[ast.AST, str]]:
        yield from self._check_imports()
        yield from self._check_identifiers()
        yield from self._check_names()
        yield from self._check_attributes()
        yield from self._list_annotations()
        yield from find_misplaced(self._kinds, self._members)
        yield from forbidden_compiled.find_miscompiled(self._kinds, self._modules, self._members)

    # Imports

    def _check_imports(self) -> Iterator[tuple[ast.AST, str]]:
        for node in self._kinds.get(ast.Import, ()):
            for alias in node.names:
                path = alias.name if alias.asname else alias.name.split(".")[0]
                yield from self._bind(node, alias.asname or path, path)
                if not _is_open(alias.name) or alias.name == BLOCKS:
                    only = f"; expected from {BLOCKS} import NAME" if alias.name == BLOCKS else f", {_CLOSED}"
                    yield node, f"imports {alias.name}{only}"
        for node in self._kinds.get(ast.ImportFrom, ()):
            if node.module != "__future__":
                yield from self._check_imported(node)

    def _check_imported(self, node: ast.ImportFrom) -> Iterator[tuple[ast.AST, str]]:
        module = node.module or ""
        if not _is_open(module):
            yield node, f"imports from {module}, {_CLOSED}"
        for alias in node.names:
            if alias.name == "*":
                if module not in STARS:
                    yield node, f"imports all of {module}; expected the names that are used"
                continue
            path, trouble = self._find_block(alias.name) if module == BLOCKS else _step(module, alias.name)
            if trouble:
                yield node, trouble
            if path:
                yield from self._bind(node, alias.asname or alias.name, path)
            elif self._members.setdefault(alias.asname or alias.name, alias.name) != alias.name:
                yield node, f"imports two things as {alias.asname or alias.name}; expected a name for each"

    def _find_block(self, name: str) -> tuple[str, str]:
        known = f"{BLOCKS} has {', '.join(self._blocks)}"
        return "", "" if name in self._blocks else f"imports {name} from {BLOCKS}; {known}"

    def _bind(self, node: ast.AST, name: str, path: str) -> Iterator[tuple[ast.AST, str]]:
        if self._modules.setdefault(name, path) != path:
            yield node, f"imports two modules as {name}; expected a name for each"

    # Identifiers that are no expressions

    def _check_identifiers(self) -> Iterator[tuple[ast.AST, str]]:
        for kind, nodes in self._kinds.items():
            for field in _IDENTIFIERS.get(kind, ()):
                for node in nodes:
                    value = getattr(node, field)
                    for name in value if isinstance(value, list) else (value,):
                        if isinstance(name, str) and _is_special(name) and name not in _NAMED:
                            yield (
                                node,
                                f"defines {name}; of special methods only those of operators may be defined",
                            )
        for node in self._kinds.get(ast.keyword, ()):
            if node.arg == "refcheck":  # views would go on reading memory that is freed
                yield node, f"uses refcheck, {_REACHES}"
        for node in self._kinds.get(ast.MatchClass, ()):
            for name in node.kwd_attrs:
                yield from self._check_name(node, name, in_text=True)

    def _check_names(self) -> Iterator[tuple[ast.AST, str]]:
        for node in self._kinds.get(ast.Name, ()):
            name = node.id
            if name in _WATCHED or name[:2] == "__" or name in self._modules or name in self._members:
                yield from self._name(node, name)

    def _name(self, node: ast.Name, name: str) -> Iterator[tuple[ast.AST, str]]:
        loaded = type(node.ctx) is ast.Load
        if _is_special(name) and name not in _NAMED:
            yield node, f"uses {name}, {_REACHES}"
        elif name in UNSAFE_BUILTINS and loaded:
            yield node, f"uses {name}, {_REACHES} (a variable needs another name)"
        elif name in OURS and loaded and name not in self._bound:
            yield node, f"uses {name}, which is not defined"
        elif name in self._modules and loaded and id(node) not in self._bases:
            yield (
                node,
                f"uses the module {name} as a value; expected {name}.NAME (a variable needs another name)",
            )
        elif loaded and self._members.get(name, name) in BY_NAME:
            yield from self._find_by_name(node, self._members.get(name, name))
        elif loaded and self._members.get(name) == "wraps":
            yield from self._check_wrapper(node)
        elif name == "type" and loaded:
            yield from self._check_type(node)

    # Functions that reach what their arguments name

    def _find_by_name(self, node: ast.expr, name: str) -> Iterator[tuple[ast.AST, str]]:
        call = self._called.get(id(node))
        arguments = call.args if call else []
        first = 0 if name in ("attrgetter", "methodcaller") else 1
        wanted = arguments if name == "attrgetter" else arguments[first : first + 1]
        texts = [getattr(argument, "value", None) for argument in wanted]
        starred = any(isinstance(argument, ast.Starred) for argument in arguments[: first + 1])
        if not wanted or starred or not all(isinstance(text, str) for text in texts):
            yield node, f"uses {name} with a name that is computed; expected one that is written there"
            return
        for text in texts:
            for part in str(text).split("."):
                yield from self._check_name(node, part, in_text=True)
        if name in ("setattr", "delattr"):
            yield from self._check_change(node, str(texts[0]))
            if self._is_imported(arguments[0]):
                yield node, "changes what it imported; expected it to be left as it is"

    def _check_wrapper(self, node: ast.expr) -> Iterator[tuple[ast.AST, str]]:
        call = self._called.get(id(node))
        if call is None or len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred):
            yield node, "uses wraps with more than the function; expected wraps(function)"

    def _check_type(self, node: ast.Name) -> Iterator[tuple[ast.AST, str]]:
        call = self._called.get(id(node))
        if call is None or len(call.args) != 1 or call.keywords or id(call) not in self._types_compared:
            yield (
                node,
                "uses type for more than `type(x) is T` or `type(x).__name__`; expected isinstance(x, T)",
            )

    @cached_property
    def _types_compared(self) -> set[int]:
        """Calls of `type` that are only compared by identity, or asked for their name."""
        found = {id(node.value) for node in self._kinds.get(ast.Attribute, ()) if node.attr == "__name__"}
        for node in self._kinds.get(ast.Compare, ()):
            if all(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops):
                found.update(map(id, (node.left, *node.comparators)))
        return found

    # Attributes

    def _check_attributes(self) -> Iterator[tuple[ast.AST, str]]:
        for node in self._kinds.get(ast.Attribute, ()):
            if node.attr == "format":
                yield from self._format(node)
            elif not self._is_function(node):
                yield from self._check_name(node, node.attr)
            if type(node.ctx) is not ast.Load:
                yield from self._check_change(node, node.attr)
            yield from self._check_module(node)

    def _is_function(self, node: ast.Attribute) -> bool:
        """Tells whether it is a module's function, not an unsafe method."""
        base = node.value
        return node.attr in _HARMLESS_FUNCTIONS and isinstance(base, ast.Name) and base.id in self._modules

    def _check_change(self, node: ast.AST, name: str) -> Iterator[tuple[ast.AST, str]]:
        if name in UNSAFE_CHANGES or _is_special(name):
            yield node, f"changes the attribute {name}, {_REACHES}"

    def _check_name(self, node: ast.AST, name: str, in_text: bool = False) -> Iterator[tuple[ast.AST, str]]:
        """Yields what is wrong with an attribute of that name.

        Of whatever object.
        """
        if (
            name in UNSAFE_ATTRIBUTES
            or (in_text and name == "format")
            or name.endswith(FILE_ENDINGS)
            or (_is_special(name) and name not in _READABLE)
            or (name in forbidden_compiled.UNSAFE_ATTRIBUTES and self._compiles)
        ):
            yield node, f"uses the attribute {name}, {_REACHES}"
        elif name == "obj" and self._sees_exceptions:
            yield node, "uses the attribute obj, which exceptions have, too; expected another name"

    @cached_property
    def _compiles(self) -> bool:
        return forbidden_compiled.is_compiled(self._kinds)

    @cached_property
    def _sees_exceptions(self) -> bool:
        if any(node.name for node in self._kinds.get(ast.ExceptHandler, ())):
            return True
        names = (
            (ast.FunctionDef, "name"),
            (ast.Name, "id"),
            (ast.Attribute, "attr"),
            (ast.Constant, "value"),
        )
        return any(
            getattr(n, field) == "__exit__" for kind, field in names for n in self._kinds.get(kind, ())
        )

    def _format(self, node: ast.Attribute) -> Iterator[tuple[ast.AST, str]]:
        template = getattr(node.value, "value", None)
        if not isinstance(template, str) or not _is_plain_format(template):
            yield node, "uses str.format with more than a written text and plain fields; expected an f-string"

    def _check_module(self, node: ast.Attribute) -> Iterator[tuple[ast.AST, str]]:
        names, base = [node.attr], node.value
        while isinstance(base, ast.Attribute) and len(names) < DEEPEST:
            names.append(base.attr)
            base = base.value
        if not isinstance(base, ast.Name):
            return
        if type(node.ctx) is not ast.Load and (base.id in self._modules or base.id in self._members):
            yield node, f"changes {base.id}, which it imported; expected it to be left as it is"
        path: str = self._modules.get(base.id, "")
        for name in reversed(names[1:]):
            path = _step(path, name)[0] if path else ""
        if not path:
            return
        inner, trouble = _step(path, node.attr)
        if trouble:
            yield node, trouble
        elif inner and id(node) not in self._bases:
            yield node, f"uses the module {inner} as a value; expected {inner}.NAME"
        elif node.attr in BY_NAME:
            yield from self._find_by_name(node, node.attr)
        elif node.attr == "wraps":
            yield from self._check_wrapper(node)

    def _is_imported(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and (node.id in self._modules or node.id in self._members)

    # Annotations, which other tools evaluate

    def _list_annotations(self) -> Iterator[tuple[ast.AST, str]]:
        for kind in (ast.arg, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef):
            for node in self._kinds.get(kind, ()):
                text = getattr(node, "returns", None) or getattr(node, "annotation", None)
                # A string inside is evaluated too, and so may hold no more than names.
                for part in ast.walk(text) if text is not None else ():
                    written = getattr(part, "value", None)
                    if isinstance(written, str) and ("(" in written or "__" in written):
                        yield node, f"has an annotation that calls: {written[:40]!r}; expected a type"


_REACHES = "which reaches beyond what a program may: files, the interpreter, other modules"
_CLOSED = "which is not open to programs"
_HARMLESS_FUNCTIONS = ("resize", "cast")
_WATCHED = UNSAFE_BUILTINS | BY_NAME | OURS | {"type"}
_IDENTIFIERS: Mapping[type, tuple[str, ...]] = {
    **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler), ("name",)),
    **dict.fromkeys((ast.MatchAs, ast.MatchStar), ("name",)),
    **dict.fromkeys((ast.arg, ast.keyword), ("arg",)),
    **dict.fromkeys((ast.Global, ast.Nonlocal), ("names",)),
    ast.alias: ("asname",),
    ast.MatchMapping: ("rest",),
}
"""Fields of nodes that hold names."""


def _is_special(name: str) -> bool:
    return name[:2] == "__" and name[-2:] == "__"


def _is_plain_format(template: str, depth: int = 2) -> bool:
    """Tells whether the fields of a format string are values without attributes."""
    try:
        fields = [(field or "", spec or "") for _, field, spec, _ in Formatter().parse(template)]
    except ValueError:
        return False
    plain = not any("." in field or "__" in field for field, _ in fields)
    return plain and all(depth > 0 and _is_plain_format(spec, depth - 1) for _, spec in fields if "{" in spec)


def _is_open(module: str) -> bool:
    return module in MODULES or module in SOLVERS or module in ("__future__", NUMBA, BLOCKS)


@lru_cache(maxsize=4096)
def _step(module: str, name: str) -> tuple[str, str]:
    """Follows one name inside a module.

    Returns the module that the name is, or empty for any other value, and what is wrong with it.
    """
    path = f"{module}.{name}"
    if module == NUMBA:  # not imported here: that takes a second
        offered = " and ".join(sorted(_ONLY[NUMBA]))
        trouble = f"uses {path}; of numba only {offered} are open, for one thread"
        return "", "" if name in _ONLY[NUMBA] else trouble
    if name[:1] == "_" or name in UNSAFE_MEMBERS or name not in _ONLY.get(module, (name,)):
        return "", f"uses {path}, {_REACHES}"
    if path in MODULES or path in SOLVERS:
        return path, ""
    if module in SOLVERS:
        known = name[0].isupper() or name in SOLVER_FUNCTIONS
        return "", "" if known else f"uses {path}, {_CLOSED}"
    if module not in MODULES:
        return "", f"uses {path}, {_CLOSED}"
    with warnings.catch_warnings():  # of names that a library is about to drop
        warnings.simplefilter("ignore")
        return "", _list_offered(importlib.import_module(module), module, name)


def _list_offered(loaded: ModuleType, module: str, name: str) -> str:
    path = f"{module}.{name}"
    if name not in getattr(loaded, "__all__", dir(loaded)):
        return f"uses {path}, which {module} does not offer"
    return f"uses {path}, {_CLOSED}" if isinstance(getattr(loaded, name, None), ModuleType) else ""
