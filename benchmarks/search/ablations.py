"""What each part of the search is worth: `offline` runs with one part switched off, against the whole.

    python benchmarks/search/ablations.py [--problems NAME…] [--without NAME…] [--seeds 10] [--evaluations 300]
        [-o FILE]

Runs of equal seeds have equal instances. Printed are means over seeds of the gap on the sealed test, and the
paired differences to the whole with bootstrap 95 % intervals: above 0, the part helps.

Example: python benchmarks/search/ablations.py --problems single_machine_tardiness --seeds 1 --evaluations 10
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from common import (
    Metered,
    Record,
    append,
    bootstrap,
    counted,
    fresh_archive,
    mean,
    options,
    paired,
    records,
    say,
    selected,
    shown,
    solved,
    switches,
)

from gapsmith.agent import Budget, LocalExecutor, discover, find_problem
from gapsmith.evaluators.base import SMALL, Split

PARTS = ("arms", "racing", "gate", "tuning", "novelty", "frontier")
WHOLE = "nothing"


def measure(problem: str, seed: int, without: str, given: argparse.Namespace) -> Record:
    """One run."""
    off: dict[str, Any] = {} if without == WHOLE else {"without": (without,)}
    store = given.results.with_name("baselines.db")
    known = find_problem(problem)
    solved(known, [i for split in Split for i in known.generate_instances(split, _seed(split, seed))], store)
    with fresh_archive(store) as archive, LocalExecutor(given.workers) as executor:
        meter, begun = Metered(executor, known), time.monotonic()
        budget = Budget(evaluations=given.evaluations)
        run = discover(
            problem,
            scale=SMALL,
            budget=budget,
            archive=archive,
            executor=meter,
            seed=seed,
            whole_budget=True,
            **off,
        )
        for progress in run.search():
            counted("evaluations", progress.evaluations, given.evaluations)
        spent = {"seconds": time.monotonic() - begun, **meter.spent}
        best = run.report().best
        run.close()
    gaps = best.aggregate
    return {
        "problem": problem,
        "seed": seed,
        "without": without,
        "evaluations": given.evaluations,
        **spent,
        "outcome": best.outcome,
        "mean": gaps.mean_gap_percent if gaps else None,
        "pooled": gaps.pooled_gap_percent if gaps else None,
    }


def _seed(split: Split, seed: int) -> int:
    """The test is the same for all seeds."""
    return 0 if split is Split.TEST else seed


def table(found: Sequence[Record], problem: str) -> list[str]:
    """The lines about one problem."""
    heads = f"{'without':>10}{'seeds':>7}{'pooled %':>10}{'mean %':>10}{'runs':>9}"
    lines = ["", f"{problem}", f"{heads}  points of pooled gap that it costs, of mean gap"]
    for part in (WHOLE, *PARTS):
        own = selected(found, problem=problem, without=part)
        if not own:
            continue
        pooled, gap, runs = (mean([e[f] for e in own]) for f in ("pooled", "mean", "instance_evaluations"))
        losses = [
            bootstrap(paired(selected(found, problem=problem), field, "without", part, WHOLE))
            for field in ("pooled", "mean")
        ]
        words = "" if part == WHOLE else ", ".join(map(shown, losses))
        lines.append(f"{part:>10}{len(own):>7}{pooled:>10.3f}{gap:>10.3f}{runs:>9.0f}  {words}")
    return lines


def main() -> None:
    """Measures what is not measured yet, then prints the tables."""
    parser = options(__doc__, "ablations.jsonl", 10)
    parser.add_argument("--problems", nargs="+", default=["single_machine_tardiness", "online_bin_packing"])
    parser.add_argument("--without", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--evaluations", type=int, default=300)
    given = parser.parse_args()
    parts = (WHOLE, *given.without) if switches() else (WHOLE,)
    if len(parts) <= len(given.without):
        say("this engine has no switches: only the whole is measured")
    # Seed by seed, so that what is stopped early can be compared.
    for seed in range(given.seeds):
        for problem in given.problems:
            for part in parts:
                head = {"problem": problem, "evaluations": given.evaluations, "seed": seed, "without": part}
                if not selected(records(given.results), **head):
                    say(f"{problem}, seed {seed}, without {part}")
                    append(given.results, measure(problem, seed, part, given))
    found = selected(records(given.results), evaluations=given.evaluations)
    print("\n".join(line for problem in given.problems for line in table(found, problem)))


if __name__ == "__main__":
    main()
