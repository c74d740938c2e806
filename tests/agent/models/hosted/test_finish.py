"""Replies that did not end well: what of them is used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.models.finish import Finish
from gapsmith.agent.models.hosted.finish import ENDINGS, describe_finish, take_usable_part

CODE = "```python\ndef f():\n    return 1\n```\n"
CUT = "```python\ndef f():\n    if x:\n        y = 2\n"


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        (CODE, CODE),
        (CODE + "Mechanism: it ret", CODE + "Mechanism: it ret"),
        (f"First:\n{CODE}Better:\n{CUT}", f"First:\n{CODE}Better:\n"),
        (CUT, ""),
        (f"Here it is.\n{CUT}", ""),
        ("def f():\n    return 1\n", ""),
        ("I think that", ""),
        ("", ""),
        ("~~~~\na\n~~~\nb\n~~~~\nrest", "~~~~\na\n~~~\nb\n~~~~\nrest"),
        ("```python\ns = '''\n```text'''\n", ""),
    ],
)
def test_a_reply_is_used_as_far_as_its_code_is_whole(reply, part):
    """Blocks that were closed are used, one that was cut is not; without any fence nobody knows what is missing."""
    assert take_usable_part(reply, "truncated") == part


@pytest.mark.parametrize("finish", ["", "complete", "empty", "failed"])
def test_other_replies_are_used_as_they_are(finish):
    """A model that forgets the last fence of a complete reply has not been cut off."""
    assert take_usable_part(CUT, finish) == CUT


@given(st.text("`~a\n ", max_size=40), st.text("`~a\n ", max_size=20))
def test_what_is_used_is_a_beginning(reply, more):
    """Of a cut reply a beginning is used, and not less of it where it was cut later."""
    part = take_usable_part(reply, "truncated")
    assert reply.startswith(part)
    assert len(take_usable_part(reply + "\n" + more, "truncated")) >= len(part) or "`" in more or "~" in more


def test_every_bad_end_has_its_words():
    """Each finish but the good one is an outcome with a reason; the server's own reason goes first."""
    assert set(ENDINGS) == {str(finish) for finish in Finish} - {"complete"}
    assert all(
        describe_finish({"finish": name}) == (name, describe_finish({"finish": name})[1]) for name in ENDINGS
    )
    assert all(describe_finish({"finish": name})[1] for name in ENDINGS)
    assert describe_finish({"finish": "failed", "error": "500: gone"}) == ("failed", "500: gone")
    assert describe_finish({"finish": "complete"}) == describe_finish({}) == ("", "")
