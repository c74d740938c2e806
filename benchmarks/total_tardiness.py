"""Solves files of 1‖ΣTj by branch and memorize and compares with the optima beside them.

    python benchmarks/total_tardiness.py FILE.txt… [--seconds S]

A file repeats `n` and then n lines `p d`; FILE.opt, where there is one, holds an optimum a line in the same order.
Times are CPU seconds of one core, compilation not counted.

Example: python benchmarks/total_tardiness.py n20.txt --seconds 1
"""

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gapsmith.evaluators.problems.single_machine_tardiness.exact.solve import branch_and_memorize


def instances_of(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Reads the pairs (p, d) of a file."""
    numbers = np.array(path.read_text().split(), np.int64)
    at = 0
    while at < numbers.size:
        size = int(numbers[at])
        pairs = numbers[at + 1 : at + 1 + 2 * size].reshape(size, 2)
        yield pairs[:, 0], pairs[:, 1]
        at += 1 + 2 * size


def report(path: Path, seconds: float) -> None:
    """Solves one file and prints a line about it."""
    instances = list(instances_of(path))
    known = path.with_suffix(".opt")
    optima = [int(word) for word in known.read_text().split()] if known.exists() else []
    proven, mismatches, nodes, spent = 0, 0, 0, []
    for number, (p, d) in enumerate(instances):
        start = time.process_time()
        solved = branch_and_memorize(p, d, seconds)
        spent.append(time.process_time() - start)
        proven += solved.proven
        nodes += solved.nodes
        mismatches += bool(optima) and solved.proven and solved.total != optima[number]
    compared = f"{mismatches} mismatches" if optima else "no optima to compare with"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{path.name}: {proven} of {len(instances)} proven, {compared}, mean {np.mean(spent):.4f} s, "
        f"median {np.median(spent):.4f} s, max {max(spent):.3f} s, {nodes} nodes, peak memory {memory:.0f} MB",
        flush=True,
    )


def main() -> None:
    """Compiles once, then reports file by file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.txt")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="limit per instance, CPU seconds (default 600)"
    )
    arguments = parser.parse_args()
    start = time.process_time()
    branch_and_memorize(range(9, 0, -1), range(9), arguments.seconds)
    print(f"first solve, compilation included: {time.process_time() - start:.1f} s", flush=True)
    for path in arguments.files:
        report(path, arguments.seconds)


if __name__ == "__main__":
    main()
