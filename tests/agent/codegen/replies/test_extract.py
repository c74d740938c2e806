"""From a reply to its program: recorded replies of every shape, and what no reply may do.

The replies are in `corpus/`, a JSON object a line: the shape, the problem, the reply's text, and what must come of
it: the very program and what is said to have been put right, or the outcome of screening and words of its reason.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.codegen.replies.extract import extract, extract_idea
from gapsmith.agent.codegen.screen import make_encodable, screen
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.problems.single_machine_tardiness.problem import ENTRY

REPLIES = Path(__file__).parent / "corpus"
CODE = "def schedule(p, d):\n    return d.argsort()\n"
FENCED = f"```python\n{CODE}```"


def recorded(name):
    """The replies of one file, each under its shape and place."""
    lines = (REPLIES / f"{name}.jsonl").read_text("utf-8").splitlines()
    replies = [json.loads(line) for line in lines]
    return [pytest.param(reply, id=f"{place}, {reply['shape']}") for place, reply in enumerate(replies)]


WHOLE, BROKEN = recorded("whole"), recorded("broken")


def test_there_are_more_than_two_hundred():
    """Of a hundred shapes and more."""
    shapes = {param.values[0]["shape"] for param in (*WHOLE, *BROKEN)}
    assert len(WHOLE) + len(BROKEN) >= 200
    assert len(shapes) >= 100


@pytest.mark.parametrize("reply", WHOLE)
def test_the_program_is_found(reply):
    """The very program that was meant, and no word on what was put right unless something was."""
    entry = find_problem(reply["problem"]).entry
    found = extract(reply["text"], entry)
    assert found.source == reply["source"]
    assert found.detail == reply.get("detail", "")
    assert screen(found.source, entry).outcome == "ok"


@pytest.mark.parametrize("reply", BROKEN)
def test_a_reply_without_a_program_has_its_reason(reply):
    """Nothing is guessed where it is not clear what was meant: the outcome has a name and a reason."""
    entry = find_problem(reply["problem"]).entry
    screened = screen(extract(reply["text"], entry).source, entry)
    assert screened.outcome == reply["outcome"]
    assert reply["words"] in screened.message


@pytest.mark.parametrize("reply", WHOLE[::9])
def test_what_was_extracted_is_extracted_again(reply):
    """A program that was put right needs nothing more."""
    entry = find_problem(reply["problem"]).entry
    source = extract(reply["text"], entry).source
    assert extract(f"```python\n{source}```", entry).source == source


@given(st.text())
def test_any_text_can_be_read(text):
    """No reply is too odd: it ends with an outcome, and what is kept of it can be stored."""
    screened = screen(extract(make_encodable(text), ENTRY).source, ENTRY)
    screened.source.encode()
    screened.message.encode()


PIECES = (
    "```",
    "~~~~",
    "\n",
    " ",
    "python",
    "\r",
    CODE,
    "def schedule(p, d):",
    ">>> ",
    "+",
    "<think>",
    "</think>",
)
MORE = (
    '{"code": "',
    '"}',
    "&lt;",
    "<code>",
    "</code>",
    "class A:\n    ",
    "lambda p, d: p",
    "schedule = ",
    "1: ",
    "“",
)


@given(st.lists(st.sampled_from((*PIECES, *MORE)), max_size=30).map("".join))
def test_any_arrangement_can_be_read(text):
    """Fences, tags and prompts in any arrangement end with an outcome."""
    assert screen(extract(text, ENTRY).source, ENTRY).outcome


@given(st.text(st.characters(exclude_characters="`~<>&", exclude_categories=["C"])))
def test_prose_changes_nothing(text):
    """Whatever is said before a whole block, the block is what is taken."""
    quoted = text.lstrip().startswith(">")
    assert quoted or extract(f"{text}\n\n{FENCED}\n", ENTRY).source == CODE


@pytest.mark.parametrize(
    "text",
    ["    \n" * 40_000, "`" * 200_000, "```\n" * 30_000, "x `" * 60_000, "<think>" * 30_000, "{" * 90_000],
)
def test_long_nonsense_is_read_in_no_time(text, monkeypatch):
    """What is read grows with the length of the reply, not with its square: the tests would not end otherwise."""
    assert extract(text, ENTRY).source.count("def") == 0


@pytest.mark.parametrize(
    ("after", "idea"),
    [
        ("Beam search.\nFails on ties.", "Beam search."),
        ("\n**Mechanism:** Beam search.\n", "Beam search."),
        ("1. Mechanism - Beam search.", "Beam search."),
        ("- beam search", "beam search"),
        ("# Idea\nBeam search.", "Beam search."),
        ("\x1b[31mred\u202e and\nmore", "red and"),
        ("", ""),
    ],
)
def test_the_idea_is_the_first_line_after_the_code(after, idea):
    """Without its label, its bullet and whatever could do harm where it is shown."""
    assert extract_idea(f"Before.\n{FENCED}\n{after}") == idea


def test_a_reply_without_a_block_has_no_idea():
    """Nothing stands after the code where there is none."""
    assert extract_idea("I cannot help with that.") == ""
