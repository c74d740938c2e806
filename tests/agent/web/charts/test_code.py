"""Code in colours is the code, and differences are the differences."""

from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.agent.codegen.sanitize import sanitize
from gapsmith.agent.web.charts.code import LONGEST, compare_texts, format_code


class Lines(HTMLParser):
    """Reads the lines of shown code, and all tags."""

    def __init__(self):
        super().__init__()
        self.lines, self.tags, self._inside = [], set(), False

    def handle_starttag(self, tag, attributes):
        """Notes an element; each `code` is a line."""
        self.tags.add(tag)
        if tag == "code":
            self.lines.append("")
            self._inside = True

    def handle_endtag(self, tag):
        """Ends a line."""
        self._inside = self._inside and tag != "code"

    def handle_data(self, data):
        """Adds text to the line."""
        if self._inside:
            self.lines[-1] += data


def read(markup):
    """The lines and the tags of shown code."""
    found = Lines()
    found.feed(str(markup))
    return found


@settings(max_examples=25)
@given(st.text(st.sampled_from("ab'\"<>&\n\t #()\\/"), max_size=60))
def test_every_line_is_shown_as_it_is(text):
    """Whatever the code holds, its lines come back, and no element of its own appears."""
    found = read(format_code(text))
    assert [line.rstrip() for line in found.lines if line.strip()] == [
        line.rstrip() for line in sanitize(text).splitlines() if line.strip()
    ]
    assert found.tags <= {"div", "span", "a", "code"}


def test_lines_have_numbers_that_can_be_linked_to():
    """A line can be pointed at."""
    text = format_code("a = 1\nb = 2\n")
    assert 'id="L2"' in text
    assert 'href="#L2"' in text


def test_keywords_have_a_colour():
    """The style sheet colours classes that begin with `p-`."""
    assert 'class="p-k"' in format_code("return 1")


def test_very_long_code_is_shown_plain():
    """Colouring half a megabyte would take seconds."""
    text = "<b>" + "x" * LONGEST
    assert "&lt;b&gt;" in format_code(text)


def test_differences_are_counted():
    """Added and removed lines, with some around them."""
    found = compare_texts(7, "a\nb\nc\n", "a\nB\nc\nd\n")
    assert (found.parent, found.added, found.removed) == (7, 2, 1)
    assert 'class="row removed">-b<' in found.text
    assert 'class="row added">+B<' in found.text
    assert 'class="row same"> a<' in found.text


def test_equal_texts_do_not_differ():
    """A twin has nothing to show."""
    found = compare_texts(1, "same\n", "same\n")
    assert (found.added, found.removed) == (0, 0)


def test_hostile_differences_are_text():
    """What was added may be hostile."""
    assert "<script" not in compare_texts(1, "", "<script>alert(1)</script>").text
