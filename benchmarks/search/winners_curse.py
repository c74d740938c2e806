"""Whether a run's claim is too good: the gain claimed on fresh validation instances less the gain on the test.

    python benchmarks/search/winners_curse.py [--problems NAME…] [--seeds 20] [--evaluations 150] [-o FILE]

Each run of `offline` is tested on generated instances of the validation's sizes, drawn anew for every seed from
the test's stream. So both gains have the same expectation, unless the winner was chosen by what its claim is
made from. An honest claim differs by 0 within two standard errors. Both are points of pooled gap over the rule
that was best in training.

Example: python benchmarks/search/winners_curse.py --problems job_shop --seeds 1 --evaluations 10 --instances 20
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from common import Interval, Record, append, claimed, counted, fresh_archive, options, records, say, selected

from gapsmith.agent import Archive, Budget, LocalExecutor, discover, evaluate, find_entrants, find_problem
from gapsmith.agent.evaluation.compare import Comparison
from gapsmith.evaluators.base import Instance, Problem, Split


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnTest(Problem):
    """A problem whose test is another one for every seed, of the validation's sizes."""

    test_seed: int

    @classmethod
    def build(cls, problem: Problem, seed: int, count: int) -> "OwnTest":
        """The problem with a test of so many instances."""
        plain = {field.name: getattr(problem, field.name) for field in fields(problem)}
        plain["sizes"] = {**problem.sizes, Split.TEST: problem.sizes[Split.VALIDATION]}
        plain["counts"] = {**problem.counts, Split.TEST: count}
        return cls(**plain, test_seed=seed)

    def generate_instances(self, split: Split, seed: int = 0, *place: Any, **named: Any) -> list[Instance]:
        """As the problem's; the test's from its own seed."""
        return super().generate_instances(
            split, self.test_seed if split is Split.TEST else seed, *place, **named
        )


def measure(name: str, seed: int, given: argparse.Namespace) -> Record:
    """One run: what it claims, and what the test says, against the same reference rule."""
    problem = OwnTest.build(find_problem(name), seed, given.instances)
    store = given.results.with_name("none.db")
    with fresh_archive(store) as archive, LocalExecutor(given.workers) as executor:
        budget = Budget(evaluations=given.evaluations)
        run = discover(
            problem, budget=budget, archive=archive, executor=executor, seed=seed, whole_budget=True
        )
        for progress in run.search():
            counted("evaluations", progress.evaluations, given.evaluations)
        report = run.report()
        run.close()
        rule = chosen_rule(archive, report.run)
        entrants = [report.best.entrant, *find_entrants(problem, [rule], None)]
        tested = evaluate(problem, entrants, problem.generate_instances(Split.TEST), executor, archive)
    return {
        "problem": name,
        "seed": seed,
        "evaluations": given.evaluations,
        "rule": rule,
        "claimed": claimed(report),
        "tested": gain(tested),
        "outcomes": [row.outcome for row in tested.rows],
        "winner": report.best.entrant.name,
    }


def chosen_rule(archive: Archive, run: int) -> str:
    """The reference rule that was best in training: claims are made against it."""
    rows = [row for row in archive.read_candidates(run).values() if row.operator == "rule"]
    return min((row for row in rows if row.train_gap is not None), key=lambda row: row.train_gap or 0.0).name


def gain(tested: Comparison) -> Interval | None:
    """Points of pooled gap by which the first beats the second; None if one of them fails."""
    if any(row.outcome != "ok" for row in tested.rows):
        return None
    winner, rule = ([s.cost for s in row.scores if s.cost is not None] for row in tested.rows)
    return tested.scale.gain(winner, rule)


def summary(found: Sequence[Record], name: str) -> str:
    """One line about a problem."""
    own = selected(found, problem=name)
    both = [each for each in own if None not in (each["claimed"], each["tested"])]
    if not both:
        return f"{name}: none of {len(own)} runs claims a gain that the test can be held against"
    claims, tests = (np.array([each[side][0] for each in both]) for side in ("claimed", "tested"))
    difference = claims - tests
    error = difference.std(ddof=1) / np.sqrt(len(both)) if len(both) > 1 else float("nan")
    ahead = sum(each["winner"] != each["rule"] for each in both)
    covered = sum(each["claimed"][1] <= each["tested"][0] <= each["claimed"][2] for each in both)
    return (
        f"{name}: {len(both)} of {len(own)} runs, {ahead} of them not won by the rule: "
        f"claimed {claims.mean():+.3f}, tested {tests.mean():+.3f}, difference {difference.mean():+.3f} "
        f"(standard error {error:.3f}); the claim's interval holds the tested gain {covered} times"
    )


def main() -> None:
    """Measures what is not measured yet, then prints a line for each problem."""
    parser = options(__doc__, "winners_curse.jsonl", 20)
    parser.add_argument("--problems", nargs="+", default=["single_machine_tardiness", "online_bin_packing"])
    parser.add_argument("--evaluations", type=int, default=150)
    parser.add_argument("--instances", type=int, default=200, help="of each test (default 200)")
    given = parser.parse_args()
    for name in given.problems:
        head = {"problem": name, "evaluations": given.evaluations}
        for seed in range(given.seeds):
            if not selected(records(given.results), **head, seed=seed):
                say(f"{name}, seed {seed}")
                append(given.results, measure(name, seed, given))
        print(summary(selected(records(given.results), **head), name))


if __name__ == "__main__":
    main()
