"""A formulation as a module of its own: OR-Tools, numpy, the base that it strengthens, and what was found of it."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from gapsmith.agent.archive import Archive, CandidateRow, Program
from gapsmith.agent.archive.findings import finding_of, words
from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.agent.codegen.sanitize import harmless
from gapsmith.agent.reports.formulations import told
from gapsmith.evaluators.base import Problem

if TYPE_CHECKING:  # it loads OR-Tools, which heuristics do without
    from gapsmith.evaluators.formulations.problem import FormulationProblem


def formulation_module(
    problem: Problem, program: Program, births: Sequence[CandidateRow], archive: Archive
) -> str:
    """The text of the module: `strengthened(data)`, or the program alone where it is a whole model."""
    search = cast("FormulationProblem", problem)
    head = _HEAD.format(docstring=_docstring(search, program, births, archive), source=program.source.strip())
    if search.follow_up:
        return head
    bundle = Bundle(given=frozenset(("Instance",)))
    bundle.add(search.formulation.build)
    build = search.formulation.build.__name__
    return head + _BASE.format(bundle=textwrap.indent(bundle.source, "    ").rstrip(), build=build)


def _docstring(
    search: "FormulationProblem", program: Program, births: Sequence[CandidateRow], archive: Archive
) -> str:
    first, finding = births[0], finding_of(archive, births)
    run = archive.run(first.run)
    use = "`build(data)`, `decode(values, data)`" if search.follow_up else "`strengthened(data)`"
    lines = [
        f"{search.title}: {use}, discovered by gapsmith.",
        "",
        f"Program {program.id} (canonical hash {program.hash}) of run {first.run}: formulation {run.problem}, "
        f"model {run.model}, seed {run.seed}, slot {first.slot}, operator {first.operator}.",
        f"Verified: {words(finding) or 'not by all rungs'}. That is no proof: see docs/formulations.md.",
        *_figures(program, run.report),
        "",
        "A model wrote this program. It was checked to name no files, no other modules and not the interpreter; that",
        "is no proof. Imported, it runs with your rights: read it first.",
    ]
    return harmless("\n".join(lines)).replace("\\", "/").replace('"""', "'''")


def _figures(program: Program, report: Mapping[str, Any] | None) -> list[str]:
    """What the report says of the run's winner, on the sealed test."""
    winner = ((report or {}).get("best") or {}).get("id") == program.id
    found = (report or {}).get("formulation")
    return (
        ["On the sealed test:", *told({**found, "verified": None}).splitlines()] if winner and found else []
    )


_HEAD = '''"""{docstring}
"""

# The program, as it was found.

{source}
'''

_BASE = '''

# The base model, as gapsmith builds it.


class Instance:
    """The data of a case, by name."""

    def __init__(self, data):
        self.data = data


def _base():
{bundle}

    return {build}


def strengthened(data):
    """The base model of an instance with what was found added to it, and the base's variables by name."""
    built = _base()(Instance(data))
    augment(built.model, built.variables, data)
    return built.model, built.variables
'''
