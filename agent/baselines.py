"""Exact results for instances: from the archive where it has them, else solved now and kept for ever."""

from collections.abc import Callable, Sequence

from gapsmith.agent.archive import Archive
from gapsmith.evaluators.base import Baseline, Instance, Problem

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def silent(doing: str, done: int, whole: int) -> None:
    """No progress."""


def baselines_of(
    problem: Problem,
    instances: Sequence[Instance],
    archive: Archive | None = None,
    seconds: float = 60.0,
    progress: Progress = silent,
) -> dict[str, Baseline]:
    """The exact results by digest. Without an archive they are solved each time.

    Args:
        problem: whose exact method is used.
        instances: any number, repetitions allowed.
        archive: where results are kept.
        seconds: at most, for each instance.
        progress: told after each.
    """
    found = archive.baselines(problem.name, [i.digest for i in instances]) if archive else {}
    missing = {i.digest: i for i in instances if i.digest not in found}
    for done, instance in enumerate(missing.values(), 1):
        found[instance.digest] = baseline = problem.baseline(instance, seconds)
        if archive:
            archive.add_baseline(problem.name, instance, baseline)
        progress("solving to proven optimality", done, len(missing))
    return found
