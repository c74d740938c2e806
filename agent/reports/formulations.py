"""Results about formulations as text."""

from collections.abc import Mapping
from typing import Any

from gapsmith.agent.archive.findings import format_verification
from gapsmith.evaluators.formulations.brief import SOLVER_NAMES
from gapsmith.evaluators.scoring import MIN_INSTANCES


def describe_formulation(found: Mapping[str, Any]) -> str:
    """Describes the speed and verification of a formulation."""
    lines = [
        f"{_name_measure(found)} {_format_ratio(found['ratio'])} of the base's ({found['units']:.3g} of "
        f"{found['base_units']:.3g} units); placebo {_format_ratio(found['placebo'])}.",
        *(
            [f"Nodes {_format_ratio(found['nodes_ratio'])} of the base's."]
            if found.get("nodes_ratio")
            else ()
        ),
        *([f"Building takes {found['building']:.3g} CPU seconds a model."] if found.get("building") else ()),
        f"Wall time with all cores, building included: {_format_ratio(found['wall_ratio'])} of the base's."
        if found["wall_ratio"]
        else "Wall time was not measured.",
    ]
    if found["wall_ratio"] and found["wall_ratio"]["value"] > 1:
        lines.append(
            "Its wall time is longer than that of its base: the gain in effort is no gain in time here."
        )
    if found["verified"]:
        lines.append(f"Verified: {format_verification(found['verified'])}.")
    return "\n".join(lines)


def _name_measure(found: Mapping[str, Any]) -> str:
    """Names the measure of speed."""
    if (solver := found.get("solver")) is None:
        return "Deterministic time"
    return f"Simplex iterations of {SOLVER_NAMES[solver]}, 10,000 to a unit,"


def _format_ratio(found: Mapping[str, Any]) -> str:
    if found["ci95"] is None:
        few = f"{found['instances']} instances, and at least {MIN_INSTANCES} are needed"
        return f"{found['value']:.3g} (no claim: {few})"
    low, high = found["ci95"]
    return f"{found['value']:.3g} (95 % interval {low:.3g} to {high:.3g})"
