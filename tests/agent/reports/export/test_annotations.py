"""An exported program says what the screened one says: lines that are replaced turn no text into code."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.codegen.screen import write_canonical
from gapsmith.agent.reports.export.annotations import add_annotations
from gapsmith.evaluators.problems.single_machine_tardiness.problem import ENTRY

END = "\ndef schedule(p, d):\n    return d\n"
CODE = "f.system('x')"
HIDDEN = (
    f'def g(x="""\nevil:\n    {CODE}\n# """):\n    pass',
    f'def g(\n    x="""a\nevil:\n    {CODE}\n    # """,\n):\n    pass',
    f'from __future__ import (annotations\n); x = """\n{CODE}\n#"""',
    f'import numpy \\\n as np; x = """\n{CODE}\n#"""',
    f'import numpy as np; x = """\n{CODE}\n#"""',
)


def attributes(source):
    """The names of all attributes in a program."""
    return {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("text", HIDDEN)
def test_texts_do_not_become_code(text):
    """A text that stands across the end of a head, or of a removed line, stays a text."""
    assert "system" not in attributes(text + END)
    assert "system" not in attributes(add_annotations(text + END, ENTRY))


PIECES = (
    "evil:",
    "# x:",
    '"""',
    "'''",
    "    f()",
    "):",
    "\\",
    "x = 1; ",
    "import numpy as np",
    "def g(a, b=2):",
)


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("\n".join))
def test_types_are_all_that_is_added(text):
    """Whatever a program looks like, its module has its statements, but for those that the module has itself."""
    source = f"def h(x='''{text}\n''', y=1):\n    return x\n{END}"
    try:
        before = ast.parse(source)
    except SyntaxError:
        return
    kept = ast.Module([s for s in before.body if not isinstance(s, ast.Import)], [])
    after = ast.parse(add_annotations(source, ENTRY))
    after.body = [s for s in after.body if not isinstance(s, ast.Import)]
    assert write_canonical(after) == write_canonical(kept)
