"""The winner of `offline` on large public files: its mean gap to the best known values.

Example: python benchmarks/large.py tsp ../shared/data --evaluations 100 --cpu-seconds 1

DATA is the folder of public instances, a folder for each family; those of its `large` folder are solved, and their
best known values are in `optima.csv` there; of 1||sum Tj the file of 500 jobs. `offline` is trained on generated
instances of the scale, none of the files. With `--program FILE` a program is taken instead, such as one that
`--save FILE` wrote. It renews the line of this problem and limit in `docs/results/problems/large.md`.
"""

import argparse
import csv
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gapsmith.agent import Archive, Budget, LocalExecutor, discover, find_problem
from gapsmith.agent.evaluation.compare import Entrant, run_all
from gapsmith.agent.evaluation.problems import limit_cpu
from gapsmith.evaluators.base import Instance, Problem, Split
from gapsmith.evaluators.scoring import Score

TABLE = Path(__file__).parents[1] / "docs" / "results" / "problems" / "large.md"
HEAD = """\
# Large public files

```console
$ python benchmarks/large.py PROBLEM DATA --evaluations N --cpu-seconds S
```

`offline` is trained on generated instances of the scale; its winner then solves all files of the family's `large`
folder (job shop: abz5 to abz9, too; 1‖ΣTj: the 200 instances of 500 jobs, *mean* being the pooled gap, since optima
can be 0). *mean*, *median*, *worst*: gaps to the best known values, in percent; negative where the program is better.
CPU seconds are the mean and the greatest of an instance. One seed. What was not trained is a program put together by
hand of the compiled blocks that are named (`--program`).

| problem | files | limit, s | trained with | mean | median | worst | CPU s, mean | most | measured |
|---|---|---|---|---|---|---|---|---|---|
"""
FAMILIES = {
    "job_shop": "job_shop",
    "multidimensional_knapsack": "knapsack",
    "independent_set": "independent_set",
    "permutation_flow_shop": "flow_shop",
    "quadratic_assignment": "qap",
    "rcpsp": "rcpsp",
    "single_machine_tardiness": "tardiness",
    "tsp": "tsp",
}
MORE = {"job_shop": ("abz5", "abz6", "abz7", "abz8", "abz9")}
"""Further files, from the family's folder."""

LISTS = {"single_machine_tardiness": "n500"}
"""Families with one file of instances, `NAME.txt`, and their optima in `NAME.opt`, one a line."""

COUNT = 8
"""Generated instances of each split at most: those of the scale would need too long to bound."""


def main() -> None:
    """Trains or reads a program, scores it, and renews its line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", choices=FAMILIES)
    parser.add_argument("data", type=Path)
    parser.add_argument("--scale", default="large", help="of the generated instances")
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--cpu-seconds", type=float, default=1.0, help="limit of a program on an instance")
    parser.add_argument("--solver-seconds", type=float, default=1.0, help="for bounds of generated instances")
    parser.add_argument("--program", type=Path, help="a program to score, in place of training")
    parser.add_argument("--save", type=Path, help="where the winner is written")
    parser.add_argument("--limit", type=int, help="files at most, spread evenly")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    problem = limit_cpu(find_problem(given.problem, scale=given.scale), given.cpu_seconds)
    instances, known = read_family(problem, given.data / FAMILIES[given.problem], given.limit)
    with LocalExecutor(given.workers, preload=problem.guest) as executor:
        source = given.program.read_text("utf-8") if given.program else train(problem, given, executor)
        if given.save:
            given.save.write_text(source, encoding="utf-8")
        scores = run_all(problem, Entrant("winner", source), instances, executor)
    for instance, score in zip(instances, scores, strict=True):
        gap = compute_gap(problem, score.cost, known[instance.name])
        print(f"{instance.name:20} {gap:8.3f} % {score.cpu_seconds or 0.0:6.2f} s  {score.outcome}")
    gaps = [
        compute_gap(problem, score.cost, known[i.name]) for i, score in zip(instances, scores, strict=True)
    ]
    seconds = [score.cpu_seconds or 0.0 for score in scores]
    words = f"{given.evaluations} evaluations"
    if given.program:
        words = f"not trained: {given.program.stem.replace('_', ' ')}"
    mean = compute_pooled(scores, list(known.values())) if given.problem in LISTS else np.mean(gaps)
    numbers = [mean, np.median(gaps), np.max(gaps)]
    key = f"| `{problem.name}` | {len(instances)} | {given.cpu_seconds:g} |"
    digits = 4 if given.problem in LISTS else 2
    line = f"{key} {words} | {' | '.join(f'{number:.{digits}f}' for number in numbers)} | {np.mean(seconds):.2f} | "
    line += f"{max(seconds):.2f} | {time.strftime('%Y-%m-%d')} |"
    print(line)
    if given.limit is None:
        write_line(line, key)


def read_family(
    problem: Problem, folder: Path, limit: int | None
) -> tuple[list[Instance], Mapping[str, float]]:
    """Reads the large instances of a family, and their best known values."""
    if problem.name in LISTS:
        found = problem.read(folder / f"{LISTS[problem.name]}.txt")
        optima = (folder / f"{LISTS[problem.name]}.opt").read_text("utf-8").split()
        chosen = slice(None, None, -(-len(found) // limit) if limit else 1)
        known = {each.name: float(value) for each, value in zip(found, optima, strict=True)}
        return found[chosen], dict(list(known.items())[chosen])
    return read_files(problem, folder / "large", limit, MORE.get(problem.name, ()))


def read_files(
    problem: Problem, folder: Path, limit: int | None, more: Sequence[str] = ()
) -> tuple[list[Instance], Mapping[str, float]]:
    """Reads the instances of a folder, and more of its parent, with the best values known."""
    side = "lower" if problem.maximise else "upper"
    known: dict[str, float] = {}
    files = [folder.parent / name for name in more]
    for place in (folder.parent, folder) if more else (folder,):
        with (place / "optima.csv").open(encoding="utf-8") as lines:
            known |= {row["instance"]: float(row[side]) for row in csv.DictReader(lines)}
    files += sorted(path for path in folder.iterdir() if path.name != "optima.csv")
    found = [instance for path in files for instance in problem.read(path) if instance.name in known]
    return found[:: -(-len(found) // limit) if limit else 1], known


def train(problem: Problem, given: argparse.Namespace, executor: LocalExecutor) -> str:
    """Runs `offline` on generated instances; returns the winner's source."""
    counts = {split: min(COUNT, problem.counts[split]) for split in Split}
    few = replace(problem, counts=counts, solver_seconds=given.solver_seconds)
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(str(Path(folder) / "archive.db"))
        budget = Budget(evaluations=given.evaluations)
        with discover(few, budget=budget, archive=archive, seed=given.seed, executor=executor) as run:
            source = run.report().best.entrant.source
        archive.close()
    return source


def compute_gap(problem: Problem, cost: float | None, known: float) -> float:
    """Computes the gap to the best value known, percent; infinite if it failed."""
    if cost is None:
        return float("inf")
    return 100.0 * (known - cost if problem.maximise else cost - known) / max(known, 1.0)


def compute_pooled(scores: Sequence[Score], known: Sequence[float]) -> float:
    """Computes the gap of all costs together, percent; infinite if one failed."""
    costs = [float("inf") if score.cost is None else score.cost for score in scores]
    return 100.0 * (sum(costs) / sum(known) - 1.0)


def write_line(line: str, key: str) -> None:
    """Replaces the line of the same problem and limit."""
    old: Sequence[str] = TABLE.read_text("utf-8").splitlines() if TABLE.exists() else []
    rows = [row for row in old if row.startswith("| `") and not row.startswith(key)]
    TABLE.write_text(HEAD + "\n".join(sorted([*rows, line])) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
