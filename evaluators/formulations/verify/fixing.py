"""Detects programs that solve instances instead of formulating them.

A program that finds the optimum while it builds, and adds constraints that exclude everything else, is correct on every
instance, and its models are solved at once. Such a program is recognised by root propagation: on instances that all
known patterns together leave open, its constraints leave nothing open.

Solving takes time that grows faster than that of any pattern. So a program must also build models of instances of twice
the usual size, and what it rules out on the usual ones it must rule out there, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from gapsmith.evaluators.base import Infeasible, Instance, Problem
from gapsmith.evaluators.formulations.exchange.bridge import map_layout
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.pricing import Pricing, strip_base_model, unpack_model
from gapsmith.evaluators.formulations.solve.pool import SolverPool
from gapsmith.evaluators.outcomes import CandidateOutcome, IntegrityResult
from gapsmith.evaluators.running.assess import Assessment, Runner, assess

SOLVES = "solves"
"""The outcome of a program that solves instances."""
LEFT = 0.35
"""A model that leaves at most this part of its base's freedom, without search, fixes the decisions of an instance."""
SHARE = 0.5
"""A program that fixes more than this part of the instances that known patterns leave open is refused."""
LEAST_OPEN = 3
"""Least number of open instances for a verdict."""
LIMIT = 0.02
"""Units to find a solution for the comparison with the bound; models that hold their solution take almost none."""
CPU_SECONDS = 60.0
"""CPU limit of a request."""
DESCENTS = 4
"""Random descents for an instance, which count decisions that domains alone do not see."""
DESCENDED = 8
"""The first instances, on which descents are made and hints are tried."""
PATIENCE = 4.0
"""Factor on the limit of building for larger instances."""
STRONG, VANISHING = 0.65, 0.3
"""A program that leaves at most the one part of the choices on the mean, and on each larger instance more by at least
the other, fixes what it found by solving."""


@dataclass(frozen=True)
class FixingCheck:
    """Compares the fixed decisions of programs and library patterns.

    Args:
        problem: the search.
        pricing: of its instances.
        children: sandboxes that read models.
        limit: units to find a solution that bounds are compared with; with 0 only domains are compared.
        memory: what known patterns fix, by the digest of an instance, for this limit.
    """

    problem: Problem
    pricing: Pricing
    children: SolverPool
    limit: float = LIMIT
    memory: dict[str, "Freedom"] = field(default_factory=dict)

    def judge(
        self, source: str, runner: Runner, instances: Sequence[Instance], larger: Sequence[Instance] = ()
    ) -> IntegrityResult:
        """Refuses a program that fixes most open instances; else counts these.

        Args:
            source: the program.
            runner: the sandbox.
            instances: of the original problem, of the usual size.
            larger: the same of twice that size; none for programs that add nothing to a base.
        """
        stated, built = self._build(source, runner, instances)
        if built.outcome != CandidateOutcome.OK:
            return IntegrityResult(built.outcome, built.message)
        mine = self._examine(stated, built.solutions)
        found = _compare(mine, self._known(stated, runner))
        if found.outcome != CandidateOutcome.OK or not larger:
            return found
        return self.find_vanishing(source, runner, mine, larger) or found

    def _build(
        self, source: str, runner: Runner, instances: Sequence[Instance], patience: float = 1.0
    ) -> tuple[list[Instance], Assessment]:
        stated = [self.pricing.add_base_model(each) for each in instances]
        problem = replace(self._building, cpu_seconds=lambda each: patience * self.problem.cpu_seconds(each))
        return stated, assess(problem, source, stated, runner)

    def find_vanishing(
        self, source: str, runner: Runner, usual: Sequence["Freedom"], larger: Sequence[Instance]
    ) -> IntegrityResult | None:
        """Refuses what rules out less on larger instances.

        Also what cannot be built there, unless known patterns cannot either.
        """
        stated, built = self._build(source, runner, larger, PATIENCE)
        if built.outcome != CandidateOutcome.OK:
            known = [self._build(each, runner, larger, PATIENCE)[1].outcome for each in self._sources]
            if set(known) != {CandidateOutcome.OK}:
                return None
            words = f"on an instance of twice the usual size: {built.message}; expected additions that scale"
            return IntegrityResult(built.outcome, words)
        small = fmean(each.choices for each in usual[:DESCENDED])
        if small > STRONG:
            return None
        large = min(each.choices for each in self._examine(stated, built.solutions))
        if large < small + VANISHING:
            return None
        return IntegrityResult(SOLVES, _VANISHES.format(small=small, large=large))

    @property
    def _building(self) -> Problem:
        """The problem with programs that only build; nothing is priced."""
        return replace(self.problem, cost=_cost_nothing, follow_up=None)

    def _known(self, instances: Sequence[Instance], runner: Runner) -> list["Freedom"]:
        """Computes what known patterns fix; all where they cannot be built."""
        unknown = [each for each in instances if each.digest not in self.memory]
        if unknown:
            found = [Freedom()] * len(unknown)
            for source in self._sources:
                solutions = assess(self._building, source, unknown, runner).solutions
                read = self._examine(unknown[: len(solutions)], solutions)
                missing = [Freedom(True, 0.0)] * (len(unknown) - len(read))
                found = [one | other for one, other in zip(found, read + missing, strict=True)]
            self.memory.update(zip((each.digest for each in unknown), found, strict=True))
        return [self.memory[each.digest] for each in instances]

    @property
    def _sources(self) -> list[str]:
        formulation = self.pricing.formulation
        if self.pricing.whole:
            return [rule.source("build") for rule in formulation.builds]
        return [compose_program(formulation.patterns)]

    def _examine(self, instances: Sequence[Instance], answers: Sequence[Any]) -> list["Freedom"]:
        """Tells which packed models leave nothing to search for.

        Models that cannot be read are refused elsewhere.
        """
        pairs = enumerate(zip(instances, answers, strict=True))
        requests = [self._request(*pair, place < DESCENDED) for place, pair in pairs]
        replies = self.children.ask_all(requests, CPU_SECONDS) if requests else []
        found = [Freedom.decode(reply) for reply in replies]
        return found + [Freedom()] * (len(requests) - len(found))

    def _request(self, instance: Instance, answer: Any, early: bool) -> Mapping[str, Any]:
        whole, places = self.pricing.whole, list_decisions(self.pricing, instance)
        try:
            text = unpack_model(answer[0] if whole else answer)
        except (Infeasible, TypeError, IndexError, KeyError):
            text = ""
        descents = DESCENTS if early and self.limit > 0 else 0
        shared = {"do": "freedom", "text": text, "limit": self.limit, "base_decisions": places}
        base = self.pricing.build_base(instance)
        decisions = None if whole else places
        return {**shared, "base": base, "whole": whole, "decisions": decisions, "descents": descents}


@dataclass(frozen=True)
class Freedom:
    """What a model leaves to be decided on an instance.

    Attributes:
        fixed: whether domains or a bound leave nothing to search for.
        choices: the part of its base's choices that descents find.
        hinted: whether its hint is an optimum.
    """

    fixed: bool = False
    choices: float = 1.0
    hinted: bool = False

    @classmethod
    def decode(cls, reply: Mapping[str, Any]) -> "Freedom":
        """Reads the reply of a child."""
        fixed, choices = reply.get("left", 1.0) <= LEFT or reply.get("closed"), reply.get("choices")
        return cls(bool(fixed), 1.0 if choices is None else choices, bool(reply.get("hinted")))

    def __or__(self, other: "Freedom") -> "Freedom":
        return Freedom(self.fixed or other.fixed, min(self.choices, other.choices))


def _compare(mine: Sequence[Freedom], known: Sequence[Freedom]) -> IntegrityResult:
    """Counts the instances that a program fixes and known patterns do not."""
    pairs = list(zip(mine, known, strict=True))
    by_domains = [one.fixed for one, other in pairs if not other.fixed]
    by_descents = [one.choices <= LEFT for one, other in pairs[:DESCENDED] if other.choices > LEFT]
    detail: dict[str, Any] = {"fixed": sum(by_domains), "open": len(by_domains)}
    if hinted := sum(one.hinted for one in mine):
        detail["hinted"] = f"{hinted} of {len(pairs[:DESCENDED])}"
    for fixed in (by_domains, by_descents):
        if len(fixed) >= LEAST_OPEN and sum(fixed) > SHARE * len(fixed):
            detail |= {"fixed": sum(fixed), "open": len(fixed)}
            return IntegrityResult(SOLVES, _WORDS.format(**detail), detail)
    return IntegrityResult(CandidateOutcome.OK, "", detail)


_WORDS = (
    "it solves instances instead of formulating them: on {fixed} of {open} instances that known patterns leave open, "
    "its additions alone, without any search, fix the decisions or prove the optimum; expected constraints that follow "
    "from the structure of the problem, not from a solution that was found while building"
)
_VANISHES = (
    "it solves instances instead of formulating them: its additions leave {small:.0%} of the choices on instances of "
    "the usual size, and at least {large:.0%} on those of twice that size; expected constraints that follow from the "
    "structure of the problem, whatever the size"
)


def list_decisions(pricing: Pricing, instance: Instance) -> list[int]:
    """Lists the places of the variables that determine the solution."""
    layout = map_layout(pricing.formulation.build(strip_base_model(instance)).variables)
    return [place for name in pricing.formulation.decisions for place in _list_leaves(layout[name])]


def _list_leaves(part: Any) -> list[int]:
    if isinstance(part, list):
        return [leaf for inner in part for leaf in _list_leaves(inner)]
    return [part] if isinstance(part, int) else []


def _cost_nothing(_: Instance, __: Any) -> float:
    return 0.0
