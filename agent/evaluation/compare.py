"""Evaluates programs that are there already.

Files, reference rules, archived programs, and the exact method alone.
"""

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.baselines import ProgressCallback, find_baselines, ignore_progress
from gapsmith.agent.evaluation.baselines.published import NOTHING_KNOWN, BestKnown, PublishedValue
from gapsmith.agent.evaluation.baselines.records import Finding, Record, find_records
from gapsmith.agent.evaluation.executors.base import Executor
from gapsmith.agent.evaluation.own.files import add_version
from gapsmith.evaluators.base import Baseline, GapsmithError, Instance, Problem, UsageError, describe_unknown
from gapsmith.evaluators.grammar import UNREADABLE, parse_python
from gapsmith.evaluators.outcomes import CandidateOutcome
from gapsmith.evaluators.running.assess import Runner, assess_all
from gapsmith.evaluators.scoring import Aggregate, Failure, Scale, Score

CHUNK = 20

PROGRAM_BEGINS = "# The program, as it was found."
PROGRAM_ENDS = "# Reading instances and pricing solutions, as gapsmith does it."
"""Lines of an exported module before and behind its program."""

SANDBOXED_IMPORT = "from gapsmith.agent.evaluation.sandboxed import Sandboxed"
SANDBOXED_SOURCE = "SOURCE"
"""A module that calls its program through the sandbox has this import, and the program under this name."""


@dataclass(frozen=True)
class Entrant:
    """A program under a name.

    A file's, a rule's, or an archive's number.
    """

    name: str
    source: str


@dataclass(frozen=True)
class Scored:
    """A program with its scores on all instances.

    Attributes:
        entrant: the program.
        outcome: "ok", or that of the first failure.
        message: why, in words.
        scores: in the order of the instances; empty where the program was turned away unrun.
        aggregate: of the instances that were solved; None where none was.
        failures: the other instances.
    """

    entrant: Entrant
    outcome: str
    message: str
    scores: tuple[Score, ...]
    aggregate: Aggregate | None
    failures: tuple[Failure, ...] = ()

    @property
    def solved(self) -> int:
        """How many instances were solved."""
        return len(self.scores) - len(self.failures)


@dataclass(frozen=True)
class Comparison:
    """Programs side by side on the same instances.

    There are no baselines where no program may be run.

    Attributes:
        best: the best values known before the programs were run.
        records: verified solutions that are better.
    """

    problem: Problem
    instances: tuple[Instance, ...]
    baselines: Mapping[str, Baseline]
    rows: tuple[Scored, ...]
    best: BestKnown = NOTHING_KNOWN
    records: tuple[Record, ...] = ()

    @property
    def contradictions(self) -> list[str]:
        """Sentences on published bounds that verified solutions refute."""
        found = [
            self.best.find_contradiction(instance, score.cost)
            for row in self.rows
            for instance, score in zip(self.instances, row.scores, strict=False)
            if score.cost is not None
        ]
        return list(dict.fromkeys(filter(None, found)))

    @property
    def scale(self) -> Scale:
        """Turns costs into gaps."""
        return make_scale(self.problem, self.instances, self.baselines)


def evaluate(
    problem: Problem,
    entrants: Sequence[Entrant],
    instances: Sequence[Instance],
    executor: Executor,
    archive: Archive | None = None,
    seconds: float = 60.0,
    progress: ProgressCallback = ignore_progress,
    isolated: bool = False,
    workers: int = 1,
    published: Sequence[PublishedValue] = (),
    own: bool = False,
) -> Comparison:
    """Runs programs on instances and prices what they return.

    Args:
        problem: whose verifier and exact method are used.
        entrants: the programs.
        instances: at least one.
        executor: where they run.
        archive: where exact results are kept; without one they are solved now.
        seconds: limit of the exact method for each instance.
        progress: called as the work goes on.
        isolated: whether every instance gets a process of its own.
        workers: processes of the exact method.
        published: bounds that the user's file gives.
        own: whether the instances are the user's, so that solutions better than the best known are kept.

    Where no program passes the screen, nothing is solved, and there are no baselines.
    """
    problem = add_version(problem)
    screened = [screen(entrant.source, problem.entry) for entrant in entrants]
    runs = any(found.outcome == CandidateOutcome.OK for found in screened)
    baselines = (
        find_baselines(problem, instances, archive, seconds, progress, workers=workers) if runs else {}
    )
    best = BestKnown.build(instances, baselines, published, problem.maximise) if baselines else NOTHING_KNOWN
    rows = []
    for entrant, found in zip(entrants, screened, strict=True):
        if found.outcome != CandidateOutcome.OK:
            rows.append(Scored(entrant, found.outcome, found.message, (), None))
            continue
        scores = run_all(problem, entrant, instances, executor, progress, isolated)
        rows.append(summarise_scores(entrant, scores, make_scale(problem, instances, baselines)))
    findings = find_best_costs(instances, rows, problem.maximise) if own or published else {}
    records = find_records(problem, instances, findings, best, executor, archive)
    return Comparison(problem, tuple(instances), baselines, tuple(rows), best, records)


def find_best_costs(
    instances: Sequence[Instance], rows: Sequence[Scored], maximise: bool
) -> dict[str, Finding]:
    """Finds the best cost of each instance, by digest, with its program."""
    found: dict[str, Finding] = {}
    for row in rows:
        for instance, score in zip(instances, row.scores, strict=False):
            known = found.get(instance.digest)
            if score.cost is not None and (
                known is None or (score.cost > known.cost if maximise else score.cost < known.cost)
            ):
                found[instance.digest] = Finding(row.entrant.name, row.entrant.source, score.cost)
    return found


def run_all(
    problem: Problem,
    entrant: Entrant,
    instances: Sequence[Instance],
    executor: Executor,
    progress: ProgressCallback = ignore_progress,
    isolated: bool = False,
) -> tuple[Score, ...]:
    """Scores one program on all instances, spread over the executor's workers."""
    chunks = [instances[k : k + CHUNK] for k in range(0, len(instances), CHUNK)]
    futures = [executor.submit(_Work(problem, entrant.source, chunk, isolated)) for chunk in chunks]
    scores: list[Score] = []
    for future in futures:
        progress(f"running {entrant.name}", len(scores), len(instances))
        scores += future.result()
    return tuple(scores)


def summarise_scores(entrant: Entrant, scores: Sequence[Score], scale: Scale) -> Scored:
    """Summarises the scores of a program on all instances."""
    failures, aggregate = scale.list_failures(scores), scale.aggregate_solved(scores)
    if not failures:
        return Scored(entrant, CandidateOutcome.OK, "", tuple(scores), aggregate)
    first = failures[0]
    message = f"{first.instance}: {first.message}"
    return Scored(entrant, first.outcome, message, tuple(scores), aggregate, failures)


def make_scale(problem: Problem, instances: Sequence[Instance], baselines: Mapping[str, Baseline]) -> Scale:
    """Makes the scale of instances whose baselines are known by digest."""
    return Scale(instances, [baselines[i.digest] for i in instances], problem.maximise)


def read_entrants(files: Sequence[Path]) -> list[Entrant]:
    """Reads programs from files. Raises UsageError for an unreadable one.

    Of a module that `gapsmith export` wrote, the program is taken.
    """
    return [Entrant(str(path), extract_exported(_read_text(path))) for path in files]


def extract_exported(source: str) -> str:
    """Returns the program of an exported module.

    Any other source is returned as it is.
    """
    _, begins, rest = source.partition(PROGRAM_BEGINS)
    program, ends, _ = rest.partition(PROGRAM_ENDS)
    if begins and ends:
        return f"from __future__ import annotations\n\nimport numpy as np\n\n{program.strip()}\n"
    if SANDBOXED_IMPORT not in source:
        return source
    with suppress(*UNREADABLE):
        for node in parse_python(source).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == SANDBOXED_SOURCE:
                return str(ast.literal_eval(node.value))
    return source


def find_entrants(problem: Problem, names: Sequence[str], archive: Archive | None) -> list[Entrant]:
    """Finds programs by rule, archive number or file; default all rules."""
    return [_find_entrant(problem, name, archive) for name in names or [rule.name for rule in problem.rules]]


def solve(
    problem: Problem,
    instances: Sequence[Instance],
    archive: Archive | None = None,
    seconds: float = 60.0,
    progress: ProgressCallback = ignore_progress,
    workers: int = 1,
) -> list[tuple[Instance, Baseline]]:
    """Runs the exact method alone, by several processes where that helps."""
    found = find_baselines(add_version(problem), instances, archive, seconds, progress, workers=workers)
    return [(instance, found[instance.digest]) for instance in instances]


@dataclass(frozen=True)
class _Work:
    problem: Problem
    source: str
    instances: Sequence[Instance]
    isolated: bool

    def __call__(self, runner: Runner, null_cpu_seconds: float) -> tuple[Score, ...]:
        return assess_all(self.problem, self.source, self.instances, runner, null_cpu_seconds, self.isolated)


def _find_entrant(problem: Problem, name: str, archive: Archive | None) -> Entrant:
    if name.isdecimal():
        return _load_archived(problem, int(name), archive)
    if name.endswith(".py"):
        return read_entrants([Path(name)])[0]
    try:
        rule = problem.find_rule(name)
    except KeyError:
        raise UsageError(describe_unknown("rule", name, [rule.name for rule in problem.rules])) from None
    return Entrant(rule.name, rule.source(problem.entry.name))


def _load_archived(problem: Problem, number: int, archive: Archive | None) -> Entrant:
    if archive is None:
        raise UsageError(f"program {number} is named, but no archive; give --archive")
    program = archive.find(number)
    if program.problem != problem.name:
        raise GapsmithError(
            f"program {number} was written for {program.problem}; expected one for {problem.name}"
        )
    return Entrant(str(number), program.source)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; expected a Python file") from None
    except OSError as error:
        raise UsageError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; expected a Python file"
        ) from None
