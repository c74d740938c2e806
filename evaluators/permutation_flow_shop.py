"""F|prmu|Cmax: one sequence for all machines, so that the last job leaves the last machine as early as possible."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import Argument, Baseline, Datum, EntryPoint, Instance, Problem, Split
from gapsmith.evaluators.exact.permutation_flow_shop import makespan, permutation_flow_shop_baseline
from gapsmith.evaluators.flow_shop_grammar import GRAMMAR
from gapsmith.evaluators.flow_shop_rules import RULES
from gapsmith.evaluators.reading import Numbers
from gapsmith.evaluators.verify import permutation

BRIEF = """\
Permutation flow shop, makespan: F|prmu|Cmax. Each of n jobs visits the machines 0, 1, ..., m-1 in this order and
needs p[j, k] time units on machine k. All jobs are available at time 0; a machine processes one job at a time,
without preemption; there is unlimited room between the machines; every machine processes the jobs in the same
sequence. With the jobs numbered by their place in the sequence, job i leaves machine k at
C[i, k] = max(C[i-1, k], C[i, k-1]) + p[i, k]. Return the sequence that makes the makespan C[n-1, m-1] as small as
possible.
Processing times are integers, drawn evenly from 1 to 99 as in Taillard's instances. Instances have 12 to 100 jobs
and 5 to 20 machines. Many sequences have equal makespans: ties matter."""

ENTRY = EntryPoint(
    "schedule",
    (
        Argument(
            "p",
            "int64 array of shape [n, m]",
            "p[j, k]: processing time of job j on machine k, in time units, 0 or more",
            "NDArray[np.int64]",
        ),
    ),
    "a sequence (list or array) of the job indices 0..n-1, each exactly once, in processing order",
    "Sequence[int] | NDArray[np.int64]",
)

STRATA = ("m=5", "m=8", "m=10")


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws an instance as Taillard (1993) does: all times evenly from 1 to 99."""
    return {"p": rng.integers(1, 99, (size, int(stratum.removeprefix("m="))), endpoint=True)}


def read(path: Path) -> list[Instance]:
    """Reads Taillard's format: `n m seed upper lower`, then for each machine the times of all jobs; repeated.

    Raises Trouble with the line.
    """
    numbers = Numbers(path)
    found = []
    while not numbers.at_end:
        n = numbers.integer("the number of jobs", least=1)
        m = numbers.integer("the number of machines", least=1)
        for meaning in ("the seed", "an upper bound", "a lower bound"):
            numbers.integer(meaning)
        times = [numbers.integer("a processing time", least=0) for _ in range(n * m)]
        found.append(np.ascontiguousarray(np.array(times, dtype=np.int64).reshape(m, n).T))
    names = [path.stem] if len(found) == 1 else [f"{path.stem}-{k + 1}" for k in range(len(found))]
    return [Instance(name, {"p": p}) for name, p in zip(names, found, strict=True)]


def cost(instance: Instance, solution: Any) -> int:
    """Makespan of a sequence of job indices. Raises Infeasible when it is not a permutation."""
    p = np.asarray(instance.data["p"])
    return makespan(p, permutation(solution, len(p), "job"))


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Solves by branch and bound from both ends; see `exact.permutation_flow_shop`."""
    return permutation_flow_shop_baseline(np.asarray(instance.data["p"]), seconds)


def cpu_seconds(instance: Instance) -> float:
    """A second up to 40 jobs, growing as their square from there."""
    return max(1.0, (len(np.asarray(instance.data["p"])) / 40) ** 2)


problem = Problem(
    name="permutation_flow_shop",
    title="F|prmu|Cmax: permutation flow shop, makespan",
    brief=BRIEF,
    entry=ENTRY,
    strata=STRATA,
    generate=generate,
    sizes={Split.TRAIN: (12, 15), Split.VALIDATION: (15,), Split.TEST: (18,)},
    counts={Split.TRAIN: 30, Split.VALIDATION: 60, Split.TEST: 120},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    cpu_seconds=cpu_seconds,
)
