"""A program as a module of its own.

Numpy and the standard library, its provenance, and a self-test.
"""

import ast
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.agent.archive import Archive, CandidateRow, Program, RunRow
from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.agent.codegen.sanitize import escape_invisible, sanitize
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.problems import allow_packages, find_problem
from gapsmith.agent.reports.export.annotations import add_annotations
from gapsmith.agent.reports.export.bars import BARS
from gapsmith.agent.reports.export.compiled import NOTE, is_compiled, replace_imports
from gapsmith.agent.reports.export.formulation import write_formulation_module
from gapsmith.agent.reports.export.scope import describe_scope
from gapsmith.agent.reports.export.template import ACCEPT, MODULE, SANDBOXED_MODULE
from gapsmith.agent.runs.settings import Settings
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.evaluators.base import FIRST_VERSION, GapsmithError, Instance, Number, Problem
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Runner
from gapsmith.evaluators.running.calls import convert_datum, make_warm_up
from gapsmith.sandbox import COMPILE_SECONDS, Job, Limits, Outcome

SELF_TESTS = 3
LOADING_SECONDS = 10.0
"""CPU time that loading a module may take before its self-test; numpy alone takes a fifth of a second."""
CALL_SECONDS = 60.0
"""CPU limit of a call of a module that was exported with --sandboxed; a line of the module sets it."""
SLACK = 2.0
"""Factor on the CPU limit of the self-test's instances, since the machine may be slower today."""


@dataclass(frozen=True)
class Exported:
    """An exported module.

    Its text, and how many of the archive's costs its self-test repeated in the sandbox.

    A formulation has no such test: its price is time.
    """

    text: str
    tests: int


def export(number: int, archive: Archive, executor: Executor, sandboxed: bool = False) -> Exported:
    """Makes the module of a program.

    Args:
        number: the program's.
        archive: that holds it.
        executor: where its self-test runs.
        sandboxed: whether the module is to call the program through the sandbox, which then needs gapsmith.

    Raises:
        GapsmithError: where the self-test does not repeat the archive's costs, or the program names what it must not.
    """
    program = archive.find(number)
    births = archive.list_births(number)
    if not births:
        raise GapsmithError(f"program {number} belongs to no run; expected one that a run made")
    run = archive.run(births[0].run)
    settings = Settings.decode(run.config)
    problem = allow_packages(find_problem(settings.problem, scale=settings.scale), settings.allow)
    if program.version not in (problem.version, FIRST_VERSION):
        raise GapsmithError(
            f"{settings.problem} changed since program {number} was priced, so that its costs cannot be repeated; put "
            f"the file back as it was, or start a new run: gapsmith run {settings.problem}"
        )
    if sandboxed and problem.base_model:
        raise GapsmithError(
            "a formulation adds to its caller's model and cannot be called through the sandbox"
        )
    if not sandboxed:
        program = _check_publishable(program, problem)
    if problem.base_model:
        return Exported(write_formulation_module(problem, program, births, archive), 0)
    tests = _choose_tests(problem, settings, program, archive)
    if sandboxed:
        _test_calls(problem, program, tests, executor)
        return Exported(build_sandboxed_module(problem, program, births, archive, tests), len(tests))
    text = build_module(problem, program, births, archive, tests)
    _test_module(text, tests, executor, _compute_limit(problem, tests))
    return Exported(text, len(tests))


def _check_publishable(program: Program, problem: Problem) -> Program:
    """Checks that a program is safe to read and to import.

    It is screened again and may hold no invisible characters.
    """
    found, source = screen(program.source, problem.entry), escape_invisible(program.source)
    why = (
        found.message
        if found.outcome != CandidateOutcome.OK
        else "it holds characters that are not seen, and needs them"
    )
    if found.outcome != CandidateOutcome.OK or source is None:
        raise GapsmithError(
            f"program {program.id} is not exported, since it would run with its user's rights: {why}; "
            "expected a program that only computes, or --sandboxed"
        )
    return Program(**{**program.model_dump(), "source": source})


def _compute_limit(problem: Problem, tests: Sequence["Test"]) -> float:
    """Computes the CPU limit of a self-test in seconds.

    It allows for loading and compiling, and for the instances as they were limited in the search.
    """
    compiling = COMPILE_SECONDS if problem.packages else 0.0
    return (
        compiling
        + LOADING_SECONDS
        + SLACK * sum(problem.compute_cpu_limit(instance) for instance, _ in tests)
    )


Test = tuple[Instance, Number]


def build_module(
    problem: Problem,
    program: Program,
    births: Sequence[CandidateRow],
    archive: Archive,
    tests: Sequence[Test],
) -> str:
    """Builds the text of the module."""
    bundle, bars = Bundle(), BARS.get(problem.name)
    parts: list[Callable[..., Any]] = [problem.read, problem.cost, GapsmithError, *([bars] if bars else [])]
    for part in parts:
        bundle.add(part)
    entry = problem.entry
    return MODULE.format(
        docstring=_build_docstring(problem, program, births, archive),
        program=_write_program(problem, program).strip(),
        bundle=textwrap.indent(bundle.source, "    ").rstrip(),
        entry=entry.name,
        read=problem.read.__name__,
        cost=problem.cost.__name__,
        bars=bars.__name__ if bars else None,
        has_times=bars is not None,
        layouts=list(problem.layouts),
        layout=str(archive.run(births[0].run).config.get("layout") or ""),
        title=ascii(f"{problem.title}: a program discovered by gapsmith."),
        accept=_write_conversion(program.source, entry.name, tests),
        tests=_format_tests(tests),
    )


def _write_conversion(source: str, entry: str, tests: Sequence[Test]) -> str:
    """Writes what lets the entry point take lists, where it can."""
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    if not tests or entry in names:
        return ""
    data = tests[0][0].data
    kinds = {name: value.dtype.str if isinstance(value, np.ndarray) else "" for name, value in data.items()}
    return ACCEPT.format(entry=entry, kinds=kinds)


def _write_program(problem: Problem, program: Program) -> str:
    text = add_annotations(program.source, problem.entry)
    return replace_imports(text, problem) if is_compiled(text) else text


def _choose_tests(problem: Problem, settings: Settings, program: Program, archive: Archive) -> list[Test]:
    """Returns the smallest training instances with an archived cost."""
    train = InstanceSupply(problem, settings.instances, (), settings.seed).train
    instances = sorted(train, key=lambda i: len(json.dumps(_encode_data(i))))
    scores = archive.read_scores(program.id or 0, [instance.digest for instance in instances])
    priced = [(i, scores[i.digest].cost) for i in instances if i.digest in scores]
    return [(instance, cost) for instance, cost in priced if cost is not None][:SELF_TESTS]


def build_sandboxed_module(
    problem: Problem,
    program: Program,
    births: Sequence[CandidateRow],
    archive: Archive,
    tests: Sequence[Test],
) -> str:
    """Builds a module that calls the program through the sandbox."""
    arguments = tuple(tests[0][0].data)
    name = "solve" if problem.driver else problem.entry.name
    return SANDBOXED_MODULE.format(
        docstring=_build_docstring(problem, program, births, archive, _USE_SANDBOXED.format(name=name)),
        source=ascii(_write_program(problem, program) if is_compiled(program.source) else program.source),
        entry=problem.entry.name,
        name=name,
        arguments=", ".join(arguments),
        names=repr(arguments),
        seconds=CALL_SECONDS,
        driver=ascii(problem.driver),
        preload=problem.preload,
    )


def _test_calls(problem: Problem, program: Program, tests: Sequence[Test], executor: Executor) -> None:
    """Repeats the archived costs, a sandboxed process for each instance."""
    _require_tests(tests)
    limits = Limits(cpu_seconds=_compute_limit(problem, tests))
    for instance, cost in tests:
        call = {key: convert_datum(datum) for key, datum in instance.data.items()}
        job = Job(
            source=program.source,
            entry=problem.entry.name,
            calls=(call,),
            limits=limits,
            driver=problem.driver,
            warm_up=make_warm_up(problem, program.source, instance),
        )
        outcome = executor.submit(_SelfTest(job)).result()
        if not outcome.answers:
            raise GapsmithError(f"the program does not repeat the archive's costs: {outcome.message:.200}")
        if (found := problem.cost(instance, outcome.answers[0].value)) != cost:
            raise GapsmithError(
                f"the program does not repeat the archive's costs: found {found}, expected {cost}"
            )


def _require_tests(tests: Sequence[Test]) -> None:
    if not tests:
        raise GapsmithError(
            "the archive has no cost of this program on its training instances; it cannot be shown to repeat any"
        )


def _test_module(text: str, tests: Sequence[Test], executor: Executor, seconds: float) -> None:
    """Runs the module's self-test in the sandbox."""
    _require_tests(tests)
    job = Job(source=text, entry="self_test", calls=({},), limits=Limits(cpu_seconds=seconds))
    outcome = executor.submit(_SelfTest(job)).result()
    found = outcome.answers[0].value if outcome.answers else outcome.message
    expected = [[instance.name, cost, cost] for instance, cost in tests]
    if found != expected:
        raise GapsmithError(
            f"the module does not repeat the archive's costs: found {found!r:.200}, expected {expected!r:.200}"
        )


@dataclass(frozen=True)
class _SelfTest:
    job: Job

    def __call__(self, runner: Runner, _spent: float) -> Outcome:
        return runner.run(self.job)


_USE = """\
Use it as a function, or as a program: `python THIS_FILE INSTANCE_FILE…` prints a JSON line for each
instance; `--csv` prints a schedule with its times, where the problem has one; `--self-test` shows that it repeats costs
of the archive, `--help` the rest."""
_USE_SANDBOXED = """\
`{name}` calls the program through gapsmith's sandbox, which must be installed; it raises RuntimeError where the
program fails or takes too long."""
WARNING = """\
A model wrote this program. It was checked to name no files, no other modules and not the interpreter; that is no proof.
Imported, it runs with your rights: read it first, or export it with --sandboxed."""


def _build_docstring(
    problem: Problem,
    program: Program,
    births: Sequence[CandidateRow],
    archive: Archive,
    use: str = f"{_USE}\n\n{WARNING}",
) -> str:
    first = births[0]
    run = archive.run(first.run)
    compiled = [NOTE, ""] if is_compiled(program.source) else []
    lines = [
        f"{problem.title}: `{problem.entry.name}`, discovered by gapsmith.",
        "",
        f"Program {program.id} (canonical hash {program.hash}) of run {first.run}: problem {problem.name}, "
        f"model {run.model}, seed {run.seed}, slot {first.slot}, operator {first.operator}.",
        "Measured gaps to proven optima or bounds, in percent:",
        *(f"- {line}" for line in _describe_gaps(program, first, run.report)),
        *_describe_cpu(program, first, run.report),
        "",
        *_describe_limits(problem, run),
        "",
        *compiled,
        use,
    ]
    return sanitize("\n".join(lines)).replace("\\", "/").replace('"""', "'''")


def _describe_gaps(program: Program, row: CandidateRow, report: dict[str, Any] | None) -> list[str]:
    found = []
    if row.train_gap is not None:
        found.append(f"training: {row.train_gap:.3f} (mean over the classes of the pooled gap)")
    if row.validation_gap is not None:
        found.append(f"validation: {row.validation_gap:.3f} (pooled)")
    best = (report or {}).get("best") or {}
    if best.get("id") == program.id and best.get("pooled_gap_percent") is not None:
        words = [f"{best['pooled_gap_percent']:.3f} pooled{_describe_test(best)}"]
        words += [f"{mean:.3f} mean"] if (mean := best.get("mean_gap_percent")) is not None else []
        optimal = best.get("optimal_share")
        found.append(
            f"sealed test: {', '.join(words)}"
            + ("" if optimal is None else f"; {100 * optimal:.1f} % optimal")
        )
    return found or ["none: the program did not solve its training instances"]


def _describe_cpu(program: Program, row: CandidateRow, report: dict[str, Any] | None) -> list[str]:
    """Describes the CPU time of an instance."""
    best = (report or {}).get("best") or {}
    tested = best.get("cpu_seconds") if best.get("id") == program.id else None
    seconds, where = (tested, "sealed test") if tested is not None else (row.cpu_seconds, "training")
    return [] if seconds is None else [f"CPU time per instance: {1000 * seconds:.1f} ms ({where})."]


def _describe_limits(problem: Problem, run: RunRow) -> list[str]:
    """Describes what it was trained on, and where it was not tried."""
    scope = describe_scope(problem, Settings.decode(run.config))
    head, *lines = scope.trained
    return [f"Trained on {head}", *(f"- {line}" for line in lines), scope.untried]


def _describe_test(best: Mapping[str, Any]) -> str:
    """Formats interval, number of instances and failures, in parentheses."""
    limits = best.get("ci95") or (None, None)
    interval = [] if None in limits else [f"95 % interval {limits[0]:.3f} to {limits[1]:.3f}"]
    failures = len(best.get("failures") or ())
    failed = [f"failed on {failures} more"] if failures else []
    solved = [f"{best['solved']} instances"] if "solved" in best else []  # reports before did not say
    return f" ({'; '.join([*interval, *solved, *failed])})" if interval or solved else ""


def _encode_data(instance: Instance) -> dict[str, Any]:
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in instance.data.items()
    }


def _format_tests(tests: Sequence[Test]) -> str:
    rows = [f"    ({instance.name!r}, {_format_data(instance)}, {cost!r})," for instance, cost in tests]
    return "\n".join(rows)


def _format_data(instance: Instance) -> str:
    parts = [
        f"{key!r}: np.array({value.tolist()!r}, dtype={value.dtype.str!r})"
        if isinstance(value, np.ndarray)
        else f"{key!r}: {value!r}"
        for key, value in instance.data.items()
    ]
    return "{" + ", ".join(parts) + "}"


def write_module(path: Path, text: str) -> None:
    """Writes a module. Raises GapsmithError where it cannot."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GapsmithError(f"{path} cannot be written: {(error.strerror or 'failed').lower()}") from None
