"""Reads the number files of the field: every complaint names the file, the line, what was found and expected."""

from pathlib import Path

from gapsmith.evaluators.base import Trouble, UsageTrouble

LARGEST = 1 << 53
"""Beyond it sums and gaps would not be exact."""


class Numbers:
    """The numbers of a text file, one after another, whatever the line breaks; `#` starts a comment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens = list(_tokens(path))
        self._next = 0

    @property
    def at_end(self) -> bool:
        """Whether every number has been taken."""
        return self._next == len(self._tokens)

    def integer(self, meaning: str, least: int | None = None) -> int:
        """The next number. Raises Trouble when it is absent, no integer, or below `least`."""
        expected = f"{meaning}, an integer" + (f" of at least {least}" if least is not None else "")
        if self.at_end:
            line = self._tokens[-1][0] if self._tokens else 1
            raise Trouble(f"{self._path}, line {line}: the file ends; expected {expected}")
        line, token = self._tokens[self._next]
        self._next += 1
        value = _integer(token)
        if value is None or (least is not None and value < least):
            raise Trouble(f"{self._path}, line {line}: found {token[:40]!r}; expected {expected}")
        return value


def _integer(token: str) -> int | None:
    digits = token[1:] if token[0] in "+-" else token
    # By length first: Python reads no decimal number of more than 4300 digits.
    value = int(token) if digits.isdecimal() and len(digits) <= len(str(LARGEST)) else None
    return value if value is not None and abs(value) <= LARGEST else None


def _tokens(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Trouble(f"{path}: is not a text file; expected numbers as text") from None
    except OSError as error:
        raise UsageTrouble(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a readable file"
        ) from None
    lines = enumerate(text.splitlines(), 1)
    found = [(number, token) for number, line in lines for token in line.partition("#")[0].split()]
    if not found:
        raise Trouble(f"{path}: holds no numbers; expected at least one instance")
    return found
