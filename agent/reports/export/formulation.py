"""A formulation as a stand-alone module.

It needs OR-Tools and numpy, and holds its base and its measured results.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from gapsmith.agent.archive import Archive, CandidateRow, Program
from gapsmith.agent.archive.findings import find_verification, format_verification
from gapsmith.agent.codegen.bundle import Bundle
from gapsmith.agent.codegen.sanitize import sanitize
from gapsmith.agent.reports.formulations import describe_formulation
from gapsmith.evaluators.base import Problem


def write_formulation_module(
    problem: Problem, program: Program, births: Sequence[CandidateRow], archive: Archive
) -> str:
    """Writes the module: `strengthened(data)`, or the program alone for a whole model.

    The program must have been screened, and its invisible characters escaped; see `module.export`.
    """
    head = _HEAD.format(
        docstring=_write_docstring(problem, program, births, archive), source=program.source.strip()
    )
    if problem.base_model is None or problem.follow_up:
        return head
    bundle = Bundle(given=frozenset(("Instance",)))
    bundle.add(problem.base_model)
    build = problem.base_model.__name__
    return head + _BASE.format(bundle=textwrap.indent(bundle.source, "    ").rstrip(), build=build)


def _write_docstring(
    problem: Problem, program: Program, births: Sequence[CandidateRow], archive: Archive
) -> str:
    first, finding = births[0], find_verification(archive, births)
    run = archive.run(first.run)
    use = "`build(data)`, `decode(values, data)`" if problem.follow_up else "`strengthened(data)`"
    lines = [
        f"{problem.title}: {use}, discovered by gapsmith.",
        "",
        f"Program {program.id} (canonical hash {program.hash}) of run {first.run}: formulation {run.problem}, "
        f"model {run.model}, seed {run.seed}, slot {first.slot}, operator {first.operator}.",
        f"Verified: {format_verification(finding) or 'not on all levels'}. This is not a proof: see "
        "docs/explanation/formulations.md.",
        *_list_figures(program, run.report),
        "",
        "A language model wrote this program. It was checked to use no files, no other modules and not the",
        "interpreter's internals; that is not a proof. Imported, it runs with your rights: read it first.",
    ]
    return sanitize("\n".join(lines)).replace("\\", "/").replace('"""', "'''")


def _list_figures(program: Program, report: Mapping[str, Any] | None) -> list[str]:
    """Lists the sealed test's figures if the program won its run."""
    winner = ((report or {}).get("best") or {}).get("id") == program.id
    found = (report or {}).get("formulation")
    return (
        ["On the sealed test:", *describe_formulation({**found, "verified": None}).splitlines()]
        if winner and found
        else []
    )


_HEAD = '''"""{docstring}
"""

# The program as it was found.

{source}
'''

_BASE = '''

# The base model as gapsmith builds it.


class Instance:
    """The data of an instance, by name."""

    def __init__(self, data):
        self.data = data


def _base():
{bundle}

    return {build}


def strengthened(data):
    """Returns the base model of an instance with the additions, and the base's variables by name."""
    built = _base()(Instance(data))
    augment(built.model, built.variables, data)
    return built.model, built.variables
'''
