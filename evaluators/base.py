"""The contract of a problem: what an author writes, in one file, and nothing else."""

import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the process that solves models loads this module without the sandbox package
    from gapsmith.sandbox import Job, Outcome


class CandidateOutcome(StrEnum):
    """How a candidate ended: the words that archives hold.

    Any other word, such as one of the sandbox's endings or of an author's own `Problem.verify`, is a failure.
    """

    ASKED = "asked"
    TUNED = "tuned"
    OK = "ok"
    RACED = "raced"
    TWIN = "twin"
    DUPLICATE = "duplicate"
    # Replies that hold no program
    NO_CODE = "no_code"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"
    FAILED = "failed"
    # Programs that may not run
    SYNTAX_ERROR = "syntax_error"
    NO_ENTRY = "no_entry"
    UNPARSABLE = "unparsable"
    TOO_LONG = "too_long"
    FORBIDDEN_IMPORT = "forbidden_import"
    FORBIDDEN_NAME = "forbidden_name"
    MEMORISED_TABLE = "memorised_table"
    # Wrong results
    INFEASIBLE = "infeasible"
    REFUTED = "refuted"
    STATE_DEPENDENT = "state_dependent"
    LABEL_DEPENDENT = "label_dependent"
    FORESIGHT = "foresight"
    UNSTEADY = "unsteady"
    # Endings of the sandbox that are no fact about the program
    ZYGOTE_DIED = "zygote_died"
    HARNESS_FAILURE = "harness_failure"

    @classmethod
    def _missing_(cls, value: object) -> "CandidateOutcome":
        member = str.__new__(cls, value)
        member._name_, member._value_ = str(value).upper(), str(value)
        return member

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong: with the program, its reply or the sandbox."""
        return self not in ("asked", "tuned", "ok", "raced", "twin", "duplicate")

    @property
    def is_sandbox_failure(self) -> bool:
        """Whether the sandbox itself broke, so that nothing is known of the program."""
        return self in ("zygote_died", "harness_failure")

    @property
    def is_without_program(self) -> bool:
        """Whether the reply held no program."""
        return self in ("no_code", "truncated", "refused", "empty", "failed")

    @property
    def is_incomplete(self) -> bool:
        """Whether a reply that was cut off explains the outcome."""
        return self in ("no_code", "syntax_error", "no_entry")

    @property
    def repairable(self) -> bool:
        """Whether a model can be asked to repair the program."""
        return self.is_failure and not self.is_sandbox_failure and not self.is_without_program


@dataclass(frozen=True)
class Honesty:
    """What was found.

    Attributes:
        outcome: "ok", "state_dependent", "label_dependent", "foresight", or what `Problem.verify` says.
        message: why, in words, when not ok.
        detail: what else is worth keeping; plain data.
    """

    outcome: str
    message: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


Number: TypeAlias = int | float
Datum: TypeAlias = NDArray[Any] | int | float

FIRST_VERSION = "1"
"""Of a problem that names none, and of all that archives held before they kept versions."""


def source_as(function: Callable[..., Any], name: str) -> str:
    """The source of a function under another name, without its annotations' need for our modules."""
    text = textwrap.dedent(inspect.getsource(function))
    return text.replace(f"def {function.__name__}(", f"def {name}(", 1)


class Trouble(Exception):
    """What a user can mend: one line that says what was found, what was expected and what to do."""


class UsageTrouble(Trouble):
    """The words of a call are off: an unknown name, a missing file, a value out of range."""


class Infeasible(Exception):
    """A returned solution is not one: the reason, in words for the next prompt."""


class Split(StrEnum):
    """Train drives the search, validation gates what is called better, test is sealed until the report."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, eq=False)
class Instance:
    """One case of a problem: the arguments of the entry point by name, in its order, and no optimum.

    Attributes:
        name: `STEM-K` in a file of several (1-based), else `STEM`; generated ones say how.
        data: arrays and numbers, exactly what a candidate is given.
        stratum: the class of the generator's grid, or "all".
        whole: whether the events of an on-line instance are given in one call; see `stepwise`.
    """

    name: str
    data: Mapping[str, Datum]
    stratum: str = "all"
    whole: bool = False

    @cached_property
    def digest(self) -> str:
        """A name for the data: equal data, equal digest, whatever the file or the platform.

        It tells how events are given, too: what was reached with all events in sight is no score of an instance
        whose events come one by one.
        """
        digest = hashlib.sha256(json.dumps(self.plain, sort_keys=True).encode()).hexdigest()
        return digest[:31] + "w" if self.whole else digest[:32]

    @property
    def size(self) -> int:
        """How many numbers the data holds."""
        return sum(int(np.size(value)) for value in self.data.values())

    @property
    def plain(self) -> dict[str, Any]:
        """The data as JSON can hold it."""
        return {
            key: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            for key, value in self.data.items()
        }

    @classmethod
    def restored(cls, name: str, plain: Mapping[str, Any]) -> "Instance":
        """An instance of plain data."""
        return cls(name, {key: np.array(v) if isinstance(v, list) else v for key, v in plain.items()})


@dataclass(frozen=True)
class Argument:
    """One argument of the entry point: its type with shape, its meaning and unit, and its annotation in an export."""

    name: str
    type: str
    meaning: str
    annotation: str = "Any"


@dataclass(frozen=True)
class EntryPoint:
    """The function that a candidate must define, and what it must return.

    Attributes:
        imports: modules that it may import besides those of every candidate.
    """

    name: str
    arguments: tuple[Argument, ...]
    returns: str
    annotation: str = "Any"
    imports: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The `def` line."""
        return f"def {self.name}({', '.join(argument.name for argument in self.arguments)}):"


@dataclass(frozen=True)
class Rule:
    """A classical heuristic of the field: a function that uses `np`, its helpers, and nothing else of ours."""

    name: str
    function: Callable[..., Any]
    citation: str
    helpers: tuple[Callable[..., Any], ...] = ()

    def source(self, entry: str) -> str:
        """The rule as a candidate's module: it runs in the sandbox, and seeds the archive, like any other."""
        helpers = [source_as(helper, helper.__name__) for helper in self.helpers]
        return "\n\n".join(["import numpy as np\n", *helpers, source_as(self.function, entry)])


@dataclass(frozen=True)
class Baseline:
    """What an exact method found: bounds of the objective in its own sense, and the solution behind them.

    Attributes:
        lower: proven lower bound; for minimisation what gaps are measured against.
        upper: for minimisation the cost of `solution`; the proven upper bound when maximising.
        solution: plain data, as a candidate would return it; None where only a bound is known.
        solver: what proved it, for example "branch-and-memorize".
        seconds: CPU seconds spent.
    """

    lower: float
    upper: float
    solution: Any
    solver: str
    seconds: float

    @property
    def proven(self) -> bool:
        """Whether the bounds meet."""
        return self.lower == self.upper

    @property
    def status(self) -> str:
        """The word of `solve --json`: optimal, bound or unknown."""
        if self.proven:
            return "optimal"
        return "bound" if np.isfinite(self.lower) or np.isfinite(self.upper) else "unknown"


@dataclass(frozen=True)
class Terminal:
    """A quantity the genetic programmer may use: a Python expression, its dimension, and what it means.

    Attributes:
        name: the local variable that holds it inside a block.
        kind: "time", "weight", "count", "ratio": addition and comparison need equal kinds.
        meaning: shown to language models too, so that both start with equal knowledge.
    """

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """What the `offline` model assembles programs from: functions of our own, taken as source.

    A program is `import numpy as np`, one block for each role, named as the role, and `main`, named as
    the entry point, which calls the roles. Blocks are self-contained and use `np` alone. An assignment to
    the name `priority` inside a block is a hole: its right-hand side is what evolves, over `terminals`,
    which must be locals of every block that has a hole.

    Attributes:
        main: the entry point; calls every role by its name.
        blocks: role -> the functions that can play it.
        terminals: what a priority expression may be made of.
        priorities: expressions of classical rules, to start from.
    """

    main: Callable[..., Any]
    blocks: Mapping[str, tuple[Callable[..., Any], ...]]
    terminals: tuple[Terminal, ...]
    priorities: tuple[str, ...]

    def sources(self, role: str) -> dict[str, str]:
        """The blocks of a role: name -> source of a function named as the role."""
        return {block.__name__: source_as(block, role) for block in self.blocks[role]}


@dataclass(frozen=True)
class FollowUp:
    """A second call of a candidate, with what trusted code makes of its first answer.

    Attributes:
        entry: another function of its module.
        driver: as that of a problem, for this call.
        arguments: of the second call, by the first answer; None where there is nothing to ask.
    """

    entry: str
    driver: str
    arguments: Callable[[Instance, Any], Mapping[str, Datum] | None]


DEFAULT_COUNTS = {Split.TRAIN: 24, Split.VALIDATION: 60, Split.TEST: 100}


def no_reader(path: Path) -> list[Instance]:
    """Stands in for the reader of a problem that has none. Raises Trouble."""
    raise Trouble(f"{path} cannot be read: this problem defines no `read`; expected one in its Problem(...)")


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """A family of instances and everything that must be known to search for heuristics on it.

    Attributes:
        name: the module's name, as on the command line.
        title: one line.
        brief: what a model is told, in the field's terms; no answers.
        entry: the function a candidate defines.
        maximise: the sense of the objective.
        generate: `(rng, stratum, size) -> data` of one instance.
        cost: prices a solution exactly; raises Infeasible with the reason.
        baseline: `(instance, seconds) -> Baseline`, by an exact method.
        rules: classical heuristics, in any order.
        strata: the classes of the generator's grid.
        sizes: per split, the sizes that the generator uses, in turn.
        counts: per split, how many instances make the split.
        read: parses one file of the field's own format; raises Trouble with file and line.
        layouts: names of the layouts that `read` takes as its second argument, and what they are; see `laid_out`.
        grammar: building blocks for the genetic programmer.
        cpu_seconds: limit of one call, seconds of CPU, given the instance.
        driver: trusted source that runs beside a candidate; see `sandbox.Job.driver`.
        online: whether events come one by one, so that a candidate must not see the next ones; see `online`.
        relabel: the same instance with its parts numbered otherwise; None where they have no numbers.
        preload: what programs may import; see `sandbox.open_sandbox`.
        follow_up: a second call, after which `cost` is given both answers, in a list; None for one call.
        verify: `(source, runner, refuters, thorough) -> Honesty`: whether a program is right beyond its costs;
            `refuters` are instances that earlier ones were wrong on. None where costs say all.
        words: the template of the static part of prompts.
        shown: an instance as prompts show it.
        charge: a cost with the CPU seconds of the call added to it, where these count; coarse, so that it repeats.
        version: another one where costs or optima of the same data are others: what was kept under an earlier
            version is not used. Of a file of one's own it is a digest of the source; see `find_problem`.
    """

    name: str
    title: str
    brief: str
    entry: EntryPoint
    generate: Callable[[np.random.Generator, str, int], Mapping[str, Datum]]
    cost: Callable[[Instance, Any], Number]
    baseline: Callable[[Instance, float], Baseline]
    rules: tuple[Rule, ...]
    strata: tuple[str, ...] = ("all",)
    sizes: Mapping[Split, Sequence[int]] = field(default_factory=lambda: dict.fromkeys(Split, (20,)))
    counts: Mapping[Split, int] = field(default_factory=lambda: dict(DEFAULT_COUNTS))
    read: Callable[..., list[Instance]] = no_reader
    layouts: Mapping[str, str] = field(default_factory=dict)
    grammar: Grammar | None = None
    maximise: bool = False
    cpu_seconds: Callable[[Instance], float] = field(default=lambda _: 1.0)
    driver: str = ""
    online: bool = False
    relabel: Callable[[Instance, np.random.Generator], Instance] | None = None
    preload: str = "numpy"
    follow_up: FollowUp | None = None
    verify: "Callable[[str, Runner, Sequence[Instance], bool], Honesty] | None" = None
    words: str = "system"
    shown: Callable[[Instance], Instance] = field(default=lambda instance: instance)
    charge: Callable[[Any, float], float] | None = None
    version: str = FIRST_VERSION

    def instances(
        self, split: Split, seed: int = 0, count: int | None = None, start: int = 0
    ) -> list[Instance]:
        """Generated instances of a split: reproducible, spread evenly over the strata, disjoint between splits.

        Args:
            split: whose stream of instances.
            seed: another seed, other instances.
            count: how many; those of the split by default.
            start: the place of the first in the stream; from `counts[split]` on, they are in no run's split.
        """
        return [self._generated(split, seed, start + k) for k in range(count or self.counts[split])]

    def _generated(self, split: Split, seed: int, index: int) -> Instance:
        place, round_ = index % len(self.strata), index // len(self.strata)
        size = self.sizes[split][round_ % len(self.sizes[split])]
        stratum = self.strata[place]
        # The split is part of the seed: streams of different splits never meet.
        rng = np.random.default_rng([list(Split).index(split), seed, index])
        return Instance(f"{split}-{seed}-{index + 1}", self.generate(rng, stratum, size), stratum)

    def rule(self, name: str) -> Rule:
        """The reference rule of that name, capitals ignored. Raises KeyError."""
        return {rule.name.lower(): rule for rule in self.rules}[name.lower()]


def is_formulation(problem: Problem) -> bool:
    """Whether programs of the problem are formulations."""
    return "formulation" in vars(problem)


def unknown(thing: str, found: str, known: list[str]) -> str:
    """One line for an unknown name: the nearest known one, and all of them."""
    near = get_close_matches(found, known, 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {thing} {found!r}{hint} (known: {', '.join(known)})"


class Runner(Protocol):
    """Whatever runs a job: a sandbox, or a fake in a test."""

    def run(self, job: "Job") -> "Outcome":
        """Runs one job to its end."""
        ...
