"""Counts replies without a working program, by reason."""

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
    """Counts replies, those without a working program by reason.

    Attributes:
        count: all of them.
        why: how many of each outcome had no program.
        broken: how many of each outcome had a program that may not run, or failed.
        words: an example of the message of each.
    """

    count: int = 0
    why: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
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
        found = CandidateOutcome(outcome)
        if found.is_failure and not found.is_sandbox_failure:
            (self.why if found.is_without_program else self.broken)[outcome] += 1
            self.words.setdefault(outcome, message)

    @property
    def without_program(self) -> int:
        """How many held none."""
        return self.why.total()

    @property
    def useless(self) -> bool:
        """Whether there are replies, and none of them held a program."""
        return 0 < self.count == self.without_program

    @property
    def fruitless(self) -> bool:
        """Whether there are replies, and none of them held a program that works."""
        return 0 < self.count == self.without_program + self.broken.total()

    @property
    def warning(self) -> str:
        """What is to be said of the replies so far, once; else empty."""
        return f"so far {self}" if self.useless and self.count == WARN_AFTER else ""

    def __str__(self) -> str:
        """Says it in one line."""
        part = "none" if self.fruitless else str(self.count - self.without_program)
        works = self.fruitless and not self.useless
        kinds = "; ".join(
            f"{number} {kind}: {flatten_untrusted(self.words[kind], 200)}"
            for kind, number in (self.why + self.broken if works else self.why).most_common()
        )
        return f"{part} of {self.count} replies held a program{' that works' if works else ''} ({kinds})"

    def encode(self) -> Mapping[str, Any]:
        """Encodes the counts for JSON."""
        return {"count": self.count, "without_program": self.without_program, "why": dict(self.why)}
