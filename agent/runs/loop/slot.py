"""A slot: one question and what came of it, from stage to stage."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from gapsmith.agent.codegen.screen import Screened
from gapsmith.agent.evaluation.staged import Heat
from gapsmith.agent.models.hosted.finish import ENDINGS
from gapsmith.agent.search.acceptance.novelty import Decisions
from gapsmith.agent.search.acceptance.racing import Bar
from gapsmith.agent.search.choice import Choice, Failure
from gapsmith.agent.search.instances import Bench
from gapsmith.agent.search.selection.population import Elite

OURS = ("zygote_died", "harness_failure")
"""Endings that say nothing about a program: the sandbox itself broke."""

NO_FAULT = frozenset(("ok", "duplicate", "twin", "raced", "no_code", *ENDINGS, *OURS))
"""Outcomes after which there is nothing to mend."""


class Stage(IntEnum):
    """How far a slot has come. At REPLIED, PROBED, RACED and ENDED it waits for its turn."""

    ASKED = 0
    REPLIED = 1
    PROBING = 2
    PROBED = 3
    RACING = 4
    RACED = 5
    VALIDATING = 6
    ENDED = 7


WAITS = (Stage.REPLIED, Stage.PROBED, Stage.RACED, Stage.ENDED)


@dataclass
class Slot:
    """One question on its way.

    Attributes:
        number: its place in the run; reference rules come first, then what an older archive gave.
        choice: the operator, the parents and the arm.
        bar: what the candidate is raced against, as of the asking.
        rivals: the elites of the run, as of the asking: who does what one of them does is no new program.
        model: who is asked; empty where nobody is.
        name: of a reference rule, else empty.
        fresh: whether its model is asked in this sitting.
        usd: reserved for its call.
        paid: what the call did cost.
        reserved: evaluations reserved.
        tuned: instances that tuning ran for it.
        text: the reply, or the source where no model was asked.
        finish: how the reply ended and why, in two words or lines; empty for one that is complete.
        idea: the reply's own words on it, in one line.
        program: its number, once known.
        screened: its code, once known.
        heat: how far it came on the training instances.
        validated: how it did on those of the gate; None where it did not come there.
        bench: the gate's instances, as of then.
        elite: the program, once it solved all training instances.
        twin: the program whose behaviour it repeats.
        known: digests of instances whose scores the archive had before.
        recalled: what the program did, as an earlier sitting or another run found it.
        outcome: in words, once it has ended.
        message: why.
    """

    number: int
    choice: Choice
    bar: Bar | None = None
    rivals: Sequence[Elite] = ()
    model: str = ""
    name: str = ""
    fresh: bool = False
    usd: float = 0.0
    paid: float = 0.0
    reserved: int = 0
    tuned: int = 0
    stage: Stage = Stage.ASKED
    text: str = ""
    finish: tuple[str, str] = ("", "")
    idea: str = ""
    program: int | None = None
    screened: Screened | None = None
    heat: Heat | None = None
    elite: Elite | None = None
    validated: Heat | None = None
    bench: Bench | None = None
    twin: int | None = None
    known: frozenset[str] = frozenset()
    recalled: Decisions = field(default_factory=dict)
    outcome: str = ""
    message: str = ""
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def end(self, outcome: str, message: str = "") -> None:
        """Nothing more is done for it."""
        self.outcome, self.message, self.stage = outcome, message, Stage.ENDED

    @property
    def size(self) -> int:
        """Nodes of its program's tree."""
        return self.screened.size if self.screened else 0

    @property
    def source(self) -> str:
        """Its program."""
        return self.screened.source if self.screened else ""

    @property
    def met(self) -> int:
        """Instances that it was measured on, those of tuning included: what it cost, whatever was known before."""
        validated = len(self.bench.instances) if self.validated and self.bench else 0
        return self.tuned + (self.heat.met if self.heat else 0) + validated

    @property
    def charged(self) -> bool:
        """Whether it counts as an evaluation: what repeats another program does not."""
        return self.heat is not None and self.heat.met > 0 and self.twin is None

    def failure(self) -> Failure | None:
        """What is to be mended, if it is the program's own fault that it gave no elite."""
        if self.outcome in NO_FAULT or not self.screened:
            return None
        tries = self.choice.failure.tries + 1 if self.choice.failure else 0
        words = f"{self.outcome}: {self.message}"
        return Failure(self.program or 0, self.source, words, tries, self.choice.arm)


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
