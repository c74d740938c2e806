"""Whether a formulation is right: rungs from the cheap to the strong, on instances that no candidate has seen.

1. prefix: the base is untouched; the model is no larger than can be solved. Checked whenever one is solved.
2. witnesses: on every instance that a formulation is measured on, and on a few more of the usual size, its
   optimum is the base's.
3. counterexamples: instances on which any earlier formulation was wrong, the first to be tried.
4. equality: the optimum is the base's on tiny instances, ties and equal parts among them, drawn from the hash of
   the program, so that nobody can know them. The decisive rung: a cut that was made for the instances that
   were seen passes all proofs on those.
5. enumeration: which solutions are lost, all being listed: none, or none that is optimal, or some that are.
6. refutation: a solution of the base that breaks one of the added constraints is searched for.

The last two rungs refute nothing, since dominance and symmetry rightly lose solutions; they say which of three
classes a formulation is of. What is undecided at a limit is no refutation.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from gapsmith.evaluators.assess import Assessment, Runner, assess
from gapsmith.evaluators.base import CandidateOutcome, Honesty, Infeasible, Instance, Problem, Split, Trouble
from gapsmith.evaluators.formulations.pricing import Pricing, plain_instance, unpacked
from gapsmith.evaluators.formulations.solve.benchmark import Trial, objection
from gapsmith.evaluators.formulations.solve.pool import Children
from gapsmith.evaluators.formulations.verify.fixing import Fixing, decisions

MICRO = 300
QUICK = 40
"""Tiny instances that are tried before anything is measured."""
BATCH = 50
LIMIT = 2.0
"""Units for a tiny model; many times what one takes."""
EVASION = 0.05
"""The part of the tiny models that may be undecided."""
WITNESSES = 6
WITNESS_LIMIT = 1.0
"""Units for an instance of the usual size; one on which the base needs more says nothing."""
CPU_SECONDS = 120.0
"""CPU seconds for a request, after which its child is ended."""
FIXED, QUICK_FIXED = 24, 10
"""Instances on which is asked whether a program solves them while it builds; before it is measured, so many."""
ENUMERATED = 12
MOST_SOLUTIONS = 500
SLACK = 2
"""Solutions are listed that are worse than the best by so much at most, in units of the objective's sum."""
NEGATED = 6
"""Instances on which added constraints are negated, and how many of them on each."""
MOST_NEGATED = 12
_SALT = "hidden micro instances, 1"

REFUTED = CandidateOutcome.REFUTED


class Truth(StrEnum):
    """What a formulation does to the solutions of its base, as far as the rungs show."""

    IMPLIED = "implied"
    OPTIMAL = "true in every optimum"
    KEEPS = "keeps an optimum"


@dataclass
class Prover:
    """Solves tiny models once, as they are, beside their base; a `Measure` whose times say nothing.

    Args:
        children: where.
        limit: units for a model.
        refused: whether a model was not even taken.
        undecided: models that were not solved within the limit, so that nothing is known of them.
    """

    children: Children
    limit: float = LIMIT
    refused: bool = False
    undecided: int = 0
    _bases: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def learn(self, bases: Sequence[str]) -> None:
        """Solves bases, which are ours, in one child: what `trial` then knows."""
        unknown = [base for base in dict.fromkeys(bases) if base not in self._bases]
        if unknown:
            replies = self.children.ask_all([self._request(base, base) for base in unknown], CPU_SECONDS)
            self._bases.update(zip(unknown, replies, strict=False))

    def trial(self, base: str, model: str, whole: bool) -> Trial:
        """A trial without times, with one time where it is undecided. Raises Infeasible."""
        known = self._bases.get(base) or self._bases.setdefault(base, self._run(base, base))
        if "refused" in known:
            raise Trouble(f"a tiny base was refused: {known['refused']}; expected one that can be solved")
        mine = known if model == base else self._run(None if whole else base, model)
        if "refused" in mine:
            self.refused = True  # which says nothing about the instance
            raise Infeasible(mine["refused"])
        before, run = known["runs"][0], mine["runs"][0]
        wrong = objection(run, before["objective"]) if before["status"] == "OPTIMAL" else ""
        if wrong:
            raise Infeasible(wrong)
        if before["status"] != "OPTIMAL" or run["status"] != "OPTIMAL":
            self.undecided += 1
            return Trial(None, (self.limit,), 0.0, None)
        return Trial(before["objective"], (), 0.0, mine["values"])

    def _run(self, base: str | None, model: str) -> dict[str, Any]:
        return self.children.ask(self._request(base, model), CPU_SECONDS)

    def _request(self, base: str | None, model: str) -> dict[str, Any]:
        return {"do": "solve", "base": base, "text": model, "limit": self.limit, "permutations": [None]}


@dataclass(frozen=True)
class Ladder:
    """The ladder of one formulation.

    Args:
        problem: its programs; all but its price is used.
        pricing: its instances; of any measure.
        children: where models are solved.
        micro: tiny instances that are drawn.
        witnesses: instances of the usual size that are drawn.
        limit: units for a tiny model.
    """

    problem: Problem
    pricing: Pricing
    children: Children
    micro: int = MICRO
    witnesses: int = WITNESSES
    limit: float = LIMIT
    _known: dict[str, bool] = field(default_factory=dict)

    def climb(self, source: str, runner: Runner, refuters: Sequence[Instance], thorough: bool) -> Honesty:
        """Climbs as far as the program is right.

        Args:
            source: the program.
            runner: the sandbox.
            refuters: counterexamples to other programs, as instances of the original problem.
            thorough: whether all rungs are climbed; else the counterexamples and a few tiny instances.
        """
        climb = _Climb(self, source, runner)
        if found := self._refuted(climb, refuters, thorough):
            return found
        detail: dict[str, Any] = {"rung": "equality", "instances": len(climb.made)}
        fixed = self.fixing(climb.source, runner, thorough)
        if fixed.outcome != CandidateOutcome.OK:
            return fixed
        detail |= fixed.detail
        if not thorough:
            return Honesty(CandidateOutcome.OK, "", detail)
        if self.pricing.whole:
            return Honesty(CandidateOutcome.OK, "", {**detail, "truth": str(Truth.KEEPS)})
        classes = Classes(climb.pricing, self.children)
        return Honesty(CandidateOutcome.OK, "", {**detail, **classes.of(climb.made[len(refuters) :])})

    def fixing(self, source: str, runner: Runner, thorough: bool) -> Honesty:
        """Whether a program solves instances instead of formulating them."""
        if thorough:
            drawn, fixing = (
                usual(self.pricing, source, FIXED),
                Fixing(self.problem, self.pricing, self.children),
            )
        else:  # the same instances for all: known patterns are built for them once
            drawn = usual(self.pricing, "", QUICK_FIXED)
            fixing = Fixing(self.problem, self.pricing, self.children, 0.0, self._known)
        return fixing.judged(source, runner, drawn)

    def refuted(self, source: str, runner: Runner) -> Honesty | None:
        """What `climb` finds wrong with a program; None where it would only find out of which class it is."""
        return self._refuted(_Climb(self, source, runner), (), True)

    def tried(self, source: str, runner: Runner, instances: Sequence[Instance]) -> Honesty | None:
        """What is wrong with a program on instances of the original problem; None where nothing is found."""
        return _Climb(self, source, runner).wrong(instances)

    def _refuted(self, climb: "_Climb", refuters: Sequence[Instance], thorough: bool) -> Honesty | None:
        count = self.micro if thorough else min(QUICK, self.micro)
        found = climb.wrong((*refuters, *hidden(self.pricing, climb.source, count)))
        found = found or climb.evasion()
        if found or not thorough:
            return found
        usual = witnesses(self.pricing, climb.source, self.witnesses)
        return _Climb(self, climb.source, climb.runner, WITNESS_LIMIT).wrong(usual)


class _Climb:
    """One program on its way up."""

    def __init__(self, ladder: Ladder, source: str, runner: Runner, limit: float | None = None) -> None:
        self.source, self.runner = source, runner
        self._prover = Prover(ladder.children, ladder.limit if limit is None else limit)
        self.pricing = replace(ladder.pricing, measure=self._prover, _texts={})
        follow_up = _follow_up(ladder.problem, self.pricing)
        self._problem = replace(ladder.problem, cost=self.pricing.cost, follow_up=follow_up)
        self.made: list[tuple[Instance, Any]] = []

    def evasion(self) -> Honesty | None:
        """Says so where too few models could be solved to know anything."""
        if self._prover.undecided <= EVASION * len(self.made):
            return None
        prover = self._prover
        words = (
            f"{prover.undecided} of {len(self.made)} tiny models were not solved in {prover.limit:g} units"
        )
        return Honesty("undecided", f"{words}; expected models that are solved faster")

    def wrong(self, instances: Sequence[Instance]) -> Honesty | None:
        """What is wrong on the first instance where something is; None where nothing is found."""
        for start in range(0, len(instances), BATCH):
            batch = [self.pricing.stated(each) for each in instances[start : start + BATCH]]
            self._prover.learn([self.pricing.base(each) for each in batch])
            result = assess(self._problem, self.source, batch, self.runner)
            if result.outcome == CandidateOutcome.INFEASIBLE and not self._prover.refused:
                return _refuted(result, batch[len(result.scores) - 1], self.pricing)
            if result.outcome != CandidateOutcome.OK:
                return Honesty(result.outcome, result.message)
            self.made += zip(batch, result.solutions, strict=True)
        return None


def hidden(pricing: Pricing, source: str, count: int) -> list[Instance]:
    """Tiny instances that follow from the hash of a program."""
    rng = _chance(pricing, source, "tiny")
    return [Instance(f"tiny-{k + 1}", pricing.formulation.micro(rng)) for k in range(count)]


def witnesses(pricing: Pricing, source: str, count: int) -> list[Instance]:
    """Instances of the usual size that follow from the hash of a program."""
    rng, size = _chance(pricing, source, "usual"), min(pricing.formulation.sizes[Split.TRAIN])
    return [Instance(f"usual-{k + 1}", pricing.formulation.generate(rng, size)) for k in range(count)]


def usual(pricing: Pricing, source: str, count: int) -> list[Instance]:
    """Instances of all sizes that are measured, in turn, that follow from the hash of a text."""
    rng, sizes = _chance(pricing, source, "fixed"), pricing.formulation.sizes.values()
    known = sorted({size for group in sizes for size in group})
    drawn = [pricing.formulation.generate(rng, known[k % len(known)]) for k in range(count)]
    return [Instance(f"fixed-{k + 1}", data) for k, data in enumerate(drawn)]


def _chance(pricing: Pricing, source: str, what: str) -> np.random.Generator:
    text = f"{_SALT}/{what}/{pricing.formulation.name}/{source}"
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))


def _follow_up(problem: Problem, pricing: Pricing) -> Any:
    return replace(problem.follow_up, arguments=pricing.follow) if problem.follow_up else None


def _refuted(result: Assessment, instance: Instance, pricing: Pricing) -> Honesty:
    """What is wrong, and where."""
    original, base = plain_instance(instance), pricing.base(instance)
    optimum = pricing.measure.trial(base, base, False).optimum
    found = {"digest": original.digest, "data": original.plain, "optimum": optimum}
    words = f"{result.scores[-1].message}; on {_told(original)}"
    return Honesty(REFUTED, words, {"counterexample": found})


def _told(instance: Instance) -> str:
    return ", ".join(f"{key} = {value}" for key, value in instance.plain.items())


@dataclass(frozen=True)
class Classes:
    """Finds out which class of truth a formulation is of.

    Args:
        pricing: of tiny instances.
        children: where models are solved.
    """

    pricing: Pricing
    children: Children

    def of(self, pairs: Sequence[tuple[Instance, Any]]) -> dict[str, Any]:
        """The class, the rung that showed it, and how much was tried.

        Args:
            pairs: tiny instances with the packed models that the program made of them.
        """
        cases = [self._case(instance, unpacked(answer)) for instance, answer in pairs[:ENUMERATED]]
        same = [self._same(case, 0) for case in cases]
        near = [self._same(case, SLACK) for case in cases]
        verdicts = [verdict for case in cases[:NEGATED] for verdict in self._verdicts(case)]
        implied = [verdict["implied"] for verdict in verdicts]
        optimal = [verdict["optimal"] for verdict in verdicts]
        if False in same or "refuted" in optimal:
            truth, rung = Truth.KEEPS, "equality"
        elif False in near or "refuted" in implied:
            truth, rung = Truth.OPTIMAL, _rung(same, optimal)
        else:
            truth, rung = Truth.IMPLIED, _rung(near, implied)
        negated = {word: implied.count(word) for word in dict.fromkeys(implied)}
        listed = sum(each is not None for each in near)
        return {"truth": str(truth), "rung": rung, "enumerated": listed, "negated": negated}

    def _case(self, instance: Instance, model: str) -> dict[str, Any]:
        base = self.pricing.base(instance)
        trial = self.pricing.measure.trial(base, base, False)
        places = decisions(self.pricing, instance)
        return {"base": base, "text": model, "decisions": places, "value": trial.optimum, "limit": LIMIT}

    def _same(self, case: Mapping[str, Any], slack: int) -> bool | None:
        """Whether model and base have the same solutions, as decisions; None where there are too many."""
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


def _rung(listed: Sequence[bool | None], negated: Sequence[str]) -> str:
    """The highest rung that says so without exception."""
    if negated and set(negated) == {"proved"}:
        return "refutation"
    return "enumeration" if any(each is not None for each in listed) else "equality"
