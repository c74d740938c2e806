"""Programs composed of patterns.

The patterns' functions, their helpers, and an entry point that calls them.
"""

import ast
import textwrap
from collections.abc import Sequence

from gapsmith.evaluators.formulations.contract import HEADER, Pattern
from gapsmith.evaluators.grammar import parse_python


def compose_program(patterns: Sequence[Pattern]) -> str:
    """Composes a module from patterns: equal patterns give equal programs."""
    functions: dict[str, str] = {}
    for pattern in patterns:
        functions.update(list_functions(pattern.source))
    calls = "".join(f"    {pattern.name}(model, variables, data)\n" for pattern in patterns)
    words = ", ".join(pattern.name for pattern in patterns) or "nothing"
    entry = f'def augment(model, variables, data):\n    """Adds {words}."""\n{calls}'
    return "\n\n\n".join([HEADER.rstrip(), *functions.values(), entry])


def list_functions(source: str) -> dict[str, str]:
    """Lists the functions of a source by name.

    Several patterns may contain the same one.
    """
    source = textwrap.dedent(source)
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in parse_python(source).body
        if isinstance(node, ast.FunctionDef)
    }
