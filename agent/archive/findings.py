"""Verification results of archived formulations.

The level of proof and the check that gave it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from gapsmith.agent.archive import Archive, CandidateRow, Evaluation

KIND = "verified"


def find_verification(store: Archive, births: Sequence[CandidateRow]) -> Mapping[str, Any] | None:
    """Returns the strongest verification result of a program, None without any.

    The results are looked up in the slots in which the program was made.
    """
    found: Mapping[str, Any] | None = None
    for birth in births:
        ends = f"examined slot {birth.slot}"
        for event in store.read_events(birth.run):
            if (event.slot, event.kind) == (birth.slot, KIND) or event.kind == ends:
                found = event.detail if event.detail.get("truth") or found is None else found
    return found if found and "rung" in found else None


def find_compile_seconds(store: Archive, program: int) -> float:
    """Returns the CPU seconds of compiling a program; 0 if never."""
    longest = func.coalesce(func.max(col(Evaluation.compile_seconds)), 0.0)
    with store.engine.connect() as connection:
        return connection.execute(select(longest).where(col(Evaluation.program) == program)).scalar_one()


def format_compilation(seconds: float) -> str:
    """Formats the time of compilation; empty for none."""
    return f"compiled in {seconds:.2f} s of CPU time, which no instance is charged" if seconds else ""


def format_verification(finding: Mapping[str, Any] | None) -> str:
    """Formats a verification result in one line; empty without one."""
    if not finding:
        return ""
    truth = finding.get("truth", "not classified")
    words = f"{truth} (rung: {finding['rung']}, {finding.get('instances', 0)} hidden instances)"
    return "; ".join(part for part in (words, describe_hints(finding)) if part)


def describe_hints(finding: Mapping[str, Any]) -> str:
    """Describes on how many instances a program's hints are optimal."""
    hinted = finding.get("hinted")
    return (
        f"its hints are an optimum already on at least {hinted} instances, found while building"
        if hinted
        else ""
    )
