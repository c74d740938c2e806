"""Sanitizes text of models, candidates and errors.

The result is harmless in a prompt and on a terminal.

Nothing here decides whether text is honest; it decides what it can do where it is shown: move a cursor, turn the
direction of a line, hide letters, end the fence that it stands in, or fill a screen.
"""

import ast
import re

from gapsmith.evaluators.grammar import UNREADABLE, parse_python

LONGEST_MESSAGE = 1500
LONGEST_LINE = 160

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)"  # titles, links, clipboards
    r"|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
# Letters and marks that nothing is seen of, which `str.isprintable` lets pass.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def sanitize(text: str) -> str:
    """Removes terminal sequences, control and format characters, and invisible letters.

    Tabs and line ends stay. Marks that change the direction of writing are format characters, and are removed.
    """
    text = _SEQUENCES.sub("", text)
    if text.isascii():  # much faster, and nearly always so
        return _CONTROLS.sub("", text)
    return _UNSEEN.sub("", "".join(c for c in text if c in "\n\t" or c.isprintable()))


def escape_invisible(source: str) -> str | None:
    """Writes invisible characters of a program as escapes.

    None where that would change what the program does. Files are read with `cat` and in editors, where a terminal
    sequence or a reversed direction of writing misleads.
    """
    clean = "".join(
        c if c in "\n\t" or (c.isprintable() and not _UNSEEN.match(c)) else _escape(c) for c in source
    )
    if clean == source:
        return source
    try:
        same = ast.dump(parse_python(clean)) == ast.dump(parse_python(source))
    except UNREADABLE:
        return None
    return clean if same else None


def _escape(character: str) -> str:
    """Returns the escape of a character in a string literal.

    A character that separates words becomes a blank, so that it may stand in code.
    """
    if character in "\r\f\v":  # the parser passes over it at the margin, where a blank would be an indent
        return ""
    return " " if character.isspace() else ascii(character)[1:-1]


def limit_untrusted(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Returns harmless text without fences, shortened to a limit.

    Longer text ends with an ellipsis.
    """
    clean = re.sub(r"`{3,}|~{3,}", "'''", sanitize(text[: 4 * longest]))
    return clean if len(clean) <= longest else clean[:longest] + " …"


def flatten_untrusted(text: str, longest: int = LONGEST_LINE) -> str:
    """Puts untrusted text on one line, for lists, tables and sentences."""
    return " ".join(limit_untrusted(text, longest).split()).replace("|", "/").replace("`", "'")


def add_fence(text: str, language: str = "text") -> str:
    """Encloses a text in a fence that nothing inside ends.

    The fence has more backticks than any run in the text.
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
