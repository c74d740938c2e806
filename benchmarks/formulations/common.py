"""What the measurements of formulations share: resumable results, ratios of times with intervals.

Not called by itself. Every script appends one JSON line per finished piece of work to its results file and passes
over what is there already, so that a stopped measurement goes on.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.formulations.solve.benchmark import compute_mean_time, price_times

Record = dict[str, Any]

HERE = Path(__file__).parent
DATA = Path(os.environ.get("GAPSMITH_DATA") or HERE.parents[2] / "shared" / "data")
RESAMPLES = 10_000


def records(path: Path) -> list[Record]:
    """The lines of a results file; a last line that was cut off is not one."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Adds a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(record) + "\n")


def selected(found: Sequence[Record], **wanted: Any) -> list[Record]:
    """The records with these values."""
    return [each for each in found if all(each.get(key) == value for key, value in wanted.items())]


def ratio(times: Sequence[Sequence[float]], base: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """The ratio of shifted geometric means, with the limits of its 95 % bootstrap interval over instances.

    Args:
        times: for each instance, units in each order.
        base: the same of what it is compared with.
    """
    costs = np.array(
        [[price_times(mine), price_times(theirs)] for mine, theirs in zip(times, base, strict=True)]
    )
    draws = np.random.default_rng(0).integers(0, len(costs), (RESAMPLES, len(costs)))
    drawn = [_ratio(costs[draw]) for draw in draws]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return _ratio(costs), float(low), float(high)


def _ratio(costs: Any) -> float:
    return compute_mean_time(costs[:, 0]) / compute_mean_time(costs[:, 1])


def shown(figure: tuple[float, float, float]) -> str:
    """A ratio with its limits."""
    middle, low, high = figure
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def say(text: str) -> None:
    """Progress, for people."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
