"""The contract of a problem: all that an author writes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from gapsmith.evaluators.base.instances import (
    Datum,
    GapsmithError,
    Instance,
    Number,
    Split,
    UsageError,
    describe_unknown,
)
from gapsmith.evaluators.grammar import BLOCKS, CompiledFunctions, EntryPoint, Grammar, Library, Rule
from gapsmith.evaluators.outcomes import Baseline, IntegrityResult


@dataclass(frozen=True)
class FollowUp:
    """A second call, with arguments derived from the first answer.

    Trusted code derives them.

    Attributes:
        entry: another function of its module.
        driver: the driver for this call; see `Problem.driver`.
        arguments: makes the arguments of the second call from the first answer; None where there is no second call.
    """

    entry: str
    driver: str
    arguments: "Callable[[Instance, Any], Mapping[str, Datum] | None]"


if TYPE_CHECKING:  # the process that solves models loads this module without the sandbox package
    from gapsmith.sandbox import Job, Outcome, Preload


BundleSource: TypeAlias = Callable[..., str]
"""`(*functions) -> source` of these functions and of all that they use, which can stand alone."""

FIRST_VERSION = "1"
"""The version of a problem that names none, and of everything in archives from before versions were kept."""


DEFAULT_COUNTS = {Split.TRAIN: 24, Split.VALIDATION: 60, Split.TEST: 100}


SOLVER_SECONDS = 60.0
"""Limit of the exact method for each instance where nothing else is said."""

NUMBA, SCIPY = "numba", "scipy"
PACKAGES = (NUMBA, SCIPY)
"""Packages that programs may import where that is chosen; see `Problem.choose_packages`."""

SMALL, MEDIUM, LARGE = "small", "medium", "large"
"""The scales: what can be proven, what planners have, and what large plants have."""


@dataclass(frozen=True, kw_only=True)
class ProblemScale:
    """The settings of a problem at one of its scales.

    Attributes:
        sizes: per split, the sizes that the generator uses, in turn.
        counts: per split, the number of instances.
        cpu_seconds: limit of one call, seconds of CPU, for every instance.
        solver_seconds: limit of the exact method for each instance, seconds of CPU.
        story: what the generator draws; see `Problem.story`.
        strata: the classes of the generator's grid; the problem's own if none are given.
    """

    sizes: Mapping[Split, Sequence[int]]
    counts: Mapping[Split, int]
    cpu_seconds: float
    solver_seconds: float
    story: str
    strata: tuple[str, ...] = ()


def refuse_to_read(path: Path) -> list[Instance]:
    """Stands in for the reader of a problem without one.

    Raises GapsmithError.
    """
    raise GapsmithError(
        f"{path} cannot be read: this problem defines no `read`; expected one in its Problem(...)"
    )


class Reference(Protocol):
    """Where a problem comes from.

    Plain data from which another process makes the problem again.
    """

    def resolve(self) -> "Problem":
        """Makes the problem again.

        Raises GapsmithError where it is missing or has another version.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """A family of instances and everything needed to search on it.

    Attributes:
        name: the module's name, as on the command line.
        title: one line.
        brief: the description that a model reads, in the field's terms; no solutions.
        entry: the function a candidate defines.
        maximise: the sense of the objective.
        generate: `(rng, stratum, size) -> data` of one instance.
        cost: prices a solution exactly; raises Infeasible with the reason.
        baseline: `(instance, seconds) -> Baseline`, by an exact method.
        tighten: `(instance, seconds, known) -> Baseline`: continues from proven bounds and a verified solution of an
            earlier solve; None where the method can only begin anew.
        rules: classical heuristics, in any order.
        notes: what the user knows beyond the brief; prompts tell it.
        story: what the generator draws: classes, ranges and sizes; prompts tell it after the brief.
        strata: the classes of the generator's grid.
        sizes: per split, the sizes that the generator uses, in turn.
        counts: per split, the number of instances.
        read: parses one file of the field's own format; raises GapsmithError with file and line.
        layouts: names of the layouts that `read` takes as its second argument, with descriptions; see `laid_out`.
        grammar: building blocks for the genetic programmer.
        cpu_seconds: limit of one call, seconds of CPU, given the instance.
        driver: trusted source that runs in the candidate's process; see `sandbox.Job.driver`.
        online: whether events come one by one, so that a candidate must not see the next ones; see `online`.
        relabel: makes the same instance with its parts renumbered; None where they have no numbers.
        preload: the packages that programs may import; see `sandbox.open_sandbox` and `choose_packages`.
        compiled: functions that are compiled once per sandbox, open to programs that may import numba.
        warm_size: size of the generated instance by whose solution programs are compiled; by default the smallest of
            `sizes`.
        follow_up: a second call, after which `cost` gets both answers in a list; None for one call.
        verify: `(source, runner, refuters, thorough) -> Honesty`: checks what costs do not show, such as a
            formulation's correctness; `refuters` are counterexamples to earlier programs. None where costs suffice.
        words: the template of the static part of prompts.
        shown: makes the form of an instance that prompts show.
        charge: adds the CPU seconds of the call to a cost, where these count; in coarse steps, so that it repeats.
        editable: whether Gapsmith may edit programs itself: tune their numbers, shorten the winner. False where such
            edits are mostly wrong.
        expensive: whether one evaluation takes many seconds, so that the end of a run does without optional ones.
        version: changes whenever costs or optima of the same data change: results kept under another version are
            not used. For a user's own file it is a hash of the source; see `find_problem`.
        cpu_cap: CPU seconds in place of `cpu_seconds`, for all instances.
        cpu_share: factor on the limit, such as the part that the search may use.
        solver_seconds: limit of the exact method for each instance where none is given, seconds of CPU.
        scale: the scale of the generated instances.
        scales: other scales by name; see `scale_to`.
        reference: how another process finds the problem; limits are sent with it. None cannot be sent.
    """

    name: str
    title: str
    brief: str
    entry: EntryPoint
    generate: Callable[[np.random.Generator, str, int], Mapping[str, Datum]]
    cost: Callable[[Instance, Any], Number]
    baseline: Callable[[Instance, float], Baseline]
    rules: tuple[Rule, ...]
    story: str = ""
    notes: str = ""
    tighten: Callable[[Instance, float, Baseline], Baseline] | None = None
    strata: tuple[str, ...] = ("all",)
    sizes: Mapping[Split, Sequence[int]] = field(default_factory=lambda: dict.fromkeys(Split, (20,)))
    counts: Mapping[Split, int] = field(default_factory=lambda: dict(DEFAULT_COUNTS))
    read: Callable[..., list[Instance]] = refuse_to_read
    layouts: Mapping[str, str] = field(default_factory=dict)
    grammar: Grammar | None = None
    maximise: bool = False
    cpu_seconds: Callable[[Instance], float] = field(default=lambda _: 1.0)
    driver: str = ""
    online: bool = False
    relabel: Callable[[Instance, np.random.Generator], Instance] | None = None
    preload: str = "numpy"
    compiled: CompiledFunctions | None = None
    warm_size: int = 0
    follow_up: FollowUp | None = None
    verify: "Callable[[str, Runner, Sequence[Instance], bool], IntegrityResult] | None" = None
    words: str = "system"
    shown: Callable[[Instance], Instance] = field(default=lambda instance: instance)
    charge: Callable[[Any, float], float] | None = None
    editable: bool = True
    expensive: bool = False
    version: str = FIRST_VERSION
    cpu_cap: float | None = None
    cpu_share: float = 1.0
    solver_seconds: float = SOLVER_SECONDS
    scale: str = SMALL
    scales: Mapping[str, ProblemScale] = field(default_factory=dict)
    reference: Reference | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.reference is None:
            raise PicklingError(f"problem {self.name} has no reference; expected one from find_problem")
        return _restore_problem, (self.reference, self.scale, self.packages, self.cpu_cap, self.cpu_share)

    def scale_to(self, name: str = "") -> "Problem":
        """Returns the problem with instances and limits of a scale.

        Args:
            name: of the scale; by default medium where the problem has it, else its own.

        Raises:
            UsageError: where the problem has no such scale, or another one was chosen before.
        """
        name = name or (MEDIUM if MEDIUM in self.scales else self.scale)
        if name == self.scale:
            return self
        if name not in self.scales:
            raise UsageError(describe_unknown("scale", name, [self.scale, *self.scales]))
        found = self.scales[name]
        return replace(
            self.choose_packages((NUMBA,)),
            scale=name,
            scales={},
            story=found.story,
            strata=found.strata or self.strata,
            sizes=found.sizes,
            counts=found.counts,
            cpu_seconds=lambda _: found.cpu_seconds,
            solver_seconds=found.solver_seconds,
            warm_size=self.smallest_size,
        )

    @property
    def smallest_size(self) -> int:
        """The size of the instance by which programs are compiled."""
        return self.warm_size or min(size for sizes in self.sizes.values() for size in sizes)

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that programs may import beside numpy, of those that can be chosen."""
        return tuple(word for word in self.preload.split("+") if word in PACKAGES)

    def choose_packages(self, packages: Sequence[str]) -> "Problem":
        """Returns the problem whose programs may import these packages beside numpy.

        Where numba is among them, they may import the problem's compiled functions, and its grammar uses them.

        Raises:
            UsageError: for a package that cannot be chosen, or a search for formulations.
        """
        if unknown := [name for name in packages if name not in PACKAGES]:
            raise UsageError(describe_unknown("package", unknown[0], list(PACKAGES)))
        if packages and self.preload.split("+")[0] not in ("numpy", *PACKAGES):
            raise UsageError(
                f"programs of {self.name} use {self.preload}; they can import no further packages"
            )
        chosen = tuple(name for name in PACKAGES if name in packages)
        blocks = self.compiled.names if self.compiled and NUMBA in chosen else ()
        others = tuple(name for name in self.entry.imports if name not in (*PACKAGES, BLOCKS))
        imports = (*others, *chosen, *([BLOCKS] if blocks else []))
        return replace(
            self,
            preload="+".join(chosen) or "numpy",
            entry=replace(self.entry, imports=imports, blocks=blocks),
            grammar=self.grammar and self.grammar.choose_compiled(blocks),
        )

    @property
    def guest(self) -> "Preload":
        """What the sandbox imports for programs before it is locked."""
        from gapsmith.sandbox import Preload

        files = {BLOCKS: self.compiled.file} if self.compiled and NUMBA in self.packages else {}
        return Preload(self.preload, files=files)

    def generate_tiny(self) -> Mapping[str, Datum]:
        """Generates a tiny instance by whose solution programs are compiled.

        It is always the same, so that a program is compiled once.
        """
        return self.generate(np.random.default_rng(0), self.strata[0], self.smallest_size)

    @property
    def description(self) -> str:
        """The brief, and what the generator draws."""
        return f"{self.brief}\n{self.story}" if self.story else self.brief

    def compute_cpu_limit(self, instance: Instance) -> float:
        """Returns the limit of one call on an instance, in CPU seconds."""
        return self.cpu_share * (self.cpu_seconds(instance) if self.cpu_cap is None else self.cpu_cap)

    @property
    def least_cpu_limit(self) -> float:
        """The CPU limit on the smallest instances, in seconds; the search's share is left out."""
        if self.cpu_cap is not None:
            return self.cpu_cap
        return self.cpu_seconds(Instance("tiny", self.generate_tiny()))

    def generate_instances(
        self, split: Split, seed: int = 0, count: int | None = None, start: int = 0
    ) -> list[Instance]:
        """Generates the instances of a split.

        They are reproducible, spread evenly over the strata, and disjoint between splits.

        Args:
            split: the stream of instances.
            seed: other seeds give other instances.
            count: the number of instances; by default that of the split.
            start: the place of the first in the stream; places from `counts[split]` on are in no run's split.
        """
        return [self._generate_instance(split, seed, start + k) for k in range(count or self.counts[split])]

    def _generate_instance(self, split: Split, seed: int, index: int) -> Instance:
        place, round_ = index % len(self.strata), index // len(self.strata)
        size = self.sizes[split][round_ % len(self.sizes[split])]
        stratum = self.strata[place]
        # The split is part of the seed: streams of different splits are disjoint.
        rng = np.random.default_rng([list(Split).index(split), seed, index])
        prefix = "" if self.scale == SMALL else f"{self.scale}-"
        return Instance(f"{prefix}{split}-{seed}-{index + 1}", self.generate(rng, stratum, size), stratum)

    def find_rule(self, name: str) -> Rule:
        """Returns the reference rule of that name; case does not matter.

        Raises KeyError.
        """
        return {rule.name.lower(): rule for rule in self.rules}[name.lower()]

    # The names under which problem files of users may know them.
    instances, rule = generate_instances, find_rule

    # Overridden by searches for formulations; see `formulations.problem`.

    @property
    def original(self) -> "Problem | None":
        """The problem that programs build models of; None where programs solve instances themselves."""
        return None

    @property
    def base_model(self) -> Callable[[Instance], Any] | None:
        """The function that builds the base model of an instance; None where there is none."""
        return None

    @property
    def library(self) -> Library | None:
        """Known parts that `offline` combines; None where it uses the grammar."""
        return None

    def add_heuristic(self, source: str, bundle: "BundleSource") -> "Problem":
        """Returns the search with a heuristic's hint and bound in its library.

        Args:
            source: the heuristic, a program of the original problem.
            bundle: returns the source of functions with everything that they use.

        Raises:
            UsageError: where heuristics cannot help.
        """
        raise UsageError(f"{self.name} takes no heuristic; expected a name from `gapsmith formulations`")

    def measure_speed(
        self, source: str, instances: Sequence[Instance], costs: Sequence[float], runner: "Runner"
    ) -> Mapping[str, Any] | None:
        """Measures how fast a program's models are solved, for the report.

        Args:
            source: the program.
            instances: by which it was not chosen.
            costs: its costs there.
            runner: the sandbox that runs it.

        Returns:
            Plain data; None where programs build no models.
        """
        return None


def _restore_problem(
    reference: Reference, scale: str, packages: tuple[str, ...], cpu_cap: float | None, cpu_share: float
) -> Problem:
    """Makes a problem again where it was sent to."""
    found = reference.resolve().scale_to(scale)
    chosen = found if found.packages == packages else found.choose_packages(packages)
    return replace(chosen, cpu_cap=cpu_cap, cpu_share=cpu_share)


class Runner(Protocol):
    """Anything that runs a job.

    A sandbox, or a fake in a test.
    """

    def run(self, job: "Job") -> "Outcome":
        """Runs one job to its end."""
        ...
