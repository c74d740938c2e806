"""Names that a program may use in some places only.

Elsewhere they lead to code, modules or raw memory.

- An import in a class makes the module an attribute, of which nothing is known where it is read.
- A class keyword names a metaclass, which gets and may change the namespace of the class.
- A field of a dataclass that can be reached can be renamed, and its name is compiled in the classes that inherit it.
- The class of arrays makes views of any buffer, also of arrays that hold objects: pointers could be overwritten.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Kinds = Mapping[type, Sequence[Any]]
"""Nodes of a tree by what they are."""
Complaint = tuple[ast.AST, str]

_ARRAYS = ("ndarray", "NDArray", "ArrayLike")
_DATACLASSES = ("dataclass", "field")
_EXPECTED = {
    "dataclass": "@dataclass",
    "field": "NAME: TYPE = field(...) in a class whose last decorator is @dataclass",
}
_RUNNING = (ast.Call, ast.NamedExpr, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def find_misplaced(kinds: Kinds, members: Mapping[str, str]) -> Iterator[Complaint]:
    """Yields nodes that stand where they may not, with the reason.

    Args:
        kinds: the nodes of the program.
        members: names that were imported from modules, by what they are called there.
    """
    for node in kinds.get(ast.ClassDef, ()):
        if node.keywords:
            yield node, f"gives the class {node.name} a keyword, such as a metaclass; expected bases alone"
        for part in _walk_class(node):
            if isinstance(part, ast.Import | ast.ImportFrom):
                yield part, f"imports inside the class {node.name}; expected imports at the top"
    yield from _check_dataclasses(kinds, members)
    yield from _check_arrays(kinds, members)


def _walk_class(node: ast.ClassDef) -> Iterator[ast.AST]:
    """Yields what runs in a class's namespace: no bodies of functions."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*part.decorator_list, part.args, *([part.returns] if part.returns else [])]
        elif isinstance(part, ast.Lambda):
            waiting.append(part.args)
        else:
            waiting += ast.iter_child_nodes(part)


def _find_uses(kinds: Kinds, members: Mapping[str, str], names: Sequence[str]) -> Iterator[ast.expr]:
    """Yields where attributes or imported names of these names are read."""
    for node in kinds.get(ast.Attribute, ()):
        if node.attr in names:
            yield node
    for node in kinds.get(ast.Name, ()):
        if members.get(node.id) in names:
            yield node


# Dataclasses


def _check_dataclasses(kinds: Kinds, members: Mapping[str, str]) -> Iterator[Complaint]:
    """Yields uses of `dataclass` and `field` elsewhere than in their places.

    The first is a decorator, the second a default in a class so decorated.
    """
    decorators, defaults = set[int](), set[int]()
    for node in kinds.get(ast.ClassDef, ()):
        decorators.update(id(_get_called(decorator)) for decorator in node.decorator_list)
        innermost = _get_called(node.decorator_list[-1]) if node.decorator_list else None
        if innermost is not None and _find_name(innermost, members) == "dataclass":
            defaults.update(id(default) for default in _list_defaults(node))
    for node in _find_uses(kinds, members, _DATACLASSES):
        name = _find_name(node, members)
        if id(node) not in (decorators if name == "dataclass" else defaults):
            yield node, f"uses {name} elsewhere than in its place; expected {_EXPECTED[name]}"
    for node in kinds.get(ast.Name, ()):
        if type(node.ctx) is not ast.Load and members.get(node.id) in _DATACLASSES:
            yield node, f"changes {node.id}, which it imported; expected it to be left as it is"


def _list_defaults(node: ast.ClassDef) -> list[ast.expr]:
    """Lists what defaults call, of fields that the class does not read."""
    parts = _walk_class(node)
    read = {part.id for part in parts if isinstance(part, ast.Name) and type(part.ctx) is ast.Load}
    return [
        part.value.func
        for part in node.body
        if isinstance(part, ast.AnnAssign)
        and isinstance(part.value, ast.Call)
        and isinstance(part.target, ast.Name)
        and part.target.id not in read
        and "KW_ONLY" not in ast.unparse(part.annotation)  # which is no field, and keeps its default
    ]


def _get_called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _find_name(node: ast.expr, members: Mapping[str, str]) -> str:
    return node.attr if isinstance(node, ast.Attribute) else members.get(getattr(node, "id", ""), "")


# Arrays


def _check_arrays(kinds: Kinds, members: Mapping[str, str]) -> Iterator[Complaint]:
    uses = list(_find_uses(kinds, members, _ARRAYS))
    allowed = _list_array_places(kinds) if uses and _is_isinstance_ours(kinds) else set()
    for node in uses:
        if id(node) not in allowed:
            yield (
                node,
                "uses the class of arrays as a value; expected it in annotations and isinstance alone, and "
                "np.empty, np.zeros or np.array to make one",
            )


def _is_isinstance_ours(kinds: Kinds) -> bool:
    """Tells whether `isinstance` is the builtin, which makes nothing of a class."""
    stored = {node.id for node in kinds.get(ast.Name, ()) if type(node.ctx) is not ast.Load}
    bound = (node.arg for node in kinds.get(ast.arg, ()))
    named = (node.name for kind in (ast.FunctionDef, ast.ClassDef) for node in kinds.get(kind, ()))
    return "isinstance" not in stored.union(bound, named)


def _list_array_places(kinds: Kinds) -> set[int]:
    """Lists nodes in annotations, patterns, and what `isinstance` and `is` compare."""
    roots: list[ast.AST | None] = [node.cls for node in kinds.get(ast.MatchClass, ())]
    roots += [node.annotation for node in (*kinds.get(ast.arg, ()), *kinds.get(ast.AnnAssign, ()))]
    roots += [
        node.returns for node in (*kinds.get(ast.FunctionDef, ()), *kinds.get(ast.AsyncFunctionDef, ()))
    ]
    for node in kinds.get(ast.Call, ()):
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
            roots += _flatten(node.args[1])
    for node in kinds.get(ast.Compare, ()):
        if all(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops):
            roots += [part for each in (node.left, *node.comparators) for part in _flatten(each)]
    places = set[int]()
    for root in roots:
        parts = [] if root is None else list(ast.walk(root))
        if not any(isinstance(part, _RUNNING) for part in parts):
            places.update(map(id, parts))
    return places


def _flatten(node: ast.expr) -> list[ast.AST]:
    """Lists the classes of a tuple or of a union."""
    if isinstance(node, ast.Tuple):
        return [part for element in node.elts for part in _flatten(element)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_flatten(node.left), *_flatten(node.right)]
    return [node] if isinstance(node, ast.Name | ast.Attribute) else []
