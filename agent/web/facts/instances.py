"""What the names of generated instances say: split, class, size."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gapsmith.agent.archive import RunRow
from gapsmith.agent.web.facts.programs import Result
from gapsmith.evaluators.base import SMALL, Instance, Problem, Split
from gapsmith.evaluators.catalogue import list_problems, load_problem


@dataclass(frozen=True)
class Origin:
    """Where a generated instance comes from.

    Attributes:
        seed: of its stream.
        index: its place there, from 0.
        stratum: its class.
        size: what its generator was given.
    """

    split: Split
    seed: int
    index: int
    stratum: str
    size: int


def find_built_in(name: str, scale: str = SMALL) -> Problem | None:
    """Returns a built-in problem at a scale; None of any other.

    Files that an archive names are not loaded: their code would have the rights of whoever looks.
    """
    return _load(name, scale or SMALL) if name in list_problems() else None


@lru_cache(maxsize=32)
def _load(name: str, scale: str) -> Problem:
    problem = load_problem(name)
    return problem.scale_to(scale if scale == SMALL or scale in problem.scales else SMALL)


def find_problem_of(run: RunRow) -> Problem | None:
    """Returns the built-in problem of a run, else None."""
    return find_built_in(run.problem, str(run.config.get("scale") or SMALL))


def parse_name(name: str, problem: Problem | None) -> Origin | None:
    """Finds where an instance comes from, by its name."""
    if problem is None:
        return None
    prefix = "" if problem.scale == SMALL else f"{problem.scale}-"
    words = name.removeprefix(prefix).split("-")
    if len(words) != 3 or words[0] not in list(Split) or not all(word.isdecimal() for word in words[1:]):
        return None
    split, seed, index = Split(words[0]), int(words[1]), int(words[2]) - 1
    sizes = problem.sizes[split]
    stratum = problem.strata[index % len(problem.strata)]
    return Origin(split, seed, index, stratum, sizes[index // len(problem.strata) % len(sizes)])


def make_instance(name: str, digest: str, problem: Problem | None) -> Instance | None:
    """Makes a generated instance again; None unless it has that digest."""
    origin = parse_name(name, problem)
    if origin is None or problem is None:
        return None
    found = problem.generate_instances(origin.split, origin.seed, 1, origin.index)[0]
    plain = found.digest
    return found if digest in (plain, plain[:31] + "w", plain[:31] + "a") else None


def find_sense(problem: Problem | None, results: Sequence[Result]) -> bool:
    """Tells whether an objective is maximised.

    The problem says so; of one that is not loaded, costs on the far side of their bounds do.
    """
    if problem is not None:
        return problem.maximise
    bounded = [(each.cost, each.baseline) for each in results if each.cost is not None and each.baseline]
    return any(cost < bound.lower for cost, bound in bounded) and not any(
        cost > bound.upper for cost, bound in bounded
    )
