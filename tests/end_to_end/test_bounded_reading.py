"""Parsers of what models write are linear in its length, bounded in depth, and raise nothing."""

import ast
import json
import time

import pytest
from helpers import Inline, Scripted, finish, job, numbered
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.replies.cleanup import CLEANINGS, list_readings
from gapsmith.agent.codegen.replies.extract import extract, extract_idea
from gapsmith.agent.codegen.replies.markdown import find_fenced, find_others, strip_hidden
from gapsmith.agent.codegen.sanitize import limit_untrusted, sanitize
from gapsmith.agent.codegen.screen import make_encodable, screen
from gapsmith.agent.models.hosted.finish import take_usable_part
from gapsmith.agent.runs.final import minimise as simplifying
from gapsmith.agent.search.tuning.parameters import find_parameters
from gapsmith.evaluators.problems.single_machine_tardiness.problem import ENTRY

CODE = "def schedule(p, d):\n    return d.argsort()\n"
FRAGMENTS = (
    *(
        "```x\n",
        "```\n",
        "~~~x\n",
        "```x\n```\n",
        "``` ",
        "`",
        "<pre",
        "<code ",
        "<code>x",
        "<pre>x</pre>",
        "<answer\n",
    ),
    *(
        "<think>",
        "</think>",
        "<|channel|>a",
        "<|channel|>final<|message|>",
        "<|end|>",
        "=======\n",
        ">>>>>>> x\n",
    ),
    *(
        "<<<<<<< x\n",
        "> \n",
        ">>> a\n",
        "In [1]: a\n",
        "+a\n",
        "&#1",
        "&lt;",
        "{",
        "[",
        '{"a":',
        '"',
        "\\n",
        "\t",
    ),
    *(
        "0",
        "9",
        "0x",
        "f",
        " ",
        "\n",
        "    \n",
        "(",
        "lambda:",
        "a=",
        "a.b",
        "-",
        "not ",
        "\x0c",
        "\x1b[",
        "\x1b]",
    ),
    *(
        "import a\n",
        "assert a\n",
        "x = 1\n",
        "def f(): pass\n",
        "if x: pass\n",
        "“",
        "'''",
        '"""',
        "f'{",
        "\\\n",
        "#",
    ),
    *(
        "class A: pass\n",
        "return x\n",
        "1: a\n",
        "- ",
        "@a\n",
        ";",
        "a;",
        "x:int\n",
        "from a import b\n",
        "\u202e",
    ),
)
HEADS = (
    "",
    "```python\n",
    CODE,
    ">>>>>>> x\n<<<<<<< x\n",
    "```x\n",
    "<code>",
    "<|channel|>",
    "&#",
    "[",
    "x = ",
    "0x",
)


def read(text):
    """Everything that reads a reply, and then what was found in it."""
    strip_hidden(text)
    find_fenced(text)
    for _ in find_others(text):
        pass
    extract_idea(text)
    limit_untrusted(text)
    sanitize(text)
    take_usable_part(text, "truncated")
    found = extract(text, ENTRY)
    screened = screen(found.source, ENTRY)
    find_parameters(found.source)
    return found, screened


def time_reading(text):
    """CPU time of one reading."""
    begin = time.process_time()
    read(text)
    return time.process_time() - begin


def grows_linearly(make):
    """Whether four times the text takes far less than sixteen times as long."""
    return time_reading(make(12_000)) < 10 * time_reading(make(3_000)) + 0.1


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_reading_grows_with_the_length(fragment):
    """Four times the text takes far less than sixteen times as long, whatever is repeated."""
    for head in HEADS:

        def make(size, head=head):
            return head + fragment * (size // len(fragment))

        # A busy machine slows one reading, hardly three.
        assert any(grows_linearly(make) for _ in range(3)), head


STATEMENTS = (
    "x = 1\n",
    "+p\n",
    "def f(): pass\n",
    "if p: pass\n",
    "return d\n",
    "PARAMS = {}\n",
    "\x0c\nx = 2\n",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_shortening_parses_no_more_than_its_bound(statement, monkeypatch):
    """However many statements a program has, a bounded number of characters is parsed for its proposals."""
    inner = "".join(f"    {statement.strip()}\n" for _ in range(4000 // len(statement)))
    source, read = f"def schedule(p, d):\n{inner}    return d\n", []
    parse = ast.parse
    monkeypatch.setattr(
        "ast.parse", lambda text, *more, **options: (read.append(len(text)), parse(text, *more, **options))[1]
    )
    monkeypatch.setattr(simplifying, "MOST_READ", 100_000)
    simplifying.yield_simpler(source, "schedule")
    assert sum(read) < 400_000


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(HEADS), st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.integers(1, 400)), max_size=6)
)
def test_no_reply_raises(head, parts):
    """Any arrangement of repeated fragments ends with an outcome, without the belt."""
    found, screened = read(make_encodable(head + "".join(fragment * count for fragment, count in parts)))
    assert not found.trouble
    assert screened.outcome not in ("", "unparsable")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.integers(1, 300)), max_size=6))
def test_no_cleaning_raises(parts):
    """Each cleaning takes any text."""
    text = "".join(fragment * count for fragment, count in parts)
    for cleaned in CLEANINGS.values():
        cleaned(text)
    for _ in list_readings(text, cut=True):
        pass


FATAL = {
    "fences": "```x\n" * 500,
    "zeros": "0" * 5000,
    "numbered by zeros": f"```python\n{'0' * 5000} {CODE}```",
    "entity": f"<code>&#{'1' * 5000};def schedule(p, d): return d</code>",
    "nested lambdas": f"```python\nf = {'lambda: ' * 900}0\nschedule = f\n```",
    "long number": f"```python\nschedule = 0x{'f' * 30000}\n```",
    "form feed": "```python\n\x0cdef plan(p, d):\n\x0c    return np.argsort(d)\n```",
}


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    """The archive of a run with such replies."""
    place = str(tmp_path_factory.mktemp("fatal") / "a.db")
    texts = [*FATAL.values(), numbered(5)]
    finish(job(place, model=Scripted(texts, 3), calls=len(texts), without=("racing",))).archive.close()
    return place


@pytest.mark.parametrize("name", FATAL)
def test_a_reply_that_no_parser_bears_is_an_outcome(after, name):
    """The run goes on: each has an outcome with a name and a reason."""
    row = Archive(after).read_candidates(1)[3 + list(FATAL).index(name)]
    assert row.outcome not in ("asked", "")
    assert row.message or row.outcome == "ok"


def test_resume_reads_kept_replies_again(after):
    """What is kept never ends `resume`, with the same outcomes as before."""
    archive = Archive(after)
    before = [row.outcome for row in archive.read_candidates(1).values()]
    model, calls = Scripted([numbered(5)], 3), len(FATAL) + 1
    run = finish(job(after, model=model, archive=archive, number=1, calls=calls, without=("racing",)))
    assert [row.outcome for row in run.archive.read_candidates(1).values()] == before


def test_what_a_parser_raises_is_an_outcome(tmp_path, monkeypatch):
    """The belt: an error in any parser of ours becomes the slot's outcome, never the end of the run."""

    def broken(*_):
        raise RecursionError("too deep")

    monkeypatch.setattr("gapsmith.agent.codegen.replies.extract.strip_hidden", broken)
    run = finish(job(str(tmp_path / "a.db"), model=Scripted([numbered(5)], 3), calls=1, executor=Inline()))
    row = run.archive.read_candidates(1)[3]
    assert (row.outcome, row.message) == ("unparsable", "the reply cannot be read: RecursionError")


def test_json_of_any_depth_is_read():
    """Strings in nested JSON are found without recursion."""
    deep = '{"a": [' * 400 + json.dumps(CODE) + "]}" * 400
    assert extract(deep, ENTRY).source == CODE
