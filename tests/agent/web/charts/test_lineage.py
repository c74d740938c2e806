"""The graph of ancestors: each is there, to the right of its parents."""

from xml.dom.minidom import parseString

from gapsmith.agent.archive import CandidateRow
from gapsmith.agent.web.charts.lineage import SHADES, draw_lineage


def row(program, parents=(), gap=None, name=""):
    """How a program was made."""
    return CandidateRow(
        run=1,
        slot=program,
        operator="refine",
        name=name,
        parents=list(parents),
        program=program,
        train_gap=gap,
    )


FAMILY = [
    row(5, [3, 4], 1.0),
    row(3, [1], 2.0),
    row(4, [1, 2], None),
    row(1, (), 9.0, "EDD"),
    row(2, (), 5.0, "<SPT>"),
]


def places(found):
    """The place of each program's node."""
    return {
        int(link.getAttribute("href").rsplit("/", 1)[1]): float(
            link.getElementsByTagName("circle")[0].getAttribute("cx")
        )
        for link in found.getElementsByTagName("a")
    }


def test_children_are_to_the_right_of_their_parents():
    """Time goes from left to right."""
    found = places(parseString(draw_lineage(FAMILY, 5)))
    assert found.keys() == {1, 2, 3, 4, 5}
    for each in FAMILY:
        assert all(found[parent] < found[each.program] for parent in each.parents)


def test_every_parent_has_an_edge():
    """Five births by parents are five lines."""
    found = parseString(draw_lineage(FAMILY, 5))
    edges = [each for each in found.getElementsByTagName("path") if each.getAttribute("class") == "edge"]
    assert len(edges) == 5


def test_the_best_is_darkest_and_the_unknown_has_no_shade():
    """Shades go by the rank of the gap."""
    found = parseString(draw_lineage(FAMILY, 5))
    looks = {
        int(link.getAttribute("href").rsplit("/", 1)[1]): link.getElementsByTagName("circle")[0].getAttribute(
            "class"
        )
        for link in found.getElementsByTagName("a")
    }
    assert "g0" in looks[5]
    assert "chosen" in looks[5]
    assert f"g{SHADES - 1}" in looks[1]
    assert f"g{SHADES}" in looks[4]


def test_a_program_without_parents_has_no_graph():
    """One node says nothing."""
    assert draw_lineage([row(1)], 1) is None
    assert draw_lineage([], 1) is None


def test_parents_that_are_not_shown_are_left_out():
    """Ancestors are limited in number: an edge to none of them is not drawn."""
    assert draw_lineage([row(5, [3, 99]), row(3)], 5) is not None


def test_the_table_tells_who_was_made_of_whom():
    """Names are escaped there, too."""
    found = draw_lineage(FAMILY, 5)
    assert "&lt;SPT&gt;" in found
    assert "<SPT>" not in found
