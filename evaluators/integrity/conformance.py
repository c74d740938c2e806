"""The promises of a problem, tested on the problem itself.

One line for every broken promise.

Authors call `broken_promises(problem, runner)` from their own tests, or `gapsmith problems my_problem.py
--check`.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from gapsmith.evaluators.base import (
    Baseline,
    GapsmithError,
    Infeasible,
    Instance,
    Number,
    Problem,
    Split,
    refuse_to_read,
)
from gapsmith.evaluators.grammar import extract_source
from gapsmith.evaluators.integrity.audit import examine
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Runner, assess

HOLE = "priority"
"""The local variable that gets an evolved expression."""
SAMPLE = 6
BASELINE_SECONDS = 20.0
NOT_SOLUTIONS: tuple[Any, ...] = (
    None,
    True,
    7,
    2.5,
    "text",
    {},
    [None],
    [[]],
    ["a"],
    [True],
    [1.5],
    [10**9],
    [-1],
)

Promise = Callable[[Problem, Runner], Iterator[str]]


def find_broken_promises(
    problem: Problem, runner: Runner, progress: Callable[[str, int, int], None] = lambda *_: None
) -> list[str]:
    """Lists every broken promise, one line each; empty when all are kept.

    Args:
        problem: that is checked.
        runner: runs its rules.
        progress: called with what is being checked, how much is done, and how much there is.
    """
    found: list[str] = []
    for done, promise in enumerate(PROMISES):
        progress(f"checking {promise.__name__.removeprefix('check_').replace('_', ' ')}", done, len(PROMISES))
        try:
            found += promise(problem, runner)
        except GapsmithError as trouble:
            found.append(f"{promise.__name__.removeprefix('check_')}: {trouble}")
        except Exception as error:  # noqa: BLE001 - an author's code may raise anything; that is the finding
            found.append(f"{promise.__name__.removeprefix('check_')}: raised {type(error).__name__}: {error}")
    return found


def check_card(problem: Problem, _runner: Runner) -> Iterator[str]:
    """Checks that the description says what a model must know."""
    for name in ("name", "title", "brief"):
        if not getattr(problem, name).strip():
            yield f"card: {name} is empty; expected words"
    if not problem.rules:
        yield "card: no reference rule; expected at least one, with its source"
    for rule in problem.rules:
        if not rule.citation.strip() or not (rule.function.__doc__ or "").strip():
            yield f"card: rule {rule.name} lacks a citation or a docstring"


def check_generator(problem: Problem, _runner: Runner) -> Iterator[str]:
    """Checks the generated instances.

    They must be reproducible, disjoint between splits, and fit the entry point.
    """
    splits = {split: problem.generate_instances(split, 0, 2 * len(problem.strata)) for split in Split}
    names = [argument.name for argument in problem.entry.arguments]
    for split, instances in splits.items():
        again = problem.generate_instances(split, 0, len(instances))
        if [i.digest for i in instances] != [i.digest for i in again]:
            yield f"generator: two {split} sets of one seed differ; draw from the generator that is passed only"
        # A driver of the problem may change the arguments.
        if not problem.driver and list(instances[0].data) != names:
            yield f"generator: makes {list(instances[0].data)}; the entry point takes {names}"
    seen: dict[str, Split] = {}
    for split, instances in splits.items():
        for instance in instances:
            if seen.setdefault(instance.digest, split) is not split:
                yield f"generator: {instance.name} is also in {seen[instance.digest]}; expected disjoint splits"


def check_verifier(problem: Problem, runner: Runner) -> Iterator[str]:
    """Checks that a wrong solution raises Infeasible with a reason, nothing else."""
    instance = _sample(problem)[0]
    good = _compute_baseline(problem, instance).solution
    for wrong in (*NOT_SOLUTIONS, *_make_mutants(good)):
        try:
            cost = problem.cost(instance, wrong)
        except Infeasible as reason:
            if not str(reason).strip():
                yield f"verifier: turns {wrong!r:.60} away without a reason"
        except GapsmithError as trouble:
            yield f"verifier: {wrong!r:.60}: {trouble}"
        except Exception as error:  # noqa: BLE001 - any other error is the broken promise
            yield f"verifier: {wrong!r:.60} raises {type(error).__name__}; expected Infeasible with a reason"
        else:
            yield f"verifier: takes {wrong!r:.60} for a solution and prices it {cost}"


def check_baseline(problem: Problem, _runner: Runner) -> Iterator[str]:
    """Checks that bounds are in order and solutions cost what is claimed."""
    for instance in _sample(problem):
        found = _compute_baseline(problem, instance)
        if not found.lower <= found.upper:
            yield f"baseline: {instance.name} has lower {found.lower} above upper {found.upper}"
        claimed = found.lower if problem.maximise else found.upper
        if found.solution is None:
            yield f"baseline: {instance.name} has no solution; expected one at this size"
        elif len(costs := {problem.cost(instance, found.solution) for _ in range(3)}) > 1:
            yield f"verifier: prices one solution of {instance.name} {min(costs)}, and {max(costs)} another time"
        elif costs != {claimed}:
            yield f"baseline: {instance.name} claims {claimed}; its solution costs otherwise"


def check_rules(problem: Problem, runner: Runner) -> Iterator[str]:
    """Checks that every rule runs, is honest, and respects the bound."""
    instances = _sample(problem)
    for rule in problem.rules:
        source = rule.source(problem.entry.name)
        yield from _check_program(problem, f"rule {rule.name}", source, instances, runner)


def check_grammar(problem: Problem, runner: Runner) -> Iterator[str]:
    """Checks that every block of the grammar makes a feasible program."""
    if problem.grammar is None:
        return
    first = {role: next(iter(problem.grammar.sources(role).values())) for role in problem.grammar.blocks}
    main = extract_source(problem.grammar.main, problem.entry.name)
    for role in problem.grammar.blocks:
        for name, block in problem.grammar.sources(role).items():
            parts = [f"{problem.grammar.header}\n", *{**first, role: block}.values(), main]
            yield from _check_program(
                problem, f"block {name} as {role}", "\n\n".join(parts), _sample(problem)[:3], runner
            )


def check_terminals(problem: Problem, _runner: Runner) -> Iterator[str]:
    """Checks that every block with a priority binds all terminals as locals.

    Then any priority fits any block.
    """
    if problem.grammar is None:
        return
    names, holes = {terminal.name for terminal in problem.grammar.terminals}, 0
    for role, blocks in problem.grammar.blocks.items():
        for block in blocks:
            found = {
                *block.__code__.co_varnames,
                *block.__code__.co_cellvars,
            }  # some are used in comprehensions
            holes += HOLE in found
            if HOLE in found and (lacking := sorted(names - found)):
                words = f"a priority may name {', '.join(lacking)}, which it does not bind"
                yield f"block {block.__name__} as {role}: {words}"
    if names and not holes:
        yield f"the grammar has terminals, and no block assigns `{HOLE}`; expected one that does, or no terminals"


def check_relabelling(problem: Problem, _runner: Runner) -> Iterator[str]:
    """Checks that a relabelled instance has the same optimum."""
    if problem.relabel is None:
        return
    for k, instance in enumerate(_sample(problem)[:3]):
        other = problem.relabel(instance, np.random.default_rng(k))
        one, two = _compute_baseline(problem, instance), _compute_baseline(problem, other)
        if one.proven and two.proven and one.lower != two.lower:
            yield f"relabelling: {instance.name} has optimum {one.lower}, and {two.lower} relabelled"


def check_reader(problem: Problem, _runner: Runner) -> Iterator[str]:
    """Checks that a missing or malformed file raises GapsmithError with its name."""
    if problem.read is refuse_to_read:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (
            ("missing", None),
            ("empty", b""),
            ("words", b"no instance here\n"),
            ("bytes", b"\xff\x00"),
        ):
            path = Path(folder) / f"{name}.txt"
            if data is not None:
                path.write_bytes(data)
            yield from _check_file(problem, path)


def check_limits(problem: Problem, _runner: Runner) -> Iterator[str]:
    """Checks that every instance has a positive CPU limit."""
    for instance in _sample(problem):
        if not problem.cpu_seconds(instance) > 0:
            yield f"limits: {instance.name} has {problem.cpu_seconds(instance)} CPU seconds; expected more than 0"


PROMISES: tuple[Promise, ...] = (
    check_card,
    check_generator,
    check_limits,
    check_verifier,
    check_baseline,
    check_rules,
    check_grammar,
    check_terminals,
    check_relabelling,
    check_reader,
)


@lru_cache(maxsize=32)
def _sample(problem: Problem) -> list[Instance]:
    return problem.generate_instances(Split.TRAIN, 11, SAMPLE)


def _compute_baseline(problem: Problem, instance: Instance) -> Baseline:
    return _solve_instance(problem, instance)[0]


@lru_cache(maxsize=512)  # several promises need the same ones, and some take seconds
def _solve_instance(problem: Problem, instance: Instance) -> tuple[Baseline, float]:
    """Solves an instance exactly; returns the result and its CPU seconds."""
    begin = time.process_time()
    return problem.baseline(instance, BASELINE_SECONDS), time.process_time() - begin


@dataclass(frozen=True)
class ExactEffort:
    """What the exact method did on the instances of the check.

    Attributes:
        instances: how many it solved, or gave bounds of.
        proven: how many to proven optimality.
        mean_seconds: CPU seconds an instance; the limit is BASELINE_SECONDS.
        longest_seconds: CPU seconds of the longest.
    """

    instances: int
    proven: int
    mean_seconds: float
    longest_seconds: float

    def __str__(self) -> str:
        return (
            f"exact method: {self.proven} of {self.instances} instances proven, in {self.mean_seconds:.2g} CPU seconds "
            f"on average and {self.longest_seconds:.2g} at most (limit {BASELINE_SECONDS:g})"
        )


def measure_exact_method(problem: Problem) -> ExactEffort | None:
    """Measures the exact method on the instances of the check.

    None where it fails there, which `find_broken_promises` tells.
    """
    try:
        solved = [_solve_instance(problem, instance) for instance in _sample(problem)]
    except Exception:  # noqa: BLE001 - an author's code may raise anything
        return None
    seconds = [spent for _, spent in solved]
    proven = sum(found.proven for found, _ in solved)
    return ExactEffort(len(solved), proven, sum(seconds) / len(seconds), max(seconds))


def _check_program(
    problem: Problem, name: str, source: str, instances: list[Instance], runner: Runner
) -> Iterator[str]:
    result = assess(problem, source, instances, runner)
    if result.outcome != CandidateOutcome.OK:
        yield f"{name}: {result.outcome}: {result.message}"
        return
    costs: list[Number] = [score.cost for score in result.scores if score.cost is not None]
    for instance, cost in zip(instances, costs, strict=True):
        found = _compute_baseline(problem, instance)
        if cost > found.upper if problem.maximise else cost < found.lower:
            yield f"{name}: costs {cost} on {instance.name}, outside the proven bounds {found.lower} to {found.upper}"
    honest = examine(problem, source, instances, costs, runner)
    if honest.outcome != CandidateOutcome.OK:
        yield f"{name}: {honest.outcome}: {honest.message}"


def _check_file(problem: Problem, path: Path) -> Iterator[str]:
    try:
        problem.read(path)
    except GapsmithError as trouble:
        if path.name not in str(trouble):
            yield f"reader: the complaint about {path.name} does not name the file: {trouble}"
    except Exception as error:  # noqa: BLE001 - any other error is the broken promise
        yield f"reader: {path.name} raises {type(error).__name__}; expected GapsmithError with file and line"
    else:
        yield f"reader: takes {path.name} for an instance file"


def _make_mutants(solution: Any) -> Iterator[Any]:
    """Yields near misses of a solution that is a list of numbers.

    They have a part too many, or parts as text, as a float or as a truth value.
    """
    if not isinstance(solution, list) or not solution or not all(type(part) is int for part in solution):
        return
    yield [*solution, solution[0]]
    yield [str(part) for part in solution]
    yield [float(part) for part in solution]
    yield [*solution[:-1], float("nan")]
    yield [*solution[:-1], None]
    yield [bool(part) for part in solution]
