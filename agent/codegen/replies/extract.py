"""From a reply to its program.

The last one that defines the entry point, with the helpers and imports it needs.

What a model got wrong in form alone is put right and said: another name of the function, a class or a lambda in
its place, a forgotten import, an example call at the end. What it got wrong in substance stays as it is.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gapsmith.agent.codegen.replies.cleanup import list_readings, parse_source
from gapsmith.agent.codegen.replies.imports import complete_program
from gapsmith.agent.codegen.replies.markdown import Block, find_fenced, find_others, strip_hidden
from gapsmith.agent.codegen.replies.repair import has_entry, is_stub, remove_trials, repair_entry
from gapsmith.agent.codegen.sanitize import limit_untrusted
from gapsmith.evaluators.grammar import EntryPoint

_CODE = re.compile(r"^[ \t]*(?:async )?def \w|^[ \t]*class \w|^import \w", re.MULTILINE)
# "1. **Mechanism:** " and the like, or a heading.
_LABEL = re.compile(
    r"^[ \t]*#.*|^[ \t]*(?:[-*+]\s|\d+[.)]\s)?[\s*_]*(?:(?:mechanism|idea)\b[*_]*\s*[:–—-]+)?", re.IGNORECASE
)
LONGEST_IDEA = 140
LONGEST_TEXT = 100_000
"""Characters; a longer block is not read, since no program of that length is taken."""
MOST_READ = 4_000_000
"""Characters that are parsed for one reply; a reply of many blocks is read from its end as far as that."""


@dataclass(frozen=True)
class Extracted:
    """The code in a reply.

    Attributes:
        source: the program; where none was found, what comes nearest; empty where nothing looks like code.
        detail: what was put right, in words; empty where nothing was.
        trouble: why the reply could not be read; empty where it could.
    """

    source: str
    detail: str = ""
    trouble: str = ""


def extract(reply: str, entry: EntryPoint) -> Extracted:
    """Finds the program in a reply.

    Raises nothing, whatever the reply holds.
    """
    try:
        return _extract(reply, entry)
    except Exception as error:  # noqa: BLE001 - a reply that a parser cannot bear must not end a run
        return Extracted("", trouble=f"the reply cannot be read: {type(error).__name__}")


def _extract(reply: str, entry: EntryPoint) -> Extracted:
    text = strip_hidden(reply)
    fenced = find_fenced(text)
    groups = [fenced] if _has_code(fenced) else [fenced, *find_others(text)]
    reader = _Reader(entry, MOST_READ)
    for cut in (False, True):  # a block that is a program as it stands goes before a part of any
        for blocks in groups:
            found = [each for block in reversed(blocks) if (each := reader.extract_program(block, cut))]
            if best := _choose_best(found[::-1], entry):
                return best
    return _find_nearest(groups, entry)


@dataclass
class _Reader:
    """Reads blocks as programs, until a limit of parsed characters."""

    entry: EntryPoint
    left: int

    def extract_program(self, block: Block, cut: bool) -> Extracted | None:
        """Returns the first reading of a block that defines the entry point.

        Where there is none, the first that can be parsed.
        """
        first = None
        for text in (each for each in block.texts if len(each) <= LONGEST_TEXT):
            found = self._read(text, cut)
            if found and has_entry(_parse(found), self.entry):
                return found
            first = first or found
        return first

    def _read(self, text: str, cut: bool) -> Extracted | None:
        for source, taken in list_readings(text, cut):
            self.left -= len(source)
            if self.left < 0 or len(source) > LONGEST_TEXT:
                return None
            if (tree := parse_source(source)) is not None and _is_code(tree):
                return Extracted(source, f"taken off: {taken}" if taken else "")
        return None


def _is_code(tree: ast.Module) -> bool:
    """Tells whether a tree can be code.

    Single words and sentences can be parsed too.
    """
    return any(not isinstance(node, ast.Expr) for node in tree.body)


def _choose_best(found: Sequence[Extracted], entry: EntryPoint) -> Extracted | None:
    """Chooses the last program whose entry point has a body.

    Where there is none, the last that can be repaired so that it defines the entry point.
    """
    defining = [each for each in found if has_entry(_parse(each), entry)]
    full = [each for each in defining if not is_stub(_parse(each), entry)]
    if chosen := full[-1:] or defining[-1:]:
        return _finish(chosen[0], found, entry)
    for each in reversed(found):
        if made := repair_entry(each.source, _parse(each), entry):
            source, said = made
            return _finish(Extracted(source, _join_details(each.detail, said)), found, entry)
    return None


def _finish(chosen: Extracted, found: Sequence[Extracted], entry: EntryPoint) -> Extracted:
    source, tried = remove_trials(chosen.source, entry)
    source, added = complete_program(source, [each.source for each in found if each is not chosen], entry)
    return Extracted(source.strip("\n") + "\n", _join_details(chosen.detail, tried, added))


def _find_nearest(groups: Sequence[Sequence[Block]], entry: EntryPoint) -> Extracted:
    """Returns the text that comes nearest to a program.

    It is for replies without a program: screening rejects it with a reason. Empty where nothing looks like code.
    """
    fenced, others = groups[0], [block for group in groups[1:] for block in group]
    texts = [block.texts[-1] for block in fenced if block.texts[-1].strip()]
    texts = texts or [block.texts[0] for block in others if _CODE.search(block.texts[0])]
    named = [text for text in texts if re.search(rf"\bdef {re.escape(entry.name)}\b", text)]
    source = named[-1] if named else max(texts, key=len, default="")
    cut = any(not block.closed for block in fenced)
    return Extracted(source.strip("\n") + "\n" if source else "", "the code has no end" if cut else "")


def _has_code(blocks: Sequence[Block]) -> bool:
    return any(_CODE.search(text) for block in blocks for text in block.texts)


def _parse(program: Extracted) -> ast.Module:
    tree = parse_source(program.source)
    assert tree is not None  # only what can be parsed is a program
    return tree


def _join_details(*details: str) -> str:
    return "; ".join(detail for detail in details if detail)


def extract_idea(reply: str) -> str:
    """Returns what a reply says about its program after the code.

    In one harmless line; empty where it says nothing.
    """
    after = re.split(r"^[ \t]*[`~]{3,}[ \t]*$", reply, flags=re.MULTILINE)[-1]
    lines = (_LABEL.sub("", line).strip(" *_") for line in after.splitlines())
    line = next((line for line in lines if line), "")
    return limit_untrusted(line, LONGEST_IDEA) if len(after) < len(reply) else ""
