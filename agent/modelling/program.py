"""From a reply to a verdict.

Extracts the program, screens it, and runs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from gapsmith.agent.codegen.replies.extract import extract
from gapsmith.agent.codegen.screen import ALLOWED_IMPORTS, Screened, reject_unparsable, screen
from gapsmith.agent.modelling.answer import Kind, Verdict, judge_outcome
from gapsmith.agent.models.hosted.finish import describe_finish, take_usable_part
from gapsmith.evaluators.grammar import EntryPoint
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Runner
from gapsmith.sandbox import Job, Limits, SandboxError

ENTRY = EntryPoint("solve", (), "a dict with status, objective and values", "dict[str, object]")
IMPORTS = ALLOWED_IMPORTS | {"ortools", "re", "string"}
PRELOAD = "ortools"

THREADS = 16
"""Solvers start threads of their own, which share the CPU seconds of the call."""

MEMORY_MB = 2048


def extract_program(reply: str, detail: Mapping[str, str]) -> Screened:
    """Extracts the program from a reply, or the reason without one.

    Args:
        reply: the text of the reply.
        detail: how it ended, see `Reply.detail`.
    """
    finish, why = describe_finish(detail)
    extracted = extract(take_usable_part(reply, finish), ENTRY)
    found = (
        reject_unparsable(extracted.trouble)
        if extracted.trouble
        else screen(extracted.source, ENTRY, IMPORTS)
    )
    if finish and found.outcome.is_incomplete:
        return replace(found, outcome=CandidateOutcome(finish), message=why)
    return found


def judge_rejected(found: Screened) -> Verdict:
    """Returns the verdict on a program that is not run."""
    kind = _KINDS.get(found.outcome, Kind.NO_CODE)
    if kind is Kind.CRASH and f"def {ENTRY.name}" not in found.source:
        kind = Kind.NO_CODE  # prose is not a program
    return Verdict(kind, f"{found.outcome}: {found.message}")


def make_work(source: str, cpu_seconds: float) -> Callable[[Runner, float], Verdict]:
    """Makes a function that runs a program and returns its verdict.

    The CPU limit holds for all threads of the program together.
    """
    limits = Limits(cpu_seconds=cpu_seconds, memory_mb=MEMORY_MB, threads=THREADS)
    return partial(_run, Job(source=source, entry=ENTRY.name, calls=({},), limits=limits))


def _run(job: Job, runner: Runner, _null_seconds: float) -> Verdict:
    outcome = runner.run(job)
    if outcome.ending.is_sandbox_failure:  # a sandbox failure says nothing about the program
        raise SandboxError(f"the sandbox failed: {outcome.message}; continue with: gapsmith resume")
    return judge_outcome(outcome)


_KINDS = {
    CandidateOutcome.SYNTAX_ERROR: Kind.CRASH,
    CandidateOutcome.FORBIDDEN_IMPORT: Kind.FORBIDDEN,
    CandidateOutcome.FORBIDDEN_NAME: Kind.FORBIDDEN,
    CandidateOutcome.TOO_LONG: Kind.FORBIDDEN,
}
