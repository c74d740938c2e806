"""What `offline` finds with 1000 evaluations, on the public files.

    python benchmarks/search/offline.py [--tasks bin_packing tardiness job_shop] [--seeds 5] [--evaluations 1000]
        [--seconds 60] [-o FILE]

Learns from generated instances; tests on funsearch_weibull5k.json, n100.txt, and the job shops ft, la, abz, orb.
Per seed: mean and pooled gap and CPU milliseconds an instance of the winner and of the reference rule that is
best on the test. For tardiness also the best points of the run's front within 1, 10 and 50 ms. The front's gaps
and times are the test's: its few points were chosen in training, the best within a time is chosen in hindsight.

Example: python benchmarks/search/offline.py --tasks tardiness --seeds 1 --evaluations 20
"""

import argparse
import time
from collections.abc import Sequence

from common import (
    Record,
    Task,
    append,
    counted,
    fresh_archive,
    front,
    mean,
    options,
    records,
    say,
    selected,
    solved,
    tasks,
)

from gapsmith.agent import Archive, Budget, Entrant, LocalExecutor, Report, discover, evaluate
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.evaluation.executors.base import Executor

MILLISECONDS = (1, 10, 50)
CPU_SECONDS = {"tardiness": 0.05}
"""The most for an instance, where it is less than the problem's own limit."""


def measure(task: Task, seed: int, given: argparse.Namespace) -> Record:
    """One run with its test."""
    with (
        fresh_archive(given.results.with_name("baselines.db")) as archive,
        LocalExecutor(given.workers) as executor,
    ):
        begun = time.monotonic()
        run = discover(
            task.problem,
            budget=Budget(evaluations=given.evaluations),
            archive=archive,
            executor=executor,
            seed=seed,
            test=task.paths,
            baseline_seconds=given.seconds,
            cpu_seconds=CPU_SECONDS.get(task.name),
            progress=counted,
            whole_budget=True,
        )
        for progress in run.search():
            counted("evaluations", progress.evaluations, given.evaluations)
        seconds, report = time.monotonic() - begun, run.report()
        run.close()
        points = front_points(task, report, archive, executor) if task.name == "tardiness" else {}
    return {
        "task": task.name,
        "seed": seed,
        "evaluations": given.evaluations,
        "seconds": seconds,
        "winner": figures(report.best),
        "rule": {"name": report.reference.entrant.name, **figures(report.reference)},
        "front": points,
        "source": report.best.entrant.source,
    }


def front_points(task: Task, report: Report, archive: Archive, executor: Executor) -> Record:
    """The figures of the front's best programs within each time, by milliseconds."""
    found = {}
    for limit in MILLISECONDS:
        within = [point for point in front(report) if point[2] <= limit / 1000]
        if within:
            program = min(within, key=lambda point: point[1])[0]
            entrant = Entrant(str(program), archive.find(program).source)
            (row,) = evaluate(task.problem, [entrant], task.given(), executor, archive).rows
            found[str(limit)] = {"program": program, **figures(row)}
    return found


def figures(row: Scored) -> Record:
    """Gaps in percent and CPU milliseconds an instance."""
    gaps = row.aggregate
    return {
        "outcome": row.outcome,
        "mean": gaps.mean_gap_percent if gaps else None,
        "pooled": gaps.pooled_gap_percent if gaps else None,
        "ms": 1000 * gaps.cpu_seconds if gaps else None,
    }


def table(found: Sequence[Record], task: str) -> list[str]:
    """The lines about one task."""
    own = sorted(selected(found, task=task), key=lambda each: int(each["seed"]))
    lines = ["", task, line("seed", {"mean": "mean %", "pooled": "pooled %", "ms": "CPU ms"})]
    lines += [line(each["seed"], each["winner"]) for each in own]
    if own:
        lines.append(line("mean", means([each["winner"] for each in own])))
        lines.append(line(own[0]["rule"]["name"], means([each["rule"] for each in own])))
    for limit in map(str, MILLISECONDS):
        points = [each["front"][limit] for each in own if limit in each["front"]]
        if points:
            lines.append(line(f"<= {limit} ms", means(points)) + f"   front, {len(points)} seeds")
    return lines


def means(rows: Sequence[Record]) -> Record:
    """The mean of each figure."""
    return {field: mean([row[field] for row in rows]) for field in ("mean", "pooled", "ms")}


def line(head: object, row: Record) -> str:
    """A line of the table."""
    cells = (row[field] for field in ("mean", "pooled", "ms"))
    words = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells)
    return f"{head!s:>10}" + "".join(f"{word:>12}" for word in words)


def main() -> None:
    """Measures what is not measured yet, then prints the tables."""
    parser = options(__doc__, "offline.jsonl", 5)
    parser.add_argument("--tasks", nargs="+", default=["bin_packing", "tardiness", "job_shop"])
    parser.add_argument("--evaluations", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the exact method for an instance")
    given = parser.parse_args()
    for name in given.tasks:
        task, head = tasks()[name], {"task": name, "evaluations": given.evaluations}
        known = selected(records(given.results), **head)
        for seed in range(given.seeds):
            if not selected(known, seed=seed):
                say(f"{name}, seed {seed}")
                solved(task.problem, task.given(), given.results.with_name("baselines.db"), given.seconds)
                append(given.results, measure(task, seed, given))
        print("\n".join(table(selected(records(given.results), **head), name)))


if __name__ == "__main__":
    main()
