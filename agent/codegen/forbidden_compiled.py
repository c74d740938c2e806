"""What a program may say to numba.

Compile this function, with options that reach nothing outside it.

Numba evaluates a signature that is a text, hands addresses and machine code out, and with some options runs threads,
writes a cache or goes back to the interpreter. So `njit` and `jit` may decorate a function, or be called with one, and
of their options those below may be given. Machine code without bounds checks writes where it likes: exported programs
are compiled with them.
"""

import ast
from collections.abc import Iterator, Mapping

from gapsmith.agent.codegen.forbidden_places import Complaint, Kinds
from gapsmith.evaluators.grammar import BLOCKS

COMPILER = "numba"
DECORATORS = ("njit", "jit")

UNSAFE_ATTRIBUTES = frozenset(
    (
        *(
            "targetctx",
            "typingctx",
            "targetdescr",
            "targetoptions",
            "overloads",
            "signatures",
            "stats",
            "doc",
        ),
        *("nopython_signatures", "get_overload", "get_compile_result", "get_call_template", "get_metadata"),
        *("get_function_type", "get_annotation_info", "fold_argument_types", "typeof_pyval", "add_overload"),
        *(
            "compile",
            "recompile",
            "disable_compile",
            "enable_caching",
            "is_compiling",
            "parallel_diagnostics",
        ),
        *("inspect_asm", "inspect_cfg", "inspect_disasm_cfg", "inspect_llvm", "inspect_types", "locals"),
    )
)
"""Attributes of compiled functions that lead to the compiler."""

_SWITCHES = (True, False)
_OPTIONS: Mapping[str, tuple[object, ...]] = {
    "nopython": (True,),
    "fastmath": _SWITCHES,
    "boundscheck": _SWITCHES,
    "nogil": _SWITCHES,
    "cache": (False,),
    "parallel": (False,),
    "forceobj": (False,),
    "error_model": ("python", "numpy"),
    "inline": ("never", "always"),
}
"""Options by name, with the values that they may have."""
_WHY = {
    "cache": "machine code is kept for the program anyway, and nothing is written to disk",
    "parallel": "programs run on one thread",
    "nopython": "object mode is not open",
    "forceobj": "object mode is not open",
    "looplift": "object mode is not open",
    "signature_or_function": "types are found from the calls",
    "locals": "types are found from the calls",
}


def find_miscompiled(
    kinds: Kinds, modules: Mapping[str, str], members: Mapping[str, str]
) -> Iterator[Complaint]:
    """Yields uses of numba that reach further than a function.

    Args:
        kinds: the nodes of the program.
        modules: imported modules, by the names that they have in the program.
        members: names that were imported from modules, by what they are called there.
    """
    decorating = {id(each) for node in kinds.get(ast.FunctionDef, ()) for each in node.decorator_list}
    calls = {id(node.func): node for node in kinds.get(ast.Call, ())}
    functions = {node.name for node in kinds.get(ast.FunctionDef, ())}
    functions -= {node.id for node in kinds.get(ast.Name, ()) if type(node.ctx) is not ast.Load}
    functions -= {node.arg for node in kinds.get(ast.arg, ())}
    for node, name in _list_uses(kinds, modules, members):
        if id(node) in decorating:
            continue
        if (call := calls.get(id(node))) is None:
            yield node, f"uses {name} as a value; expected @{name} before a function"
        else:
            yield from _check_call(call, name, functions)


def is_compiled(kinds: Kinds) -> bool:
    """Tells whether a program imports numba or compiled functions."""
    plain = (alias.name for node in kinds.get(ast.Import, ()) for alias in node.names)
    names = (*plain, *(node.module or "" for node in kinds.get(ast.ImportFrom, ())))
    return any(name.split(".")[0] in (COMPILER, BLOCKS) for name in names)


def _list_uses(
    kinds: Kinds, modules: Mapping[str, str], members: Mapping[str, str]
) -> Iterator[tuple[ast.expr, str]]:
    for node in kinds.get(ast.Name, ()):
        if members.get(node.id) in DECORATORS and type(node.ctx) is ast.Load:
            yield node, members[node.id]
    for node in kinds.get(ast.Attribute, ()):
        base = node.value
        if node.attr in DECORATORS and isinstance(base, ast.Name) and modules.get(base.id) == COMPILER:
            yield node, node.attr


def _check_call(call: ast.Call, name: str, functions: set[str]) -> Iterator[Complaint]:
    for argument in call.args:
        if not (isinstance(argument, ast.Name) and argument.id in functions):
            yield call, f"gives {name} a signature; expected none: types are found from the calls"
    for option in call.keywords:
        values = _OPTIONS.get(option.arg or "", ())
        found = getattr(option.value, "value", None)
        if not any(found is value or (isinstance(value, str) and found == value) for value in values):
            known = ", ".join(key for key, values in _OPTIONS.items() if values != (False,))
            why = _WHY.get(option.arg or "", f"options are {known}, with values that are written there")
            yield call, f"gives {name} {ast.unparse(option)[:60]}; {why}"
