"""The level of isolation on this machine, with proofs."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gapsmith.sandbox.errors import SandboxError
from gapsmith.sandbox.isolation.lockdown import LANDLOCK, LAYERS, NAMESPACES, RLIMITS, SECCOMP
from gapsmith.sandbox.job import Level

_MACOS = (
    "macOS has no seccomp, Landlock or namespaces: limits on resources hold, but nothing keeps a program "
    "from files and network; use a Linux virtual machine or container"
)


@dataclass(frozen=True)
class Isolation:
    """The results of the probes.

    Attributes:
        level: the level that the layers make together.
        layers: for each layer, whether it holds.
        proofs: for each layer, what was tried and its result.
        word: a summary in one line.
    """

    level: Level
    layers: Mapping[str, bool]
    proofs: Mapping[str, str]
    word: str


def derive_level(proven: Mapping[str, bool]) -> Level:
    """Returns the level that the proven layers make."""
    if not proven.get(RLIMITS):
        return Level.L0
    if not proven.get(SECCOMP):
        return Level.L1
    if not proven.get(LANDLOCK):
        return Level.L2 if not proven.get(NAMESPACES) else Level.L3
    return Level.L4 if proven.get(NAMESPACES) and proven.get("privileges") else Level.L3


def read_report(report: Mapping[str, Any]) -> Isolation:
    """Reads a zygote's start report."""
    layers = {name: bool(holds) for name, (holds, _) in report["proofs"].items()}
    proofs = {name: str(text) for name, (_, text) in report["proofs"].items()}
    reached = derive_level(layers)
    missing = [f"{name} ({proofs[name]})" for name in sorted(LAYERS & set(layers)) if not layers[name]]
    word = f"isolation {reached.name}" + (f"; not holding: {', '.join(missing)}" if missing else "")
    return Isolation(reached, layers, proofs, _MACOS if sys.platform == "darwin" else word)


def require(found: Isolation, minimum: Level) -> None:
    """Raises SandboxError if the isolation is weaker than the minimum."""
    if found.level < minimum:
        raise SandboxError(
            f"{found.word}; the required minimum is {minimum.name}. "
            "Use a Linux host that allows seccomp, or accept the risk with --allow-weak-isolation"
        )
