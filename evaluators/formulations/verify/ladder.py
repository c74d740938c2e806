"""Verifies formulations in levels ("rungs") from cheap to strong.

On instances that no candidate has seen.

1. prefix: the base is unchanged, and the model is small enough to be solved. Checked whenever a model is solved.
2. witnesses: on every instance that a formulation is measured on, and on a few more of the usual size, its
   optimum is that of the base.
3. counterexamples: instances on which earlier formulations were wrong; these are tried first.
4. equality: the optimum is that of the base on tiny instances, with ties and equal parts, drawn from the hash of
   the program, so that they cannot be known in advance. This level decides: a cut that fits only the instances
   that were shown passes all checks on those.
5. enumeration: all solutions are listed; the model loses none, or no optimal one, or some optimal ones.
6. refutation: a solver searches for a solution of the base that violates one of the added constraints.

The last two levels refute nothing, since dominance and symmetry breaking may lose solutions; they assign a formulation
to one of three classes. What is undecided at a limit is not refuted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance, Problem, Split
from gapsmith.evaluators.formulations.pricing import Pricing, strip_base_model, unpack_model
from gapsmith.evaluators.formulations.solve.benchmark import TrialResult, describe_mistake
from gapsmith.evaluators.formulations.solve.pool import SolverPool
from gapsmith.evaluators.formulations.verify.fixing import FixingCheck, Freedom, list_decisions
from gapsmith.evaluators.outcomes import CandidateOutcome, IntegrityResult
from gapsmith.evaluators.running.assess import Assessment, Runner, assess

MICRO = 300
QUICK = 40
"""Tiny instances that are tried before speed is measured."""
BATCH = 50
LIMIT = 2.0
"""Units for a tiny model, which usually takes far less."""
MAX_UNDECIDED = 0.05
"""Largest part of the tiny models that may be undecided."""
WITNESSES = 6
WITNESS_LIMIT = 1.0
"""Units for an instance of the usual size; if the base needs more, it is not compared."""
CPU_SECONDS = 120.0
"""CPU limit of a request."""
FIXED, QUICK_FIXED = 24, 10
"""Instances on which a program is checked for solving while it builds: in full, and before speed is measured."""
LARGER = 4
"""Instances of twice the usual size."""
ENUMERATED = 12
MOST_SOLUTIONS = 500
SLACK = 2
"""Solutions are listed that are worse than the best by at most this, in units of the objective's sum."""
NEGATED = 6
"""Instances on which added constraints are negated, and the largest number of constraints on each."""
MOST_NEGATED = 12
_SALT = "hidden micro instances, 1"

REFUTED = CandidateOutcome.REFUTED


class Truth(StrEnum):
    """The shown effect of a formulation on its base's solutions."""

    IMPLIED = "implied"
    OPTIMAL = "true in every optimum"
    KEEPS = "keeps an optimum"


@dataclass
class Prover:
    """Solves tiny models once beside their base; a `Measure` without times.

    Args:
        children: sandboxes that solve.
        limit: units for a model.
        refused: whether a model was refused before it was solved.
        undecided: number of models that were not solved within the limit.
    """

    children: SolverPool
    limit: float = LIMIT
    refused: bool = False
    undecided: int = 0
    _bases: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def learn(self, bases: Sequence[str]) -> None:
        """Solves bases in one child, in advance for `try_model`."""
        unknown = [base for base in dict.fromkeys(bases) if base not in self._bases]
        if unknown:
            replies = self.children.ask_all([self._request(base, base) for base in unknown], CPU_SECONDS)
            self._bases.update(zip(unknown, replies, strict=False))

    def try_model(self, base: str, model: str, whole: bool) -> TrialResult:
        """Solves a model beside its base, without times.

        An undecided trial has one time. Raises Infeasible.
        """
        known = self._bases.get(base) or self._bases.setdefault(base, self._run(base, base))
        if "refused" in known:
            raise GapsmithError(
                f"a tiny base was refused: {known['refused']}; expected one that can be solved"
            )
        mine = known if model == base else self._run(None if whole else base, model)
        if "refused" in mine:
            self.refused = True  # the instance is no counterexample then
            raise Infeasible(mine["refused"])
        before, run = known["runs"][0], mine["runs"][0]
        wrong = describe_mistake(run, before["objective"]) if before["status"] == "OPTIMAL" else ""
        if wrong:
            raise Infeasible(wrong)
        if before["status"] != "OPTIMAL" or run["status"] != "OPTIMAL":
            self.undecided += 1
            return TrialResult(None, (self.limit,), 0.0, None)
        return TrialResult(before["objective"], (), 0.0, mine["values"])

    def _run(self, base: str | None, model: str) -> dict[str, Any]:
        return self.children.ask(self._request(base, model), CPU_SECONDS)

    def _request(self, base: str | None, model: str) -> dict[str, Any]:
        return {"do": "solve", "base": base, "text": model, "limit": self.limit, "permutations": [None]}


@dataclass(frozen=True)
class Ladder:
    """The ladder of one formulation.

    Args:
        problem: the search; its cost is replaced.
        pricing: of its instances; its measure is replaced.
        children: sandboxes that solve models.
        micro: number of tiny instances.
        witnesses: number of instances of the usual size.
        limit: units for a tiny model.
    """

    problem: Problem
    pricing: Pricing
    children: SolverPool
    micro: int = MICRO
    witnesses: int = WITNESSES
    limit: float = LIMIT
    _known: dict[str, Freedom] = field(default_factory=dict)

    def verify(
        self, source: str, runner: Runner, refuters: Sequence[Instance], thorough: bool
    ) -> IntegrityResult:
        """Runs the levels until one finds a mistake.

        Args:
            source: the program.
            runner: the sandbox.
            refuters: counterexamples to other programs, as instances of the original problem.
            thorough: whether all levels are run; else only the counterexamples and a few tiny instances.
        """
        climb = _Verification(self, source, runner)
        if found := self._refute(climb, refuters, thorough):
            return found
        detail: dict[str, Any] = {"rung": "equality", "instances": len(climb.made)}
        fixed = self.check_fixing(climb.source, runner, thorough)
        if fixed.outcome != CandidateOutcome.OK:
            return fixed
        detail |= fixed.detail
        if not thorough:
            return IntegrityResult(CandidateOutcome.OK, "", detail)
        if self.pricing.whole:
            return IntegrityResult(CandidateOutcome.OK, "", {**detail, "truth": str(Truth.KEEPS)})
        classes = Classifier(climb.pricing, self.children)
        return IntegrityResult(
            CandidateOutcome.OK, "", {**detail, **classes.classify(climb.made[len(refuters) :])}
        )

    def check_fixing(self, source: str, runner: Runner, thorough: bool) -> IntegrityResult:
        """Tells whether a program solves instances instead of formulating them."""
        if not thorough:  # the same instances for all: known patterns are built for them once
            quick = FixingCheck(self.problem, self.pricing, self.children, 0.0, self._known)
            return quick.judge(source, runner, draw_usual(self.pricing, "", QUICK_FIXED))
        larger = () if self.pricing.whole else draw_usual(self.pricing, source, LARGER, 2)
        whole = FixingCheck(self.problem, self.pricing, self.children)
        return whole.judge(source, runner, draw_usual(self.pricing, source, FIXED), larger)

    def refute(self, source: str, runner: Runner) -> IntegrityResult | None:
        """Returns what `climb` finds wrong with a program.

        Returns None where `climb` would only classify it.
        """
        return self._refute(_Verification(self, source, runner), (), True)

    def check_instances(
        self, source: str, runner: Runner, instances: Sequence[Instance]
    ) -> IntegrityResult | None:
        """Checks a program on instances of the original problem.

        Returns None where nothing is wrong.
        """
        return _Verification(self, source, runner).find_mistake(instances)

    def _refute(
        self, climb: "_Verification", refuters: Sequence[Instance], thorough: bool
    ) -> IntegrityResult | None:
        count = self.micro if thorough else min(QUICK, self.micro)
        found = climb.find_mistake((*refuters, *draw_hidden(self.pricing, climb.source, count)))
        found = found or climb.report_evasion()
        if found or not thorough:
            return found
        usual = draw_witnesses(self.pricing, climb.source, self.witnesses)
        return _Verification(self, climb.source, climb.runner, WITNESS_LIMIT).find_mistake(usual)


class _Verification:
    """The verification of one program."""

    def __init__(self, ladder: Ladder, source: str, runner: Runner, limit: float | None = None) -> None:
        self.source, self.runner = source, runner
        self._prover = Prover(ladder.children, ladder.limit if limit is None else limit)
        self.pricing = replace(ladder.pricing, measure=self._prover, _texts={})
        follow_up = _replace_follow_up(ladder.problem, self.pricing)
        self._problem = replace(ladder.problem, cost=self.pricing.cost, follow_up=follow_up)
        self.made: list[tuple[Instance, Any]] = []

    def report_evasion(self) -> IntegrityResult | None:
        """Reports programs with too few models solved for a verdict."""
        if self._prover.undecided <= MAX_UNDECIDED * len(self.made):
            return None
        prover = self._prover
        words = (
            f"{prover.undecided} of {len(self.made)} tiny models were not solved in {prover.limit:g} units"
        )
        return IntegrityResult("undecided", f"{words}; expected models that are solved faster")

    def find_mistake(self, instances: Sequence[Instance]) -> IntegrityResult | None:
        """Returns the first mistake on these instances; None if there is none."""
        for start in range(0, len(instances), BATCH):
            batch = [self.pricing.add_base_model(each) for each in instances[start : start + BATCH]]
            self._prover.learn([self.pricing.build_base(each) for each in batch])
            result = assess(self._problem, self.source, batch, self.runner)
            if result.outcome == CandidateOutcome.INFEASIBLE and not self._prover.refused:
                return _describe_refutation(result, batch[len(result.scores) - 1], self.pricing)
            if result.outcome != CandidateOutcome.OK:
                return IntegrityResult(result.outcome, result.message)
            self.made += zip(batch, result.solutions, strict=True)
        return None


def draw_hidden(pricing: Pricing, source: str, count: int) -> list[Instance]:
    """Draws tiny instances from the hash of a program."""
    rng = _seed_generator(pricing, source, "tiny")
    return [Instance(f"tiny-{k + 1}", pricing.formulation.micro(rng)) for k in range(count)]


def draw_witnesses(pricing: Pricing, source: str, count: int) -> list[Instance]:
    """Draws instances of the usual size from the hash of a program."""
    rng, size = _seed_generator(pricing, source, "usual"), min(pricing.formulation.sizes[Split.TRAIN])
    return [Instance(f"usual-{k + 1}", pricing.formulation.generate(rng, size)) for k in range(count)]


def draw_usual(pricing: Pricing, source: str, count: int, times: int = 1) -> list[Instance]:
    """Generates instances of all measured sizes, times a factor."""
    what = "fixed" if times == 1 else f"{times} times as large"
    rng, sizes = _seed_generator(pricing, source, what), pricing.formulation.sizes.values()
    known = sorted({times * size for group in sizes for size in group})
    drawn = [pricing.formulation.generate(rng, known[k % len(known)]) for k in range(count)]
    return [Instance(f"{what}-{k + 1}", data) for k, data in enumerate(drawn)]


def _seed_generator(pricing: Pricing, source: str, what: str) -> np.random.Generator:
    text = f"{_SALT}/{what}/{pricing.formulation.name}/{source}"
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


def _replace_follow_up(problem: Problem, pricing: Pricing) -> Any:
    return replace(problem.follow_up, arguments=pricing.follow) if problem.follow_up else None


def _describe_refutation(result: Assessment, instance: Instance, pricing: Pricing) -> IntegrityResult:
    """Describes a mistake and its instance."""
    original, base = strip_base_model(instance), pricing.build_base(instance)
    optimum = pricing.measure.try_model(base, base, False).optimum
    found = {"digest": original.digest, "data": original.plain, "optimum": optimum}
    words = f"{result.scores[-1].message}; on {_describe_data(original)}"
    return IntegrityResult(REFUTED, words, {"counterexample": found})


def _describe_data(instance: Instance) -> str:
    return ", ".join(f"{key} = {value}" for key, value in instance.plain.items())


@dataclass(frozen=True)
class Classifier:
    """Classifies a formulation by its effect on solutions.

    Args:
        pricing: of tiny instances.
        children: sandboxes that solve models.
    """

    pricing: Pricing
    children: SolverPool

    def classify(self, pairs: Sequence[tuple[Instance, Any]]) -> dict[str, Any]:
        """Returns the class, its level of evidence and the amounts tried.

        Args:
            pairs: tiny instances with the packed models that the program built for them.
        """
        cases = [self._make_case(instance, unpack_model(answer)) for instance, answer in pairs[:ENUMERATED]]
        same = [self._compare_solutions(case, 0) for case in cases]
        near = [self._compare_solutions(case, SLACK) for case in cases]
        verdicts = [verdict for case in cases[:NEGATED] for verdict in self._verdicts(case)]
        implied = [verdict["implied"] for verdict in verdicts]
        optimal = [verdict["optimal"] for verdict in verdicts]
        if False in same or "refuted" in optimal:
            truth, rung = Truth.KEEPS, "equality"
        elif False in near or "refuted" in implied:
            truth, rung = Truth.OPTIMAL, _choose_rung(same, optimal)
        else:
            truth, rung = Truth.IMPLIED, _choose_rung(near, implied)
        negated = {word: implied.count(word) for word in dict.fromkeys(implied)}
        listed = sum(each is not None for each in near)
        return {"truth": str(truth), "rung": rung, "enumerated": listed, "negated": negated}

    def _make_case(self, instance: Instance, model: str) -> dict[str, Any]:
        base = self.pricing.build_base(instance)
        trial = self.pricing.measure.try_model(base, base, False)
        places = list_decisions(self.pricing, instance)
        return {"base": base, "text": model, "decisions": places, "value": trial.optimum, "limit": LIMIT}

    def _compare_solutions(self, case: Mapping[str, Any], slack: int) -> bool | None:
        """Tells whether model and base have the same solutions in their decisions.

        Returns None where there are too many to list.
        """
        request = {**case, "do": "enumerate", "slack": slack, "most": MOST_SOLUTIONS}
        before = self.children.ask({**request, "text": case["base"]}, CPU_SECONDS)
        after = self.children.ask(request, CPU_SECONDS)
        if not (before.get("complete") and after.get("complete")):
            return None
        return bool(before["solutions"] == after["solutions"])

    def _verdicts(self, case: Mapping[str, Any]) -> list[dict[str, str]]:
        request = {**case, "do": "refute", "most": MOST_NEGATED}
        reply: dict[str, Any] = self.children.ask(request, CPU_SECONDS)
        return list(reply.get("constraints", ()))


def _choose_rung(listed: Sequence[bool | None], negated: Sequence[str]) -> str:
    """Returns the strongest level that confirms this without exception."""
    if negated and set(negated) == {"proved"}:
        return "refutation"
    return "enumeration" if any(each is not None for each in listed) else "equality"
