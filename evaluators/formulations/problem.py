"""A search for a better formulation as a problem like any other.

Its programs are run, priced, raced and gated.

An instance carries the text of its base model. What a program returns is a model; its price is 1 plus the mean
logarithm of its solving times, so that the gap, 100·(price − 1), falls by 69 points where times halve.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from gapsmith.evaluators.base import (
    Baseline,
    BundleSource,
    Datum,
    FollowUp,
    GapsmithError,
    Instance,
    Problem,
    Runner,
    Split,
    UsageError,
)
from gapsmith.evaluators.formulations.brief import write_brief
from gapsmith.evaluators.formulations.contract import Built, Formulation
from gapsmith.evaluators.formulations.exchange import guest
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.hints import make_patterns
from gapsmith.evaluators.formulations.pricing import Pricing, strip_base_model
from gapsmith.evaluators.formulations.solve.benchmark import Judge, charge_building, price_times
from gapsmith.evaluators.formulations.solve.pool import SolverPool
from gapsmith.evaluators.formulations.speed import SpeedMeasurement
from gapsmith.evaluators.formulations.verify.ladder import MICRO, Ladder
from gapsmith.evaluators.grammar import Argument, EntryPoint, Library, Rule

AnyProblem = TypeVar("AnyProblem", bound=Problem)

DRAWS = 60
"""Largest number of draws until an instance fits the window of times."""
COUNTS = {Split.TRAIN: 10, Split.VALIDATION: 12, Split.TEST: 12}
MOST_SECONDS, LEAST_SECONDS = 1.0, 0.25
"""CPU limits for building a model: the largest, and that of the smallest base."""
BUILDING = 100.0
"""Multiple of the base's building time that is added to the least. All patterns of a library take up to 45 times."""
SECONDS_PER_CHARACTER = 5e-8
"""Estimated CPU seconds of building a base, per character of its text, so that limits are equal in every run."""

AUGMENT_ENTRY = EntryPoint(
    "augment",
    (
        Argument("model", "cp_model.CpModel", "the base model, to be added to"),
        Argument("variables", "dict of variables and nested lists of them", "those of the base, by name"),
        Argument("data", "dict of arrays and numbers", "the instance"),
    ),
    "nothing",
    imports=("ortools",),
)
BUILD_ENTRY = EntryPoint(
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
        formulation: the base model and its library.
        pricing: prices models.
        ladder: verifies programs.
        judge: measures the speed of models.
    """

    formulation: Formulation
    pricing: Pricing
    ladder: Ladder
    judge: Judge

    @property
    def original(self) -> Problem:
        """The problem that programs build models of."""
        return self.pricing.original

    @property
    def base_model(self) -> Callable[[Instance], Built]:
        """The function that builds the base model of an instance."""
        return self.formulation.build

    @property
    def library(self) -> Library:
        """The patterns that strengthen the base; for whole models those beside the base."""
        if self.pricing.whole:
            return Library((), _combine_nothing, self.formulation.builds[1:])
        patterns = self.formulation.patterns

        def combine(names: Collection[str]) -> str:
            return compose_program([pattern for pattern in patterns if pattern.name in names])

        return Library(tuple(pattern.name for pattern in patterns), combine)

    def add_heuristic(self, source: str, bundle: BundleSource) -> "FormulationProblem":
        """Returns the search with a heuristic's hint and bound in its library.

        Raises UsageError where heuristics cannot help.
        """
        if self.pricing.whole:
            raise UsageError(f"{self.name} takes no heuristic; leave :build away")
        if self.original.online:
            raise UsageError(
                f"{self.original.name} is on-line: its programs decide event by event; none can help here"
            )
        more = make_patterns(self.formulation, self.original, source, bundle)
        known = self.formulation.patterns
        return replace(self, formulation=replace(self.formulation, patterns=(*known, *more)))

    def measure_speed(
        self, source: str, instances: Sequence[Instance], costs: Sequence[float], runner: Runner
    ) -> Mapping[str, Any]:
        """Measures times against the base; see `speed.SpeedMeasurement`."""
        measurement = SpeedMeasurement(self, self.pricing, self.judge)
        return measurement.measure(source, instances, costs, runner).plain


def _combine_nothing(names: Collection[str]) -> str:
    return compose_program(())


def make_formulation_problem(
    formulation: Formulation,
    original: Problem,
    whole: bool = False,
    judge: Judge | None = None,
    micro: int = MICRO,
    solver: str | None = None,
) -> FormulationProblem:
    """Makes the search for additions to a formulation, or for whole models.

    Args:
        formulation: the base.
        original: the problem that it models.
        whole: whether programs build whole models, with a decoder.
        judge: measures speed; with the usual orders if not given.
        micro: number of tiny instances that the ladder draws.
        solver: the solver that is timed: "highs" or "scip"; CP-SAT if not given. The ladder always solves with
            CP-SAT, which is exact.
    """
    judge = judge or Judge(SolverPool(), solver=solver)
    pricing = Pricing(formulation, original, judge, whole)
    drawing = _Drawing(formulation, pricing, judge)
    ladder = Ladder(_make(Problem, drawing), pricing, judge.children, micro)
    special = {"formulation": formulation, "pricing": pricing, "ladder": ladder, "judge": judge}
    return _make(FormulationProblem, drawing, verify=ladder.verify, **special)


def _make(kind: type[AnyProblem], drawing: "_Drawing", **more: Any) -> AnyProblem:
    """Makes the problem of a search; subclasses may have more fields."""
    formulation, pricing, whole = drawing.formulation, drawing.pricing, drawing.pricing.whole
    return kind(
        name=formulation.name + _choose_ending(whole, drawing.judge.solver),
        title=formulation.title,
        brief=write_brief(whole, drawing.judge.solver).replace("BRIEF", formulation.brief),
        entry=BUILD_ENTRY if whole else AUGMENT_ENTRY,
        generate=drawing.generate,
        cost=pricing.cost,
        baseline=drawing.measure_baseline,
        rules=formulation.builds[:1] if whole else (Rule("base", base, formulation.citation),),
        sizes=formulation.sizes,
        counts=COUNTS,
        read=pricing.read,
        layouts=pricing.original.layouts,
        cpu_seconds=lambda instance: limit_building(pricing.build_base(instance)),
        charge=charge_building,
        driver=guest.BUILD if whole else guest.AUGMENT,
        preload="ortools",
        follow_up=FollowUp("decode", guest.DECODE, pricing.follow) if whole else None,
        words="formulation",
        shown=strip_base_model,
        editable=False,  # most numbers make a formulation right, and the search itself tries leaving parts out
        expensive=True,  # seconds of a solver each, on instances that have to be chosen for the base
        **more,
    )


def limit_building(base: str) -> float:
    """Limits the CPU seconds of building a model by its base's text."""
    return min(MOST_SECONDS, LEAST_SECONDS + BUILDING * SECONDS_PER_CHARACTER * len(base))


def _choose_ending(whole: bool, solver: str | None) -> str:
    """Returns the ending of a search's name."""
    return ":build" if whole else f":{solver}" if solver else ""


@dataclass(frozen=True)
class _Drawing:
    """Draws instances on which the base can be measured, and measures it."""

    formulation: Formulation
    pricing: Pricing
    judge: Judge

    def generate(self, rng: np.random.Generator, _: str, size: int) -> Mapping[str, Datum]:
        """Draws until the base is neither too easy nor too hard.

        Raises GapsmithError after too many draws.
        """
        for _draw in range(DRAWS):
            plain = Instance("drawn", self.formulation.generate(rng, size))
            if self.judge.is_suitable(self.pricing.build_base(plain)):
                return self.pricing.add_base_model(plain).data
        raise GapsmithError(
            f"{DRAWS} instances of {self.formulation.name} with size {size} were too easy or too hard for its base; "
            "expected other sizes in the formulation"
        )

    def measure_baseline(self, instance: Instance, _: float) -> Baseline:
        """Prices zero time and the base; the solution holds optimum and times."""
        facts = self.judge.measure_base(self.pricing.build_base(instance))
        solution = {"optimum": facts.optimum, "units": list(facts.times)}
        method = f"{self.judge.solver or 'CP-SAT'} on the base"
        return Baseline(1.0, price_times(facts.times), solution, method, facts.seconds)
