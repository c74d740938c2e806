"""The parts of a reply that may be its program: fenced, in tags, in JSON, indented, or bare."""

import html
import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MOST_BLOCKS = 24
MOST_ENDS = 4
"""A fence may end a docstring's example, not the program: so many closing fences are tried."""

# What a model thinks aloud is no answer, unless there is none besides.
_THOUGHTS = re.compile(
    r"<(think|thinking|thought|reasoning|scratchpad|analysis)>.*?(</\1>|\Z)", re.DOTALL | re.I
)
_UNSEEN = re.compile("[\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2069\u00ad]")
_QUOTED = re.compile(r"^[^\S\n]*>(?!>)", re.MULTILINE)
_LATE_FENCE = re.compile(r"`{3,}[A-Za-z0-9+]*[ \t]*")
_FENCE = re.compile(r"^[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_TAGS = ("code", "pre", "python", "program", "solution", "answer")
"""The innermost first."""
_CODE_INSIDE = re.compile(r"\b(?:def|import|class|lambda)\b")


@dataclass(frozen=True)
class Block:
    """A part that may be code.

    Attributes:
        texts: what it may be, the likeliest first; more than one where it is not clear where it ends.
        closed: whether it has an end; a reply that was cut off has none.
    """

    texts: tuple[str, ...]
    closed: bool = True


def plain(reply: str) -> str:
    """The reply with ordinary line ends, without the marks that no editor shows and what was thought aloud."""
    text = reply if reply.isascii() else _UNSEEN.sub("", reply)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    answer = _THOUGHTS.sub("", text)
    return _unquoted(answer if answer.strip() else text)


def fenced_blocks(text: str) -> list[Block]:
    """What stands in fences, those inside others too, in the order of their openings."""
    lines = [part for line in text.split("\n") for part in (_parts(line) if "```" in line else (line,))]
    return list(_fenced(lines))[-MOST_BLOCKS:]


def other_blocks(text: str) -> Iterator[list[Block]]:
    """What may be code where no fence holds the program: tags, strings in JSON, indented lines, then all of it."""
    yield [Block((html.unescape(inner).strip("\n"),)) for tag in _TAGS for inner in _tagged(text, tag)]
    yield [block for inner in strings_in(text) for block in (*fenced_blocks(inner), Block((inner,)))]
    yield [Block(("\n".join(run),)) for run in _indented(text.split("\n"))][-MOST_BLOCKS:]
    yield [Block((text,))]


def strings_in(text: str) -> list[str]:
    """The strings with code in them of a text that is JSON; none of any other text."""
    found = text.strip()
    if not found.startswith(("{", "[", '"')):
        return []
    try:
        return [each for each in _strings(json.loads(found, strict=False)) if _CODE_INSIDE.search(each)]
    except (ValueError, RecursionError):
        return []


def _tagged(text: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}\b[^>]*>(.*?)(?:</{tag}>|\Z)", text, re.DOTALL | re.IGNORECASE)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [each for part in parts for each in _strings(part)]


def _unquoted(text: str) -> str:
    """The text of a reply that is one quotation: every line begins with `>`, as in mail."""
    quoted = len(_QUOTED.findall(text))
    if not quoted or quoted < 0.8 * sum(not line.isspace() for line in text.split("\n") if line):
        return text
    return re.sub(r"^[ \t]*> ?", "", text, flags=re.MULTILINE)


def _parts(line: str) -> list[str]:
    """A line, or two where a fence stands at the end of prose or of code: it belongs on a line of its own."""
    place = line.find("```")
    if place < 1 or not line[:place].strip(" \t>*+-.)0123456789") or not _LATE_FENCE.fullmatch(line, place):
        return [line]
    return [line[:place].rstrip(), line[place:]]


def _indented(lines: Sequence[str]) -> Iterator[list[str]]:
    """Runs of lines that are indented by four at least, blank ones between them included."""
    run: list[str] = []
    for line in (*lines, "end"):
        if line.startswith(("    ", "\t")) or (run and not line.strip()):
            run.append(line)
        elif run:
            yield run
            run = []


def _fenced(lines: Sequence[str]) -> Iterator[Block]:
    start = 0
    while start < len(lines):
        opening = _opening(lines[start])
        if opening is None:
            start += 1
            continue
        ends = _ends(lines, start, opening["fence"])
        block = _block(lines, start, opening["info"], ends)
        yield from _inside(block)
        yield block
        start = ends[0] + 1 if ends else len(lines)


def _opening(line: str) -> re.Match[str] | None:
    return _FENCE.match(line) if _may_fence(line) else None


def _may_fence(line: str) -> bool:
    """Whether a look is worth while: most lines are code."""
    return "```" in line or "~~~" in line


def _ends(lines: Sequence[str], start: int, fence: str) -> list[int]:
    """The lines that may close the fence, the nearest first."""
    closing = re.compile(rf"[ \t]*{re.escape(fence[0])}{{{len(fence)},}}[ \t]*")
    found = (k for k in range(start + 1, len(lines)) if _may_fence(lines[k]) and closing.fullmatch(lines[k]))
    return [k for _, k in zip(range(MOST_ENDS), found, strict=False)]


def _block(lines: Sequence[str], start: int, info: str, ends: Sequence[int]) -> Block:
    # Some put the first line of code behind the language.
    first = (
        [re.sub(r"^\w+[ \t]+(?=def |import |from |class )", "", info)] if _CODE_INSIDE.search(info) else []
    )
    texts = [
        "\n".join([*first, *lines[start + 1 : end]]) for end in (*ends, *(() if ends else (len(lines),)))
    ]
    return Block(tuple(map(dedented, texts)), closed=bool(ends))


def dedented(text: str) -> str:
    """The text without what all its lines begin with; as it is where the first begins at the margin."""
    return textwrap.dedent(text) if text[:1].isspace() else text


def _inside(block: Block) -> Iterator[Block]:
    """Blocks in a block: of an answer that stands in a fence as a whole, and of JSON."""
    first = block.texts[0]
    yield from (Block((inner,)) for inner in strings_in(first))
    lines = first.split("\n")
    if any((match := _opening(line)) and match["info"].strip() for line in lines):
        yield from _fenced(lines)
