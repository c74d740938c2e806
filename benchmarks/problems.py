"""Writes docs/results/problems/all.md, every problem on public files: `python benchmarks/problems.py DATA [-o FILE]`.

DATA is the folder of public instances, a folder for each family. The exact method gets at most SECONDS for an
instance; at most LIMIT instances of a family are taken, spread evenly over its files. What is known of the optima
is read from `optima.csv` beside the files. Exact results are kept in ARCHIVE if one is named. With `--only` the
lines of other families that are in FILE already stay: the table can be made family by family.

Example: python benchmarks/problems.py DATA --only market_split --seconds 5 --limit 2 -o all.md
"""

import argparse
import csv
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.baselines import ProgressCallback
from gapsmith.agent.evaluation.compare import Comparison, evaluate, find_entrants
from gapsmith.agent.evaluation.executors.local import LocalExecutor
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.evaluators.base import Baseline, GapsmithError, Instance, Problem

FAMILIES = {
    "single_machine_tardiness": ("tardiness", "*.txt"),
    "single_machine_weighted_tardiness": ("weighted_tardiness", "wt*.txt"),
    "permutation_flow_shop": ("flow_shop", "Ta*.txt"),
    "job_shop": ("job_shop", "[afoly]*"),
    "parallel_machines": ("parallel_machines", "PCMAX*.txt"),
    "rcpsp": ("rcpsp", "*.sm"),
    "online_bin_packing": ("bin_packing", "binpack*.txt"),
    "tsp": ("tsp", "*.tsp"),
    "quadratic_assignment": ("qap", "*.qap"),
    "multidimensional_knapsack": ("knapsack", "mknap*.txt"),
    "independent_set": ("independent_set", "*.gph"),
    "market_split": ("market_split", "*.dat"),
}

Bounds = tuple[float, float]
"""What is stored of an optimum: it is at least the first and at most the second; equal where it is proven."""


@dataclass(frozen=True)
class Family:
    """One problem with what its files hold."""

    problem: Problem
    files: int
    read: int
    taken: list[Instance]
    stored: dict[str, Bounds]


def main() -> None:
    """Makes the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results/problems/all.md"))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--only", nargs="*", default=[], choices=FAMILIES)
    parser.add_argument("--archive")
    options = parser.parse_args()
    lines = present(options.output) if options.only else {}
    for name in options.only or FAMILIES:
        lines[name] = row(family(name, options), options)
    table = "\n".join(lines[name] for name in FAMILIES if name in lines)
    options.output.write_text(f"{HEAD}{table}\n", encoding="utf-8")


def present(path: Path) -> dict[str, str]:
    """The lines of an earlier table by the names of their problems."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}


def family(name: str, options: argparse.Namespace) -> Family:
    """Reads all files of a family and takes an even spread of its instances."""
    folder, pattern = FAMILIES[name]
    problem = find_problem(name)
    files = sorted(path for path in (options.data / folder).glob(pattern) if path.name != "optima.csv")
    instances = [instance for path in files for instance in problem.read(path)]
    step = max(1, -(-len(instances) // options.limit))
    return Family(problem, len(files), len(instances), instances[::step], optima(options.data / folder))


def optima(folder: Path) -> dict[str, Bounds]:
    """The stored bounds, by the names that the readers give."""
    found = {
        f"{path.stem}-{k}": (float(value), float(value))
        for path in folder.glob("*.opt")
        for k, value in enumerate(path.read_text(encoding="utf-8").split(), 1)
    }
    path = folder / "optima.csv"
    if path.exists():
        with path.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        names = {file_name(row["instance"]) for row in rows}
        found |= {reader_name(file_name(row["instance"]), names): bounds(row) for row in rows}
    return found


def bounds(row: dict[str, str]) -> Bounds:
    """The two bounds of a line of `optima.csv`, of which one may be missing."""
    return float(row["lower"] or -math.inf), float(row["upper"] or math.inf)


def file_name(name: str) -> str:
    """`u120_00` is an instance of OR-Library's binpack1, and `u250_00` of binpack2."""
    return name.replace("u120_", "binpack1-").replace("u250_", "binpack2-")


def reader_name(name: str, names: set[str]) -> str:
    """`wt40-001` is the first for a reader, and so is `mknapcb1-00`: positions begin at 1, without zeros in front."""
    stem, dash, position = name.rpartition("-")
    if not dash or not position.isdecimal():
        return name
    from_zero = f"{stem}-{'0' * len(position)}" in names
    return f"{stem}-{int(position) + from_zero}"


def row(found: Family, options: argparse.Namespace) -> str:
    """The line of one family."""
    archive = Archive(options.archive) if options.archive else None
    with LocalExecutor(1) as executor:
        entrants = find_entrants(found.problem, [], None)
        comparison = evaluate(
            found.problem, entrants, found.taken, executor, archive, options.seconds, told(found.problem.name)
        )
    proven = sum(baseline.proven for baseline in comparison.baselines.values())
    seconds = [baseline.seconds for baseline in comparison.baselines.values()]
    mean = sum(seconds) / max(1, len(seconds))
    tried = f"{len(found.taken)}, {options.seconds:g} s"
    cells = (f"`{found.problem.name}`", f"{found.read} in {found.files}", tried, str(proven))
    return "| " + " | ".join((*cells, agreement(found, comparison), f"{mean:.2f}", gaps(comparison))) + " |"


def told(name: str) -> ProgressCallback:
    """Writes how far it is."""
    return lambda progress, done, whole: print(f"{name}: {progress}, {done} of {whole}", file=sys.stderr)


def agreement(found: Family, comparison: Comparison) -> str:
    """How many proven values equal what is stored, are better than the best stored, and are out of its bounds."""
    words = Counter(
        verdict(comparison.baselines[i.digest], found.stored[i.name], found.problem.maximise)
        for i in found.taken
        if i.name in found.stored and comparison.baselines[i.digest].proven
    )
    return " / ".join(str(words[word]) for word in ("equal", "better", "out"))


def verdict(baseline: Baseline, stored: Bounds, maximise: bool) -> str:
    """What a proven value is to the stored bounds, of which one is the value of the best solution known."""
    if baseline.lower == stored[0 if maximise else 1]:
        return "equal"
    return "better" if stored[0] <= baseline.lower <= stored[1] else "out"


def gaps(comparison: Comparison) -> str:
    """Mean gaps of the rules, in percent; the outcome of a rule that failed."""
    return ", ".join(f"{row.entrant.name} {_gap(row.outcome, row.aggregate)}" for row in comparison.rows)


def _gap(outcome: str, aggregate: object) -> str:
    mean = getattr(aggregate, "mean_gap_percent", None)
    return outcome if aggregate is None else "–" if mean is None else f"{mean:.1f}"


HEAD = """# All problems on public files

```console
$ python benchmarks/problems.py DATA --only PROBLEM --seconds S --limit N
```

*Tried*: instances, and the CPU limit of the exact method for each. *Equal / better / out*: proven values compared
with the stored ones; *out* would be a contradiction. Seconds: mean of the exact method on one core. Gaps: means in
percent.

| problem | instances read | tried, S | proven | equal / better / out | seconds | mean gaps of the reference rules |
|---|---|---|---|---|---|---|
"""


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; a malformed file is one line."""
    try:
        main()
    except GapsmithError as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
