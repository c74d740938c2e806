"""Two exact results of one instance become one."""

from gapsmith.evaluators.base import Baseline, Trouble

NEAR = 1e-9
"""Bounds that cross by no more than this part of their size met: they were computed in floating point."""


def tightened(kept: Baseline, new: Baseline, maximise: bool, name: str) -> Baseline:
    """Returns the tighter of two pairs of bounds, with the better solution.

    Args:
        kept: what was known.
        new: what was found now.
        maximise: the sense of the objective: the cost of the solution is the lower bound then.
        name: of the instance, for the message.

    Raises:
        Trouble: where the two contradict each other.
    """
    lower, upper = max(kept.lower, new.lower), min(kept.upper, new.upper)
    if lower > upper and lower - upper <= NEAR * max(abs(lower), abs(upper)):
        upper = lower
    if lower > upper:
        raise Trouble(
            f"{name}: the exact method found {new.lower:g} to {new.upper:g}, but the archive has "
            f"{kept.lower:g} to {kept.upper:g}; one of them is wrong: try another archive, and mend the problem's "
            "`baseline` if it is yours"
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
