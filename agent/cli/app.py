"""The command line: verbs only. stdout is the result, stderr the progress; every verb has `--json`.

Exit codes: 0 ok, 1 the work failed, 2 usage, 130 interrupted (Ctrl-C, SIGHUP), 143 terminated (SIGTERM).
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text
from typer.exceptions import TyperException

from gapsmith.agent.archive.costs import spending
from gapsmith.agent.cli import archive as cli_programs
from gapsmith.agent.cli import formulations as cli_formulations
from gapsmith.agent.cli import modelling as cli_modelling
from gapsmith.agent.cli import recording as cli_recording
from gapsmith.agent.cli import run as cli_running
from gapsmith.agent.cli.doctor import diagnose, doctor_table
from gapsmith.agent.cli.options import (
    ArchiveUrl,
    Instances,
    Isolated,
    Json,
    Layout,
    ProblemName,
    Seconds,
    SplitName,
    Weak,
    Workers,
    spread,
    swallowed,
)
from gapsmith.agent.cli.terminal.console import ERRORS, STDOUT, failure, ready
from gapsmith.agent.cli.terminal.interrupts import KEPT, Interrupted, Left, leaving
from gapsmith.agent.cli.terminal.output import (
    check_known,
    chosen_instances,
    fail_if_any,
    minimum_level,
    opened_archive,
    problem_called,
    progress_bar,
    reported,
    say_edited,
    show_board,
    show_broken_promises,
    show_leaders,
    show_result,
    version_called,
    wanted_problem,
    write_new_problem,
)
from gapsmith.agent.codegen.sanitize import untrusted
from gapsmith.agent.evaluation.compare import evaluate, file_entrants, named_entrants, solve
from gapsmith.agent.evaluation.executor import LocalExecutor
from gapsmith.agent.evaluation.problems import find_problem, problem_names, read_instances
from gapsmith.agent.evaluation.rescore import rescored
from gapsmith.agent.evaluation.scores import Measuring
from gapsmith.agent.reports import runs as view
from gapsmith.agent.reports.decisions import decisions, explain_json, explain_words
from gapsmith.agent.runs.final.leaderboards import leading
from gapsmith.evaluators.base import Split, Trouble, UsageTrouble
from gapsmith.sandbox import SandboxTrouble

app = typer.Typer(
    name="gapsmith",
    no_args_is_help=True,
    epilog="Exit codes: 0 ok, 1 the work failed, 2 usage, 130 interrupted, 143 terminated.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        show_result({"gapsmith": version("gapsmith")}, Text(f"gapsmith {version('gapsmith')}"), False)
        raise typer.Exit


@app.callback()
def _gapsmith(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Discovers heuristics for scheduling and combinatorial optimisation, with gaps that can be believed."""


cli_running.register(app)
cli_modelling.register(app)
cli_formulations.register(app)
cli_programs.register(app)
cli_recording.register(app)


@app.command(
    epilog="Example: gapsmith check my_rule.py --problem single_machine_tardiness --instances n100.txt"
)
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Python files that define the entry point.")
    ],
    problem: Annotated[str, typer.Option(help="A name from `gapsmith problems`, or a path.py.")],
    instances: Instances = None,
    layout: Layout = "",
    split: SplitName = Split.TEST,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first N instances only.")] = None,
    workers: Workers = 2,
    seconds: Seconds = 60.0,
    isolated: Isolated = False,
    weak: Weak = False,
    as_json: Json = False,
) -> None:
    """Evaluates heuristic files; exits with 1 if any fails. Uses no model and no archive."""
    entrants = file_entrants(files)
    known = find_problem(problem, layout)
    chosen = chosen_instances(known, instances, split)[:limit]
    with LocalExecutor(workers, minimum_level(weak), known.preload) as executor, progress_bar() as doing:
        comparison = evaluate(known, entrants, chosen, executor, None, seconds, doing, isolated)
    show_result(view.check_json(comparison), view.compare_table(comparison), as_json)
    fail_if_any(comparison)


@app.command(epilog="Example: gapsmith compare single_machine_tardiness MDD AugMDDC 17 --instances n100.txt")
def compare(
    problem: ProblemName,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME-OR-ID", help="Rules, program numbers, or files; all rules by default."),
    ] = None,
    instances: Instances = None,
    layout: Layout = "",
    split: SplitName = Split.TEST,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first N instances only.")] = None,
    archive: ArchiveUrl = "archive.db",
    workers: Workers = 2,
    seconds: Seconds = 60.0,
    isolated: Isolated = False,
    weak: Weak = False,
    as_json: Json = False,
) -> None:
    """Compares reference rules and archived programs, with confidence intervals."""
    known = find_problem(problem, layout)
    chosen = chosen_instances(known, instances, split)[:limit]
    with (
        opened_archive(archive) as store,
        LocalExecutor(workers, minimum_level(weak), known.preload) as executor,
        progress_bar() as doing,
    ):
        say_edited(store, known, problem)
        entrants = named_entrants(known, names or [], store)
        comparison = evaluate(known, entrants, chosen, executor, store, seconds, doing, isolated)
    show_result(view.compare_json(comparison), view.compare_table(comparison), as_json)
    fail_if_any(comparison)


@app.command(name="solve", epilog="Example: gapsmith solve single_machine_tardiness n100.txt --limit 5")
def solve_(
    problem: ProblemName,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Instance files.")],
    layout: Layout = "",
    seconds: Seconds = 60.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first N instances only.")] = None,
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Runs only the exact solver; results are cached in the archive."""
    known = find_problem(problem, layout)
    chosen = read_instances(known, paths)[:limit]
    with opened_archive(archive) as store, progress_bar() as doing:
        say_edited(store, known, problem)
        solved = solve(known, chosen, store, seconds, doing)
    show_result(view.solve_json(solved), view.solve_table(solved), as_json)


@app.command(epilog="Example: gapsmith problems single_machine_tardiness")
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
    weak: Weak = False,
    as_json: Json = False,
) -> None:
    """Lists the built-in problems; --new writes a template for one of your own."""
    if new:
        show_result({"file": f"{new}.py"}, Text(write_new_problem(new)), as_json)
        return
    if check_it:
        show_broken_promises(find_problem(name or ""), minimum_level(weak), as_json)
        return
    cards = [view.problem_json(find_problem(each)) for each in ([name] if name else problem_names())]
    text = "\n".join(f"{card['name']:36} {card['title']}" for card in cards)
    show_result(cards[0] if name else cards, Text(view.card_text(cards[0]) if name else text), as_json)


@app.command(
    epilog="Example: gapsmith best single_machine_tardiness. With --front or --set: a leaderboard of a finished run. "
    "With files: gapsmith best single_machine_tardiness --instances mine/*.txt"
)
def best(
    problem: Annotated[
        str | None, typer.Argument(metavar="PROBLEM", help="Of one problem only; a name, or a path.py.")
    ] = None,
    named: Annotated[str | None, typer.Option("--problem", help="Same as PROBLEM.")] = None,
    run_number: Annotated[int | None, typer.Option("--run", help="Of one run only.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many.")] = 10,
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
    archive: ArchiveUrl = "archive.db",
    workers: Workers = 2,
    seconds: Seconds = 60.0,
    weak: Weak = False,
    as_json: Json = False,
) -> None:
    """Lists the best programs by validation gap, else training gap; no run's program before its winner."""
    given = problem or named
    if on_front + as_set + bool(instances) > 1:
        raise UsageTrouble("--front, --set and --instances exclude each other; expected one of them")
    with opened_archive(archive, made=False, reading=not instances) as store:
        check_known(store, problem_called(given), run_number)
        if instances:
            known = find_problem(wanted_problem(given), layout)
            with (
                LocalExecutor(workers, minimum_level(weak), known.preload) as executor,
                progress_bar() as doing,
            ):
                by = Measuring(known, executor, store, seconds, doing)
                comparison = rescored(read_instances(known, instances), limit, by, run_number)
            show_result(view.compare_json(comparison), view.compare_table(comparison), as_json)
        elif on_front or as_set:
            row = reported(store, problem_called(given), run_number)
            show_board(row, "front" if on_front else "together", as_json)
        else:
            version = version_called(given)
            rows = leading(store, problem_called(given), run_number, limit, version)
            show_leaders(store, rows, as_json)


@app.command(epilog="Example: gapsmith explain 3")
def explain(
    number: Annotated[int | None, typer.Argument(metavar="RUN", help="The latest by default.")] = None,
    archive: ArchiveUrl = "archive.db",
    as_json: Json = False,
) -> None:
    """Prints the decision log: operator and model per candidate, early stopping, validation, final selection."""
    with opened_archive(archive, reading=True) as store:
        row = store.run(number)
        found, spent = decisions(store, row.id or 0), spending(store, row.id or 0)
    number = row.id or 0
    show_result(explain_json(number, found, spent), explain_words(number, found, spent), as_json)


@app.command(epilog="Example: gapsmith runs")
def runs(archive: ArchiveUrl = "archive.db", as_json: Json = False) -> None:
    """Lists all runs, the latest first."""
    with opened_archive(archive, reading=True) as store:
        rows = store.runs()
    show_result([view.run_json(row) for row in rows], view.run_table(rows), as_json)


@app.command(epilog="Example: gapsmith doctor --json")
def doctor(archive: ArchiveUrl = "archive.db", as_json: Json = False) -> None:
    """Checks this machine: isolation (tested by attacks), packages, keys, archive."""
    with progress_bar() as doing:
        found = diagnose(archive, doing)
    show_result(found, doctor_table(found), as_json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one verb; what a user can mend is one line on stderr."""
    if not ready():
        sys.exit(_say("stdout is closed; expected a place for the result, as with: > result.txt", 1))
    try:
        with leaving():
            code = _run(list(sys.argv[1:] if arguments is None else arguments))
    except Left as left:
        code = left.code
    sys.exit(code)


def _run(words: list[str]) -> int:
    try:
        code = int(app(spread(words), standalone_mode=False, prog_name="gapsmith") or 0)
        STDOUT.flush()
        return code
    except TyperException as error:
        if not (message := " ".join(error.format_message().split())):
            return 0  # the help was shown
        hint = swallowed(words) if "Missing argument" in message else ""
        return _say(f"{message}{hint}; see: gapsmith --help", error.exit_code)
    except UsageTrouble as error:
        return _say(str(error), 2)
    except (Trouble, SandboxTrouble) as error:
        return _say(str(error), 1)
    except Interrupted as stop:
        return _say(str(stop), stop.code)
    except (typer.Abort, KeyboardInterrupt):  # where signals have no handler of ours: outside the main thread
        return _say(KEPT, 130)
    except BrokenPipeError:  # as in `gapsmith runs | head -1`
        return 1
    except OSError as error:
        return _say(failure(error), 1)


def _say(message: str, code: int) -> int:
    ERRORS.print(Text(f"gapsmith: {' '.join(untrusted(message, 2000).split())}"), soft_wrap=True)
    return code
