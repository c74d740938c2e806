"""Detects programs that solve instances instead of formulating them.

A program that finds the optimum while it builds, and adds constraints that exclude everything else, is correct on every
instance, and its models are solved at once. Such a program is recognised by root propagation: on instances that all
known patterns together leave open, its constraints leave nothing open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gapsmith.evaluators.base import Infeasible, Instance, Problem
from gapsmith.evaluators.formulations.exchange.bridge import map_layout
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.pricing import Pricing, strip_base_model, unpack_model
from gapsmith.evaluators.formulations.solve.pool import SolverPool
from gapsmith.evaluators.outcomes import CandidateOutcome, IntegrityResult
from gapsmith.evaluators.running.assess import Runner, assess

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


@dataclass(frozen=True)
class FixingCheck:
    """Compares the fixed decisions of programs and library patterns.

    Args:
        problem: the search.
        pricing: of its instances.
        children: sandboxes that read models.
        limit: units to find a solution that bounds are compared with; with 0 only decisions are compared.
        memory: whether known patterns fix an instance, by its digest, for this limit.
    """

    problem: Problem
    pricing: Pricing
    children: SolverPool
    limit: float = LIMIT
    memory: dict[str, bool] = field(default_factory=dict)

    def judge(self, source: str, runner: Runner, instances: Sequence[Instance]) -> IntegrityResult:
        """Refuses a program that fixes most open instances; else counts these.

        Args:
            source: the program.
            runner: the sandbox.
            instances: of the original problem, of the usual size.
        """
        stated = [self.pricing.add_base_model(each) for each in instances]
        built = assess(self._building, source, stated, runner)
        if built.outcome != CandidateOutcome.OK:
            return IntegrityResult(built.outcome, built.message)
        known = self._known(stated, runner)
        mine = self._find_fixed(stated, built.solutions)
        fixed = [fixes for fixes, is_known in zip(mine, known, strict=True) if not is_known]
        detail = {"fixed": sum(fixed), "open": len(fixed)}
        if len(fixed) < LEAST_OPEN or sum(fixed) <= SHARE * len(fixed):
            return IntegrityResult(CandidateOutcome.OK, "", detail)
        return IntegrityResult(SOLVES, _WORDS.format(**detail), detail)

    @property
    def _building(self) -> Problem:
        """The problem with programs that only build; nothing is priced."""
        return replace(self.problem, cost=_cost_nothing, follow_up=None)

    def _known(self, instances: Sequence[Instance], runner: Runner) -> list[bool]:
        """Tells which instances known patterns fix or cannot be built for."""
        unknown = [each for each in instances if each.digest not in self.memory]
        if unknown:
            found = [False] * len(unknown)
            for source in self._sources:
                solutions = assess(self._building, source, unknown, runner).solutions
                fixed = self._find_fixed(unknown[: len(solutions)], solutions)
                missing = [True] * (len(unknown) - len(fixed))
                found = [one or other for one, other in zip(found, fixed + missing, strict=True)]
            self.memory.update(zip((each.digest for each in unknown), found, strict=True))
        return [self.memory[each.digest] for each in instances]

    @property
    def _sources(self) -> list[str]:
        formulation = self.pricing.formulation
        if self.pricing.whole:
            return [rule.source("build") for rule in formulation.builds]
        return [compose_program(formulation.patterns)]

    def _find_fixed(self, instances: Sequence[Instance], answers: Sequence[Any]) -> list[bool]:
        """Tells which packed models leave nothing to search for.

        Models that cannot be read are refused elsewhere.
        """
        requests = [self._request(*pair) for pair in zip(instances, answers, strict=True)]
        replies = self.children.ask_all(requests, CPU_SECONDS) if requests else []
        fixed = [bool(reply.get("left", 1.0) <= LEFT or reply.get("closed")) for reply in replies]
        return fixed + [False] * (len(requests) - len(fixed))

    def _request(self, instance: Instance, answer: Any) -> Mapping[str, Any]:
        whole, places = self.pricing.whole, list_decisions(self.pricing, instance)
        try:
            text = unpack_model(answer[0] if whole else answer)
        except (Infeasible, TypeError, IndexError, KeyError):
            text = ""
        shared = {"do": "freedom", "text": text, "limit": self.limit, "base_decisions": places}
        base = self.pricing.build_base(instance)
        return {**shared, "base": base, "whole": whole, "decisions": None if whole else places}


_WORDS = (
    "it solves instances instead of formulating them: on {fixed} of {open} instances that known patterns leave open, "
    "its additions alone, without any search, fix the decisions or prove the optimum; expected constraints that follow "
    "from the structure of the problem, not from a solution that was found while building"
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
