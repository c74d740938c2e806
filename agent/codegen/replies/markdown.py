"""The parts of a reply that may be its program.

Fenced, in tags, in JSON, indented, or bare.

Replies are untrusted: every step is linear in the length of the text, and depth and number of blocks are bounded.
"""

import html
import json
import re
import textwrap
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

MOST_BLOCKS = 24
MOST_ENDS = 4
"""Closing fences that are tried: the first may end an example in a docstring, not the program."""
MOST_DEPTH = 4
"""Depth up to which fences inside fences are read."""

# Reasoning of a model is no answer, unless the reply has nothing else.
_THOUGHTS = re.compile(
    r"<(think|thinking|thought|reasoning|scratchpad|analysis)>.*?(</\1>|\Z)", re.DOTALL | re.I
)
# Servers without a parser for them leave gpt-oss's channels in the text; the last final one is the answer.
_CHANNEL = re.compile(r"<\|channel\|>(?P<name>[^<\n]*)(?:<\|constrain\|>[^<\n]*)?<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_UNSEEN = re.compile("[\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2069\u00ad]")
_QUOTED = re.compile(r"^[^\S\n]*>(?!>)", re.MULTILINE)
_LATE_FENCE = re.compile(r"`{3,}[A-Za-z0-9+]*[ \t]*")
_FENCE = re.compile(r"^[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")
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


def strip_hidden(reply: str) -> str:
    """Removes invisible marks and the model's reasoning from a reply.

    Line ends become ordinary ones.
    """
    text = reply if reply.isascii() else _UNSEEN.sub("", reply)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    answer = _THOUGHTS.sub("", _take_final(text))
    return _remove_quotes(answer if answer.strip() else text)


def _take_final(text: str) -> str:
    """Returns the text of the final channels.

    Where there are channels and none is final, the text without their marks.
    """
    channels = list(_CHANNEL.finditer(text)) if "<|channel|>" in text else []
    final = [channel.end() for channel in channels if channel["name"].split()[:1] == ["final"]]
    if not channels or not final:
        return "\n".join(re.split(r"<\|[a-z]+\|>", text)) if channels else text
    ends = (_CHANNEL_END.search(text, begin) for begin in final)
    parts = [text[begin : end.start() if end else len(text)] for begin, end in zip(final, ends, strict=True)]
    return "\n".join(part for part in parts if part.strip()) or text


def find_fenced(text: str) -> list[Block]:
    """Lists the fenced blocks, nested ones too, in order of their openings."""
    lines = [part for line in text.split("\n") for part in (_split_fence(line) if "```" in line else (line,))]
    return _find_fenced(lines)[-MOST_BLOCKS:]


def find_others(text: str) -> Iterator[list[Block]]:
    """Yields what may be code where no fence holds the program.

    First tags, then strings in JSON, indented lines, and the whole text.
    """
    yield [Block((unescape_html(inner).strip("\n"),)) for tag in _TAGS for inner in _find_tagged(text, tag)]
    inside = find_strings(text)
    yield [block for inner in inside for block in (*find_fenced(inner), Block((inner,)))][-MOST_BLOCKS:]
    yield [Block(("\n".join(run),)) for run in _find_indented(text.split("\n"))][-MOST_BLOCKS:]
    yield [Block((text,))]


def find_strings(text: str) -> list[str]:
    """Lists the last strings with code of a text that is JSON.

    Empty for any other text.
    """
    found = text.strip()
    if not found.startswith(("{", "[", '"')):
        return []
    try:
        value = json.loads(found, strict=False)
    except (ValueError, RecursionError):
        return []
    return [each for each in _walk_strings(value) if _CODE_INSIDE.search(each)][-MOST_BLOCKS:]


def unescape_html(text: str) -> str:
    """Decodes the HTML entities of a text.

    The text stays as it is where an entity has too many digits.
    """
    try:
        return html.unescape(text)
    except ValueError:
        return text


def _find_tagged(text: str, tag: str) -> list[str]:
    """Lists the last texts between `<tag …>` and `</tag>`, or the end."""
    found: deque[str] = deque(maxlen=MOST_BLOCKS)
    opening, closing = re.compile(rf"<{tag}\b", re.IGNORECASE), re.compile(f"</{tag}>", re.IGNORECASE)
    place = 0
    while (begin := opening.search(text, place)) and (start := text.find(">", begin.end()) + 1):
        end = closing.search(text, start)
        found.append(text[start : end.start() if end else len(text)])
        place = end.end() if end else len(text)
    return list(found)


def _walk_strings(value: Any) -> Iterator[str]:
    """Yields the strings inside a JSON value, in their order."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict | list):
            waiting += reversed(part.values() if isinstance(part, dict) else part)


def _remove_quotes(text: str) -> str:
    """Removes the marks of a quotation, with `>` before every line."""
    quoted = len(_QUOTED.findall(text))
    if not quoted or quoted < 0.8 * sum(not line.isspace() for line in text.split("\n") if line):
        return text
    return re.sub(r"^[ \t]*> ?", "", text, flags=re.MULTILINE)


def _split_fence(line: str) -> list[str]:
    """Splits a line where a fence stands behind prose or code.

    The fence belongs on a line of its own.
    """
    place = line.find("```")
    if place < 1 or not line[:place].strip(" \t>*+-.)0123456789") or not _LATE_FENCE.fullmatch(line, place):
        return [line]
    return [line[:place].rstrip(), line[place:]]


def _find_indented(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yields runs of lines indented by four or more.

    Blank lines between them are included.
    """
    run: list[str] = []
    for line in (*lines, "end"):
        if line.startswith(("    ", "\t")) or (run and not line.strip()):
            run.append(line)
        elif run:
            yield run
            run = []


def _find_fenced(lines: Sequence[str], depth: int = 1) -> list[Block]:
    """Lists the last blocks; a nested one comes before its outer one."""
    found = []
    for opening, start, ends in _find_spans(lines)[-MOST_BLOCKS:]:
        block = _block(lines, start, opening["info"].lstrip(" \t"), ends)
        found += [*_find_inside(block, depth), block]
    return found


def _find_spans(lines: Sequence[str]) -> list[tuple[re.Match[str], int, list[int]]]:
    """Finds openings of outer fences, with lines that may close them."""
    marks = [(k, line) for k, line in enumerate(lines) if _may_fence(line)]
    found, after = [], 0
    for place, (k, line) in enumerate(marks):
        if k < after or (opening := _FENCE.match(line)) is None:
            continue
        ends = _find_ends(marks, place + 1, opening["fence"])
        found.append((opening, k, ends))
        after = ends[0] + 1 if ends else len(lines)
    return found


def _may_fence(line: str) -> bool:
    """Tells whether a line may be a fence.

    A quick test, since most lines are code.
    """
    return "```" in line or "~~~" in line


def _find_ends(marks: Sequence[tuple[int, str]], first: int, fence: str) -> list[int]:
    """Lists the lines that may close a fence, the nearest first."""
    later = (marks[place] for place in range(first, len(marks)))
    return list(islice((k for k, line in later if _is_end(line.strip(" \t"), fence)), MOST_ENDS))


def _is_end(line: str, fence: str) -> bool:
    return line.startswith(fence) and not line.strip(fence[0])


def _block(lines: Sequence[str], start: int, info: str, ends: Sequence[int]) -> Block:
    # Some put the first line of code behind the language.
    first = (
        [re.sub(r"^\w+[ \t]+(?=def |import |from |class )", "", info)] if _CODE_INSIDE.search(info) else []
    )
    texts = [
        "\n".join([*first, *lines[start + 1 : end]]) for end in (*ends, *(() if ends else (len(lines),)))
    ]
    return Block(tuple(map(dedent_text, texts)), closed=bool(ends))


def dedent_text(text: str) -> str:
    """Removes the common indent of all lines.

    The text stays as it is where its first line is not indented.
    """
    return textwrap.dedent(text) if text[:1].isspace() else text


def _find_inside(block: Block, depth: int) -> list[Block]:
    """Lists the blocks inside a block.

    For an answer that stands in a fence as a whole, and for JSON.
    """
    first = block.texts[0]
    found = [Block((inner,)) for inner in find_strings(first)]
    lines = first.split("\n")
    if depth < MOST_DEPTH and any(_is_labelled(line) for line in lines):
        found += _find_fenced(lines, depth + 1)
    return found


def _is_labelled(line: str) -> bool:
    """Tells whether a line opens a fence with a language."""
    match = _FENCE.match(line) if _may_fence(line) else None
    return match is not None and bool(match["info"].strip())
