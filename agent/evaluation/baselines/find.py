"""Exact results for instances.

From the archive where it has them, else solved now and kept.

What is proven is solved once. What is not is solved again where more seconds are allowed than before, and its
bounds are only ever tightened. A run keeps the bounds that it met first, so that `resume` decides as before.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines.parallel import solve_all
from gapsmith.agent.evaluation.baselines.progress import SOLVING, ProgressCallback, ignore_progress
from gapsmith.evaluators.base import Baseline, Instance, Problem


def find_baselines(
    problem: Problem,
    instances: Sequence[Instance],
    archive: Archive | None = None,
    seconds: float = 60.0,
    progress: ProgressCallback = ignore_progress,
    run: int | None = None,
    workers: int = 1,
) -> dict[str, Baseline]:
    """Finds exact results by digest, in the archive or by solving.

    Args:
        problem: its exact method is used.
        instances: any number, repetitions allowed.
        archive: where results are kept.
        seconds: at most, for each instance.
        progress: called before the first and after each.
        run: that keeps the bounds it met first.
        workers: processes that solve beside each other, at most.

    Returns:
        The results in the order of the instances, whichever was solved first.
    """
    found = _load_known(problem, [i.digest for i in instances], archive, seconds, run)
    missing = {i.digest: i for i in instances if i.digest not in found}
    if missing:
        _solve_missing(problem, missing, found, archive, seconds, progress, workers)
    if archive and run is not None:
        archive.pin_bounds(run, {digest: each for digest, each in found.items() if not each.proven})
    return {instance.digest: found[instance.digest] for instance in instances}


def _solve_missing(
    problem: Problem,
    missing: Mapping[str, Instance],
    found: dict[str, Baseline],
    archive: Archive | None,
    seconds: float,
    progress: ProgressCallback,
    workers: int,
) -> None:
    """Solves instances, and keeps each result as soon as it is there."""
    done = 0

    def look() -> None:
        progress(SOLVING, done, len(missing))

    look()  # also before the first, which may take a minute
    # What is not proven is solved again from what is known of it.
    known = archive.read_baselines(problem.name, list(missing), problem.version) if archive else {}
    with closing(solve_all(problem, missing, known, seconds, workers, look)) as results:
        for digest, solved in results:
            found[digest] = solved
            if archive is not None:
                found[digest] = archive.add_baseline(
                    problem.name, missing[digest], solved, seconds, problem.version, problem.maximise
                )
            done += 1
            look()


def _load_known(
    problem: Problem, digests: Sequence[str], archive: Archive | None, seconds: float, run: int | None
) -> dict[str, Baseline]:
    if archive is None:
        return {}
    found = archive.read_baselines(problem.name, digests, problem.version, seconds)
    return found if run is None else found | archive.read_pinned(run, digests)
