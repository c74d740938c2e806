"""The shapes of plain data in the archive.

Readers of a JSON column rely on them. Further keys are allowed, so that archives of other versions can be read.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Required

from pydantic import AllowInfNan, Strict, StringConstraints, TypeAdapter, ValidationError
from pydantic import Field as Limits
from typing_extensions import TypedDict

Text = Annotated[str, StringConstraints(strict=True)]
Number = Annotated[float, Strict(), AllowInfNan(False)]
Extended = Annotated[float, Strict(), AllowInfNan(True)]
"""A number that may be infinite: a gap to an optimum of 0."""
Count = Annotated[int, Strict(), Limits(ge=0, lt=2**63)]
Slot = Annotated[int, Strict(), Limits(ge=-1, lt=2**63)]
Interval = tuple[Number | None, Number | None] | None


class Failure(TypedDict, total=False):
    """An instance on which a program failed."""

    instance: Required[Text]
    outcome: Required[Text]


class Figures(TypedDict, total=False):
    """A program on the sealed test."""

    id: Count | None
    name: Text
    pooled_gap_percent: Number | None
    best_known_gap_percent: Number | None
    mean_gap_percent: Number | None
    optimal_share: Number | None
    cpu_seconds: Number | None
    ci95: Interval
    outcome: Text
    solved: Count
    failures: list[Failure]


class Difference(TypedDict, total=False):
    """A paired difference to the best rule."""

    pooled_gap_points: Number | None
    ci95: Interval
    instances: Count
    generated: bool
    failures: list[Failure]


class Point(TypedDict, total=False):
    """A program of the Pareto front."""

    id: Required[Count]
    name: Required[Text | None]
    pooled_gap_percent: Required[Number | None]
    cpu_seconds: Required[Number]
    size: Required[Count]
    winner: bool


class Member(TypedDict, total=False):
    """A program of the portfolio."""

    id: Required[Count]
    name: Required[Text | None]
    runs: Required[Count]
    pooled_gap_percent: Required[Number | None]


class CostLine(TypedDict, total=False):
    """Costs of some calls."""

    name: Required[Text]
    calls: Required[Count]
    usd: Required[Number | None]
    tokens_in: Required[Count]
    tokens_cached: Required[Count]
    tokens_out: Required[Count]
    bests: Count
    champions: Count
    cached_share: Number | None
    usd_per_best: Number | None
    usd_per_champion: Number | None


class Spending(CostLine, total=False):
    """Costs of all calls, by model and by operator."""

    models: Required[list[CostLine]]
    operators: Required[list[CostLine]]


class Ratio(TypedDict, total=False):
    """A ratio of two amounts of work."""

    value: Required[Number]
    ci95: Required[tuple[Number, Number] | None]
    instances: Required[Count]


class Verified(TypedDict, total=False):
    """The verification of a formulation."""

    rung: Required[Text]
    truth: Text | None
    instances: Count
    hinted: Count | None


class Formulation(TypedDict, total=False):
    """The speed of a formulation beside that of its base."""

    ratio: Required[Ratio]
    units: Required[Number]
    base_units: Required[Number]
    placebo: Required[Ratio]
    wall_ratio: Required[Ratio | None]
    verified: Required[Verified | None]
    nodes_ratio: Ratio | None
    building: Number | None
    solver: Text | None


class Report(TypedDict, total=False):
    """The report of a run."""

    best: Figures | None
    reference: Figures | None
    gain: Difference | None
    claimed: Difference | None
    evaluations: Count
    calls: Count
    usd: Number | None
    seconds: Number
    fingerprint: Text
    front: list[Point]
    together: list[Member]
    spending: Spending | None
    formulation: Formulation | None


class Limit(TypedDict, total=False):
    """The budget of a run."""

    evaluations: Count | None
    calls: Count | None
    usd: Number | None
    seconds: Number | None


class Config(TypedDict, total=False):
    """The settings of a run."""

    verb: Text
    problem: Text
    scale: Text | None
    allow: Text
    model: Text
    models: list[Text]
    budget: Limit
    seed: Count
    workers: Count
    base_url: Text | None
    instances: list[Text]
    test: list[Text]
    layout: Text
    baseline_seconds: Number | None
    minimum_level: Count
    seeds: list[Text]
    start: list[tuple[Text, Text]]
    notes: Text
    heuristic: Text
    without: list[Text]
    cpu_seconds: Number | None
    parallel: Count | None
    batch: bool
    executor: Text
    mark: Text


class Drawn(TypedDict):
    """The seed of the last instances."""

    seed: Count


class Sent(TypedDict):
    """The most that a call can cost."""

    most_usd: Annotated[float, Strict(), Limits(ge=0), AllowInfNan(False)]


class Examined(TypedDict):
    """An examination."""

    outcome: Text


class Gate(TypedDict, total=False):
    """A decision of the gate."""

    passed: bool
    gain: Extended | None
    low: Extended | None
    high: Extended | None


class Verification(TypedDict, total=False):
    """The verification of a formulation in a slot."""

    rung: Text
    truth: Text | None
    instances: Count
    hinted: Count | None


SHAPES: Mapping[str, Any] = {
    "runs.config": Config,
    "runs.report": Report,
    "candidates.parents": list[Annotated[int, Strict(), Limits(ge=0, lt=2**63)]],
    "calls.detail": dict[str, Text],
    "events.detail": dict[str, Any],
    "batches.slots": dict[Annotated[str, StringConstraints(pattern=r"^\d{1,18}$")], dict[str, Text]],
    "batches.ends": dict[str, list[Slot]],
}
"""What JSON columns hold, by table and column; others may hold anything."""

DETAILS: Mapping[str, Any] = {
    "gate": Gate,
    "sent": Sent,
    "last": Drawn,
    "examined": Examined,
    "verified": Verification,
}
"""What events hold, by the first word of their kind; others may hold anything."""


@cache
def _adapt(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(DETAILS[kind] if kind in DETAILS else SHAPES[kind])


def find_misfit(kind: str, value: object) -> str:
    """Describes where plain data has another shape; empty if nowhere.

    Args:
        kind: table and column, or the first word of an event's kind.
        value: the data.
    """
    if kind not in SHAPES and kind not in DETAILS:
        return ""
    try:
        _adapt(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else first["msg"]
    return ""
