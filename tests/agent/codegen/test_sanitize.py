"""Text of others made harmless: for a prompt, for a table, for a terminal."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.codegen.sanitize import add_fence, flatten_untrusted, limit_untrusted, sanitize

ANYTHING = st.one_of(
    st.text(),
    st.text("`~a\n|"),
    st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Lo", "Mn"])),
    st.text("\x1b[]0;31m\x07\\\x9b\u202ea"),
)


@given(ANYTHING)
def test_harmless_text_controls_nothing(text):
    """No terminal sequence, no turn of direction, no character of a control or a format category."""
    clean = sanitize(text)
    assert all(
        c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Cn", "Co") for c in clean
    )
    assert sanitize(clean) == clean


@given(
    st.text(
        st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u2800\u115f\u1160\u3164\uffa0")
    )
)
def test_ordinary_text_stays(text):
    """Letters, digits and signs of any script are left alone."""
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cGFzdGU=\x07x", "x"),
        ("\x9b2Jx", "x"),
        ("a\u202eb\u2066c\u200bd\ufeff", "abcd"),
        ("i\ufe0f\U000e0101g\u3164", "ig"),
        ("\U000e0049\U000e0047tags", "tags"),
        ("a\rb\x08c", "abc"),
        ("keeps\ttabs\nand lines, ü, 漢, é", "keeps\ttabs\nand lines, ü, 漢, é"),
    ],
)
def test_what_is_seen_is_what_is_said(text, shown):
    """Colours, titles, links, clipboards, hidden letters and turned lines are gone with all that they carry."""
    assert sanitize(text) == shown


@given(ANYTHING)
def test_no_text_ends_its_fence(text):
    """Whatever a program prints: its fence is longer than any run of backticks in it."""
    lines = add_fence(text).split("\n")
    assert lines[0] == lines[-1] + "text"
    assert max((len(run) for run in re.findall("`+", text)), default=0) < len(lines[-1])


@given(ANYTHING, st.integers(1, 100))
def test_untrusted_text_is_harmless(text, longest):
    """No fence, no control character, no more than was granted."""
    clean = limit_untrusted(text, longest)
    assert len(clean) <= longest + 2
    assert "```" not in clean
    assert all(c in "\n\t" or c.isprintable() for c in clean)


@given(ANYTHING, st.integers(1, 100))
def test_one_line_is_one_line(text, longest):
    """It can neither end a table's cell nor a line nor a code span."""
    line = flatten_untrusted(text, longest)
    assert not re.search(r"[\n\t|`]", line)
    assert len(line.splitlines()) <= 1
