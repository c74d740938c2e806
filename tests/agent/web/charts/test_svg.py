"""Elements are escaped, whatever is in them."""

from xml.dom.minidom import parseString

from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from gapsmith.agent.web.charts.svg import Table, draw, join, link, make, make_figure, make_table

HOSTILE = "<script>alert('x')</script>\"&\u202e\x1b[31m"


@settings(max_examples=25)
@given(st.text(), st.text())
def test_text_and_attributes_come_back_as_they_were(text, attribute):
    """No text ends its element or its attribute; control characters are removed."""
    element = parseString(make("g", make("title", text), data_x=attribute)).documentElement
    assert [child.tagName for child in element.childNodes] == ["title"]
    assert list(element.attributes.keys()) == ["data-x"]


def test_hostile_text_is_text():
    """Neither a script nor a mark of direction is left."""
    found = make("text", HOSTILE, class_=HOSTILE)
    assert "<script" not in found
    assert "\u202e" not in found
    assert "\x1b" not in found
    assert found.count("&lt;script&gt;") == 2


def test_absent_parts_are_left_out():
    """None is no child and no attribute."""
    assert make("g", None, id=None) == "<g></g>"


def test_names_of_attributes_have_hyphens():
    """Python's underscores stand for hyphens, and the last one for nothing."""
    assert make("path", class_="line", stroke_width=1.5) == '<path class="line" stroke-width="1.5"></path>'


def test_numbers_are_short():
    """Two digits of a place are enough."""
    assert make("circle", cx=1.23456, cy=2.0, r=0.5) == '<circle cx="1.23" cy="2" r="0.5"></circle>'


def test_elements_within_elements_stay():
    """What is made here is not escaped twice."""
    assert join([make("b", "<"), make("i", ">")]) == Markup("<b>&lt;</b><i>&gt;</i>")


def test_links_need_a_target():
    """Without one the element stays as it is."""
    inside = make("text", "x")
    assert link(inside, None) == inside
    assert link(inside, "/program/1?a=1&b=2") == '<a href="/program/1?a=1&amp;b=2"><text>x</text></a>'


def test_tables_have_headings_and_dashes():
    """A missing figure is a dash, not the word None."""
    found = parseString(make_table(Table(("a", "b"), [[1, None], ["<", 2]])))
    assert [cell.firstChild.data for cell in found.getElementsByTagName("td")] == ["1", "–", "<", "2"]
    assert all(head.getAttribute("scope") == "col" for head in found.getElementsByTagName("th"))


def test_a_figure_has_its_figures_in_a_table():
    """People that cannot see the drawing have its label, its caption and its table."""
    drawing = draw(100, 50, "a label", make("circle", cx=1, cy=1, r=1))
    found = parseString(make_figure(drawing, "a caption", Table(("x",), [[1]])))
    svg = found.getElementsByTagName("svg")[0]
    assert (svg.getAttribute("role"), svg.getAttribute("aria-label")) == ("img", "a label")
    assert found.getElementsByTagName("figcaption")[0].firstChild.data == "a caption"
    assert found.getElementsByTagName("td")[0].firstChild.data == "1"
