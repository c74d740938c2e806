"""Cleans a model's code: removes all that is not Python.

Prompts, line numbers, marks of a diff, HTML entities, typographic signs, and prose around the code.
"""

import ast
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from gapsmith.agent.codegen.replies.markdown import dedent_text, unescape_html
from gapsmith.evaluators.grammar import UNREADABLE, parse_python

MOST_CUTS = 12
LONGEST_NUMBER = 9
"""Digits of a line's number that are read: Python reads none of more than 4300."""

_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("“”„‟″＂", '"'),
        **dict.fromkeys("‘’‚‛′＇", "'"),
        **dict.fromkeys("−–—‐‑－", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000", " "),
        **dict(zip("（）［］｛｝：，；＝＋＊／＜＞．×÷", "()[]{}:,;=+*/<>.*/", strict=True)),
        "≤": "<=",
        "≥": ">=",
        "≠": "!=",
        "…": "...",
    }
)
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-f]+);", re.IGNORECASE)
_BEGINS = re.compile(r"(?:import |from \w|def |async def |class |@|[A-Za-z_]\w* *(?::[^=\n]+)?= ?\S)")


@lru_cache(maxsize=16)
def parse_source(source: str) -> ast.Module | None:
    """Parses a source; None where that fails.

    Callers must not change the tree, since it is cached.
    """
    try:
        with warnings.catch_warnings():  # of a candidate's escapes and comparisons
            warnings.simplefilter("ignore")
            return parse_python(source)
    except UNREADABLE:
        return None


def list_readings(text: str, cut: bool) -> Iterator[tuple[str, str]]:
    """Yields the text as it is, then after each further cleaning.

    With a description of what was removed.

    Args:
        text: what may be code.
        cut: whether what stands before and after the code may be taken off, too.
    """
    source = dedent_text(text.strip("\n")).rstrip() + "\n"
    taken: list[str] = []
    if (
        _ENTITY.search(source) and (new := unescape_html(source)) != source
    ):  # first: `a &lt; b` is Python too, of another meaning
        source, taken = new, ["HTML's entities"]
    yield source, ", ".join(taken)
    for words, cleaned in CLEANINGS.items():
        if (new := cleaned(source)) != source:
            source = textwrap.dedent(new)
            taken.append(words)
            yield source, ", ".join(taken)
    for part in _cut_around(source) if cut else ():
        yield part, ", ".join([*taken, "text around it"])


def _remove_prompts(source: str) -> str:
    """Extracts the input from a transcript of an interpreter.

    Its lines begin with `>>>` and `...`, or with `In [1]:` and `...:`.
    """
    if re.search(r"^>>>(?: |$)", source, re.MULTILINE):
        return "\n".join(re.findall(r"^(?:>>>|\.\.\.)(?: (.*))?$", source, re.MULTILINE)) + "\n"
    if re.search(r"^In \[\d+\]: ", source, re.MULTILINE):
        return "\n".join(re.findall(r"^(?:In \[\d+\]:| *\.\.\.:) ?(.*)$", source, re.MULTILINE)) + "\n"
    return source


def _remove_numbers(source: str) -> str:
    lines = source.rstrip("\n").split("\n")
    found = [re.match(r" *(\d+)(?: ?[|:.)]|\t|  )? ?(.*)", line) for line in lines]
    numbers = [int(match[1][:LONGEST_NUMBER]) for match in found if match]
    if (
        len(numbers) < len(lines)
        or len(numbers) < 2
        or numbers != list(range(numbers[0], numbers[0] + len(lines)))
    ):
        return source
    width = re.match(r" *\d+ ?[|:.)]? ?", lines[0])
    assert width is not None  # every line has a number
    return "\n".join(line[len(width[0]) :] for line in lines) + "\n"


def _apply_diff(source: str) -> str:
    """Applies a diff that holds the whole of its file."""
    if "<<<<<<< " in source and "\n>>>>>>> " in source:
        return "".join(_resolve_conflicts(source.split("\n")))
    lines = source.split("\n")
    marked = [line for line in lines if line.startswith("+")]
    if not marked or not re.match(r"(?:diff |--- |\+\+\+ |@@|\+)", source):
        return source
    kept = [line for line in lines if line[:1] in ("+", " ", "") and not line.startswith("+++ ")]
    return "\n".join(line[1:] for line in kept) + "\n"


def _resolve_conflicts(lines: Sequence[str]) -> Iterator[str]:
    """Yields the lines between `=======` and `>>>>>>>` of each complete conflict."""
    begin: int | None = None
    for place, line in enumerate(lines):
        if begin is None and line == "=======":
            begin = place + 1
        elif begin is not None and line.startswith(">>>>>>> "):
            yield from (f"{kept}\n" for kept in lines[begin:place])
            begin = None


def _remove_magics(source: str) -> str:
    """Removes the commands of a notebook."""
    return re.sub(r"^(?:%%?|!|\?)[^\n]*\n", "", source, flags=re.MULTILINE)


def _decode_line_ends(source: str) -> str:
    """Decodes the line ends of a string that was not decoded.

    In JSON or Python they are two characters each.
    """
    if "\\n" not in source or source.strip().count("\n") > 1:
        return source
    return source.strip().strip("\"'").replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t") + "\n"


CLEANINGS: dict[str, Callable[[str], str]] = {
    "an interpreter's prompts": _remove_prompts,
    "line numbers": _remove_numbers,
    "the marks of a difference": _apply_diff,
    "a notebook's commands": _remove_magics,
    "escaped line ends": _decode_line_ends,
    "typographic signs": lambda source: source.translate(_TYPOGRAPHIC),
    "tabs": lambda source: source.expandtabs(4 if parse_source(source.expandtabs(4)) else 8),
}
"""By a description of what is removed."""


def _cut_around(source: str) -> Iterator[str]:
    """Yields the text from its first line of code, ever shorter.

    Each part ends where a parser stopped in the one before.
    """
    lines = source.split("\n")
    start = next((k for k, line in enumerate(lines) if _BEGINS.match(line)), None)
    if start is None:
        return
    left = lines[start:]
    for _ in range(MOST_CUTS):
        if not left:
            return
        text = "\n".join(left).rstrip() + "\n"
        yield text
        left = left[: _stop(text, left)]


def _stop(text: str, lines: Sequence[str]) -> int:
    """Returns how many lines to keep before the parser's error.

    Zero where the error is inside a statement: the program was cut off.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parse_python(text)
    except SyntaxError as error:
        place = (error.lineno or 0) - 1
        # An indented line is of a program that was cut off: what is left of it would be another program.
        return place if 0 <= place < len(lines) and re.match(r"\S", lines[place]) else 0
    except (ValueError, RecursionError, MemoryError):
        return 0
    return 0
