"""Questions: a word problem from a text file, or a set with known answers in JSON Lines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gapsmith.agent.modelling.answer import is_number
from gapsmith.evaluators.base import Trouble, UsageTrouble

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

    Raises UsageTrouble or Trouble.
    """
    return Question(path.stem, _checked(_text(path), str(path)))


def read_questions(path: Path) -> list[Question]:
    """Reads a set of questions, such as `synthesise` writes.

    Raises Trouble with file and line.
    """
    # splitlines would also break at characters that JSON allows inside a string.
    lines = [(n, line) for n, line in enumerate(_text(path).split("\n"), 1) if line.strip()]
    if not lines:
        raise Trouble(f"{path} has no question; expected {_EXPECTED} on each line")
    found = [_question(line, f"{path}, line {number}") for number, line in lines]
    first: dict[str, int] = {}
    for (number, _), question in zip(lines, found, strict=True):
        before = first.setdefault(question.id, number)
        if before != number:
            raise Trouble(
                f"{path}, line {number}: id {question.id!r} is already used in line {before}; expected another"
            )
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise Trouble(f"{path} is not a text file; expected a question in UTF-8") from None
    except OSError as error:
        raise UsageTrouble(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a readable file"
        ) from None


def _checked(text: str, where: str) -> str:
    if not text.strip():
        raise Trouble(f"{where}: the question is empty; expected a word problem")
    if len(text) > LONGEST_QUESTION:
        raise Trouble(
            f"{where}: the question has {len(text)} characters; expected at most {LONGEST_QUESTION}"
        )
    return text


def _question(line: str, where: str) -> Question:
    row = _object(line, where)
    text = row.get("question", row.get("story"))
    if not isinstance(text, str):
        raise Trouble(f"{where}: question is {_short(text)}; expected text: {_EXPECTED}")
    return Question(
        id=_name(row, where),
        text=_checked(text, where),
        set=str(row.get("set", "")),
        kind=str(row.get("kind", "")),
        answers=_answers(row, where),
    )


def _object(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Trouble(f"{where}: {_short(line)} is not JSON ({error}); expected {_EXPECTED}") from None
    if not isinstance(row, dict):
        raise Trouble(f"{where}: {_short(line)} is not an object; expected {_EXPECTED}")
    return row


def _name(row: Mapping[str, Any], where: str) -> str:
    name = row.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
        raise Trouble(f"{where}: id is {_short(name)}; expected a name: {_EXPECTED}")
    return str(name)


def _answers(row: Mapping[str, Any], where: str) -> dict[str, float]:
    given = row.get("answers", {OBJECTIVE: row["answer"]} if "answer" in row else None)
    if not isinstance(given, dict) or not given:
        raise Trouble(f"{where}: answers is {_short(given)}; expected numbers by quantity: {_EXPECTED}")
    for name, value in given.items():
        if not name.strip():
            raise Trouble(f"{where}: a quantity of the answers has no name; expected {_EXPECTED}")
        if not is_number(value):
            raise Trouble(f"{where}: the answer {_short(name)} is {_short(value)}; expected a number")
    return {name: float(value) for name, value in given.items()}


def _short(value: object) -> str:
    return repr(value)[:60]
