"""Merges two exact results of one instance."""

from gapsmith.evaluators.base import Baseline, GapsmithError

NEAR = 1e-9
"""Bounds that cross by at most this relative amount count as equal: a rounding error."""


def merge_bounds(kept: Baseline, new: Baseline, maximise: bool, name: str) -> Baseline:
    """Returns the tighter of two pairs of bounds, with the better solution.

    Args:
        kept: the known result.
        new: the new result.
        maximise: whether the objective is maximised; then the solution gives the lower bound.
        name: name of the instance, for the message.

    Raises:
        GapsmithError: if the two results contradict each other.
    """
    lower, upper = max(kept.lower, new.lower), min(kept.upper, new.upper)
    if lower > upper and lower - upper <= NEAR * max(abs(lower), abs(upper)):
        upper = lower
    if lower > upper:
        raise GapsmithError(
            f"{name}: the exact solver found {new.lower:g} to {new.upper:g}, but the archive has "
            f"{kept.lower:g} to {kept.upper:g}; one of them is wrong: try another archive, and correct the "
            "problem's `baseline` if it is yours"
        )
    better = new.lower > kept.lower if maximise else new.upper < kept.upper
    if kept.solution is None:
        better = new.solution is not None
    tighter = new.upper - new.lower <= kept.upper - kept.lower
    return Baseline(
        lower,
        upper,
        new.solution if better else kept.solution,
        new.solver if tighter else kept.solver,
        kept.seconds + new.seconds,
    )
