"""Solves files of 1‖ΣwjTj by successive sublimation and compares with the optima beside them.

    python benchmarks/weighted_tardiness.py FILE.txt… [--seconds S] [--each]

A file is one of OR-Library's, of 125 instances; `optima.csv` in its folder, where there is one, names instances
as STEM-KKK and gives `lower` and `upper`. Times are CPU seconds of one core, compilation not counted.

Example: python benchmarks/weighted_tardiness.py wt40.txt --seconds 10 --each
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from gapsmith.evaluators.problems.single_machine_weighted_tardiness.exact.solve import solve_by_sublimation
from gapsmith.evaluators.problems.single_machine_weighted_tardiness.problem import problem


def optima_beside(path: Path) -> dict[str, int]:
    """Proven optima by instance."""
    known = path.with_name("optima.csv")
    if not known.exists():
        return {}
    with known.open() as file:
        return {row["instance"]: int(row["upper"]) for row in csv.DictReader(file) if row["optimal"] == "yes"}


def report(path: Path, seconds: float, each: bool) -> None:
    """Solves one file and prints a line about it."""
    known, proven, compared = optima_beside(path), 0, 0
    mismatches: list[str] = []
    spent: list[float] = []
    for number, instance in enumerate(problem.read(path), 1):
        start = time.process_time()
        p, w, d = (np.asarray(instance.data[name]) for name in "pwd")
        solved = solve_by_sublimation(p, w, d, seconds)
        spent.append(time.process_time() - start)
        optimum = known.get(f"{path.stem}-{number:03d}")
        proven += solved.proven
        compared += optimum is not None
        if optimum is not None and not solved.lower <= optimum <= solved.total:
            mismatches.append(instance.name)
        if each:
            print(f"{instance.name}: {solved.lower} to {solved.total}, {spent[-1]:.2f} s", flush=True)
    print(
        f"{path.name}: {proven} of {len(spent)} proven, {len(mismatches)} mismatches in {compared} compared"
        f"{': ' + ', '.join(mismatches) if mismatches else ''}, mean {np.mean(spent):.3f} s, "
        f"median {np.median(spent):.3f} s, max {max(spent):.2f} s",
        flush=True,
    )


def main() -> None:
    """Compiles once, then reports file by file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.txt")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="limit per instance, CPU seconds (default 60)"
    )
    parser.add_argument("--each", action="store_true", help="print a line for every instance too")
    arguments = parser.parse_args()
    start = time.process_time()
    solve_by_sublimation([1, 2], [1, 1], [0, 0])
    print(f"first solve, compilation included: {time.process_time() - start:.1f} s", flush=True)
    for path in arguments.files:
        report(path, arguments.seconds, arguments.each)


if __name__ == "__main__":
    main()
