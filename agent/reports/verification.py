"""Results of `verify`, as JSON and as tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.sanitize import untrusted
from gapsmith.agent.evaluation.baselines import Progress
from gapsmith.agent.evaluation.executor import Executor
from gapsmith.agent.evaluation.verify import Verified, mutants_examined, verified
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.evaluators.formulations.verify.mutants import Examined, kill_rate
from gapsmith.evaluators.outcomes import CandidateOutcome

FATES = ("killed", "survived", "equivalent", "broken")
LONGEST_REASON = 160


@dataclass(frozen=True)
class Answer:
    """The output of `verify` as data and as a table, and whether anything failed."""

    data: Any
    table: Table
    failed: bool


def files_answer(
    problem: FormulationProblem,
    files: Sequence[Path],
    executor: Executor,
    doing: Progress,
    archive: Archive | None,
) -> Answer:
    """Verifies programs; fails if one of them is wrong."""
    found = verified(problem, files, executor, doing, archive)
    failed = any(each.finding.outcome != CandidateOutcome.OK for each in found)
    return Answer(verified_json(problem.name, found), verified_table(problem.name, found), failed)


def mutants_answer(
    problem: FormulationProblem, count: int, seed: int, executor: Executor, doing: Progress
) -> Answer:
    """Examines mutants; fails if a wrong one passed."""
    found = mutants_examined(problem, count, seed, executor, doing)
    failed = any(each.fate == "survived" for each in found)
    return Answer(mutants_json(problem.name, found), mutants_table(problem.name, found), failed)


def verified_json(formulation: str, found: Sequence[Verified]) -> dict[str, Any]:
    """Returns the output of `verify` as data."""
    return {"formulation": formulation, "programs": [_verified_json(each) for each in found]}


def _verified_json(each: Verified) -> dict[str, Any]:
    finding = each.finding
    words = {"name": each.name, "outcome": finding.outcome, "message": finding.message}
    return {**words, "truth": finding.detail.get("truth"), **finding.detail}


def verified_table(formulation: str, found: Sequence[Verified]) -> Table:
    """Returns a table with a line for each program."""
    table = Table(title=f"{formulation}: verification")
    for heading in ("program", "outcome", "truth", "rung", "why"):
        table.add_column(heading)
    for each in found:
        finding = each.finding
        style = "" if finding.outcome == CandidateOutcome.OK else "red"
        cells = [str(finding.detail.get(word, "–")) for word in ("truth", "rung")]
        why = untrusted(finding.message, LONGEST_REASON)
        table.add_row(Text(each.name), Text(finding.outcome, style=style), *cells, Text(why))
    return table


def mutants_json(formulation: str, found: Sequence[Examined]) -> dict[str, Any]:
    """Returns the output of `verify --mutants` as data."""
    fates = Counter(each.fate for each in found)
    return {
        "formulation": formulation,
        "mutants": len(found),
        **{fate: fates[fate] for fate in FATES},
        "kill_rate": kill_rate(found),
        "kinds": {kind: _fates(group) for kind, group in _by_kind(found).items()},
        "examined": [_mutant_json(each) for each in found],
    }


def _mutant_json(each: Examined) -> dict[str, Any]:
    mutant = each.mutant
    words = {"pattern": mutant.pattern, "kind": mutant.kind, "change": mutant.change}
    return {**words, "fate": each.fate, "reason": each.reason}


def _by_kind(found: Sequence[Examined]) -> dict[str, list[Examined]]:
    kinds = dict.fromkeys(each.mutant.kind for each in found)
    return {kind: [each for each in found if each.mutant.kind == kind] for kind in kinds}


def _fates(found: Sequence[Examined]) -> dict[str, int]:
    return dict(Counter(each.fate for each in found))


def mutants_table(formulation: str, found: Sequence[Examined]) -> Table:
    """Returns a table with a line for each kind of mistake."""
    rate = kill_rate(found)
    words = "none was wrong" if rate is None else f"kill rate {100 * rate:.1f} %"
    table = Table(title=f"{formulation}: {len(found)} mutants, {words}", caption=_survivors(found))
    for heading in ("mistake", *FATES):
        table.add_column(heading, justify="left" if heading == "mistake" else "right")
    for kind, group in {**_by_kind(found), "all": list(found)}.items():
        table.add_row(kind, *(str(_fates(group).get(fate, 0)) for fate in FATES))
    return table


def _survivors(found: Sequence[Examined]) -> str:
    lines = [f"{e.mutant.pattern}: {e.mutant.change}: {e.reason}" for e in found if e.fate == "survived"]
    return "\n".join(untrusted(line, LONGEST_REASON) for line in lines)
