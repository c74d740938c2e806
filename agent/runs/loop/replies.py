"""Which replies of a run held no program, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gapsmith.agent.archive import Archive, CandidateRow
from gapsmith.agent.codegen.sanitize import flatten_untrusted
from gapsmith.evaluators.outcomes import CandidateOutcome

WARN_AFTER, STOP_AFTER = 4, 8
"""Replies at the beginning, none with a program, after which a warning is shown and the search ends."""


@dataclass
class Replies:
    """Counts replies, and those without a program by why.

    Attributes:
        count: all of them.
        why: how many of each outcome had no program.
        words: an example of the message of each.
    """

    count: int = 0
    why: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)

    @classmethod
    def gather(cls, archive: Archive, run: int) -> "Replies":
        """Counts the replies of a run."""
        found = cls()
        found.extend(archive.read_candidates(run).values())
        return found

    def extend(self, rows: Iterable[CandidateRow]) -> None:
        """Counts the rows that a model answered."""
        for row in rows:
            if row.model and row.outcome not in (CandidateOutcome.ASKED, ""):
                self.add(row.outcome, row.message)

    def add(self, outcome: str, message: str) -> None:
        """Counts a reply by the outcome of its slot."""
        self.count += 1
        if CandidateOutcome(outcome).is_without_program:
            self.why[outcome] += 1
            self.words.setdefault(outcome, message)

    @property
    def without_program(self) -> int:
        """How many held none."""
        return self.why.total()

    @property
    def useless(self) -> bool:
        """Whether there are replies, and none of them held a program."""
        return 0 < self.count == self.without_program

    def __str__(self) -> str:
        """Says it in one line."""
        part = "none" if self.useless else str(self.count - self.without_program)
        kinds = "; ".join(
            f"{number} {kind}: {flatten_untrusted(self.words[kind], 200)}"
            for kind, number in self.why.most_common()
        )
        return f"{part} of {self.count} replies held a program ({kinds})"

    def encode(self) -> Mapping[str, Any]:
        """Encodes the counts for JSON."""
        return {"count": self.count, "without_program": self.without_program, "why": dict(self.why)}
