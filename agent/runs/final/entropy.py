"""Draws the seed of a run's last instances.

Those are the selection, claim and test instances.

It is drawn when the last program is written, and kept, so that `resume` and a replay have the same instances. If it
followed from the run's seed, a model could know the test beforehand, and write a table of its solutions.
"""

import hashlib
import secrets
from collections.abc import Sequence
from enum import StrEnum

from gapsmith.agent.archive import Archive
from gapsmith.agent.models import ReplayModel
from gapsmith.agent.models.base import Model
from gapsmith.agent.runs.final.selection import SLOT

BITS = 48
"""Enough that tables of all tests are out of reach; names of instances, which have the number, stay short."""
KIND = "last instances"


class Source(StrEnum):
    """Where the seed of the last instances is from.

    `ENTROPY` is the operating system's; `DECISIONS` is a hash of all programs and decisions of the run, for models
    whose equal seeds must give equal archives; `RECORDING` repeats what the recorded run drew.
    """

    ENTROPY = "entropy"
    DECISIONS = "decisions"
    RECORDING = "recording"


def find_source(models: Sequence[Model]) -> Source:
    """Tells where the seed of a run with these models comes from."""
    if _find_recorded(models) is not None:
        return Source.RECORDING
    return Source.DECISIONS if all(model.deterministic for model in models) else Source.ENTROPY


def draw_final_seed(archive: Archive, run: int, models: Sequence[Model], seed: int) -> int:
    """Returns the seed of the last instances, drawn unless kept.

    Args:
        archive: that holds the run, whose search has ended.
        run: its number.
        models: that answered.
        seed: of the run.

    Returns:
        A number below 2**48. A run that goes on after its end draws again: its programs are others.
    """
    kind = f"{KIND}, drawn after slot {archive.count_slots(run) - 1}"
    if (kept := _find_kept(archive, run, kind)) is None:
        archive.record(run, SLOT, kind, {"seed": _draw_seed(archive, run, models, seed)})
        kept = _find_kept(archive, run, kind)  # of two that draw at once, the first
    assert kept is not None  # it was recorded
    return kept


def find_last_drawn(archive: Archive, run: int) -> int | None:
    """Returns the latest seed of a run; None before its end."""
    found = [event for event in archive.read_events(run) if event.kind.startswith(KIND)]
    return int(max(found, key=lambda event: event.id or 0).detail["seed"]) if found else None


def _find_kept(archive: Archive, run: int, kind: str) -> int | None:
    found = (event.detail["seed"] for event in archive.read_events(run) if event.kind == kind)
    return next(map(int, found), None)


def _draw_seed(archive: Archive, run: int, models: Sequence[Model], seed: int) -> int:
    match find_source(models):
        case Source.RECORDING:
            return _find_recorded(models) or 0
        case Source.DECISIONS:
            digest = hashlib.sha256(f"{archive.compute_fingerprint(run)} {seed}".encode()).digest()
            return int.from_bytes(digest) >> (256 - BITS)
        case Source.ENTROPY:
            return secrets.randbits(BITS)


def _find_recorded(models: Sequence[Model]) -> int | None:
    """Returns the seed of a recording with choices, else by its decisions."""
    replays = [model for model in models if isinstance(model, ReplayModel) and model.has_choices]
    header = replays[0].recording.header if len(models) == len(replays) == 1 else None
    return header.final_seed if header else None
