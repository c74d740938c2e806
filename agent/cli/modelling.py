"""The commands about word problems.

`model`, `bench modelling`, `synthesise`; and how they are resumed.
"""

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

from gapsmith.agent.archive import ADDED, DISCOVERY, Archive, RunRow
from gapsmith.agent.cli.options import AllowWeak, ArchiveUrl, Batch, ExecutorName, Json, ProblemName
from gapsmith.agent.cli.terminal.console import ERRORS, OUT, write_out
from gapsmith.agent.cli.terminal.interrupts import Interrupted, stop_on_signal
from gapsmith.agent.cli.terminal.output import choose_minimum_level, open_archive, show_progress, show_result
from gapsmith.agent.cli.terminal.progress import (
    BATCH_GOES_ON,
    CALLS_ARE_KEPT,
    ProgressDisplay,
    describe_open_batches,
)
from gapsmith.agent.codegen.sanitize import limit_untrusted
from gapsmith.agent.codegen.screen import LONGEST_SOURCE
from gapsmith.agent.evaluation.executors.registry import LOCAL
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.modelling import synthesis
from gapsmith.agent.modelling.benchmark import ask_all, score_sets
from gapsmith.agent.modelling.job import BENCH, MODEL, SYNTHESISE, JobContext, ModellingJob, open_job
from gapsmith.agent.modelling.question import Question, read_question, read_questions
from gapsmith.agent.modelling.sample import REPAIRS
from gapsmith.agent.models.spec import hide_login
from gapsmith.agent.reports import modelling as view
from gapsmith.agent.reports.export.module import write_module
from gapsmith.agent.runs.budget import Budget
from gapsmith.evaluators.base import GapsmithError, Problem, UsageError

STOPPED = "stopped"

bench = typer.Typer(
    help="Measures a model on a set of questions with known answers.",
    no_args_is_help=True,
    epilog="Example: gapsmith bench modelling questions.jsonl --model openai:gpt-5 --json",
)

ModelName = Annotated[
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
Parallel = Annotated[
    int | None,
    typer.Option(help="Maximum concurrent model requests (default: 8; with --batch, 128 in a batch)."),
]
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
    parallel: Parallel = None
    batch: Batch = False
    workers: Workers = 2
    where: ExecutorName = LOCAL
    seed: Seed = 0
    base_url: BaseUrl = None
    archive: ArchiveUrl = "archive.db"
    weak: AllowWeak = False
    as_json: Json = False


def add_shared_options(command: Callable[..., None]) -> Callable[..., None]:
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


@add_shared_options
def model_(
    file: Annotated[Path, typer.Argument(metavar="QUESTION-FILE", help="A word problem, as text.")],
    model: ModelName = None,
    *,
    shared: Shared,
) -> None:
    """Solves a word problem with an OR-Tools program; prints both."""
    read_question(file)
    _start(_make_job(MODEL, _describe_file(file), _require_model(model), shared.samples, shared), shared)


@add_shared_options
def measure_modelling(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Questions with known answers.")],
    model: ModelName = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first N questions.")] = None,
    *,
    shared: Shared,
) -> None:
    """Scores a model on questions with known answers.

    Reports accuracy with intervals, the cost of a right answer, and failures by kind.
    """
    count = len(read_questions(file)[:limit])
    about = {**_describe_file(file), "limit": limit}
    _start(_make_job(BENCH, about, _require_model(model), count * shared.samples, shared), shared)


@add_shared_options
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
    known = _find_offline_problem(problem)
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
    _start(
        _make_job(
            SYNTHESISE, about, _require_model(solver_model or model), questions, shared, _require_model(model)
        ),
        shared,
    )


def register(app: typer.Typer) -> None:
    """Adds the commands to the command line."""
    app.command(name="model", epilog="Example: gapsmith model question.txt --model openai:gpt-5 --samples 5")(
        model_
    )
    bench.command(
        name="modelling",
        epilog="Example: gapsmith bench modelling questions.jsonl --model openai:gpt-5 --limit 20",
    )(measure_modelling)
    app.add_typer(bench, name="bench")
    app.command(epilog="Example: gapsmith synthesise tsp --count 50 --model openai:gpt-5 -o tsp.jsonl")(
        synthesise
    )


def _make_job(
    verb: str, about: Mapping[str, Any], model: str, questions: int, shared: Shared, teller: str = ""
) -> ModellingJob:
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
    return ModellingJob(
        verb=verb,
        about=about,
        model=model,
        teller=teller,
        samples=shared.samples,
        budget=Budget(calls=calls, usd=shared.usd, seconds=shared.seconds),
        seed=shared.seed,
        cpu_seconds=shared.cpu_seconds,
        parallel=shared.parallel,
        batch=shared.batch,
        workers=shared.workers,
        base_url=shared.base_url,
        minimum_level=int(choose_minimum_level(shared.weak)),
        executor=shared.where,
    )


def _start(order: ModellingJob, shared: Shared) -> None:
    with open_archive(shared.archive) as store:
        _carry_out(order, store, None, shared.as_json)


def resume_job(store: Archive, row: RunRow, as_json: bool) -> bool:
    """Resumes a run of these commands; returns False for a discovery run."""
    if row.kind == DISCOVERY:
        return False
    if row.kind == ADDED:
        raise UsageError(
            f"run {row.id} holds programs that were added, and is complete; expected another run"
        )
    _carry_out(ModellingJob.decode(row.config), store, row.id, as_json)
    return True


def _carry_out(order: ModellingJob, store: Archive, number: int | None, as_json: bool) -> None:
    """Works on a job and prints its result.

    Raises GapsmithError where the result is incomplete.
    """
    with show_progress() as progress, open_job(order, store, number) as found:
        resume = f"gapsmith resume {found.run} --archive {shlex.quote(hide_login(store.location))}"
        progress.list_batches = lambda: found.session.waiting
        what = BATCH_GOES_ON if order.batch else CALLS_ARE_KEPT
        with stop_on_signal(found.stop.set, what, resume) as stopping:
            complaint = _WORK[order.verb](found, progress, as_json)
    if stopping.number and found.stop.is_set():
        raise Interrupted(
            stopping.number,
            f"run {found.run} stopped{describe_open_batches(found.session.waiting)}; continue with: {resume}",
        )
    if complaint:
        raise GapsmithError(complaint)


def _run_model(found: JobContext, progress: ProgressDisplay, as_json: bool) -> str:
    question = read_question(_check_file(found.order))
    marked = ask_all(found, [question], progress)[0]
    if found.stop.is_set():
        return STOPPED
    progress.close()
    if marked.vote.sample is None:
        return view.explain_failures(marked)
    show_result(view.encode_answer(marked, found), view.build_answer_table(marked), as_json)
    if not as_json:
        source = limit_untrusted(marked.vote.sample.attempts[-1].source, LONGEST_SOURCE)
        OUT.print(Text(source), soft_wrap=True)
    return ""


def _run_bench(found: JobContext, progress: ProgressDisplay, as_json: bool) -> str:
    marked = ask_all(found, _read_questions(found.order), progress)
    if found.stop.is_set():
        return STOPPED
    progress.close()
    table, samples = score_sets(marked), found.order.samples
    show_result(
        view.encode_benchmark(marked, table, found), view.build_benchmark_table(table, samples), as_json
    )
    if not as_json:
        OUT.print(Text(view.format_costs(found)))
    return ""


def _run_synthesise(found: JobContext, progress: ProgressDisplay, as_json: bool) -> str:
    order = found.order
    problem = _find_offline_problem(order.about["problem"])
    if order.about.get("version", problem.version) != problem.version:
        raise UsageError(f"{order.about['problem']} has changed since run {found.run} began; start a new run")
    pairs = synthesis.synthesise(problem, found, progress)
    if found.stop.is_set():
        return STOPPED
    progress.close()
    summary, text = (
        synthesis.summarise_pairs(pairs, problem, order),
        synthesis.format_pairs(pairs, problem, order),
    )
    _show_pairs(summary, text, found, as_json)
    if summary["kept"] < summary["wanted"]:
        return f"{summary['kept']} of {summary['wanted']} pairs were kept; try more with --tries, or another --seed"
    return ""


def _show_pairs(summary: dict[str, Any], text: str, found: JobContext, as_json: bool) -> None:
    output = found.order.about["output"]
    if output:
        write_module(Path(output), text)
    if as_json:
        rows = [json.loads(line) for line in text.splitlines()]
        show_result({**summary, "pairs": rows, **view.encode_costs(found)}, Text(), as_json)
    elif output:
        OUT.print(view.build_synthesis_table(summary))
    else:
        write_out(text)
        ERRORS.print(view.build_synthesis_table(summary))


_WORK = {MODEL: _run_model, BENCH: _run_bench, SYNTHESISE: _run_synthesise}


def _find_offline_problem(name: str) -> Problem:
    problem = find_problem(name)
    if problem.online:
        raise UsageError(
            f"{problem.name} is decided event by event, which a word problem cannot describe; expected another problem"
        )
    return problem


def _require_model(model: str | None) -> str:
    """Returns the given model. Raises UsageError where it is missing."""
    if model is None:
        raise UsageError(
            "--model is missing; expected openai:NAME, anthropic:NAME, manual:FOLDER or replay:FILE "
            "(offline cannot read word problems)"
        )
    return model


def _describe_file(path: Path) -> dict[str, Any]:
    return {"file": str(path.resolve()), "digest": hashlib.sha256(path.read_bytes()).hexdigest()}


def _check_file(order: ModellingJob) -> Path:
    """Returns the file of a job.

    Raises GapsmithError where it has changed since the run began.
    """
    path = Path(order.about["file"])
    if path.is_file() and _describe_file(path)["digest"] != order.about["digest"]:
        raise GapsmithError(
            f"{path} has changed since the run began; expected it unchanged, or start a new run"
        )
    return path


def _read_questions(order: ModellingJob) -> list[Question]:
    return read_questions(_check_file(order))[: order.about["limit"]]
