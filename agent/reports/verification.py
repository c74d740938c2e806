"""Results of `verify`, as JSON and as tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gapsmith.agent.archive import Archive
from gapsmith.agent.archive.findings import describe_hints
from gapsmith.agent.codegen.sanitize import limit_untrusted
from gapsmith.agent.evaluation.baselines import ProgressCallback
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.verify import VerificationResult, examine_mutants, verify_programs
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.evaluators.formulations.verify.mutants import MutantResult, compute_kill_rate
from gapsmith.evaluators.outcomes import CandidateOutcome

FATES = ("killed", "survived", "equivalent", "broken")
LONGEST_REASON = 160
LONGEST_MESSAGE = 600


@dataclass(frozen=True)
class CommandOutput:
    """The output of `verify` as data and table, and its failure."""

    data: Any
    table: Table
    failed: bool


def report_programs(
    problem: FormulationProblem,
    files: Sequence[Path],
    executor: Executor,
    progress: ProgressCallback,
    archive: Archive | None,
) -> CommandOutput:
    """Verifies programs; fails if one of them is wrong."""
    found = verify_programs(problem, files, executor, progress, archive)
    failed = any(each.finding.outcome != CandidateOutcome.OK for each in found)
    return CommandOutput(encode_programs(problem.name, found), tabulate_programs(problem.name, found), failed)


def report_mutants(
    problem: FormulationProblem, count: int, seed: int, executor: Executor, progress: ProgressCallback
) -> CommandOutput:
    """Examines mutants; fails if a wrong one passed."""
    found = examine_mutants(problem, count, seed, executor, progress)
    failed = any(each.fate == "survived" for each in found)
    return CommandOutput(encode_mutants(problem.name, found), tabulate_mutants(problem.name, found), failed)


def encode_programs(formulation: str, found: Sequence[VerificationResult]) -> dict[str, Any]:
    """Returns the output of `verify` as data."""
    return {"formulation": formulation, "programs": [_encode_program(each) for each in found]}


def _encode_program(each: VerificationResult) -> dict[str, Any]:
    finding = each.finding
    words = {"name": each.name, "outcome": finding.outcome, "message": finding.message}
    return {**words, "truth": finding.detail.get("truth"), **finding.detail}


def tabulate_programs(formulation: str, found: Sequence[VerificationResult]) -> Table:
    """Returns a table with a line for each program, and reasons below."""
    table = Table(title=f"{formulation}: verification", caption=escape("\n".join(list_notes(found))) or None)
    for heading in ("program", "outcome", "truth", "rung"):
        table.add_column(heading, overflow="fold")
    for each in found:
        finding = each.finding
        style = "" if finding.outcome == CandidateOutcome.OK else "red"
        cells = [str(finding.detail.get(word, "–")) for word in ("truth", "rung")]
        table.add_row(Text(each.name), Text(finding.outcome, style=style), *cells)
    return table


def list_notes(found: Sequence[VerificationResult]) -> list[str]:
    """Says why programs were refused, and what their hints are."""
    notes = []
    for each in found:
        if each.finding.message:
            notes.append(f"{each.name}: {limit_untrusted(each.finding.message, LONGEST_MESSAGE)}")
        if hinted := describe_hints(each.finding.detail):
            notes.append(f"{each.name}: {hinted}")
    return notes


def encode_mutants(formulation: str, found: Sequence[MutantResult]) -> dict[str, Any]:
    """Returns the output of `verify --mutants` as data."""
    fates = Counter(each.fate for each in found)
    return {
        "formulation": formulation,
        "mutants": len(found),
        **{fate: fates[fate] for fate in FATES},
        "kill_rate": compute_kill_rate(found),
        "kinds": {kind: _count_fates(group) for kind, group in _group_by_kind(found).items()},
        "examined": [_encode_mutant(each) for each in found],
    }


def _encode_mutant(each: MutantResult) -> dict[str, Any]:
    mutant = each.mutant
    words = {"pattern": mutant.pattern, "kind": mutant.kind, "change": mutant.change}
    return {**words, "fate": each.fate, "reason": each.reason}


def _group_by_kind(found: Sequence[MutantResult]) -> dict[str, list[MutantResult]]:
    kinds = dict.fromkeys(each.mutant.kind for each in found)
    return {kind: [each for each in found if each.mutant.kind == kind] for kind in kinds}


def _count_fates(found: Sequence[MutantResult]) -> dict[str, int]:
    return dict(Counter(each.fate for each in found))


def tabulate_mutants(formulation: str, found: Sequence[MutantResult]) -> Table:
    """Returns a table with a line for each kind of mistake."""
    rate = compute_kill_rate(found)
    words = "none was wrong" if rate is None else f"kill rate {100 * rate:.1f} %"
    table = Table(title=f"{formulation}: {len(found)} mutants, {words}", caption=_list_survivors(found))
    for heading in ("mistake", *FATES):
        table.add_column(heading, justify="left" if heading == "mistake" else "right")
    for kind, group in {**_group_by_kind(found), "all": list(found)}.items():
        table.add_row(kind, *(str(_count_fates(group).get(fate, 0)) for fate in FATES))
    return table


def _list_survivors(found: Sequence[MutantResult]) -> str:
    lines = [f"{e.mutant.pattern}: {e.mutant.change}: {e.reason}" for e in found if e.fate == "survived"]
    return "\n".join(limit_untrusted(line, LONGEST_REASON) for line in lines)
