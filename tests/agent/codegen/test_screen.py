"""From a program to a candidate: what is turned away, and a hash that sees through names and layout."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.codegen.screen import make_encodable, screen
from gapsmith.evaluators.problems.single_machine_tardiness.problem import ENTRY


@given(st.text())
def test_encodable_changes_whole_text_not_at_all(text):
    """Only halves of characters are replaced."""
    assert make_encodable(text) == text
    assert make_encodable(text + "\ud83d") == text + "?"


# The hash


def digest(source):
    """The canonical hash of a program that passes."""
    screened = screen(source, ENTRY)
    assert screened.outcome == "ok", screened.message
    return screened.hash


PROGRAM = """
import numpy as np

def weigh({a}, {b}=2):
    return {a} ** {b}

def schedule(p, d):
    {c} = np.maximum(p.cumsum(), d)
    {e} = [{c}[{i}] + weigh({a}=p[{i}]) for {i} in range(len(p))]
    for {k}, {a} in enumerate({e}):
        if {a} > 3 * {k}:
            {e}[{k}] -= 1
    return np.argsort({e}, kind="stable")
"""
PLAIN = PROGRAM.format(a="a", b="b", c="c", e="e", i="i", k="k")
names = st.lists(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
        lambda name: name.isidentifier() and not __import__("keyword").iskeyword(name)
    ),
    min_size=6,
    max_size=6,
    unique=True,
).filter(
    lambda found: not {"np", "p", "d", "weigh", "schedule", "range", "len", "enumerate", "kind"} & set(found)
)


@given(names)
def test_renaming_locals_does_not_change_the_hash(found):
    """Two programs that differ in the names of their variables alone are one program."""
    assert digest(PROGRAM.format(**dict(zip("abceik", found, strict=True)))) == digest(PLAIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return a ** b", "    # the power\n    return a ** b"),
        ("def weigh(a, b=2):", 'def weigh(a, b=2):\n    """A power."""'),
        ("def weigh(a, b=2):", "def weigh(a: float, b: int = 2) -> float:"),
        ("    c = np", "    c: object = np"),
        ("np.maximum(p.cumsum(), d)", "np.maximum(\n        p.cumsum(),\n        d,\n    )"),
        ("a > 3 * k", "(a > (3 * k))"),
        ('"stable"', "'stable'"),
        ("weigh", "power"),
        ("import numpy as np\n", "import numpy as np\n\n\n"),
    ],
)
def test_layout_comments_and_annotations_do_not_change_the_hash(old, new):
    """What changes nothing of what a program does changes nothing of its hash."""
    assert old in PLAIN
    assert digest(PLAIN.replace(old, new)) == digest(PLAIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("b=2", "b=3"),
        ("b=2", "b=2.0"),
        ("a ** b", "a * b"),
        ("a > 3", "a >= 3"),
        ("3 * k", "k"),
        ("-= 1", "+= 1"),
        ("maximum", "minimum"),
        ("kind", "axis"),
        ('"stable"', '"heapsort"'),
        ("p.cumsum(), d", "d, p.cumsum()"),
        ("for k, a", "for a, k"),
        ("p[i]", "d[i]"),
        ("return a ** b", "return b ** a"),
    ],
)
def test_another_constant_or_operator_changes_the_hash(old, new):
    """Programs that do something else are told apart."""
    assert old in PLAIN
    assert digest(PLAIN.replace(old, new)) != digest(PLAIN)


@given(st.integers(), st.integers())
def test_constants_are_told_apart(one, other):
    """Equal constants, equal hashes; others, others."""
    source = "def schedule(p, d):\n    return d + {}\n"
    assert (digest(source.format(one)) == digest(source.format(other))) == (one == other)


CLASS = """
class Job:
    def first(self):
        return {one}

    def second(self):
        return {other}


def schedule(p, d):
    return Job().first()
"""
FIELDS = """
from dataclasses import dataclass


@dataclass
class Job:
    {one}: int
    {other}: int


def schedule(p, d):
    return Job(1, 2).a
"""


def test_what_is_reached_by_name_is_not_renamed():
    """Methods, fields and others' keywords are reached by name: exchanging them makes another program."""
    assert digest(CLASS.format(one=1, other=2)) != digest(
        CLASS.format(one=1, other=2).replace("def first", "def x").replace("def second", "def first")
    )
    assert digest(FIELDS.format(one="a", other="b")) != digest(FIELDS.format(one="b", other="a"))
    keyword = "import numpy as np\ndef schedule(p, d):\n    {0} = 1\n    return np.sum(p, {0}={0})\n"
    assert digest(keyword.format("axis")) != digest(keyword.format("keepdims"))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20_000), st.sampled_from(["-", "not ", "+1", "[0]", "(", "["]))
def test_depth_ends_with_an_outcome(depth, part):
    """However deep an expression is nested, screening ends with an outcome."""
    inner = "p" + part * depth if part in ("+1", "[0]") else part * depth + "p"
    source = f"def schedule(p, d):\n    return {inner}{')' * depth if part == '(' else ''}\n"
    assert screen(source, ENTRY).outcome in ("ok", "syntax_error", "too_long")


@pytest.mark.parametrize(
    ("source", "outcome", "words"),
    [
        ("", "no_code", "expected a Python block with def schedule(p, d):"),
        ("x" * 64_001, "too_long", "64001 characters; at most 64000"),
        ("def schedule(p, d):\n  return )", "syntax_error", "line 2: unmatched ')'"),
        ("async def schedule(p, d):\n    return d", "no_entry", "no function"),
        (
            "def plan(p, d):\n    return d",
            "no_entry",
            "defines plan at the top level; expected def schedule(p, d):",
        ),
        ("def schedule(p, d, w):\n    return d", "no_entry", "takes 3 arguments"),
        ("import os\ndef schedule(p, d):\n    return d", "forbidden_import", "imports os; allowed are "),
        (
            "def schedule(p, d):\n    from scipy import stats\n    return d",
            "forbidden_import",
            "imports scipy",
        ),
        ("from . import x\ndef schedule(p, d):\n    return d", "forbidden_import", "imports "),
    ],
)
def test_what_is_turned_away_is_told_why(source, outcome, words):
    """The outcome has a name, and the message says what was found and what was expected."""
    screened = screen(source, ENTRY)
    assert screened.outcome == outcome
    assert words in screened.message


def test_numbers_of_any_length_have_a_hash():
    """A number that Python will not write in decimals is no reason to fall."""
    assert digest(f"def schedule(p, d):\n    return 0x{'f' * 9000}\n")


@pytest.mark.parametrize("head", ["p, d", "p, d, w=3", "*data", "p, *rest", "p, d, /", "p, d=None"])
def test_heads_that_can_be_called_pass(head):
    """The entry point may have defaults and rests of its own, as long as the call fits."""
    assert screen(f"def schedule({head}):\n    return []\n", ENTRY).outcome == "ok"


VERSIONS = """
import math
from dataclasses import dataclass


@dataclass
class Job:
    p: int

    def key(self, *, t=0):
        return f"{self.p:>{t}} {t!r}"


async def nothing():
    return None


def schedule(p, d):
    \"\"\"By due date.\"\"\"
    with open_(p) as found, open_(d):
        pass
    try:
        best = lambda a, /, b=1: -a ** b
    except (ValueError, TypeError) as error:
        raise error
    match d:
        case [1, *rest] if rest:
            return rest
        case {"a": x, **more}:
            return more
        case Job(p=1) | None:
            return []
    return [j for j in p if (k := j) > 1.5e3]


def open_(x):
    yield from x
"""


def test_hashes_do_not_depend_on_the_version_of_python():
    """A program has the same hash under every Python: this one is that of 3.11."""
    assert (digest(VERSIONS), screen(VERSIONS, ENTRY).size) == ("4b87ef705f78869307547e0aeb0ab323", 142)


TABLES = {
    "numbers": f"TABLE = {[list(range(k, k + 50)) for k in range(120)]}",
    "one number": f"TABLE = 0x{'a' * 30_000}",
    "a text": f"TABLE = {'x' * 30_000!r}",
    "bytes": f"TABLE = {b'x' * 30_000!r}",
    "texts in a function": f"def other():\n    return {[str(k) * 9 for k in range(600)]}",
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_answers_learned_by_heart_are_refused(table):
    """A program with long tables of literals has an outcome of its own, and is told why."""
    screened = screen(f"{table}\n\n\ndef schedule(p, d):\n    return d\n", ENTRY)
    assert screened.outcome == "memorised_table"
    assert "learned by heart" in screened.message


def test_long_docstrings_are_no_tables():
    """What is said of a program is not counted."""
    source = f'"""{"so " * 5000}"""\n\n\ndef schedule(p, d):\n    """{"so " * 5000}"""\n    return d\n'
    assert screen(source, ENTRY).outcome == "ok"


def test_a_mark_of_an_editor_is_passed_over():
    """A file that begins with UTF-8's mark is the program that Python runs."""
    source = "def schedule(p, d):\n    return d\n"
    assert screen("\ufeff" + source, ENTRY) == screen(source, ENTRY)
