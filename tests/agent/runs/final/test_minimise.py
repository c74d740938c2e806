"""Proposals for shorter programs."""

import ast
import re

from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.runs.final.minimise import MOST, yield_simpler

PROGRAM = '''import math
import numpy as np

PARAMS = {"share": (0.5, 0.0, 1.0), "idle": (3, 1, 9)}


def never(x):
    return never(x - 1)


def schedule(p, d):
    """In order of due dates."""
    # the slack decides
    order = np.argsort(d - PARAMS["share"][0] * p)
    waste = 3
    if len(p) > 3:
        order = order[:]
    elif len(p) > 2:
        order = order[::1]
    else:
        # tiny
        order = order.copy()
    for _ in range(2):
        order = order[:]
        continue
        order = None
    return order
'''


def size(source):
    """Nodes of the syntax tree."""
    return sum(1 for _ in ast.walk(ast.parse(source)))


def test_what_is_never_used_goes_at_once():
    """One proposal has no unused import, function, name or parameter, and nothing behind a `continue`."""
    (tidy,) = [
        text
        for text in yield_simpler(PROGRAM, "schedule")
        if not {"never", "math"} & set(re.findall(r"\w+", text))
    ]
    for gone in ("math", "waste", "idle", "None"):
        assert gone not in tidy
    for kept in ('"share"', "# the slack decides", "# tiny", '"""In order of due dates."""', "for _ in"):
        assert kept in tidy


def test_branches_and_conditions_go_one_by_one():
    """There is a proposal without the last branch, one without the middle one, and one without any condition."""
    texts = yield_simpler(PROGRAM, "schedule")
    assert any("elif" in text and "else" not in text for text in texts)
    assert any("if len(p) > 3" in text and "elif" not in text and "else" in text for text in texts)
    assert any("\n    order = order[:]\n    for" in text and "if" not in text for text in texts)


def test_what_others_need_stays():
    """No proposal lacks a name that it still uses, the function's result, or what documents it."""
    for text in yield_simpler(PROGRAM, "schedule"):
        assert ("np." in text) <= ("import numpy as np" in text)
        assert ("PARAMS[" in text) <= ("PARAMS = " in text)
        assert "order = " in text
        assert text.rstrip().endswith("return order")
        assert '"""In order of due dates."""' in text


def rules():
    """The sources of all rules of three problems."""
    for name in ("single_machine_tardiness", "tsp", "rcpsp"):
        problem = find_problem(name)
        yield from ((rule.source(problem.entry.name), problem.entry.name) for rule in problem.rules)


def test_proposals_parse_and_are_shorter():
    """Every proposal for a real rule parses, defines the entry point, is shorter, and those that remove most lead."""
    found = 0
    for source, entry in rules():
        texts = yield_simpler(source, entry)
        sizes = [size(text) for text in texts]
        assert all(f"def {entry}(" in text and len(text) < len(source) for text in texts)
        assert sizes == sorted(sizes)
        assert all(each < size(source) for each in sizes)
        assert len(texts) <= MOST
        assert texts == yield_simpler(source, entry)
        found += len(texts)
    assert found > 50


def test_a_program_of_one_line_has_no_proposal():
    """Where nothing can go, nothing is proposed."""
    assert yield_simpler("def schedule(p, d): return d.argsort()\n", "schedule") == []


LINES = st.sampled_from(
    ["x = 1; y = x", "if d: pass", "@np.f\ndef g(): return 1", "s = '''\n  a\n'''", "while d:\n    break"]
)


@given(st.lists(LINES, max_size=6))
def test_odd_layouts_never_break_a_proposal(lines):
    """Semicolons, one-line blocks, decorators and long strings: what is proposed parses, or is not proposed."""
    body = "\n".join("    " + line for text in lines for line in text.splitlines())
    source = f"import numpy as np\ndef schedule(p, d):\n{body}\n    return np.argsort(d)\n"
    for text in yield_simpler(source, "schedule"):
        assert size(text) < size(source)


ADDED = """import numpy as np


def priority(j, d):
    return d[j] + 2


def schedule(p, d):
    order = sorted(range(len(p)), key=lambda j: (p[j] if d[j] else d[j]) + 3 - d[j])
    slack = 7 - d
    order = order if len(p) + 5 > 9 else sorted(order, key=priority)
    return order if slack[0] else np.argsort(d * 2 - 1.5, kind="stable")
"""


def test_a_constant_added_to_every_priority_is_proposed_to_go():
    """Of sums that only rank, each constant goes in a proposal of its own; other sums and factors stay."""
    texts = yield_simpler(ADDED, "schedule")
    gone = {line.strip() for text in texts for line in set(text.split("\n")) - set(ADDED.split("\n"))}
    assert "return d[j]" in gone
    assert "order = sorted(range(len(p)), key=lambda j: (p[j] if d[j] else d[j]) - d[j])" in gone
    assert 'return order if slack[0] else np.argsort(d * 2, kind="stable")' in gone
    assert all("len(p) + 5" in text for text in texts if "sorted(order" in text)


def test_a_priority_in_several_lines_loses_its_constant():
    """The text around the sum stays byte for byte, and a difference from a constant becomes a negative."""
    source = "def schedule(p, d):\n    priority = (\n        3 - p  # ä\n    ) + 1\n    return priority.argsort()\n"
    source = source.replace("priority.argsort()", "sorted(p, key=priority)")
    texts = yield_simpler(source, "schedule")
    assert any("        -(p)  # ä\n    ) + 1\n" in text for text in texts)
    assert any("    ) + 1" not in text and "3 - p" in text for text in texts)
