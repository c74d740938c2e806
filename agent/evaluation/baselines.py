"""Exact results for instances.

From the archive where it has them, else solved now and kept.

What is proven is solved once. What is not is solved again where more seconds are allowed than before, and its
bounds are only ever tightened. A run keeps the bounds that it met first, so that `resume` decides as before.
"""

from collections.abc import Callable, Sequence

from gapsmith.agent.archive import Archive
from gapsmith.evaluators.base import Baseline, Instance, Problem

ProgressCallback = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


SOLVING = "solving to proven optimality"


def ignore_progress(task: str, done: int, whole: int) -> None:
    """Does nothing: no progress is shown."""


def find_baselines(
    problem: Problem,
    instances: Sequence[Instance],
    archive: Archive | None = None,
    seconds: float = 60.0,
    progress: ProgressCallback = ignore_progress,
    run: int | None = None,
) -> dict[str, Baseline]:
    """Finds exact results by digest, in the archive or by solving.

    Args:
        problem: whose exact method is used.
        instances: any number, repetitions allowed.
        archive: where results are kept.
        seconds: at most, for each instance.
        progress: called before the first and after each.
        run: that keeps the bounds it met first.
    """
    found = _load_known(problem, [i.digest for i in instances], archive, seconds, run)
    missing = {i.digest: i for i in instances if i.digest not in found}
    for done, (digest, instance) in enumerate(missing.items()):
        progress(SOLVING, done, len(missing))  # also before the first, which may take a minute
        found[digest] = _solve_instance(problem, instance, archive, seconds)
    if missing:
        progress(SOLVING, len(missing), len(missing))
    if archive and run is not None:
        archive.pin_bounds(run, {digest: each for digest, each in found.items() if not each.proven})
    return found


def _load_known(
    problem: Problem, digests: Sequence[str], archive: Archive | None, seconds: float, run: int | None
) -> dict[str, Baseline]:
    if archive is None:
        return {}
    found = archive.read_baselines(problem.name, digests, problem.version, seconds)
    return found if run is None else found | archive.read_pinned(run, digests)


def _solve_instance(
    problem: Problem, instance: Instance, archive: Archive | None, seconds: float
) -> Baseline:
    found = problem.baseline(instance, seconds)
    if archive is None:
        return found
    return archive.add_baseline(problem.name, instance, found, seconds, problem.version, problem.maximise)
