"""A search for a better formulation as a problem like any other: its programs are run, priced, raced and gated.

An instance carries the text of its base model. What a program returns is a model; its price is 1 plus the mean
logarithm of its solving times, so that the gap, 100·(price − 1), falls by 69 points where times halve.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gapsmith.evaluators.base import (
    Argument,
    Baseline,
    Datum,
    EntryPoint,
    FollowUp,
    Instance,
    Problem,
    Rule,
    Split,
    Trouble,
)
from gapsmith.evaluators.formulations.brief import brief
from gapsmith.evaluators.formulations.contract import Formulation
from gapsmith.evaluators.formulations.exchange import guest
from gapsmith.evaluators.formulations.pricing import Pricing, plain_instance
from gapsmith.evaluators.formulations.solve.benchmark import Judge, charged, cost_of
from gapsmith.evaluators.formulations.solve.pool import Children
from gapsmith.evaluators.formulations.verify.ladder import MICRO, Ladder

DRAWS = 60
"""Instances that are drawn until one suits the window of times."""
COUNTS = {Split.TRAIN: 10, Split.VALIDATION: 12, Split.TEST: 12}
MOST_SECONDS, LEAST_SECONDS = 1.0, 0.25
"""CPU seconds for building a model, at most and for the smallest base."""
BUILDING = 100.0
"""So many times what the base's own building takes come to the least. All patterns of a library take up to 45 times."""
SECONDS_PER_CHARACTER = 5e-8
"""CPU seconds of building a base, by the length of its text: reckoned, so that limits are the same in every run."""

AUGMENT = EntryPoint(
    "augment",
    (
        Argument("model", "cp_model.CpModel", "the base model, to be added to"),
        Argument("variables", "dict of variables and nested lists of them", "those of the base, by name"),
        Argument("data", "dict of arrays and numbers", "the instance"),
    ),
    "nothing",
    imports=("ortools",),
)
WHOLE = EntryPoint(
    "build",
    (Argument("data", "dict of arrays and numbers", "the instance"),),
    "the model, and a dict of variables and nested lists of them",
    imports=("ortools",),
)


def base(model, variables, data):  # type: ignore[no-untyped-def]
    """Adds nothing: what every formulation is compared with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FormulationProblem(Problem):
    """A problem whose programs are formulations.

    Attributes:
        formulation: the base, and what is known of it.
        pricing: what its models are worth.
        ladder: whether they are right.
        judge: how fast they are.
    """

    formulation: Formulation
    pricing: Pricing
    ladder: Ladder
    judge: Judge


def formulation_problem(
    formulation: Formulation,
    original: Problem,
    whole: bool = False,
    judge: Judge | None = None,
    micro: int = MICRO,
    solver: str | None = None,
) -> FormulationProblem:
    """The search for what strengthens a formulation, or, with `whole`, for another model of its problem.

    Args:
        formulation: the base.
        original: the problem that it models.
        whole: whether programs build whole models, with a decoder.
        judge: measures; with the usual orders if not given.
        micro: tiny instances that the ladder draws.
        solver: who proves optima when speed is measured: "highs" or "scip"; CP-SAT if not given. The ladder's is
            always CP-SAT, which is exact.
    """
    judge = judge or Judge(Children(), solver=solver)
    pricing = Pricing(formulation, original, judge, whole)
    plain = _stated(formulation, pricing, _Drawing(formulation, pricing, judge))
    ladder = Ladder(plain, pricing, judge.children, micro)
    special = {"formulation": formulation, "pricing": pricing, "ladder": ladder, "judge": judge}
    return FormulationProblem(**{**vars(plain), "verify": ladder.climb, **special})


def _stated(formulation: Formulation, pricing: Pricing, drawing: "_Drawing") -> Problem:
    whole = pricing.whole
    return Problem(
        name=formulation.name + _ending(whole, drawing.judge.solver),
        title=formulation.title,
        brief=brief(whole, drawing.judge.solver).replace("BRIEF", formulation.brief),
        entry=WHOLE if whole else AUGMENT,
        generate=drawing.generate,
        cost=pricing.cost,
        baseline=drawing.baseline,
        rules=formulation.builds[:1] if whole else (Rule("base", base, formulation.citation),),
        sizes=formulation.sizes,
        counts=COUNTS,
        read=pricing.read,
        layouts=pricing.original.layouts,
        cpu_seconds=lambda instance: building_seconds(pricing.base(instance)),
        charge=charged,
        driver=guest.BUILD if whole else guest.AUGMENT,
        preload="ortools",
        follow_up=FollowUp("decode", guest.DECODE, pricing.follow) if whole else None,
        words="formulation",
        shown=plain_instance,
    )


def building_seconds(base: str) -> float:
    """The CPU seconds that building a model may take, by the text of its base."""
    return min(MOST_SECONDS, LEAST_SECONDS + BUILDING * SECONDS_PER_CHARACTER * len(base))


def _ending(whole: bool, solver: str | None) -> str:
    """What tells the searches for one formulation apart, by name."""
    return ":build" if whole else f":{solver}" if solver else ""


@dataclass(frozen=True)
class _Drawing:
    """Instances on which the base can be measured, and how it does there."""

    formulation: Formulation
    pricing: Pricing
    judge: Judge

    def generate(self, rng: np.random.Generator, _: str, size: int) -> Mapping[str, Datum]:
        """Draws until the base is neither too easy nor too hard. Raises Trouble."""
        for _draw in range(DRAWS):
            plain = Instance("drawn", self.formulation.generate(rng, size))
            if self.judge.suits(self.pricing.base(plain)):
                return self.pricing.stated(plain).data
        raise Trouble(
            f"{DRAWS} instances of {self.formulation.name} with size {size} were too easy or too hard for its base; "
            "expected other sizes in the formulation"
        )

    def baseline(self, instance: Instance, _: float) -> Baseline:
        """The price of no time at all, and that of the base; its optimum and times as the solution."""
        facts = self.judge.base(self.pricing.base(instance))
        solution = {"optimum": facts.optimum, "units": list(facts.times)}
        method = f"{self.judge.solver or 'CP-SAT'} on the base"
        return Baseline(1.0, cost_of(facts.times), solution, method, facts.seconds)
