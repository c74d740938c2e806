"""Questions.

A word problem from a text file, or a set with known answers in JSON Lines.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gapsmith.agent.modelling.answer import is_number
from gapsmith.evaluators.base import GapsmithError, UsageError

LONGEST_QUESTION = 24_000
"""Maximum length in characters: five times the longest question of the public sets."""

OBJECTIVE = "optimal objective value"
_EXPECTED = 'a JSON object such as {"id": "q1", "question": "…", "answers": {"total cost": 12.5}}'


@dataclass(frozen=True)
class Question:
    """A word problem.

    Attributes:
        id: unique in its set.
        text: the text; untrusted.
        set: the collection; empty for a question of your own.
        kind: its class in the collection.
        answers: known numbers by quantity; empty if unknown.
    """

    id: str
    text: str
    set: str = ""
    kind: str = ""
    answers: Mapping[str, float] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The scored quantity: the last one, the objective in public sets; else empty."""
        return list(self.answers)[-1] if self.answers else ""


def read_question(path: Path) -> Question:
    """Reads the question in a text file.

    Raises UsageError or GapsmithError.
    """
    return Question(path.stem, _check_text(_read_text(path), str(path)))


def read_questions(path: Path) -> list[Question]:
    """Reads a set of questions, such as `synthesise` writes.

    Raises GapsmithError with file and line.
    """
    # splitlines would also break at characters that JSON allows inside a string.
    lines = [(n, line) for n, line in enumerate(_read_text(path).split("\n"), 1) if line.strip()]
    if not lines:
        raise GapsmithError(f"{path} has no question; expected {_EXPECTED} on each line")
    found = [_parse_question(line, f"{path}, line {number}") for number, line in lines]
    first: dict[str, int] = {}
    for (number, _), question in zip(lines, found, strict=True):
        before = first.setdefault(question.id, number)
        if before != number:
            raise GapsmithError(
                f"{path}, line {number}: id {question.id!r} is already used in line {before}; expected another"
            )
    return found


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise GapsmithError(f"{path} is not a text file; expected a question in UTF-8") from None
    except OSError as error:
        raise UsageError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a readable file"
        ) from None


def _check_text(text: str, where: str) -> str:
    if not text.strip():
        raise GapsmithError(f"{where}: the question is empty; expected a word problem")
    if len(text) > LONGEST_QUESTION:
        raise GapsmithError(
            f"{where}: the question has {len(text)} characters; expected at most {LONGEST_QUESTION}"
        )
    return text


def _parse_question(line: str, where: str) -> Question:
    row = _parse_object(line, where)
    text = row.get("question", row.get("story"))
    if not isinstance(text, str):
        raise GapsmithError(f"{where}: question is {_shorten(text)}; expected text: {_EXPECTED}")
    return Question(
        id=_parse_name(row, where),
        text=_check_text(text, where),
        set=str(row.get("set", "")),
        kind=str(row.get("kind", "")),
        answers=_parse_answers(row, where),
    )


def _parse_object(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise GapsmithError(
            f"{where}: {_shorten(line)} is not JSON ({error}); expected {_EXPECTED}"
        ) from None
    if not isinstance(row, dict):
        raise GapsmithError(f"{where}: {_shorten(line)} is not an object; expected {_EXPECTED}")
    return row


def _parse_name(row: Mapping[str, Any], where: str) -> str:
    name = row.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
        raise GapsmithError(f"{where}: id is {_shorten(name)}; expected a name: {_EXPECTED}")
    return str(name)


def _parse_answers(row: Mapping[str, Any], where: str) -> dict[str, float]:
    given = row.get("answers", {OBJECTIVE: row["answer"]} if "answer" in row else None)
    if not isinstance(given, dict) or not given:
        raise GapsmithError(
            f"{where}: answers is {_shorten(given)}; expected numbers by quantity: {_EXPECTED}"
        )
    for name, value in given.items():
        if not name.strip():
            raise GapsmithError(f"{where}: a quantity of the answers has no name; expected {_EXPECTED}")
        if not is_number(value):
            raise GapsmithError(
                f"{where}: the answer {_shorten(name)} is {_shorten(value)}; expected a number"
            )
    return {name: float(value) for name, value in given.items()}


def _shorten(value: object) -> str:
    return repr(value)[:60]
