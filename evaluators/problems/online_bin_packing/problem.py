"""On-line bin packing.

Each item is put into a bin for good before the next one is seen; as few bins as possible.

The candidate scores bins, as in FunSearch (Romera-Paredes et al. 2024); trusted code, the driver, keeps the bins (see
`online`). Costs are compared with the off-line optimum, which on-line rules may be unable to reach: gaps are upper
bounds on the possible improvement. The literature measures the excess over the volume bound ceil(Σ/C) instead; both
are equal where the optimum equals that bound, which is the case for most instances.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gapsmith.evaluators.base import Baseline, Datum, Infeasible, Instance, Problem, ProblemScale, Split
from gapsmith.evaluators.grammar import Argument, EntryPoint
from gapsmith.evaluators.integrity import online
from gapsmith.evaluators.problems.online_bin_packing.grammar import GRAMMAR
from gapsmith.evaluators.problems.online_bin_packing.reader import read
from gapsmith.evaluators.problems.online_bin_packing.rules import RULES
from gapsmith.evaluators.solvers.bin_packing.solve import compute_bin_packing_baseline

BRIEF = """\
On-line bin packing. Items of integer size arrive one by one; each must be put into a bin with enough room before
the next is seen, and stays there. All bins have the same capacity C. Use as few bins as possible.
You write the rule that chooses the bin. It is called once for every item, with the size of the item and the
remaining capacities of those bins that have room for it, in the order in which they were opened; the last two
are always empty, so that a new bin can be opened at any time and C is bins[-1]. It returns a score for each; the
item goes into the bin of highest score, the first of them on ties. Empty bins do not count at the end.
The number of items and the sizes to come are not known. Programs that look for them are rejected: every winner is
run again with other items to come, and must decide the same.
An instance of 5000 items means 5000 calls with up to some hundred bins each: use few vector operations. The CPU
limit is for all calls of an instance together. State may be kept from item to item, in globals of the module or
attributes of a function; every instance begins with the module loaded anew, so that nothing has to be reset."""

STORY = """\
Instances: SIZES, with sizes from a Weibull distribution of shape 3 and scale 45, rounded, C = 100; or
uniform from 20 to 100, C = 150."""

ENTRY = EntryPoint(
    "priority",
    (
        Argument("item", "int", "size of the item, 1 to C", "int"),
        Argument(
            "bins",
            "float64 array of shape [k], k >= 2",
            "remaining capacities, whole numbers, of the bins with room for the item; the last two are empty bins",
            "NDArray[np.float64]",
        ),
    ),
    "an array of shape [k]: a score for each bin; the item goes into the first bin of highest score",
    "NDArray[np.float64]",
)

DRIVER = online.build_driver('''\
"""Keeps the bins of one instance, and asks the candidate for scores."""

import numpy as np


def begin(capacity):
    """Opens no bin yet."""
    global left, opened, full
    left, opened, full = np.full(1024, float(capacity)), 0, float(capacity)


def step(item):
    """Puts an item into the bin that the candidate likes most, and gives the bin's number."""
    global left, opened
    if opened + 2 > len(left):
        left = np.concatenate((left, np.full(len(left), full)))
    roomy = np.flatnonzero(left[: opened + 2] >= item)
    scores = np.asarray(candidate(item, left[roomy]))
    if scores.shape != roomy.shape:
        raise ValueError(f"priority returned shape {scores.shape} for {len(roomy)} bins; expected a score for each")
    best = scores.argmax()
    if scores[best] != scores[best]:
        raise ValueError("priority returned nan; expected a number for each bin")
    chosen = int(roomy[best])
    left[chosen] -= item
    opened = max(opened, chosen + 1)
    return chosen
''')

WEIBULL, UNIFORM = "Weibull(3, 45) C=100", "U{20..100} C=150"


def generate(rng: np.random.Generator, stratum: str, size: int) -> Mapping[str, Datum]:
    """Draws items from a Weibull or a uniform distribution.

    Weibull items are rounded and cut at C, as in Castiñeiras et al. (2012) and FunSearch; uniform ones are those of
    OR-Library's class u.
    """
    if stratum == UNIFORM:
        return {"items": rng.integers(20, 100, size, endpoint=True), "capacity": 150}
    drawn = np.clip(np.rint(45 * rng.weibull(3, size)), 1, 100)
    return {"items": drawn.astype(np.int64), "capacity": 100}


def cost(instance: Instance, solution: Any) -> int:
    """Returns the number of bins in use.

    Raises Infeasible when an item has no bin, or a bin holds more than its capacity.
    """
    items, capacity = np.asarray(instance.data["items"]), int(np.asarray(instance.data["capacity"]))
    if not isinstance(solution, list):
        raise Infeasible(f"returned {type(solution).__name__}; expected a list with the bin of each item")
    if len(solution) != len(items):
        raise Infeasible(f"returned {len(solution)} bins; expected one for each of the {len(items)} items")
    loads: dict[int, int] = {}
    for item, (size, number) in enumerate(zip(items.tolist(), solution, strict=True)):
        if type(number) is not int or number < 0:  # neither True nor 2.0 is a bin number
            raise Infeasible(f"item {item} is in bin {number!r:.40}; expected an integer from 0")
        loads[number] = loads.get(number, 0) + size
        if loads[number] > capacity:
            raise Infeasible(f"item {item} of size {size} makes bin {number} hold more than {capacity}")
    return len(loads)


def baseline(instance: Instance, seconds: float) -> Baseline:
    """Finds the off-line optimum, or bounds on it; see `solvers.bin_packing`."""
    items, capacity = np.asarray(instance.data["items"]), int(np.asarray(instance.data["capacity"]))
    return compute_bin_packing_baseline(items, capacity, seconds)


def cpu_seconds(instance: Instance) -> float:
    """Returns 0.5 seconds up to 500 items, and 2 for 5000.

    This is the limit of all calls of an instance together.
    """
    return 0.5 + max(0, len(np.asarray(instance.data["items"])) - 500) / 3000


SCALES = {
    "medium": ProblemScale(
        sizes=dict.fromkeys(Split, (5000,)),
        counts={Split.TRAIN: 12, Split.VALIDATION: 20, Split.TEST: 30},
        cpu_seconds=1.0,
        solver_seconds=5.0,
        story=STORY.replace("SIZES", "5000 items"),
    ),
    "large": ProblemScale(
        sizes=dict.fromkeys(Split, (50_000,)),
        counts={Split.TRAIN: 6, Split.VALIDATION: 10, Split.TEST: 12},
        cpu_seconds=10.0,
        solver_seconds=10.0,
        story=STORY.replace("SIZES", "50,000 items"),
    ),
}

problem = Problem(
    name="online_bin_packing",
    version="3",  # In version 1 programs saw all events at once, in version 2 what was kept of earlier instances.
    title="on-line bin packing: fewest bins",
    brief=BRIEF,
    story=STORY.replace("SIZES", "250 to 5000 items"),
    entry=ENTRY,
    strata=(WEIBULL, UNIFORM),
    generate=generate,
    sizes={Split.TRAIN: (500, 2500), Split.VALIDATION: (1000, 5000), Split.TEST: (1000, 5000)},
    counts={Split.TRAIN: 12, Split.VALIDATION: 32, Split.TEST: 60},
    read=read,
    cost=cost,
    baseline=baseline,
    rules=RULES,
    grammar=GRAMMAR,
    cpu_seconds=cpu_seconds,
    scales=SCALES,
    driver=DRIVER,
    online=True,
)
