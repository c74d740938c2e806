"""Whether a formulation is right: rungs from the cheap to the strong, on instances that no candidate has seen.

1. prefix: the base is untouched; the model is no larger than can be solved. Checked whenever one is solved.
2. witnesses: on every instance that a formulation is measured on, its optimum is the base's.
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
from gapsmith.evaluators.base import Infeasible, Instance, Problem, Trouble
from gapsmith.evaluators.formulations.bridge import layout_of
from gapsmith.evaluators.formulations.children import Children
from gapsmith.evaluators.formulations.judge import Trial, objection
from gapsmith.evaluators.formulations.pricing import Pricing, plain_instance, unpacked
from gapsmith.evaluators.honesty import Honesty

MICRO = 300
QUICK = 40
"""Tiny instances that are tried before anything is measured."""
BATCH = 50
LIMIT = 2.0
"""Units for a tiny model; many times what one takes."""
WALL_SECONDS = 120.0
ENUMERATED = 24
MOST_SOLUTIONS = 2000
SLACK = 2
"""Solutions are listed that are worse than the best by so much at most, in units of the objective's sum."""
NEGATED = 6
"""Instances on which added constraints are negated, and how many of them on each."""
MOST_NEGATED = 12
_SALT = "hidden micro instances, 1"

REFUTED = "refuted"


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
        refused: whether a model was not even taken.
    """

    children: Children
    refused: bool = False
    _bases: dict[str, Mapping[str, Any]] = field(default_factory=dict)

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
        if before["status"] != "OPTIMAL" or run["status"] == "UNKNOWN":
            return Trial(None, (LIMIT,), 0.0, mine["claims"], None)
        if wrong := objection(run, before["objective"]):
            raise Infeasible(wrong)
        return Trial(before["objective"], (), 0.0, mine["claims"], mine["values"])

    def _run(self, base: str | None, model: str) -> dict[str, Any]:
        request = {"do": "solve", "base": base, "text": model, "limit": LIMIT, "permutations": [None]}
        return self.children.ask(request, WALL_SECONDS)


@dataclass(frozen=True)
class Ladder:
    """The ladder of one formulation.

    Args:
        problem: its programs; all but its price is used.
        pricing: its instances; of any measure.
        children: where models are solved.
    """

    problem: Problem
    pricing: Pricing
    children: Children
    micro: int = MICRO

    def climb(self, source: str, runner: Runner, refuters: Sequence[Instance], thorough: bool) -> Honesty:
        """Climbs as far as the program is right.

        Args:
            source: the program.
            runner: the sandbox.
            refuters: counterexamples to other programs, as instances of the original problem.
            thorough: whether all rungs are climbed; else the counterexamples and a few tiny instances.
        """
        tiny = hidden(self.pricing, source, self.micro if thorough else min(QUICK, self.micro))
        climb = _Climb(self, source, runner)
        found = climb.wrong((*refuters, *tiny))
        if found is not None:
            return found
        detail = {"rung": "equality", "instances": len(refuters) + len(tiny)}
        if not thorough:
            return Honesty("ok", "", detail)
        if self.pricing.whole:
            return Honesty("ok", "", {**detail, "truth": Truth.KEEPS})
        classes = Classes(climb.pricing, self.children)
        return Honesty("ok", "", {**detail, **classes.of(climb.made[len(refuters) :])})

    def refutation(self, source: str, runner: Runner, count: int) -> str:
        """Why a program is wrong, if it is on so many tiny instances that `climb` does not try; else empty."""
        found = _Climb(self, source, runner).wrong(hidden(self.pricing, f"more of {source}", count))
        return found.message if found else ""


class _Climb:
    """One program on its way up."""

    def __init__(self, ladder: Ladder, source: str, runner: Runner) -> None:
        self._source, self._runner = source, runner
        self._prover = Prover(ladder.children)
        self.pricing = replace(ladder.pricing, measure=self._prover, _texts={})
        follow_up = _follow_up(ladder.problem, self.pricing)
        self._problem = replace(ladder.problem, cost=self.pricing.cost, follow_up=follow_up)
        self.made: list[tuple[Instance, Any]] = []

    def wrong(self, instances: Sequence[Instance]) -> Honesty | None:
        """What is wrong on the first instance where something is; None where nothing is found."""
        for start in range(0, len(instances), BATCH):
            batch = [self.pricing.stated(each) for each in instances[start : start + BATCH]]
            result = assess(self._problem, self._source, batch, self._runner)
            if result.outcome == "infeasible" and not self._prover.refused:
                return _refuted(result, batch[len(result.scores) - 1], self.pricing)
            if result.outcome != "ok":
                return Honesty(result.outcome, result.message)
            self.made += zip(batch, result.solutions, strict=True)
        return None


def hidden(pricing: Pricing, source: str, count: int) -> list[Instance]:
    """Tiny instances that follow from the hash of a program."""
    digest = hashlib.sha256(f"{_SALT}/{pricing.formulation.name}/{source}".encode()).digest()
    rng = np.random.default_rng(list(digest))
    return [Instance(f"tiny-{k + 1}", pricing.formulation.micro(rng)) for k in range(count)]


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
        built = self.pricing.formulation.build(plain_instance(instance))
        layout = layout_of(built.variables)
        decisions = [place for name in self.pricing.formulation.decisions for place in _leaves(layout[name])]
        base = self.pricing.base(instance)
        trial = self.pricing.measure.trial(base, base, False)
        return {"base": base, "text": model, "decisions": decisions, "value": trial.optimum, "limit": LIMIT}

    def _same(self, case: Mapping[str, Any], slack: int) -> bool | None:
        """Whether model and base have the same solutions, as decisions; None where there are too many."""
        request = {**case, "do": "enumerate", "slack": slack, "most": MOST_SOLUTIONS}
        before = self.children.ask({**request, "text": case["base"]}, WALL_SECONDS)
        after = self.children.ask(request, WALL_SECONDS)
        if not (before.get("complete") and after.get("complete")):
            return None
        return bool(before["solutions"] == after["solutions"])

    def _verdicts(self, case: Mapping[str, Any]) -> list[dict[str, str]]:
        request = {**case, "do": "refute", "most": MOST_NEGATED}
        reply: dict[str, Any] = self.children.ask(request, WALL_SECONDS)
        return list(reply.get("constraints", ()))


def _rung(listed: Sequence[bool | None], negated: Sequence[str]) -> str:
    """The highest rung that says so without exception."""
    if negated and set(negated) == {"proved"}:
        return "refutation"
    return "enumeration" if any(each is not None for each in listed) else "equality"


def _leaves(part: Any) -> list[int]:
    if isinstance(part, list):
        return [leaf for inner in part for leaf in _leaves(inner)]
    return [part] if isinstance(part, int) else []
