"""The commands about word problems: `model`, `bench modelling`, `synthesise`; and how they are resumed."""

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from gapsmith.agent.archive import DISCOVERY, Archive, RunRow
from gapsmith.agent.cli.options import ArchiveUrl, Json, ProblemName, Weak
from gapsmith.agent.cli.terminal.console import ERRORS, OUT, write_out
from gapsmith.agent.cli.terminal.interrupts import Interrupted, interruptible
from gapsmith.agent.cli.terminal.output import minimum_level, opened_archive, progress_bar, show_result
from gapsmith.agent.cli.terminal.progress import CALLS_ARE_KEPT, Doing
from gapsmith.agent.codegen.sanitize import untrusted
from gapsmith.agent.codegen.screen import LONGEST_SOURCE
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.modelling import synthesis
from gapsmith.agent.modelling.benchmark import ask_all, scores
from gapsmith.agent.modelling.job import BENCH, MODEL, SYNTHESISE, Desk, Order, desk
from gapsmith.agent.modelling.question import Question, read_question, read_questions
from gapsmith.agent.modelling.sample import REPAIRS
from gapsmith.agent.models.spec import without_login
from gapsmith.agent.reports import modelling as view
from gapsmith.agent.reports.export.module import write
from gapsmith.agent.runs.budget import Budget
from gapsmith.evaluators.base import Problem, Trouble, UsageTrouble

STOPPED = "stopped"

bench = typer.Typer(
    help="Measures a model on a set of questions with known answers.",
    no_args_is_help=True,
    epilog="Example: gapsmith bench modelling questions.jsonl --model openai:gpt-5 --json",
)

Writer = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="The model that formulates: openai:NAME, anthropic:NAME, manual:FOLDER or replay:FILE.",
    ),
]
Samples = Annotated[
    int,
    typer.Option("--samples", help="Independent programs for each question; the majority answer counts."),
]
Calls = Annotated[int | None, typer.Option(help="Limit: model requests (default: enough for all repairs).")]
Dollars = Annotated[float | None, typer.Option("--usd", help="Limit: dollars.")]
WallSeconds = Annotated[
    float | None,
    typer.Option("--time-limit", "--seconds", help="Limit: wall-clock seconds; no request is sent later."),
]
CpuSeconds = Annotated[
    float,
    typer.Option("--cpu-seconds", help="CPU limit in seconds of one program, for all its threads together."),
]
Parallel = Annotated[int, typer.Option(help="Maximum concurrent model requests.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Number of sandboxes.")]
Seed = Annotated[int, typer.Option(help="Seed of all random choices, except those of the model.")]
BaseUrl = Annotated[str | None, typer.Option(help="Address of a server that speaks the provider's API.")]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The options that all commands of this module have."""

    samples: Samples = 1
    calls: Calls = None
    usd: Dollars = None
    seconds: WallSeconds = None
    cpu_seconds: CpuSeconds = 30.0
    parallel: Parallel = 8
    workers: Workers = 2
    seed: Seed = 0
    base_url: BaseUrl = None
    archive: ArchiveUrl = "archive.db"
    weak: Weak = False
    as_json: Json = False


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of `Shared` to a command.

    The command takes them in its last parameter.
    """
    own = list(signature(command).parameters.values())[:-1]
    added = list(signature(Shared).parameters.values())

    @wraps(command)
    def call(**given: Any) -> None:
        shared = {each.name: given.pop(each.name) for each in added}
        command(**given, shared=Shared(**shared))

    parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in [*own, *added]]
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return call


@with_shared_options
def model_(
    file: Annotated[Path, typer.Argument(metavar="QUESTION-FILE", help="A word problem, as text.")],
    model: Writer = None,
    *,
    shared: Shared,
) -> None:
    """Solves a word problem with an OR-Tools program; prints both."""
    read_question(file)
    _start(_order(MODEL, _file(file), _named(model), shared.samples, shared), shared)


@with_shared_options
def bench_modelling(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Questions with known answers.")],
    model: Writer = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N questions.")] = None,
    *,
    shared: Shared,
) -> None:
    """Scores a model on questions with known answers.

    Reports accuracy with intervals, the cost of a right answer, and failures by kind.
    """
    count = len(read_questions(file)[:limit])
    about = {**_file(file), "limit": limit}
    _start(_order(BENCH, about, _named(model), count * shared.samples, shared), shared)


@with_shared_options
def synthesise(
    problem: ProblemName,
    count: Annotated[int, typer.Option(min=1, help="Number of pairs wanted.")] = 10,
    tries: Annotated[
        int | None, typer.Option(min=1, help="Limit: number of pairs tried (default: 4 for each wanted).")
    ] = None,
    size: Annotated[
        int, typer.Option(min=2, help="Size of the generated instances: jobs, items, cities.")
    ] = 5,
    model: Annotated[str | None, typer.Option(help="The model that writes the word problems.")] = None,
    solver_model: Annotated[
        str | None,
        typer.Option(help="The model that formulates them, from the text alone (default: the same)."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File for the pairs (default: stdout).")
    ] = None,
    *,
    shared: Shared,
) -> None:
    """Generates word problems whose formulations reach the exact optimum.

    Exits with 1 if fewer pairs are found than wanted.
    """
    known = _checked_problem(problem)
    most = tries or 4 * count
    about = {
        "problem": os.path.abspath(problem) if problem.endswith(".py") else problem,
        "version": known.version,
        "count": count,
        "tries": most,
        "size": size,
        "output": str(output.resolve()) if output else None,
    }
    questions = most * (1 + shared.samples)
    _start(_order(SYNTHESISE, about, _named(solver_model or model), questions, shared, _named(model)), shared)


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command(name="model", epilog="Example: gapsmith model question.txt --model openai:gpt-5 --samples 5")(
        model_
    )
    bench.command(
        name="modelling",
        epilog="Example: gapsmith bench modelling questions.jsonl --model openai:gpt-5 --limit 20",
    )(bench_modelling)
    app.add_typer(bench, name="bench")
    app.command(epilog="Example: gapsmith synthesise tsp --count 50 --model openai:gpt-5 -o tsp.jsonl")(
        synthesise
    )


def _order(
    verb: str, about: Mapping[str, Any], model: str, questions: int, shared: Shared, teller: str = ""
) -> Order:
    """Returns the job that a command describes.

    Args:
        verb: the command.
        about: its own settings.
        model: the model that formulates.
        questions: the number of samples and stories, for the default limit of calls.
        shared: the options that all commands have.
        teller: the model that writes stories.
    """
    calls = shared.calls or max(1, questions) * (1 + REPAIRS)
    return Order(
        verb=verb,
        about=about,
        model=model,
        teller=teller,
        samples=shared.samples,
        budget=Budget(calls=calls, usd=shared.usd, seconds=shared.seconds),
        seed=shared.seed,
        cpu_seconds=shared.cpu_seconds,
        parallel=shared.parallel,
        workers=shared.workers,
        base_url=shared.base_url,
        minimum_level=int(minimum_level(shared.weak)),
    )


def _start(order: Order, shared: Shared) -> None:
    with opened_archive(shared.archive) as store:
        _carry_out(order, store, None, shared.as_json)


def resumed(store: Archive, row: RunRow, as_json: bool) -> bool:
    """Resumes a run of these commands; returns False for a discovery run."""
    if row.kind == DISCOVERY:
        return False
    _carry_out(Order.of(row.config), store, row.id, as_json)
    return True


def _carry_out(order: Order, store: Archive, number: int | None, as_json: bool) -> None:
    """Works on a job and prints its result.

    Raises Trouble where the result is incomplete.
    """
    with progress_bar() as doing, desk(order, store, number) as found:
        resume = f"gapsmith resume {found.run} --archive {shlex.quote(without_login(store.location))}"
        with interruptible(found.stop.set, CALLS_ARE_KEPT, resume) as stopping:
            complaint = _WORK[order.verb](found, doing, as_json)
    if stopping.number and found.stop.is_set():
        raise Interrupted(stopping.number, f"run {found.run} stopped; continue with: {resume}")
    if complaint:
        raise Trouble(complaint)


def _answer(found: Desk, doing: Doing, as_json: bool) -> str:
    question = read_question(_same_file(found.order))
    marked = ask_all(found, [question], doing)[0]
    if found.stop.is_set():
        return STOPPED
    doing.close()
    if marked.vote.sample is None:
        return view.failures(marked)
    show_result(view.answer_json(marked, found), view.answer_table(marked), as_json)
    if not as_json:
        source = untrusted(marked.vote.sample.attempts[-1].source, LONGEST_SOURCE)
        OUT.print(Text(source), soft_wrap=True)
    return ""


def _bench(found: Desk, doing: Doing, as_json: bool) -> str:
    marked = ask_all(found, _questions(found.order), doing)
    if found.stop.is_set():
        return STOPPED
    doing.close()
    table, samples = scores(marked), found.order.samples
    show_result(view.bench_json(marked, table, found), view.bench_table(table, samples), as_json)
    if not as_json:
        OUT.print(Text(view.spent_words(found)))
    return ""


def _synthesise(found: Desk, doing: Doing, as_json: bool) -> str:
    order = found.order
    problem = _checked_problem(order.about["problem"])
    if order.about.get("version", problem.version) != problem.version:
        raise UsageTrouble(
            f"{order.about['problem']} has changed since run {found.run} began; start a new run"
        )
    pairs = synthesis.synthesise(problem, found, doing)
    if found.stop.is_set():
        return STOPPED
    doing.close()
    summary, text = synthesis.summary(pairs, problem, order), synthesis.lines(pairs, problem, order)
    _show_pairs(summary, text, found, as_json)
    if summary["kept"] < summary["wanted"]:
        return f"{summary['kept']} of {summary['wanted']} pairs were kept; try more with --tries, or another --seed"
    return ""


def _show_pairs(summary: dict[str, Any], text: str, found: Desk, as_json: bool) -> None:
    output = found.order.about["output"]
    if output:
        write(Path(output), text)
    if as_json:
        rows = [json.loads(line) for line in text.splitlines()]
        show_result({**summary, "pairs": rows, **view.spent_json(found)}, Text(), as_json)
    elif output:
        OUT.print(view.synthesis_table(summary))
    else:
        write_out(text)
        ERRORS.print(view.synthesis_table(summary))


_WORK = {MODEL: _answer, BENCH: _bench, SYNTHESISE: _synthesise}


def _checked_problem(name: str) -> Problem:
    problem = find_problem(name)
    if problem.online:
        raise UsageTrouble(
            f"{problem.name} is decided event by event, which a word problem cannot describe; expected another problem"
        )
    return problem


def _named(model: str | None) -> str:
    """Returns the given model. Raises UsageTrouble where it is missing."""
    if model is None:
        raise UsageTrouble(
            "--model is missing; expected openai:NAME, anthropic:NAME, manual:FOLDER or replay:FILE "
            "(offline cannot read word problems)"
        )
    return model


def _file(path: Path) -> dict[str, Any]:
    return {"file": str(path.resolve()), "digest": hashlib.sha256(path.read_bytes()).hexdigest()}


def _same_file(order: Order) -> Path:
    """Returns the file of a job.

    Raises Trouble where it has changed since the run began.
    """
    path = Path(order.about["file"])
    if path.is_file() and _file(path)["digest"] != order.about["digest"]:
        raise Trouble(f"{path} has changed since the run began; expected it unchanged, or start a new run")
    return path


def _questions(order: Order) -> list[Question]:
    return read_questions(_same_file(order))[: order.about["limit"]]
