"""Begins and resumes discovery jobs from Python."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Never

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines import ProgressCallback, ignore_progress
from gapsmith.agent.evaluation.baselines.published import encode_published, read_published
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.executors.registry import LOCAL
from gapsmith.agent.models.base import Model
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.ownership import check_named
from gapsmith.agent.runs.run import Run, _open_archive
from gapsmith.agent.runs.settings import Settings
from gapsmith.agent.search.strategies import Strategy
from gapsmith.evaluators.base import GapsmithError, Problem, UsageError, describe_unknown
from gapsmith.sandbox import Level


def discover(
    problem: str | Path | Problem,
    *,
    budget: Budget,
    scale: str = "",
    allow: str = "",
    model: str | Model | Sequence[str | Model] = "offline",
    archive: str | Path | Archive = "archive.db",
    seed: int = 0,
    workers: int = 2,
    base_url: str | None = None,
    instances: Sequence[str | Path] = (),
    test: Sequence[str | Path] = (),
    layout: str = "",
    known: str | Path | None = None,
    baseline_seconds: float | None = None,
    minimum_level: int = int(Level.L2),
    seeds: Sequence[str] = (),
    start: Sequence[tuple[str, str]] = (),
    notes: str = "",
    heuristic: str = "",
    without: Sequence[str] = (),
    cpu_seconds: float | None = None,
    parallel: int | None = None,
    batch: bool = False,
    executor: str | Executor = LOCAL,
    whole_budget: bool = False,
    patience: int | None = None,
    strategies: Sequence[Strategy] = (),
    progress: ProgressCallback = ignore_progress,
    **misspelt: Never,
) -> Run:
    """Begins a discovery job; iterate over it, or call its `report`.

    Args:
        problem: a name, the path of a file that defines one, or a problem.
        budget: limits that are never exceeded.
        scale: small, medium or large instances and limits; by default medium where a named problem has it, and what
            a given problem is.
        allow: packages that programs may import beside numpy, as "numba,scipy"; empty for those of the scale.
        model: a name as on the command line, a model of your own, or several.
        archive: a path, a database URL, or an open archive, which is not closed.
        seed: equal seeds give equal archives for deterministic models.
        workers: sandboxes at once.
        base_url: of a server that speaks a provider's API.
        instances: files to learn from in place of generated instances; dealt to the three splits.
        test: files for the sealed test in place of generated instances.
        layout: how these files are laid out, where their problem's reader asks.
        known: CSV file with published bounds: instance, lower, upper.
        baseline_seconds: CPU limit of the exact solver for each instance; that of the scale by default.
        minimum_level: the weakest isolation that is accepted, 0 to 4.
        seeds: sources of programs to start from besides the reference rules.
        start: names and sources of your own heuristics, which the winner must beat like the reference rules.
        notes: what you know beyond the problem's brief; prompts tell it.
        heuristic: of a formulation: the source of a heuristic that gives hints and an upper bound.
        without: parts of the search that are switched off, for comparisons.
        cpu_seconds: CPU limit of one program on one instance.
        parallel: model requests that may be open at once; derived from the budget if None.
        batch: whether hosted models are asked in batches, at half the price.
        executor: where evaluations run: a name as on the command line, or one of your own, which is not closed.
        whole_budget: whether the search goes on when its best program is proven optimal on all training instances.
        patience: slots without a better program after which a fresh trajectory starts; by the budget if None.
        strategies: in place of the portfolio that the budget gives.
        progress: called during work before and after the search: with the task, how much is done, and of how much.
        **misspelt: refused.

    Raises:
        UsageError: a name is not known, or a value is not possible.
        GapsmithError: a file or the archive cannot be used.
        TypeError: an option is not known; the message names the nearest one.
    """
    if misspelt:
        options = ["budget", *(discover.__kwdefaults__ or ())]
        raise TypeError(f"discover: {describe_unknown('option', next(iter(misspelt)), options)}")
    asked = _make_tuple(model)
    settings = Settings(
        problem=problem.name if isinstance(problem, Problem) else os.fspath(problem),
        scale=scale or (problem.scale if isinstance(problem, Problem) else ""),
        allow=allow,
        models=_names(asked),
        budget=budget,
        seed=seed,
        workers=workers,
        base_url=base_url,
        instances=_list_paths(instances),
        test=_list_paths(test),
        layout=layout,
        known=() if known is None else encode_published(read_published(Path(known))),
        baseline_seconds=baseline_seconds,
        minimum_level=minimum_level,
        seeds=tuple(seeds),
        start=tuple(start),
        notes=notes,
        heuristic=heuristic,
        without=tuple(without),
        cpu_seconds=cpu_seconds,
        parallel=parallel,
        batch=batch,
        executor=executor if isinstance(executor, str) else LOCAL,
        whole_budget=whole_budget,
        patience=patience,
    )
    return Run(
        settings,
        archive if isinstance(archive, Archive) else os.fspath(archive),
        problem=problem if isinstance(problem, Problem) else None,
        models=asked,
        executor=None if isinstance(executor, str) else executor,
        strategies=strategies,
        progress=progress,
    )


def resume(
    number: int | None = None,
    *,
    archive: str | Path | Archive = "archive.db",
    problem: Problem | None = None,
    model: Model | Sequence[str | Model] = (),
    executor: Executor | None = None,
    strategies: Sequence[Strategy] = (),
    progress: ProgressCallback = ignore_progress,
    trust: bool = False,
) -> Run:
    """Resumes an interrupted run; paid calls and scores are reused.

    Args:
        number: of the run; the latest by default.
        archive: a path, a database URL, or an open archive, which is not closed.
        problem: the run's, where it was an object and not a name.
        model: the run's models, where one of them was an object and not a name.
        executor: in place of the run's own; not closed.
        strategies: the run's, where it had its own.
        progress: called during work before and after the loop.
        trust: whether addresses, keys and files that a run of another user or machine names are used.

    Raises:
        UsageError: the problem or a model is not that of the run, or the run is of others and not trusted.
        GapsmithError: the archive or the run is not there.
    """
    where = archive if isinstance(archive, Archive) else check_exists(os.fspath(archive))
    with ExitStack() as opened:
        row = (where if isinstance(where, Archive) else _open_archive(where, opened)).run(number)
    settings, asked = Settings.decode(row.config), _make_tuple(model)
    if problem is not None:
        _check_same(row.id or 0, "problem", row.problem, problem.name)
    if asked:
        _check_same(row.id or 0, "model", settings.model, "+".join(_names(asked)))
    named = () if settings.base_url else _names(asked)
    check_named(row.id or 0, row.config, named=named, url_given=False, trusted=trust)
    return Run(settings, where, row.id, problem, asked, executor, strategies, progress)


def check_exists(location: str) -> str:
    """Checks that an archive exists; returns its location. Raises GapsmithError."""
    if "://" not in location and not Path(location).exists():
        raise GapsmithError(
            f"archive {location} does not exist; a run makes it, or name another with --archive"
        )
    return location


def _check_same(run: int, thing: str, kept: str, given: str) -> None:
    if kept != given:
        raise UsageError(f"run {run} has the {thing} {kept!r}; found {given!r}; expected the same")


def _make_tuple(model: str | Model | Sequence[str | Model]) -> tuple[str | Model, ...]:
    return (model,) if isinstance(model, str) or not isinstance(model, Sequence) else tuple(model)


def _names(models: Sequence[str | Model]) -> tuple[str, ...]:
    return tuple(each if isinstance(each, str) else each.name for each in models)


def _list_paths(given: Sequence[str | Path]) -> tuple[str, ...]:
    several = [given] if isinstance(given, str | Path) else given
    return tuple(os.fspath(path) for path in several)
