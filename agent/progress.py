"""How a run stands, as those who watch it are told."""

from dataclasses import dataclass


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
