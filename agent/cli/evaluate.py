"""The commands `check`, `compare`, `add`, `solve` and `problems`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from gapsmith.agent.cli.options import (
    AllowedPackages,
    AllowWeak,
    ArchiveUrl,
    CpuSeconds,
    ExecutorName,
    Instances,
    InstanceSeed,
    Isolated,
    Json,
    KnownFile,
    Layout,
    ProblemName,
    ScaleName,
    Seconds,
    SplitName,
    Workers,
)
from gapsmith.agent.cli.terminal.output import (
    choose_minimum_level,
    open_archive,
    say_edited,
    show_progress,
    show_result,
)
from gapsmith.agent.evaluation.baselines.published import BestKnown, read_published
from gapsmith.agent.evaluation.compare import Comparison, evaluate, find_entrants, read_entrants, solve
from gapsmith.agent.evaluation.executors.registry import LOCAL, open_executor
from gapsmith.agent.evaluation.own.programs import add_programs
from gapsmith.agent.evaluation.problems import (
    allow_packages,
    find_problem,
    limit_cpu,
    read_instances,
    write_skeleton,
)
from gapsmith.agent.evaluation.scores import Scorer
from gapsmith.agent.reports import comparisons, programs
from gapsmith.agent.reports.certificates import write_certificates
from gapsmith.agent.reports.export.module import write_module
from gapsmith.agent.runs.budget import Budget
from gapsmith.agent.runs.settings import Settings
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.evaluators.base import SOLVER_SECONDS, Instance, Problem, Split, UsageError
from gapsmith.evaluators.catalogue import list_problems
from gapsmith.evaluators.integrity.conformance import find_broken_promises, measure_exact_method
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.sandbox import Level, open_sandbox


def write_new_problem(name: str) -> str:
    """Writes a template for a new problem; returns what to do next."""
    path = Path(f"{name}.py")
    if path.exists():
        raise UsageError(f"{path} exists already; expected a new name, or remove it first")
    write_module(path, write_skeleton(name))
    return f"{path}: edit it, then test it with: gapsmith problems {path} --check"


def show_broken_promises(problem: Problem, minimum: Level, as_json: bool) -> None:
    """Tests the promises of a problem; exits with 1 if any fails."""
    with open_sandbox(problem.guest, minimum) as sandbox, show_progress() as progress:
        broken = find_broken_promises(problem, sandbox, progress)
        effort = measure_exact_method(problem)
    words = [
        *(broken or [f"{problem.name} passes all tests of a problem"]),
        *([str(effort)] if effort else []),
    ]
    card = {"problem": problem.name, "broken": broken, "exact": vars(effort) if effort else None}
    show_result(card, Text("\n".join(words)), as_json)
    if broken:
        raise typer.Exit(1)


def choose_instances(problem: Problem, files: list[Path] | None, split: Split, seed: int) -> list[Instance]:
    """Reads the files, or generates instances from the seed."""
    return read_instances(problem, files) if files else problem.generate_instances(split, seed)


def choose_solver_seconds(problem: Problem, files: list[Path] | None) -> float:
    """Returns the exact solver's limit: the scale's, or the usual for files."""
    return SOLVER_SECONDS if files else problem.solver_seconds


def fail_if_any(comparison: Comparison) -> None:
    """Exits with 1 if any program failed."""
    if any(row.outcome != CandidateOutcome.OK for row in comparison.rows):
        raise typer.Exit(1)


def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Python files that define the entry point.")
    ],
    problem: Annotated[str, typer.Option(help="A name from `gapsmith problems`, or a path.py.")],
    instances: Instances = None,
    layout: Layout = "",
    scale: ScaleName = "",
    allow: AllowedPackages = "",
    split: SplitName = Split.TEST,
    seed: InstanceSeed = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N instances.")] = None,
    workers: Workers = 2,
    where: ExecutorName = LOCAL,
    seconds: Seconds = None,
    cpu_seconds: CpuSeconds = None,
    published: KnownFile = None,
    isolated: Isolated = False,
    weak: AllowWeak = False,
    as_json: Json = False,
) -> None:
    """Evaluates heuristic files; exits with 1 if any fails.

    No model and no archive are used.
    """
    entrants = read_entrants(files)
    known = limit_cpu(allow_packages(find_problem(problem, layout, scale), allow), cpu_seconds)
    chosen = choose_instances(known, instances, split, seed)[:limit]
    with (
        open_executor(where, workers, choose_minimum_level(weak), known.guest) as executor,
        show_progress() as progress,
    ):
        comparison = evaluate(
            known,
            entrants,
            chosen,
            executor,
            None,
            seconds or choose_solver_seconds(known, instances),
            progress,
            isolated,
            workers,
            read_published(published, chosen) if published else (),
            own=bool(instances),
        )
    show_result(comparisons.encode_check(comparison), comparisons.render_comparison(comparison), as_json)
    fail_if_any(comparison)


def compare(
    problem: ProblemName,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME-OR-ID", help="Rules, program numbers, or files; all rules by default."),
    ] = None,
    instances: Instances = None,
    layout: Layout = "",
    scale: ScaleName = "",
    allow: AllowedPackages = "",
    split: SplitName = Split.TEST,
    seed: InstanceSeed = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N instances.")] = None,
    archive: ArchiveUrl = "archive.db",
    workers: Workers = 2,
    where: ExecutorName = LOCAL,
    seconds: Seconds = None,
    cpu_seconds: CpuSeconds = None,
    published: KnownFile = None,
    isolated: Isolated = False,
    weak: AllowWeak = False,
    as_json: Json = False,
) -> None:
    """Compares reference rules and archived programs, with confidence intervals."""
    known = limit_cpu(allow_packages(find_problem(problem, layout, scale), allow), cpu_seconds)
    chosen = choose_instances(known, instances, split, seed)[:limit]
    with (
        open_archive(archive) as store,
        open_executor(where, workers, choose_minimum_level(weak), known.guest) as executor,
        show_progress() as progress,
    ):
        say_edited(store, known, problem)
        entrants = find_entrants(known, names or [], store)
        comparison = evaluate(
            known,
            entrants,
            chosen,
            executor,
            store,
            seconds or choose_solver_seconds(known, instances),
            progress,
            isolated,
            workers,
            read_published(published, chosen) if published else (),
            own=bool(instances),
        )
    show_result(comparisons.encode_comparison(comparison), comparisons.render_comparison(comparison), as_json)
    fail_if_any(comparison)


def add(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Python files that define the entry point.")
    ],
    problem: Annotated[str, typer.Option(help="A name from `gapsmith problems`, or a path.py.")],
    instances: Instances = None,
    layout: Layout = "",
    scale: ScaleName = "",
    allow: AllowedPackages = "",
    seed: InstanceSeed = 0,
    archive: ArchiveUrl = "archive.db",
    workers: Workers = 2,
    where: ExecutorName = LOCAL,
    seconds: Seconds = None,
    cpu_seconds: CpuSeconds = None,
    weak: AllowWeak = False,
    as_json: Json = False,
) -> None:
    """Scores and keeps your own heuristics; exits with 1 if any fails.

    They are scored on training and validation instances, generated or dealt from --instances, and kept with their
    origin: `best`, `show`, `compare`, `export`, `web` and `run --from` see them.
    """
    entrants = read_entrants(files)
    known = limit_cpu(allow_packages(find_problem(problem, layout, scale), allow), cpu_seconds)
    settings = Settings(
        problem=problem,
        scale=scale,
        allow=allow,
        budget=Budget(evaluations=len(entrants)),
        seed=seed,
        instances=tuple(map(str, instances or ())),
        layout=layout,
        cpu_seconds=cpu_seconds,
    )
    limit = seconds or known.solver_seconds
    with (
        open_archive(archive) as store,
        open_executor(where, workers, choose_minimum_level(weak), known.guest) as executor,
        show_progress() as progress,
    ):
        say_edited(store, known, problem)
        supply = InstanceSupply(known, settings.instances, (), seed, store, limit, progress, workers=workers)
        scorer = Scorer(known, executor, store, limit, progress, workers=workers)
        rows = add_programs(entrants, supply.splits, scorer, settings.encode())
    failed = [row for row in rows if row.outcome != CandidateOutcome.OK]
    table = programs.build_candidate_table(rows, f"run {rows[0].run}: added programs")
    notes = [Text(f"{row.name.removeprefix('added from ')}: {row.outcome}: {row.message}") for row in failed]
    show_result([programs.encode_candidate(row) for row in rows], Group(table, *notes), as_json)
    if failed:
        raise typer.Exit(1)


def solve_(
    problem: ProblemName,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Instance files.")],
    layout: Layout = "",
    seconds: Seconds = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N instances.")] = None,
    archive: ArchiveUrl = "archive.db",
    workers: Workers = 2,
    published: KnownFile = None,
    certificates: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the best solution of each instance there, verified, with its bounds.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Runs only the exact solver; results are cached in the archive.

    It continues from the bounds in the archive where more seconds are given.
    """
    known = find_problem(problem, layout)
    chosen = read_instances(known, paths)[:limit]
    with open_archive(archive) as store, show_progress() as progress:
        say_edited(store, known, problem)
        solved = solve(known, chosen, store, seconds or known.solver_seconds, progress, workers)
    baselines = {instance.digest: baseline for instance, baseline in solved}
    given = read_published(published, chosen) if published else ()
    best = BestKnown.build(chosen, baselines, given, known.maximise)
    notes = comparisons.describe_better_solutions(solved, best)
    if certificates is not None:
        written = write_certificates(known, solved, best, certificates)
        notes.append(
            f"{certificates}: {len(written)} certificates, each with a solution whose cost is verified"
        )
    table = comparisons.build_solution_table(solved, best)
    show_result(comparisons.encode_solutions(solved, best), Group(table, *map(Text, notes)), as_json)


def problems(
    name: Annotated[
        str | None, typer.Argument(metavar="PROBLEM", help="Show one in full: a name, or a path.py.")
    ] = None,
    new: Annotated[
        str | None, typer.Option("--new", metavar="NAME", help="Write a commented NAME.py to start from.")
    ] = None,
    check_it: Annotated[
        bool, typer.Option("--check", help="Test what a problem file must keep to; exits with 1 if it fails.")
    ] = False,
    weak: AllowWeak = False,
    as_json: Json = False,
) -> None:
    """Lists the built-in problems.

    --new writes a template for your own problem.
    """
    if new:
        show_result({"file": f"{new}.py"}, Text(write_new_problem(new)), as_json)
        return
    if check_it:
        show_broken_promises(find_problem(name or ""), choose_minimum_level(weak), as_json)
        return
    cards = [programs.encode_problem(find_problem(each)) for each in ([name] if name else list_problems())]
    text = "\n".join(f"{card['name']:36} {card['title']}" for card in cards)
    show_result(
        cards[0] if name else cards, Text(programs.format_problem(cards[0]) if name else text), as_json
    )


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command(
        epilog="Example: gapsmith check my_rule.py --problem single_machine_tardiness --instances n100.txt"
    )(check)
    app.command(
        epilog="Example: gapsmith compare single_machine_tardiness MDD AugMDDC 17 --instances n100.txt"
    )(compare)
    app.command(epilog="Example: gapsmith add my_rule.py --problem single_machine_tardiness")(add)
    app.command(name="solve", epilog="Example: gapsmith solve single_machine_tardiness n100.txt --limit 5")(
        solve_
    )
    app.command(epilog="Example: gapsmith problems single_machine_tardiness")(problems)
