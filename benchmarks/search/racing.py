"""What racing saves and what it loses: recorded candidates, raced again without running anything.

    python benchmarks/search/racing.py [--problems NAME…] [--seeds 2] [--candidates 300] [-o FILE]

A run of `offline` without the race is recorded until 300 candidates have solved all 36 training instances: what the
search proposes, less what it tells apart before, with the arm that asked. Then they come in their order to the
engine's own race, against the best of their arm; only who survives joins its arm. Goal: at most 25 % of the
instance evaluations, and no candidate lost that is truly better than the elite it was held against.

Example: python benchmarks/search/racing.py --problems single_machine_tardiness --seeds 1 --candidates 10
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import Record, append, fresh_archive, options, records, say, selected

from gapsmith.agent import Budget, LocalExecutor, discover, find_problem
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.search.acceptance.racing import RaceReference, estimate_deficit, split_blocks
from gapsmith.agent.search.selection.population import Elite, Population
from gapsmith.evaluators.base import Problem, Split

PROBLEMS = ("single_machine_tardiness", "online_bin_packing", "job_shop")
INSTANCES = 36
NOISE = 1.64
ENOUGH = 3
"""So many evaluations for every candidate that is wanted, at most: some fail, and tuning has its share."""


# Recording


def record(name: str, seed: int, count: int, executor: Executor) -> Iterator[Record]:
    """The reference rules, then the first so many candidates of a run that solved everything."""
    problem = longer(find_problem(name))
    with fresh_archive(Path(os.devnull)) as archive:
        budget = Budget(evaluations=ENOUGH * count)
        run = discover(
            problem,
            budget=budget,
            archive=archive,
            executor=executor,
            seed=seed,
            without=("racing",),
            whole_budget=True,
        )
        train, left = run.supply.splits.train, count
        for progress in run.search():
            row = archive.find_candidate(run.number, progress.slot)
            if row is None or row.outcome != "ok" or row.program is None:
                continue
            scores = archive.read_scores(row.program, [instance.digest for instance in train.instances])
            costs = [scores[i.digest].cost for i in train.instances if i.digest in scores]
            losses = train.compute_losses([cost for cost in costs if cost is not None])
            yield {
                "problem": name,
                "seed": seed,
                "slot": progress.slot,
                "arm": row.arm,
                "losses": list(losses),
                "classes": train.classes,
                "of": count,
            }
            left -= bool(row.arm)
            if left % 20 == 0 and row.arm:
                say(f"{name}, seed {seed}: {count - left} of {count} recorded")
            if not left:
                break
        run.close()


def longer(problem: Problem) -> Problem:
    """The problem with as many training instances as a recording has."""
    return replace(problem, counts={**problem.counts, Split.TRAIN: INSTANCES})


# Replaying


@dataclass(frozen=True)
class Lost:
    """A candidate that the race dropped although it is better than the elite that set the bar.

    Attributes:
        slot: of the recording.
        met: instances after which it was dropped.
        gap: the search's gap on all instances, percent.
        bar: of the elite.
        sure: whether it is better by more than the noise: 1.64 standard errors of the paired difference.
        record: whether nobody of the run was better before.
    """

    slot: int
    met: int
    gap: float
    bar: float
    sure: bool
    record: bool


@dataclass(frozen=True)
class Replay:
    """What the race did with one recording: candidates raced, dropped, better than the bar, and records of the run."""

    raced: int
    dropped: int
    better: int
    records: int
    share: float
    lost: tuple[Lost, ...]


def replay(found: Sequence[Record]) -> Replay:
    """Races the candidates in their order; rules, which belong to no arm, are not raced, as in a run."""
    everyone, arms = Population(), {row["arm"]: Population() for row in found if row["arm"]}
    met, better, best, lost = list[int](), 0, 0, list[Lost]()
    for row in found:
        elite = elite_of(row)
        own = [arms[row["arm"]]] if row["arm"] else list(arms.values())
        if row["arm"] and (bar := own[0].best) is not None and everyone.best is not None:
            met.append(race(elite, bar, everyone.elites, row["classes"]))
            ahead, first = elite.gap < bar.gap, elite.gap < everyone.best.gap
            better, best = better + ahead, best + first
            if met[-1] < len(elite.losses):
                if ahead:
                    lost.append(
                        Lost(
                            row["slot"],
                            met[-1],
                            elite.gap,
                            bar.gap,
                            is_significantly_better(elite, bar),
                            first,
                        )
                    )
                continue
        for population in (everyone, *own):
            population.add(elite)
    share = sum(met) / max(1, sum(len(row["losses"]) for row in found if row["arm"]))
    return Replay(len(met), sum(m < INSTANCES for m in met), better, best, share, tuple(lost))


def elite_of(row: Record) -> Elite:
    """A recorded candidate as the population has it; losses stand in for costs."""
    losses = tuple(row["losses"])
    return Elite(row["slot"], "", row["slot"], sum(losses), losses, losses=losses)


def is_significantly_better(one: Elite, other: Elite) -> bool:
    """Whether one is better than the other by more than the noise over the instances."""
    difference = np.array(other.losses) - np.array(one.losses)
    return bool(difference.mean() > NOISE * difference.std(ddof=1) / np.sqrt(difference.size))


def race(elite: Elite, bar: Elite, elites: Sequence[Elite], classes: Sequence[str]) -> int:
    """After how many instances the engine drops a candidate; all if it does not."""
    against = RaceReference.build(bar, elites, classes)
    losses = np.array(elite.losses)[list(against.order)]
    ends = (block.stop for block in split_blocks(len(losses)))
    return next((end for end in ends if estimate_deficit(losses[:end], against)), len(losses))


# Words


def line(name: str, seed: int, seen: Replay) -> str:
    """One line about a recording."""
    sure, record_ = (sum(getattr(each, which) for each in seen.lost) for which in ("sure", "record"))
    return (
        f"{name}, seed {seed}: {seen.raced} raced, {seen.dropped} dropped, "
        f"{100 * seen.share:.1f} % of the instance evaluations used; {seen.better} better than the bar, "
        f"{len(seen.lost)} of them lost, {sure} of these by more than the noise; "
        f"{seen.records} records of the run, {record_} of them lost"
    )


def main() -> None:
    """Records what is not recorded yet, then replays all."""
    parser = options(__doc__, "racing.jsonl", 2)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--candidates", type=int, default=300)
    given = parser.parse_args()
    for name in given.problems:
        for seed in range(given.seeds):
            head = {"problem": name, "seed": seed, "of": given.candidates}
            if not selected(records(given.results), **head):
                with LocalExecutor(given.workers, preload=find_problem(name).guest) as executor:
                    made = list(record(name, seed, given.candidates, executor))
                for row in made:
                    append(given.results, row)
            seen = replay(selected(records(given.results), **head))
            print(line(name, seed, seen), flush=True)
            for each in seen.lost:
                print(f"  lost: {each}")


if __name__ == "__main__":
    main()
