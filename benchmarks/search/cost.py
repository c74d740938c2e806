"""What the loop itself costs: CPU for each candidate outside sandbox and model, and memory as a run grows.

    python benchmarks/search/cost.py [--candidates 2000] [--problem single_machine_tardiness] [-o FILE]
    python benchmarks/search/cost.py --candidates 100000

The model answers with a reference rule and a new constant, the sandbox with a sequence that follows from the
program; both at once, in this process, and their CPU time is taken off. Choosing, prompts, screening, pricing,
the race, validation, the gate and the archive (SQLite, in the folder for temporary files) are what is left.
Pricing is shown by itself, too: it depends on the problem. Every 10,000 candidates a line with the resident memory.

Example: python benchmarks/search/cost.py --candidates 100
"""

import argparse
import hashlib
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from common import append, fresh_archive, options, say

from gapsmith.agent import Budget, discover, find_problem
from gapsmith.agent.cli.terminal.output import reduce_collections
from gapsmith.agent.evaluation.executors.base import Work
from gapsmith.agent.models.base import Reply, Request
from gapsmith.evaluators.base import Instance, Number, Problem
from gapsmith.sandbox import Answer, Array, Ending, Job, Json, Level, Outcome, Value

T = TypeVar("T")
BLOCK = 10_000


class Clock:
    """CPU seconds of one thread inside a `with`, summed up."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts what happens inside."""
        begun = time.thread_time()
        try:
            yield
        finally:
            self.seconds += time.thread_time() - begun


class NullModel:
    """Answers with one of the rules and a constant that no other answer has."""

    name, deterministic = "null", True

    def __init__(self, clock: Clock) -> None:
        self._clock, self._sources = clock, dict[str, str]()

    def bound_usd(self, length: int) -> float:
        """Nothing."""
        return 0.0

    def reply(self, request: Request) -> Reply:
        """The rule with the longest source: about as long as programs grow."""
        with self._clock.running():
            problem = request.problem
            assert problem is not None  # every question of a discovery run has one
            if problem.name not in self._sources:
                sources = (rule.source(problem.entry.name) for rule in problem.rules)
                self._sources[problem.name] = max(sources, key=len)
            code = self._sources[problem.name]
            return Reply(text=f"```python\n{code}\n\nCONSTANT = {request.slot}.5\n```\nMechanism: none.\n")


class Instantly:
    """An executor and its sandbox in one: sequences the jobs by a random mixture of the instance's vectors."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def submit(self, work: Work[T]) -> Future[T]:
        """Does the work."""
        future = Future[T]()
        try:
            future.set_result(work(self, 0.0))
        except Exception as error:  # noqa: BLE001 - as a thread pool does
            future.set_exception(error)
        return future

    def run(self, job: Job) -> Outcome:
        """A permutation for every call, the same for the same program and call."""
        with self._clock.running():
            seed = int.from_bytes(hashlib.sha256(job.source.encode()).digest()[:4])
            weights = np.random.default_rng(seed).random(8)
            answers = tuple(Answer(_sequence(call, weights), 0.001) for call in job.calls)
            return Outcome(ending=Ending.OK, answers=answers, level=Level.L4)


def _sequence(call: Mapping[str, Value], weights: Any) -> Json:
    arrays = [value for value in call.values() if isinstance(value, Array)]
    vectors = [np.frombuffer(array.data, array.dtype) for array in arrays if len(array.shape) == 1]
    mixture = sum(weight * vector for weight, vector in zip(weights, vectors, strict=False))
    order: Json = np.argsort(mixture, kind="stable").tolist()
    return order


def priced(problem: Problem, clock: Clock) -> Problem:
    """The problem, whose pricing is clocked."""
    cost: Callable[[Instance, Any], Number] = problem.cost

    def clocked(instance: Instance, solution: Any) -> Number:
        with clock.running():
            return cost(instance, solution)

    return replace(problem, cost=clocked)


def resident() -> float:
    """Megabytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(given: argparse.Namespace) -> Iterator[dict[str, float]]:
    """Figures of every block of candidates. The rules, which come first, are not among them."""
    outside, pricing = Clock(), Clock()
    problem = priced(find_problem(given.problem), pricing)
    with fresh_archive(Path(os.devnull)) as archive, reduce_collections():  # as the command line does
        run = discover(
            problem,
            model=NullModel(outside),
            budget=Budget(calls=given.candidates),
            archive=archive,
            executor=Instantly(outside),
            whole_budget=True,
        )
        done, at = -len(problem.rules), (0.0, 0.0, 0.0)
        block = min(BLOCK, given.candidates)
        for _ in run.search():
            done += 1
            if done % block == 0:
                now = (time.process_time(), outside.seconds, pricing.seconds)
                if done:
                    yield figures(done, block, [b - a for a, b in zip(at, now, strict=True)])
                at = now
        run.close()


def figures(done: int, block: int, spent: list[float]) -> dict[str, float]:
    """Milliseconds a candidate, and megabytes."""
    whole, outside, pricing = (1000 * seconds / block for seconds in spent)
    return {
        "candidates": done,
        "loop_ms": whole - outside,
        "of_it_pricing_ms": pricing,
        "model_and_sandbox_ms": outside,
        "resident_mb": resident(),
    }


def main() -> None:
    """Prints a line for every block."""
    parser = options(__doc__, "cost.jsonl", 1)
    parser.add_argument("--candidates", type=int, default=2000)
    parser.add_argument(
        "--problem", default="single_machine_tardiness", help="one whose solutions are sequences"
    )
    given = parser.parse_args()
    say(f"before: {resident():.0f} MB resident")
    for found in measure(given):
        append(given.results, {"problem": given.problem, **found})
        print(", ".join(f"{name} {value:.4g}" for name, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
