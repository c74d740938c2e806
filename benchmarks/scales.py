"""Best reference rule and `offline` at a scale: gaps to the bound and to the best known, CPU seconds per instance.

Example: python benchmarks/scales.py parallel_machines --scale medium --evaluations 0 --limit 3

It renews the lines of these problems in `docs/results/problems/scales.md`. With `--evaluations 0` the rules alone are
measured, on `--limit` test instances.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gapsmith.agent import Archive, Budget, LocalExecutor, discover, evaluate, find_entrants, find_problem
from gapsmith.agent.evaluation.compare import Comparison, Entrant, Scored
from gapsmith.evaluators.base import Baseline, Problem, Split
from gapsmith.evaluators.catalogue import list_problems
from gapsmith.evaluators.outcomes import CandidateOutcome

TABLE = Path(__file__).parents[1] / "docs" / "results" / "problems" / "scales.md"
HEAD = """\
# The problems at their scales

```console
$ python benchmarks/scales.py PROBLEM --scale SCALE --evaluations N --limit M
```

*bound*: gap to the proven bound, pooled, in percent; *best known*: gap to the best solution that the exact solver found
within the seconds of the scale, negative where the program is better. *proven*: optima among the test instances. CPU
seconds are means per instance. Rules that fail on an instance are left out; `-` was not measured.

| problem | scale | tests | proven | best rule | bound | best known | CPU s | `offline` | bound | best known | CPU s |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Measures the problems and renews their lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problems", nargs="*", default=list_problems())
    parser.add_argument("--scale", default="medium")
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--limit", type=int, help="test instances at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    for name in given.problems:
        line = measure(find_problem(name, scale=given.scale), given)
        print(line, flush=True)
        write_line(line, f"| `{name}` | {given.scale} |")


def write_line(line: str, key: str) -> None:
    """Puts a line in place of that of the same problem and scale."""
    old = TABLE.read_text("utf-8").splitlines() if TABLE.exists() else []
    rows = [row for row in old if row.startswith("| `") and not row.startswith(key)]
    TABLE.write_text(HEAD + "\n".join(sorted([*rows, line])) + "\n", encoding="utf-8")


def measure(problem: Problem, given: argparse.Namespace) -> str:
    """Measures the rules, and the winner of a run, on the same test instances."""
    instances = problem.generate_instances(Split.TEST, given.seed, given.limit)
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalExecutor(given.workers, preload=problem.preload) as executor,
    ):
        archive = Archive(str(Path(folder) / "archive.db"))
        entrants, words = find_entrants(problem, [], archive), "-"
        if given.evaluations:
            budget = Budget(evaluations=given.evaluations)
            with discover(problem, budget=budget, archive=archive, seed=given.seed, executor=executor) as run:
                best = run.report().best
            words = f"{given.evaluations} evaluations"
            entrants.append(Entrant("winner", best.entrant.source))
        found = evaluate(problem, entrants, instances, executor, archive, problem.solver_seconds)
        archive.close()
    rules = [row for row in found.rows if row.outcome == CandidateOutcome.OK and row.entrant.name != "winner"]
    best_rule = min(rules, key=lambda row: compute_pooled_gaps(row, found)[0])
    winner = next((row for row in found.rows if row.entrant.name == "winner"), None)
    proven = sum(found.baselines[each.digest].proven for each in instances)
    cells = [
        best_rule.entrant.name,
        *show(best_rule, found),
        words,
        *(show(winner, found) if winner else "---"),
    ]
    return f"| `{problem.name}` | {problem.scale} | {len(instances)} | {proven} | {' | '.join(cells)} |"


def show(row: Scored, found: Comparison) -> Sequence[str]:
    """Formats both gaps and the CPU seconds of a program."""
    bound, known = compute_pooled_gaps(row, found)
    seconds = float(np.mean([score.cpu_seconds or 0.0 for score in row.scores]))
    return f"{bound:.3f}", f"{known:.3f}", f"{seconds:.2f}"


def compute_pooled_gaps(row: Scored, found: Comparison) -> tuple[float, float]:
    """Computes the pooled gaps to bounds and to best known solutions, percent."""
    sign = -1 if found.problem.maximise else 1
    costs = sum(score.cost or 0 for score in row.scores)
    bounds, solutions = (
        sum(pick(found.baselines[each.digest], to_bound, found.problem.maximise) for each in found.instances)
        for to_bound in (True, False)
    )
    return tuple(  # type: ignore[return-value]
        100.0 * sign * (costs - base) / base if base else float("inf") for base in (bounds, solutions)
    )


def pick(baseline: Baseline, bound: bool, maximise: bool) -> float:
    """Returns the bound, or the cost of the best known solution."""
    return baseline.upper if bound == maximise else baseline.lower


if __name__ == "__main__":
    main()
