"""Versions of the built-in problems: whoever changes what costs or optima follow from is reminded of them.

After a change that leaves costs and optima of the same data as they were, renew the digests with
`GAPSMITH_RENEW=1 pytest tests/every_problem/test_versions.py`.
"""

import ast
import hashlib
import inspect
import json
import os
import textwrap
from pathlib import Path

import pytest

from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.evaluators.catalogue import list_problems, load_problem

KEPT = Path(__file__).parents[1] / "data" / "problem_digests.json"
UNSAID, EMPTY = ("annotation", "returns", "type_comment"), (None, [])


def canonical(node):
    """What a syntax tree says, without docstrings, annotations and layout; the same in all versions of Python."""
    if isinstance(node, list):
        return "[" + " ".join(map(canonical, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
        fields["body"] = node.body[1:]
    said = [
        f"{key}={canonical(value)}"
        for key, value in fields.items()
        if key not in UNSAID and value not in EMPTY
    ]
    return f"{type(node).__name__}({' '.join(said)})"


def digest(*sources):
    """A digest of sources."""
    trees = [canonical(ast.parse(textwrap.dedent(source))) for source in sources]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()[:16]


def costs_of(problem):
    """The digest of what prices a solution: `cost` with all that it uses, and the driver of an on-line problem."""
    bundle = Bundle()
    bundle.add(problem.cost)
    return digest(bundle.source, problem.driver)


def optima_of(problem):
    """The digest of the exact method: `baseline`, and the problem's own exact solver."""
    folder = Path(inspect.getfile(problem.cost)).parent
    files = sorted([*folder.glob("exact.py"), *folder.glob("exact/**/*.py")])
    return digest(inspect.getsource(problem.baseline), *(file.read_text("utf-8") for file in files))


def standing(name):
    """The version of a problem, and the digests of what it is a version of."""
    problem = load_problem(name)
    return {"version": problem.version, "cost": costs_of(problem), "baseline": optima_of(problem)}


@pytest.mark.parametrize("name", list_problems())
def test_a_change_of_costs_has_a_version(name):
    """Archives keep costs and optima by version: a change of either without a new version would mix them."""
    kept, now = json.loads(KEPT.read_text("utf-8")), standing(name)
    if os.environ.get("GAPSMITH_RENEW"):
        KEPT.write_text(json.dumps({**kept, name: now}, indent=2, sort_keys=True) + "\n", "utf-8")
        return
    changed = [part for part in ("cost", "baseline") if kept.get(name, {}).get(part) != now[part]]
    assert kept.get(name) == now, (
        f"{name}: the source of {' and '.join(changed) or 'its version'} changed at version {now['version']}. If "
        "costs or optima of the same data changed, raise `version` in its Problem(...), so that archives do not mix "
        "old and new ones; then, or if they are unchanged, renew the digests: "
        "GAPSMITH_RENEW=1 pytest tests/every_problem/test_versions.py"
    )


def test_every_digest_is_of_a_problem():
    """No digest is left behind by a problem that is gone."""
    assert sorted(json.loads(KEPT.read_text("utf-8"))) == list_problems()


def test_a_change_of_code_is_seen_and_one_of_words_is_not():
    """A digest follows the code, not comments, docstrings or layout."""
    plain = "def cost(x):\n    return x + 1\n"
    worded = 'def cost(x):\n    """Prices."""\n    # so\n    return (x  +\n            1)\n'
    assert digest(plain) == digest(worded)
    assert digest(plain) != digest(plain.replace("1", "2"))
