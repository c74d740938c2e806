"""A slot.

One place in a run, its question, and the result of its candidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gapsmith.agent.codegen.screen import Screened
from gapsmith.agent.evaluation.staged import StageResult
from gapsmith.agent.search.acceptance.racing import RaceReference
from gapsmith.agent.search.choice import Choice, Failure
from gapsmith.agent.search.instances import InstanceSet
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.outcomes import CandidateOutcome


@dataclass(frozen=True)
class Slot:
    """A slot: the facts known when its candidate is requested.

    Attributes:
        number: its place in the run; reference rules come first, then what an older archive gave.
        choice: the operator, the parents and the arm.
        reference: what the candidate is raced against.
        rivals: the elites of the run: a program that behaves as one of them is not new.
        model: the model that is asked; empty where none is.
        name: of a reference rule, else empty.
        reserved: evaluations reserved.
    """

    number: int
    choice: Choice
    reference: RaceReference | None = None
    rivals: Sequence[Elite] = ()
    model: str = ""
    name: str = ""
    reserved: int = 0


@dataclass(frozen=True)
class Origin:
    """Where a candidate's source came from.

    Attributes:
        text: the reply, or the source where no model was asked.
        finish: how the reply ended and why; empty for one that is complete.
        idea: the reply's own words on it, in one line.
        usd: the price of the call.
        tuned: instances that tuning ran for it.
        events: what is recorded with its end.
        fresh: whether its model was asked in this session.
    """

    text: str
    finish: tuple[str, str] = ("", "")
    idea: str = ""
    usd: float = 0.0
    tuned: int = 0
    events: tuple[tuple[str, dict[str, Any]], ...] = ()
    fresh: bool = False


@dataclass(frozen=True)
class Judged:
    """A candidate that has come to its end.

    Attributes:
        slot: its place.
        origin: its text.
        screened: its code.
        program: its number in the archive.
        outcome: in one word.
        message: why.
        stage: how far it came on the training instances.
        elite: the program, if it solved all training instances by its own work.
        validated: how it did on the gate's instances; None where it did not come there.
        bench: the gate's instances, as of then.
        duplicate: the program whose behaviour it repeats.
    """

    slot: Slot
    origin: Origin
    screened: Screened
    program: int
    outcome: CandidateOutcome
    message: str = ""
    stage: StageResult | None = None
    elite: Elite | None = None
    validated: StageResult | None = None
    bench: InstanceSet | None = None
    duplicate: int | None = None

    @property
    def evaluated(self) -> int:
        """Instances that it was measured on, those of tuning included: what it cost, whatever was known before."""
        validated = len(self.bench.instances) if self.validated and self.bench else 0
        return self.origin.tuned + (self.stage.evaluated if self.stage else 0) + validated

    @property
    def charged(self) -> bool:
        """Whether it counts as an evaluation: what repeats another program does not."""
        return self.stage is not None and self.stage.evaluated > 0 and self.duplicate is None

    def find_failure(self) -> Failure | None:
        """Returns what a model can repair; None if there is nothing."""
        if not self.outcome.repairable:
            return None
        choice = self.slot.choice
        tries = choice.failure.tries + 1 if choice.failure else 0
        words = f"{self.outcome}: {self.message}"
        gaps = [choice.failure.gap] if choice.failure else [parent.gap for parent in choice.parents]
        gap = min((gap for gap in gaps if gap is not None), default=None)
        return Failure(self.program, self.screened.source, words, tries, choice.arm, gap)


@dataclass(frozen=True)
class Progress:
    """How a run stands after a slot has ended."""

    slot: int
    operator: str
    arm: str
    outcome: str
    evaluations: int
    calls: int
    usd: float | None
    seconds: float
    best_gap: float | None
    champion: int | None
    warning: str = ""
