"""What the search is worth with a model that knows nothing, against the two simplest searches there are.

    python benchmarks/search/null_model.py [--tasks tardiness bin_packing] [--seeds 10] [--calls 150] [-o FILE]

Three methods get the same training instances, sandbox, limits, random mutation (`null_server.mutated`) and
number of proposals:

- ours: `discover` with `openai:null`, served by `null_server`;
- climber: strict (1+1). Starts at the reference rule that is best in training; a mutant of the incumbent takes
  its place if its training gap is strictly lower;
- sampler: the best in training of independent mutants of that rule, and the rule itself.

All winners are scored on the same test sets once the search is over: the public files ("given") and generated
instances ("generated"). A line of the results file is one task, seed and method. Seconds are wall time, with
nothing else running; only ours uses more than one worker.

Example: python benchmarks/search/null_model.py --tasks tardiness --seeds 1 --calls 10
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random

from common import (
    Metered,
    Record,
    Task,
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
    sized,
    solved,
    tasks,
)
from null_server import NullServer, mutated

from gapsmith.agent import Archive, Budget, Entrant, LocalExecutor, discover, evaluate, solve
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.compare import Scored
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.evaluators.base import Split
from gapsmith.evaluators.running.assess import Runner, assess
from gapsmith.evaluators.scoring import Scale

METHODS = ("ours", "climber", "sampler")
TESTS = ("given", "generated")
GAPS = ("mean", "pooled")
SPENT = ("sandbox_seconds", "instance_evaluations")


@dataclass(frozen=True)
class Found:
    """What a method brings home.

    Attributes:
        source: of the winner.
        rule: the name of the reference rule that is best in training, where the method knows it.
    """

    source: str
    rule: str = ""


class Training:
    """The training instances of a seed, and the gap that the search minimises."""

    def __init__(self, task: Task, seed: int, archive: Archive, executor: Executor) -> None:
        self.problem, self._executor = task.problem, executor
        self.instances = task.problem.generate_instances(Split.TRAIN, seed)
        bounds = [bound for _, bound in solve(task.problem, self.instances, archive)]
        self._scale = Scale(self.instances, bounds, task.problem.maximise)
        self._known: dict[str, float] = {}

    def gap(self, source: str) -> float:
        """Percent; infinite for a program that fails. A program that came before is not run again."""
        screened = screen(source, self.problem.entry)
        if screened.outcome != "ok":
            return float("inf")
        if screened.hash not in self._known:
            self._known[screened.hash] = self._executor.submit(partial(self._run, source)).result()
        return self._known[screened.hash]

    def _run(self, source: str, runner: Runner, spent: float) -> float:
        result = assess(self.problem, source, self.instances, runner, spent)
        if result.outcome != "ok":
            return float("inf")
        return self._scale.search([score.cost for score in result.scores if score.cost is not None])

    def best_rule(self) -> tuple[str, str]:
        """Name and source of the reference rule of the least gap."""
        rules = [(rule.name, rule.source(self.problem.entry.name)) for rule in self.problem.rules]
        return min(rules, key=lambda rule: self.gap(rule[1]))


def ours(
    training: Training, task: Task, seed: int, calls: int, archive: Archive, executor: Executor
) -> Found:
    """The search, asking a server on this machine."""
    with NullServer(seed) as server:
        run = discover(
            quick_to_report(task).problem,
            model="openai:null",
            base_url=server.url,
            budget=Budget(calls=calls),
            archive=archive,
            executor=executor,
            seed=seed,
            whole_budget=True,
        )
        for progress in run.search():
            counted("calls", progress.calls, calls)
        report = run.report()
        run.close()
    return Found(report.best.entrant.source)


def climber(training: Training, task: Task, seed: int, calls: int, *_: object) -> Found:
    """Strict (1+1)."""
    rng = Random(f"{seed}/climber")
    name, incumbent = training.best_rule()
    gap = training.gap(incumbent)
    for done in range(1, calls + 1):
        mutant = mutated(incumbent, rng)
        if (other := training.gap(mutant)) < gap:
            incumbent, gap = mutant, other
        counted("proposals", done, calls)
    return Found(incumbent, name)


def sampler(training: Training, task: Task, seed: int, calls: int, *_: object) -> Found:
    """Best of so many."""
    rng = Random(f"{seed}/sampler")
    name, rule = training.best_rule()
    mutants = [mutated(rule, rng) for _ in range(calls)]
    return Found(min([rule, *mutants], key=training.gap), name)


SEARCHES: dict[str, Callable[..., Found]] = {"ours": ours, "climber": climber, "sampler": sampler}


def quick_to_report(task: Task) -> Task:
    """The task with a sealed test of its own that is next to nothing: winners are tested here, all alike."""
    counts = {**task.problem.counts, Split.TEST: 2}
    sizes = {**task.problem.sizes, Split.TEST: task.problem.sizes[Split.TRAIN][:1]}
    return replace(task, problem=replace(task.problem, counts=counts, sizes=sizes))


class Judge:
    """Scores programs on the test sets; the reference rules once for all seeds."""

    def __init__(self, task: Task, store: Path, executor: Executor) -> None:
        self._task, self._executor = task, executor
        self._store = Archive(str(store))
        self._sets = {"given": task.given(), "generated": task.problem.generate_instances(Split.TEST)}
        rules = [Entrant(rule.name, rule.source(task.problem.entry.name)) for rule in task.problem.rules]
        self._rules = {test: self._scored(rules, test) for test in TESTS}

    def record(self, found: Found, rule: str) -> Record:
        """Gaps of the winner, of the rule that was best in training, and of the one that is best here."""
        return {test: self._on(test, found, rule) for test in TESTS}

    def _on(self, test: str, found: Found, rule: str) -> Record:
        (winner,) = self._scored([Entrant("winner", found.source)], test)
        rows = {row.entrant.name: row for row in self._rules[test]}
        best = min(rows.values(), key=lambda row: _gaps(row)["pooled"] or float("inf"))
        return {
            "winner": _gaps(winner),
            "chosen": {"name": rule, **_gaps(rows[rule])},
            "best": {"name": best.entrant.name, **_gaps(best)},
        }

    def _scored(self, entrants: Sequence[Entrant], test: str) -> tuple[Scored, ...]:
        found = evaluate(
            self._task.problem, entrants, self._sets[test], self._executor, self._store, progress=counted
        )
        return found.rows


def _gaps(row: Scored) -> Record:
    if row.outcome != "ok" or row.aggregate is None:
        return {"outcome": row.outcome, "mean": None, "pooled": None}
    return {
        "outcome": "ok",
        "mean": row.aggregate.mean_gap_percent,
        "pooled": row.aggregate.pooled_gap_percent,
    }


def measure(
    task: Task, seed: int, method: str, calls: int, store: Path, executor: Executor, judge: Judge
) -> Record:
    """One search and its tests."""
    learning = [
        *task.problem.generate_instances(Split.TRAIN, seed),
        *task.problem.generate_instances(Split.VALIDATION, seed),
    ]
    solved(task.problem, learning, store)
    with fresh_archive(store) as archive:
        meter = Metered(executor, task.problem)
        begun = time.monotonic()
        training = Training(task, seed, archive, meter)
        found = SEARCHES[method](training, task, seed, calls, archive, meter)
        spent = {"seconds": time.monotonic() - begun, **meter.spent}
        rule = found.rule or training.best_rule()[0]
    head = {"task": task.name, "seed": seed, "method": method, "calls": calls}
    return {**head, **spent, **judge.record(found, rule), "source": found.source}


# The table


def table(found: Sequence[Record], task: str) -> list[str]:
    """The lines about one task."""
    return [line for test in TESTS for line in _about(found, task, test)]


def _about(found: Sequence[Record], task: str, test: str) -> list[str]:
    flat = [_flat(each, test) for each in selected(found, task=task)]
    lines = [
        "",
        f"{task}, {test} test",
        _row("", "seeds", "mean %", "pooled %", "> chosen", "> best", "s", "CPU s", "runs"),
    ]
    lines += [_method(selected(flat, method=method), method) for method in METHODS]
    lines += [
        _row(word, "", *(f"{mean([e[f'{word} {gap}'] for e in flat]):.3f}" for gap in GAPS))
        for word in ("chosen", "best")
    ]
    return [*lines, *(_difference(flat, other) for other in METHODS[1:])] if flat else []


def _method(own: Sequence[Record], method: str) -> str:
    gaps = (f"{mean([each[gap] for each in own]):.3f}" for gap in GAPS)
    worse = (sum(_worse(each, rule) for each in own) for rule in ("chosen", "best"))
    spent = (f"{mean([each[field] for each in own]):.0f}" for field in ("seconds", *SPENT))
    return _row(method, len(own), *gaps, *worse, *spent)


def _worse(each: Record, rule: str) -> bool:
    return each["pooled"] is None or each["pooled"] > each[f"{rule} pooled"]


def _difference(flat: Sequence[Record], other: str) -> str:
    found = {gap: paired(flat, gap, "method", "ours", other) for gap in GAPS}
    words = ", ".join(f"{gap} {shown(bootstrap(values))}" for gap, values in found.items())
    return f"ours - {other}, {len(found['pooled'])} seeds, points: {words}"


def _flat(record: Record, test: str) -> Record:
    tested = record[test]
    rules = {f"{word} {gap}": tested[word][gap] for word in ("chosen", "best") for gap in GAPS}
    spent = {field: record[field] for field in ("seconds", *SPENT)}
    winner = {gap: tested["winner"][gap] for gap in GAPS}
    return {"seed": record["seed"], "method": record["method"], **spent, **winner, **rules}


def _row(*cells: object) -> str:
    return "".join(f"{cell!s:>11}" for cell in cells)


LEGEND = """
chosen, best: the reference rule that is best in training, and the one that is best on the test.
> chosen, > best: seeds whose winner is worse on the test than that rule (pooled gap, or it fails).
CPU s: of all programs in the sandbox; runs: programs run on one instance each. Negative differences: ours is better."""


def work(task: Task, given: argparse.Namespace) -> None:
    """Measures what is not measured yet of one task."""
    store = given.results.with_name("baselines.db")
    store.parent.mkdir(parents=True, exist_ok=True)
    head = {"task": task.name, "calls": given.calls}
    places = [(seed, method) for seed in range(given.seeds) for method in METHODS]
    known = records(given.results)
    missing = [(s, m) for s, m in places if not selected(known, **head, seed=s, method=m)]
    if not missing:
        return
    with LocalExecutor(given.workers) as executor:
        judge = Judge(task, store, executor)
        for seed, method in missing:
            say(f"{task.name}, seed {seed}, {method}")
            append(given.results, measure(task, seed, method, given.calls, store, executor, judge))


def prepared(name: str, size: int) -> Task:
    """The task; tardiness is learnt on instances of that size, five times smaller than the test's."""
    task = tasks()[name]
    return replace(task, problem=sized(task.problem, size)) if name == "tardiness" else task


def main() -> None:
    """Measures what is not measured yet, then prints the table."""
    parser = options(__doc__, "null_model.jsonl", 10)
    parser.add_argument("--tasks", nargs="+", default=["tardiness", "bin_packing"])
    parser.add_argument("--calls", type=int, default=150, help="proposals of each search (default 150)")
    parser.add_argument(
        "--jobs", type=int, default=20, help="of the training instances of tardiness (default 20)"
    )
    given = parser.parse_args()
    for name in given.tasks:
        work(prepared(name, given.jobs), given)
        print("\n".join(table(selected(records(given.results), calls=given.calls), name)))
    print(LEGEND)


if __name__ == "__main__":
    main()
