"""Elements of SVG and HTML with everything in them escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from gapsmith.agent.codegen.sanitize import sanitize


def make(name: str, *children: Any, **attributes: Any) -> Markup:
    """Makes an element.

    Args:
        name: of the element.
        children: texts, which are escaped, or elements; None is left out.
        attributes: underscores stand for hyphens, a trailing one is dropped; None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_format(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(_clean(child) for child in children if child is not None)
    return Markup(f"<{name}{given}>{inside}</{name}>")


def _clean(child: Any) -> Markup:
    return child if isinstance(child, Markup) else escape(sanitize(str(child)))


def _format(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else sanitize(str(value))


def join(parts: Iterable[Markup]) -> Markup:
    """Joins elements."""
    return Markup("").join(parts)


def link(inside: Markup, target: str | None) -> Markup:
    """Makes an element a link, if there is a target."""
    return make("a", inside, href=target) if target else inside


@dataclass(frozen=True)
class Table:
    """The figures of a chart, for people that cannot see it.

    Attributes:
        headings: of the columns.
        rows: texts or elements, by column.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]


def make_table(table: Table) -> Markup:
    """Makes a table."""
    head = make("tr", *(make("th", each, scope="col") for each in table.headings))
    body = (make("tr", *(make("td", "–" if cell is None else cell) for cell in row)) for row in table.rows)
    inside = make("table", make("thead", head), make("tbody", *body))
    return make("div", inside, class_="scroll")


def make_figure(drawing: Markup, caption: str, table: Table, key: Markup | None = None) -> Markup:
    """Makes a figure: drawing, key, caption, and its figures to unfold."""
    figures = make("details", make("summary", "figures as a table"), make_table(table), class_="figures")
    return make("figure", make("div", drawing, class_="drawing"), key, make("figcaption", caption), figures)


def draw(width: float, height: float, label: str, *children: Any, class_: str = "chart") -> Markup:
    """Makes a drawing that scales with its page."""
    box = f"0 0 {width:g} {height:g}"
    return make("svg", *children, viewBox=box, role="img", aria_label=label, class_=class_)
