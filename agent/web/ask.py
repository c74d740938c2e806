"""What a request asks for: numbers, words and choices, whatever was typed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

LONGEST_WORD = 200
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Ask:
    """The parameters of a request.

    Attributes:
        path: parts of the address.
        query: what stands behind its question mark; the last one counts of several.
        place: the address without query.
    """

    path: Mapping[str, Any]
    query: Mapping[str, str]
    place: str = "/"

    def read_number(self, name: str, default: int = 1, least: int = 1, most: int = LARGEST) -> int:
        """Returns a whole number within limits; the default for anything else."""
        found = self.query.get(name, "")
        if not (found.isascii() and found.isdecimal() and len(found) <= 12):
            return default
        return min(max(int(found), least), most)

    def read_numbers(self, name: str, most: int) -> list[int]:
        """Returns numbers that are separated by commas, each once."""
        words = self.query.get(name, "").replace(" ", ",").split(",")
        known = [int(word) for word in words if word.isascii() and word.isdecimal() and len(word) <= 12]
        return list(dict.fromkeys(known))[:most]

    def choose(self, name: str, among: Collection[str], default: str) -> str:
        """Returns a word that is among the known ones, else the default."""
        found = self.query.get(name, default)
        return found if found in among else default

    def read_text(self, name: str) -> str:
        """Returns a text, shortened."""
        return self.query.get(name, "").strip()[:LONGEST_WORD]

    def change(self, **changes: Any) -> str:
        """Returns the address with other parameters; those of None are left out."""
        merged = {**self.query, **changes}
        kept = {name: str(value) for name, value in merged.items() if value not in (None, "")}
        return f"{self.place}?{urlencode(kept)}" if kept else self.place
