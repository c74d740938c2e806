"""Versions of a problem in an archive.

Results of another version are mentioned, and not used.
"""

from collections.abc import Sequence
from pathlib import Path

from gapsmith.agent.archive import Archive, RunRow, StoredVersion
from gapsmith.agent.evaluation.leading import ALL
from gapsmith.evaluators.base import FIRST_VERSION, Problem, UsageError


def describe_unused_results(archive: Archive, problem: Problem, called: str) -> str:
    """Describes results of other versions that are not used; else empty.

    Args:
        archive: what is remembered.
        problem: as it is now.
        called: its name, or the path of its file.
    """
    found = archive.list_versions(problem.name)
    if not found or problem.version in [edition.version for edition in found]:
        return ""
    optima, costs = sum(each.baselines for each in found), sum(each.evaluations for each in found)
    if not optima + costs:
        return ""
    return f"{_describe_change(archive, found, called)}: its {optima} optima and {costs} costs are left aside"


def describe_unused_programs(archive: Archive, problem: Problem, called: str) -> str:
    """Describes programs that only other versions have; else empty.

    Args:
        archive: what is remembered.
        problem: as it is now.
        called: its name, or the path of its file.
    """
    found = [each for each in archive.list_versions(problem.name) if each.version != problem.version]
    runs = [
        row for row in archive.list_runs() if row.problem == problem.name and row.version != problem.version
    ]
    programs = {row.program for run in runs for row in archive.rank_by_gap(run.id or 0, ALL)}
    if not programs:
        return ""
    latest = max(run.id or 0 for run in runs)
    return (
        f"{_describe_change(archive, found, called)}: its {_count(len(programs))} left aside, since gaps of the "
        f"problem as it was do not compare; list with: gapsmith best --run {latest}"
    )


def check_version(archive: Archive, row: RunRow, problem: Problem, called: str) -> str:
    """Describes a run older than versions; else empty.

    Raises:
        UsageError: where the problem is not the one that the run is about.
    """
    if row.problem != problem.name:
        raise UsageError(
            f"run {row.id} is of the problem {row.problem!r}, but its settings name {problem.name!r}; "
            "expected the same: restore a copy of the archive"
        )
    if row.version == problem.version:
        return ""
    if row.version == FIRST_VERSION:
        archive.assign_version(row.id or 0, problem.name, problem.version)
        return f"run {row.id} is older than the versions of problems: its programs are measured again"
    raise UsageError(
        f"{_name(called)} changed since run {row.id} began, so that old and new costs would be mixed; put it back "
        f"as it was, or start a new run: gapsmith run {called}"
    )


def _describe_change(archive: Archive, found: Sequence[StoredVersion], called: str) -> str:
    number = max((each.run for each in found if each.run is not None), default=None)
    if number is None:
        return f"{_name(called)} changed since it was solved"
    other = _name(str(archive.run(number).config.get("problem", called)))
    if other != _name(called):
        return f"{_name(called)} is another problem than {other} of run {number}, which has the same name"
    return f"{other} changed since run {number}"


def _count(programs: int) -> str:
    return f"{programs} programs are" if programs != 1 else "1 program is"


def _name(called: str) -> str:
    return Path(called).name if called.endswith(".py") else called
