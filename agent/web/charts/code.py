"""Code in colours, and what differs between two texts."""

import difflib
from dataclasses import dataclass

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from gapsmith.agent.codegen.sanitize import sanitize
from gapsmith.agent.web.charts.svg import join, make

LONGEST = 400_000
"""Characters that are coloured; longer texts are shown plain."""

_FORMATTER = HtmlFormatter(nowrap=True, classprefix="p-")


@dataclass(frozen=True)
class Change:
    """What differs between a parent and its child.

    Attributes:
        parent: number of the parent.
        added: count of lines.
        removed: count of lines.
        text: the differing lines with some around them.
    """

    parent: int
    added: int
    removed: int
    text: Markup


def format_code(source: str, prefix: str = "L") -> Markup:
    """Formats Python in colours, with numbered lines.

    A line is named by the prefix and its number, which must differ between codes of one page.
    """
    clean = sanitize(source)
    text = highlight(clean, PythonLexer(stripnl=False), _FORMATTER) if len(clean) <= LONGEST else None
    lines = (Markup(line) for line in text.splitlines()) if text else map(Markup.escape, clean.splitlines())
    numbered = (
        make(
            "span",
            make("a", k, href=f"#{prefix}{k}", class_="number"),
            make("code", line),
            id=f"{prefix}{k}",
            class_="row",
        )
        for k, line in enumerate(lines, 1)
    )
    return make("div", join(numbered), class_="code")


def compare_texts(parent: int, before: str, after: str) -> Change:
    """Compares the texts of a parent and its child, line by line."""
    old, new = sanitize(before).splitlines(), sanitize(after).splitlines()
    rows, added, removed = [], 0, 0
    for line in list(difflib.unified_diff(old, new, n=3, lineterm=""))[2:]:
        kind = {"+": "added", "-": "removed", "@": "place"}.get(line[:1], "same")
        added, removed = added + (kind == "added"), removed + (kind == "removed")
        rows.append(make("span", line or " ", class_=f"row {kind}"))
    return Change(parent, added, removed, make("div", join(rows), class_="code diff"))
