"""Runs the hand-made wrong formulations through the ladder: how many are accepted? None should be.

    python benchmarks/formulations/traps.py [NAME…] [-o FILE]

The traps are those of the tests. Each is run in the sandbox, on the tiny instances that follow from its own hash.

Example: python benchmarks/formulations/traps.py growing_tardiness
"""

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

from common import HERE, Record, append, records, say, selected

from gapsmith.evaluators.catalogue import BUILD, load_formulation_problem
from gapsmith.evaluators.formulations.problem import FormulationProblem
from gapsmith.sandbox import open_sandbox

TESTS = HERE.parents[1] / "tests" / "evaluators" / "formulations"


def loaded(name: str) -> ModuleType:
    """A module of the tests, which no import path leads to."""
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Climbs the ladder with each, then counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="of traps (all)")
    parser.add_argument("-o", "--results", type=Path, default=HERE / "results" / "traps.jsonl")
    arguments = parser.parse_args()
    loaded("families")
    loaded("traps")
    modules = [loaded(f"traps_{part}") for part in ("schedules", "sets", "ties", "builds")]
    traps = [*modules[0].SCHEDULES, *modules[1].SETS, *modules[2].TIES, *modules[3].LIES]
    done = {each["trap"] for each in records(arguments.results)}
    with open_sandbox("ortools") as sandbox:
        for trap in traps:
            if trap.name in done or (arguments.names and trap.name not in arguments.names):
                continue
            found = load_formulation_problem(trap.formulation + (BUILD if trap.whole else ""))
            problem = cast("FormulationProblem", found)
            finding = problem.ladder.verify(trap.source, sandbox, (), True)
            say(f"{trap.name}: {finding.outcome}: {finding.message[:100]}")
            record: Record = {"trap": trap.name, "outcome": finding.outcome, "message": finding.message}
            append(arguments.results, record)
    found_all = records(arguments.results)
    print(f"{len(found_all)} traps:", ", ".join(sorted({each["outcome"] for each in found_all})))
    for outcome in sorted({each["outcome"] for each in found_all}):
        names = [each["trap"] for each in selected(found_all, outcome=outcome)]
        print(f"{outcome}: {len(names)}" + ("" if outcome == "refuted" else f" ({', '.join(names)})"))


if __name__ == "__main__":
    main()
