"""What racing saves and what it loses: recorded cost vectors, raced again without running anything.

    python benchmarks/search/racing.py [--problems NAME…] [--seeds 1] [--candidates 300] [-o FILE]

First, 300 candidates of `offline` are run on all 36 training instances, each descended from two of the ten best
before it, so that they grow better as in a search; a line of the results file is one candidate, and a stopped
recording goes on. Then the candidates that solved all instances come in their order to the engine's own race,
against the bar that it would have set: only who survives joins the population. Goal: at most 25 % of the instance
evaluations, and no candidate lost that is better than the elite it was held against.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from common import Record, append, options, records, say, selected, solved

from gapsmith.agent import Archive, LocalExecutor, find_problem, solve
from gapsmith.agent.executor import Executor
from gapsmith.agent.extracting import extract
from gapsmith.agent.models.base import Request
from gapsmith.agent.models.offline import OfflineModel
from gapsmith.agent.screen import screen
from gapsmith.agent.search.population import Elite, Population
from gapsmith.agent.search.racing import blocks, lag
from gapsmith.evaluators.assess import Assessment, Runner, assess
from gapsmith.evaluators.base import Instance, Number, Problem, Split
from gapsmith.evaluators.scoring import Scale

PROBLEMS = ("single_machine_tardiness", "online_bin_packing", "job_shop")
INSTANCES = 36
PARENTS = 10
NOISE = 1.64
OPERATORS = ("explore", "refine", "refine", "merge")


# Recording


@dataclass(frozen=True)
class Course:
    """A problem with its training instances of a seed, in the order in which they are met."""

    problem: Problem
    seed: int
    instances: tuple[Instance, ...]
    scale: Scale

    @classmethod
    def of(cls, name: str, seed: int, store: Path) -> "Course":
        """The course, whose exact results are kept in the store."""
        problem = find_problem(name)
        made = problem.instances(Split.TRAIN, seed, INSTANCES)
        instances = Random(seed).sample(made, len(made))
        solved(problem, instances, store)
        archive = Archive(str(store))
        bounds = [bound for _, bound in solve(problem, instances, archive)]
        archive.close()
        return cls(problem, seed, tuple(instances), Scale(instances, bounds, problem.maximise))


def record(course: Course, count: int, results: Path, executor: Executor) -> None:
    """Goes on with the recording until it has so many candidates; the reference rules come first."""
    head = {"problem": course.problem.name, "seed": course.seed}
    found = selected(records(results), **head)
    for slot in range(len(found), count):
        source = proposal(course, slot, found)
        screened = screen(source, course.problem.entry)
        row = {**head, "slot": slot, "hash": screened.hash, "size": screened.size, "source": source}
        known = next((each for each in found if each["hash"] == screened.hash), None)
        verdict = {"outcome": "duplicate", "costs": None} if known else run(course, source, executor)
        found.append({**row, **verdict})
        append(results, found[-1])
        if slot % 20 == 19:
            say(f"{course.problem.name}, seed {course.seed}: {slot + 1} of {count} recorded")


def proposal(course: Course, slot: int, found: Sequence[Record]) -> str:
    """The reference rule of that slot, else a child of two of the best."""
    problem, rng = course.problem, Random(f"{course.seed}/{slot}")
    if slot < len(problem.rules):
        return problem.rules[slot].source(problem.entry.name)
    solved_ = [each for each in found if each["costs"]]
    best = sorted(solved_, key=lambda each: course.scale.search(each["costs"]))[:PARENTS]
    parents = sorted(rng.sample(best, min(2, len(best))), key=best.index)
    request = Request(
        slot=slot,
        operator=rng.choice(OPERATORS),
        system="",
        prompt="",
        seed=rng.getrandbits(48),
        problem=problem,
        parents=tuple(parent["source"] for parent in parents),
    )
    return extract(OfflineModel().reply(request).text, problem.entry).source


def run(course: Course, source: str, executor: Executor) -> Record:
    """Outcome and costs on all instances."""
    result = executor.submit(partial(_assess, course, source)).result()
    costs = [score.cost for score in result.scores] if result.outcome == "ok" else None
    return {"outcome": result.outcome, "costs": costs}


def _assess(course: Course, source: str, runner: Runner, spent: float) -> Assessment:
    return assess(course.problem, source, course.instances, runner, spent)


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
    """

    slot: int
    met: int
    gap: float
    bar: float
    sure: bool


@dataclass(frozen=True)
class Replay:
    """What the race did with one recording."""

    raced: int
    dropped: int
    better: int
    share: float
    lost: tuple[Lost, ...]


def replay(course: Course, found: Sequence[Record]) -> Replay:
    """Races the candidates that solved everything, in their order; rules are not raced, as in a run."""
    population, met, better, lost = Population(), list[int](), 0, list[Lost]()
    for row in found:
        if not row["costs"]:
            continue
        elite, bar = elite_of(course, row), population.bar
        if row["slot"] >= len(course.problem.rules) and bar is not None:
            met.append(race(course, elite.costs, bar.costs))
            better += elite.gap < bar.gap
            if met[-1] < INSTANCES:
                if elite.gap < bar.gap:
                    lost.append(Lost(row["slot"], met[-1], elite.gap, bar.gap, surely(course, elite, bar)))
                continue
        population.add(elite)
    share = sum(met) / max(1, INSTANCES * len(met))
    return Replay(len(met), sum(m < INSTANCES for m in met), better, share, tuple(lost))


def elite_of(course: Course, row: Record) -> Elite:
    """A recorded candidate as the population has it."""
    costs = tuple(row["costs"])
    return Elite(row["slot"], row["source"], row["size"], course.scale.search(costs), costs)


def surely(course: Course, one: Elite, other: Elite) -> bool:
    """Whether one is better than the other by more than the noise over the instances."""
    scale = course.scale
    difference = (scale.loss(other.costs) - scale.loss(one.costs)) * scale.weights
    return bool(difference.mean() > NOISE * difference.std(ddof=1) / np.sqrt(difference.size))


def race(course: Course, costs: Sequence[Number], bar: Sequence[Number]) -> int:
    """After how many instances the engine drops a candidate of these costs; all if it does not."""
    for place in blocks(len(course.instances)):
        if lag(course.scale, costs[: place.stop], bar):
            return place.stop
    return len(course.instances)


# Words


def line(course: Course, seen: Replay) -> str:
    """One line about a recording."""
    sure = sum(each.sure for each in seen.lost)
    return (
        f"{course.problem.name}, seed {course.seed}: {seen.raced} raced, {seen.dropped} dropped, "
        f"{100 * seen.share:.1f} % of the instance evaluations used; {seen.better} better than the bar, "
        f"{len(seen.lost)} of them lost, {sure} of these by more than the noise"
    )


def main() -> None:
    """Records what is not recorded yet, then replays all."""
    parser = options(__doc__, "racing.jsonl", 1)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--candidates", type=int, default=300)
    given = parser.parse_args()
    for name in given.problems:
        for seed in range(given.seeds):
            course = Course.of(name, seed, given.results.with_name("baselines.db"))
            with LocalExecutor(given.workers) as executor:
                record(course, given.candidates, given.results, executor)
            found = selected(records(given.results), problem=name, seed=seed)[: given.candidates]
            seen = replay(course, found)
            print(line(course, seen), flush=True)
            for each in seen.lost:
                print(f"  lost: {each}")


if __name__ == "__main__":
    main()
