"""The commands that read an archive: `best`, `explain`, `runs`, `show`, `lineage`, `export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.syntax import Syntax
from rich.text import Text

from gapsmith.agent.archive import Archive, CallRow, CandidateRow, RunRow, findings
from gapsmith.agent.archive.costs import summarise_costs
from gapsmith.agent.cli.options import (
    AllowedPackages,
    AllowWeak,
    ArchiveUrl,
    CpuSeconds,
    ExecutorName,
    Instances,
    Json,
    KnownFile,
    Layout,
    ScaleName,
    Seconds,
    Workers,
)
from gapsmith.agent.cli.terminal.console import OUT
from gapsmith.agent.cli.terminal.output import (
    choose_minimum_level,
    find_given_version,
    open_archive,
    show_progress,
    show_result,
)
from gapsmith.agent.cli.terminal.progress import say
from gapsmith.agent.codegen.sanitize import sanitize
from gapsmith.agent.evaluation.baselines.published import read_published
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.evaluation.executors.registry import LOCAL, open_executor
from gapsmith.agent.evaluation.leading import find_winner, rank_programs
from gapsmith.agent.evaluation.own.versions import describe_unused_programs
from gapsmith.agent.evaluation.problems import allow_packages, find_problem, limit_cpu, read_instances
from gapsmith.agent.evaluation.rescore import rescore_programs
from gapsmith.agent.evaluation.scores import Scorer
from gapsmith.agent.reports import comparisons, programs
from gapsmith.agent.reports import runs as view
from gapsmith.agent.reports.decisions import encode_decisions, list_decisions, render_decisions, render_story
from gapsmith.agent.reports.export.module import export, write_module
from gapsmith.agent.reports.programs import find_reported_run
from gapsmith.agent.reports.story import tell_story
from gapsmith.evaluators.base import SOLVER_SECONDS, GapsmithError, UsageError, describe_unknown
from gapsmith.evaluators.catalogue import list_problems


def check_known(store: Archive, problem: str | None, number: int | None) -> None:
    """Checks that a problem and a run exist.

    Raises UsageError or GapsmithError where they do not.
    """
    if number is not None:
        store.run(number)
    known = sorted({*list_problems(), *(row.problem for row in store.list_runs())})
    if problem is not None and problem not in known:
        raise UsageError(describe_unknown("problem", problem, known))


def find_problem_name(given: str | None) -> str | None:
    """Returns the name of a problem in the archive."""
    return find_problem(given).name if given and given.endswith(".py") else given


def require_problem(given: str | None) -> str:
    """Returns the given problem. Raises UsageError where it is missing."""
    if given is None:
        raise UsageError("--instances needs a problem; expected: gapsmith best PROBLEM --instances PATH…")
    return given


def show_leaders(store: Archive, rows: list[CandidateRow], as_json: bool) -> None:
    """Prints candidates, the best first, with verification results of formulations."""
    verified = {row.program or 0: findings.find_verification(store, [row]) for row in rows}
    known = {program: found for program, found in verified.items() if found}
    winners = [find_winner(store, run) for run in store.list_runs() if run.report]
    best = {row.program for row in winners if row}
    table = programs.build_candidate_table(rows, "best programs", best)
    table.caption = (
        "\n".join(f"{program}: {findings.format_verification(found)}" for program, found in known.items())
        or None
    )
    shown = [programs.encode_candidate(row) for row in rows]
    for line, row in zip(shown, rows, strict=True):
        line["winner"] = row.program in best
        line |= {"verified": known[row.program]} if row.program in known else {}
    if rows or as_json:
        show_result(shown, table, as_json)


def _explain_no_programs(store: Archive, given: str | None, run: int | None) -> str:
    """Says why no program is listed, and what to do."""
    own = find_problem(given) if given and given.endswith(".py") and run is None else None
    if given and own and (complaint := describe_unused_programs(store, own, given)):
        return complaint
    of = f" of {find_problem_name(given)}" if given else ""
    where = f"run {run}" if run is not None else f"archive {store.location}"
    return (
        f"{where} holds no program{of} that solved all training instances; a run makes them: "
        f"gapsmith run {given or 'PROBLEM'}"
    )


def show_board(row: RunRow, board: str, as_json: bool) -> None:
    """Prints a leaderboard of a finished run: "front" or "together"."""
    table = view.build_front_table(row) if board == "front" else view.build_portfolio_table(row)
    data = {"run": row.id, "problem": row.problem, board: (row.report or {})[board]}
    show_result(data, table, as_json)


ProgramNumber = Annotated[int, typer.Argument(metavar="ID", help="The program's number, as `best` shows it.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command(
        epilog="Example: gapsmith best single_machine_tardiness. With --front or --set: leaderboards of a run. "
        "With files: gapsmith best single_machine_tardiness --instances mine/*.txt"
    )(best)
    app.command(
        epilog="Example: gapsmith explain 3. Every decision on one candidate: gapsmith explain 3 --slot 17"
    )(explain)
    app.command(epilog="Example: gapsmith runs")(runs)
    app.command(epilog="Example: gapsmith show 17. What the model was asked: gapsmith show 17 --prompt")(show)
    app.command(epilog="Example: gapsmith lineage 17")(lineage)
    app.command(name="export", epilog="Example: gapsmith export 17 -o my_rule.py")(export_)


def show(
    number: ProgramNumber,
    prompt: Annotated[
        bool, typer.Option("--prompt", help="The question that the model was asked for it, as a whole.")
    ] = False,
    reply: Annotated[
        bool, typer.Option("--reply", help="The reply of the model in which it stood, as a whole.")
    ] = False,
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Shows a program's code and origin, or its prompt and reply."""
    with open_archive(archive, reading=True) as store:
        program, births = store.find(number), store.list_births(number)
        finding = findings.find_verification(store, births)
        compiling = findings.find_compile_seconds(store, number)
        call = _find_call(store, births) if prompt or reply else None
    if prompt or reply:
        if call is None:
            raise GapsmithError(
                f"program {number} is no model's: "
                "it is a reference rule, or was made from another program by tuning or shortening"
            )
        texts = {
            "prompt": f"{call.system}\n\n{call.prompt}" if prompt else "",
            "reply": call.reply if reply else "",
        }
        asked = {name: text for name, text in texts.items() if text}
        show_result({"id": number, **asked}, Text("\n\n".join(map(sanitize, asked.values()))), as_json)
        return
    data = {
        "id": number,
        "problem": program.problem,
        "source": program.source,
        "births": [programs.encode_candidate(b) for b in births],
        "verified": finding,
        "compile_seconds": compiling,
    }
    if not as_json:
        OUT.print(programs.build_candidate_table(births, f"program {number}"))
        if finding:
            OUT.print(findings.format_verification(finding))
        if compiling:
            OUT.print(findings.format_compilation(compiling))
    show_result(data, _render_source(sanitize(program.source)), as_json)


def _find_call(store: Archive, births: Sequence[CandidateRow]) -> CallRow | None:
    """Finds the first call that was answered with the program."""
    calls = (store.call(birth.run, birth.slot) for birth in births)
    return next((call for call in calls if call is not None), None)


def _render_source(source: str) -> RenderableType:
    """Renders code in colours on a terminal, elsewhere as it is."""
    if OUT.is_terminal:
        return Syntax(source, "python", word_wrap=True)
    return source.rstrip("\n")


def lineage(number: ProgramNumber, archive: ArchiveUrl = "archive.db", as_json: Json = False) -> None:
    """Lists a program's ancestors, the nearest first."""
    with open_archive(archive, reading=True) as store:
        rows = store.trace_lineage(number)
    table = programs.build_candidate_table(rows, f"lineage of {number}")
    show_result([programs.encode_candidate(row) for row in rows], table, as_json)


def export_(
    number: ProgramNumber,
    output: Annotated[Path, typer.Option("-o", "--output", help="The module to write.")],
    archive: ArchiveUrl = "archive.db",
    sandboxed: Annotated[
        bool, typer.Option("--sandboxed", help="The module calls the program through gapsmith's sandbox.")
    ] = False,
    weak: AllowWeak = False,
    as_json: Json = False,
) -> None:
    """Writes a program as a stand-alone module with a self-test.

    The module needs only numpy and the standard library.
    """
    with (
        open_archive(archive, reading=True) as store,
        LocalExecutor(1, choose_minimum_level(weak)) as executor,
    ):
        made = export(number, store, executor, sandboxed)
    write_module(output, made.text)
    message = f"{output}: program {number}"
    if made.tests and sandboxed:
        message += f"; through the sandbox it repeats {made.tests} costs of the archive"
    elif made.tests:
        message += f"; its self-test repeats {made.tests} costs of the archive"
    if not sandboxed:
        message += (
            ". A model wrote it, and when imported it runs with your rights: read it, or use --sandboxed"
        )
    show_result({"id": number, "file": str(output), "self_tests": made.tests}, Text(message), as_json)


def best(
    problem: Annotated[
        str | None,
        typer.Argument(metavar="PROBLEM", help="Only programs of this problem: a name, or a path.py."),
    ] = None,
    named: Annotated[str | None, typer.Option("--problem", help="Same as PROBLEM.")] = None,
    run_number: Annotated[int | None, typer.Option("--run", help="Only programs of this run.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="Maximum number of programs.")] = 10,
    on_front: Annotated[
        bool,
        typer.Option(
            "--front", help="Pareto front of gap, CPU time and size, of a finished run (default: the latest)."
        ),
    ] = False,
    as_set: Annotated[
        bool,
        typer.Option("--set", help="Portfolio of complementary programs (best of k), of a finished run."),
    ] = False,
    instances: Instances = None,
    layout: Layout = "",
    scale: ScaleName = "",
    allow: AllowedPackages = "",
    archive: ArchiveUrl = "archive.db",
    workers: Workers = 2,
    where: ExecutorName = LOCAL,
    seconds: Seconds = None,
    cpu_seconds: CpuSeconds = None,
    published: KnownFile = None,
    weak: AllowWeak = False,
    as_json: Json = False,
) -> None:
    """Lists the best programs by validation gap, else training gap.

    No program of a run comes before the winner of that run.
    """
    given = problem or named
    if on_front + as_set + bool(instances) > 1:
        raise UsageError("--front, --set and --instances exclude each other; expected one of them")
    with open_archive(archive, made=False, reading=not instances) as store:
        check_known(store, find_problem_name(given), run_number)
        if instances:
            known = limit_cpu(
                allow_packages(find_problem(require_problem(given), layout, scale), allow), cpu_seconds
            )
            with (
                open_executor(where, workers, choose_minimum_level(weak), known.guest) as executor,
                show_progress() as progress,
            ):
                scorer = Scorer(known, executor, store, seconds or SOLVER_SECONDS, progress, workers=workers)
                chosen = read_instances(known, instances)
                comparison = rescore_programs(
                    chosen,
                    limit,
                    scorer,
                    run_number,
                    read_published(published, chosen) if published else (),
                )
            show_result(
                comparisons.encode_comparison(comparison),
                comparisons.render_comparison(comparison),
                as_json,
            )
        elif on_front or as_set:
            row = find_reported_run(store, find_problem_name(given), run_number)
            show_board(row, "front" if on_front else "together", as_json)
        else:
            version = find_given_version(given)
            rows = rank_programs(store, find_problem_name(given), run_number, limit, version)
            if not rows:
                say(_explain_no_programs(store, given, run_number))
            show_leaders(store, rows, as_json)


def explain(
    number: Annotated[
        int | None, typer.Argument(metavar="RUN", help="Number of the run (default: the latest).")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="A line for every candidate and decision.")
    ] = False,
    slot: Annotated[
        int | None, typer.Option("--slot", min=0, help="Only this candidate, with every decision on it.")
    ] = None,
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Tells in sentences what a run searched, kept and rejected, and why.

    With --verbose: the decision log, a line for each candidate; at its end the final selection.
    """
    with open_archive(archive, reading=True) as store:
        row = store.run(number)
        found, spent = list_decisions(store, row.id or 0), summarise_costs(store, row.id or 0)
    number, story = row.id or 0, tell_story(row, found)
    if slot is not None:
        found = [decision for decision in found if decision.slot == slot]
        if not found:
            raise UsageError(
                f"run {number} has no slot {slot}; all are listed by: gapsmith explain {number} --verbose"
            )
    log = verbose or slot is not None
    shown = render_decisions(number, found, spent) if log else render_story(number, story, spent)
    show_result(encode_decisions(number, found, spent, story), shown, as_json)


def runs(archive: ArchiveUrl = "archive.db", as_json: Json = False) -> None:
    """Lists all runs, the latest first."""
    with open_archive(archive, reading=True) as store:
        rows = store.list_runs()
    if not rows:
        say(f"archive {archive} holds no run yet; start one, as in: gapsmith run single_machine_tardiness")
    show_result([view.encode_run(row) for row in rows], view.build_run_table(rows), as_json)
