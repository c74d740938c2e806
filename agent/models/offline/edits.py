"""Random edits of arbitrary Python source, always valid syntax.

For programs of language models, for reference rules, and for problems without a grammar.
"""

import ast
import math
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple, TypeGuard

from gapsmith.agent.models.offline.program import Piece, Program
from gapsmith.agent.search.tuning.docstrings import update_docstrings
from gapsmith.evaluators.grammar import UNREADABLE, parse_expression

LONGEST = 8000  # characters: beyond it no statement is doubled
GREATEST = 10**6
TRIES = 8
VARIANT = "A variant of: "
"""Begins the docstring of a function that was changed blindly: what it says is true of the original."""

# A change alters a function in place and says what it did, or returns "" when it found nothing to do.
Change = Callable[[Random, ast.stmt], str]

COMPARISONS: tuple[type[ast.cmpop], ...] = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
OPERATIONS: tuple[type[ast.operator], ...] = (ast.Add, ast.Sub, ast.Mult)
OPPOSITES = {"minimum": "maximum", "argmin": "argmax", "min": "max"}
OPPOSITES |= {opposite: name for name, opposite in OPPOSITES.items()}


def change_constant(rng: Random, function: ast.stmt) -> str:
    """Scales a fraction, or changes a whole number slightly.

    By one, or by a factor of up to two.
    """
    found = [n for n in ast.walk(function) if isinstance(n, ast.Constant) and type(n.value) in (int, float)]
    if not found:
        return ""
    node = rng.choice(found)
    old = node.value
    assert isinstance(old, int | float)
    scaled = old * math.exp(rng.uniform(-math.log(2), math.log(2)))
    if isinstance(old, int):
        node.value = min(GREATEST, max(0, rng.choice((old - 1, old + 1, round(scaled)))))
    else:
        node.value = float(f"{scaled:.4g}")
    return f"constant {old} became {node.value}" if node.value != old else ""


def change_comparison(rng: Random, function: ast.stmt) -> str:
    """Puts one comparison for another."""
    compares = [node for node in ast.walk(function) if isinstance(node, ast.Compare)]
    found = [node for node in compares if isinstance(node.ops[0], COMPARISONS)]
    if not found:
        return ""
    node = rng.choice(found)
    node.ops[0] = rng.choice([each for each in COMPARISONS[:4] if not isinstance(node.ops[0], each)])()
    return f"comparison became {_shorten(node)}"


def change_arithmetic(rng: Random, function: ast.stmt) -> str:
    """Replaces one of + - * by another.

    Divisions stay, since others could divide by zero.
    """
    found = [n for n in ast.walk(function) if isinstance(n, ast.BinOp) and isinstance(n.op, OPERATIONS)]
    if not found:
        return ""
    node = rng.choice(found)
    node.op = rng.choice([each for each in OPERATIONS if not isinstance(node.op, each)])()
    return f"arithmetic became {_shorten(node)}"


def flip_comparison(rng: Random, function: ast.stmt) -> str:
    """Puts the greatest for the least, or the other way round."""
    found = [n for n in ast.walk(function) if isinstance(n, ast.Attribute) and n.attr in OPPOSITES]
    if not found:
        return ""
    node = rng.choice(found)
    node.attr = OPPOSITES[node.attr]
    return f"{OPPOSITES[node.attr]} became {node.attr}"


def swap_operands(rng: Random, function: ast.stmt) -> str:
    """Swaps the two sides of a difference, or outcomes of `np.where`."""
    sides = [n for n in ast.walk(function) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Sub)]
    choices = [n for n in ast.walk(function) if isinstance(n, ast.Call) and _is_where(n)]
    if not sides and not choices:
        return ""
    places: list[ast.BinOp | ast.Call] = [*sides, *choices]
    node = rng.choice(places)
    if isinstance(node, ast.BinOp):
        node.left, node.right = node.right, node.left
    else:
        node.args[1], node.args[2] = node.args[2], node.args[1]
    return f"operands swapped: {_shorten(node)}"


def exchange(rng: Random, function: ast.stmt) -> str:
    """Reads one argument of the function instead of another."""
    found = _read_arguments(function)
    if not found:
        return ""
    node, others = rng.choice(found)
    old, node.id = node.id, rng.choice(others)
    return f"{old} became {node.id}"


def blend_arguments(rng: Random, function: ast.stmt) -> str:
    """Adds a share of one argument to another where it is read.

    The simplest way to a composite rule.
    """
    found = _read_arguments(function)
    if not found:
        return ""
    node, others = rng.choice(found)
    share = float(f"{rng.choice((-1, 1)) * math.exp(rng.uniform(-3, 1)):.2g}")
    mixed = parse_expression(f"{node.id} + {share} * {rng.choice(others)}")
    _Replacing(node, mixed).visit(function)
    return f"{node.id} became {_shorten(mixed)}"


def _is_name(node: ast.AST, context: type[ast.expr_context] = ast.expr_context) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, context)


class _Replacing(ast.NodeTransformer):
    """Puts one expression for one name."""

    def __init__(self, old: ast.Name, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replaces the one node, and returns every other as it is."""
        return self.new if node is self.old else node


def _read_arguments(function: ast.stmt) -> list[tuple[ast.Name, list[str]]]:
    """Finds where arguments are read, and the other arguments there are.

    Arguments that are called stay.
    """
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    called = {each.id for each in calls if isinstance(each, ast.Name)}
    names = [each.arg for each in function.args.args] if isinstance(function, ast.FunctionDef) else []
    names = [name for name in names if name not in called]
    read = [
        node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    return [
        (node, [n for n in names if n != node.id]) for node in read if node.id in names and len(names) > 1
    ]


def _is_where(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "where" and len(call.args) == 3


def _list_simple(function: ast.stmt) -> Iterator[tuple[list[ast.stmt], int]]:
    """Lists assignments and calls, each with the list that holds it."""
    for node in ast.walk(function):
        for body in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
            if isinstance(body, list):
                yield from ((body, i) for i, each in enumerate(body) if _is_simple(each))


def _is_simple(statement: ast.stmt) -> bool:
    docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr) and not docstring


def delete_statement(rng: Random, function: ast.stmt) -> str:
    """Deletes an assignment or a call.

    Not the only one that gives a value to a name that is read.
    """
    found = [(body, index) for body, index in _list_simple(function) if len(body) > 1]
    found = [(body, index) for body, index in found if not _is_needed(function, body[index])]
    if not found:
        return ""
    body, index = rng.choice(found)
    return f"deleted: {_shorten(body.pop(index))}"


def _is_needed(function: ast.stmt, statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    inside = set(map(id, ast.walk(statement)))
    own = {node.id for target in statement.targets for node in ast.walk(target) if _is_name(node, ast.Store)}
    rest = [node for node in ast.walk(function) if id(node) not in inside]
    grown = [node.target for node in rest if isinstance(node, ast.AugAssign)]
    read = {node.id for node in rest if _is_name(node) and (node in grown or isinstance(node.ctx, ast.Load))}
    bound = {node.id for node in rest if _is_name(node, ast.Store) and node not in grown}
    return bool(own & read - bound - {node.arg for node in rest if isinstance(node, ast.arg)})


def double_statement(rng: Random, function: ast.stmt) -> str:
    """Repeats an assignment or call at another place of the body."""
    found = list(_list_simple(function))
    if not found or len(ast.unparse(function)) > LONGEST:
        return ""
    body, index = rng.choice(found)
    statement = body[index]
    body.insert(rng.randint(index + 1, len(body)), statement)
    return f"doubled: {_shorten(statement)}"


def _shorten(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:60]


class Edit(NamedTuple):
    """A change and how often it is drawn."""

    weight: float
    change: Change


# A new change is a line here.
EDITS = (
    Edit(4, change_constant),
    Edit(2, change_comparison),
    Edit(2, change_arithmetic),
    Edit(1.5, flip_comparison),
    Edit(1, swap_operands),
    Edit(1.5, delete_statement),
    Edit(1, double_statement),
    Edit(1, exchange),
    Edit(2, blend_arguments),
)


def edit_program(rng: Random, program: Program, edits: tuple[Edit, ...] = EDITS) -> tuple[Program, str]:
    """Changes one function of a program, and says what was done.

    The same program if nothing could be changed.
    """
    functions = [i for i, piece in enumerate(program.pieces) if piece.name]
    for _ in range(TRIES if functions else 0):
        place = rng.choice(functions)
        new, words = _change(rng, program.pieces[place], edits)
        if words:
            pieces = (*program.pieces[:place], new, *program.pieces[place + 1 :])
            return Program(pieces), f"in {new.name}, {words}"
    return program, "nothing could be changed"


def _write(piece: Piece, tree: ast.stmt) -> str:
    """Writes a changed function.

    Its docstring then describes a variant and mentions its own numbers.
    """
    text = ast.get_docstring(tree, clean=False) if isinstance(tree, ast.FunctionDef) else None
    if text and isinstance(tree, ast.FunctionDef) and not text.startswith(VARIANT):
        tree.body[0] = ast.Expr(ast.Constant(VARIANT + text))
    return update_docstrings(piece.text, ast.unparse(tree))


def _change(rng: Random, piece: Piece, edits: tuple[Edit, ...]) -> tuple[Piece, str]:
    tree = piece.parse_tree()
    try:
        words = rng.choices(edits, [edit.weight for edit in edits])[0].change(rng, tree)
        return (Piece(piece.name, f"\n\n{_write(piece, tree)}"), words) if words else (piece, "")
    except UNREADABLE:
        return piece, ""
