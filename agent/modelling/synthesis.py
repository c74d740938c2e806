"""Synthesis of word problems by rejection sampling: a pair is kept only if the optima agree.

The data come from a problem's own generator and the optimum from its exact solver. One request turns the data into a
story; another one, which sees only the story, formulates it.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np

from gapsmith.agent.codegen.replies import markdown as blocks
from gapsmith.agent.evaluation.baselines import Progress as Doing
from gapsmith.agent.evaluation.baselines import baselines_of, silent
from gapsmith.agent.modelling import prompts
from gapsmith.agent.modelling.job import Desk, Order
from gapsmith.agent.modelling.question import LONGEST_QUESTION, Question
from gapsmith.agent.modelling.sample import STRIDE, Sample, Vote, elected, sampled
from gapsmith.agent.modelling.session import Letter, Session
from gapsmith.agent.runs.loop.scheduler import Chain
from gapsmith.evaluators.base import Baseline, Instance, Problem, Split, UsageTrouble

CLOSE = 1e-7
"""Relative tolerance for equal optima: more than a solver's rounding, less than one unit of integer data."""

KEPT, NOT_ASKED = "kept", "not asked"
NO_OPTIMUM, ZERO = "no proven optimum", "optimum is 0"
NO_STORY, TOO_LONG, MISSING, OTHER = "no story", "story too long", "numbers missing", "another optimum"

SETTINGS = (
    "a bakery", "a hospital", "a repair shop for bicycles", "a harbour", "a printing house", "a farm", "a film studio",
    "a satellite operator", "a library", "a furniture factory", "a fire brigade", "a music festival", "a laboratory",
    "a railway depot", "a school kitchen", "a data centre", "a museum", "a brewery", "a shipyard", "a garden nursery",
)  # fmt: skip
_WORDS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """An instance with a story and a formulation.

    Attributes:
        place: place in the generator's stream, from 0.
        instance: the data.
        optimum: result of the exact solver.
        outcome: KEPT, or the reason for rejection: a constant of this module, or the kind of failure.
        story: the word problem; untrusted.
        vote: the elected formulation; None without one.
    """

    place: int
    instance: Instance
    optimum: Baseline
    outcome: str
    story: str = ""
    vote: Vote | None = None


def synthesise(problem: Problem, desk: Desk, doing: Doing = silent) -> list[Pair]:
    """Generates pairs until enough are kept, or enough are tried.

    Args:
        problem: its generator and exact solver are used.
        desk: the run; its job has `count`, `tries` and `size`.
        doing: called after each pair.
    """
    order, found = desk.order, list[Pair]()
    count, tries = order.about["count"], order.about["tries"]
    if tries * (1 + order.samples) > STRIDE:
        raise UsageTrouble(
            f"{tries} pairs are to be tried; a run has at most {STRIDE // (1 + order.samples)}"
        )
    while (wanted := min(count - _kept(found), tries - len(found))) > 0 and not desk.stop.is_set():
        places = range(len(found), len(found) + wanted)
        found += _round(problem, desk, places)
        doing("pairs kept", _kept(found), count)
        if not found or found[-1].outcome == NOT_ASKED:
            break
    return found


def _round(problem: Problem, desk: Desk, places: range) -> list[Pair]:
    with closing(desk.session.work(_chains(problem, desk, places))) as pairs:
        return sorted(pairs, key=lambda pair: pair.place)


def _chains(problem: Problem, desk: Desk, places: range) -> Iterator[Chain[Pair]]:
    order = desk.order
    small = replace(problem, sizes=dict.fromkeys(Split, (order.about["size"],)))
    for place in places:
        instance = small.instances(Split.TRAIN, order.seed, 1, place)[0]
        optimum = baselines_of(problem, [instance], desk.archive)[instance.digest]
        yield _paired(desk.session, problem, order, Pair(place, instance, optimum, NOT_ASKED))


def _paired(session: Session, problem: Problem, order: Order, pair: Pair) -> Chain[Pair]:
    """Carries one pair from its data to its outcome."""
    if not pair.optimum.proven or pair.optimum.upper == 0:  # a wrong model often has the optimum 0, too
        return replace(pair, outcome=ZERO if pair.optimum.proven else NO_OPTIMUM)
    slot = pair.place * (1 + order.samples)
    setting = Random(f"{order.seed}/{pair.place}/setting").choice(SETTINGS)
    prompt = prompts.tell(problem, plain(pair.instance), setting)
    call = yield from session.ask(Letter(slot, order.teller, "tell", prompt, outcome="told"))
    if call is None:
        return pair
    pair = replace(pair, story=story_in(call.reply))
    if flaw := flaw_of(pair.story, pair.instance.data):
        return replace(pair, outcome=flaw)
    vote = yield from _voted(session, Question(pair.instance.name, pair.story), slot + 1, order)
    return replace(pair, vote=vote, outcome=_outcome(pair, vote))


def _voted(session: Session, question: Question, slot: int, order: Order) -> Chain[Vote]:
    samples: list[Sample] = []
    for number in range(order.samples):
        samples.append(
            (yield from sampled(session, question, number, slot + number, order.model, order.cpu_seconds))
        )
    asked = [sample for sample in samples if sample.attempts]
    vote = elected(asked)
    return vote if vote.sample or not asked else Vote(asked[0])


def _outcome(pair: Pair, vote: Vote) -> str:
    if vote.sample is None or vote.sample.verdict is None:
        return NOT_ASKED
    answer = vote.sample.answer
    if answer is None or answer.objective is None:
        return str(vote.sample.verdict.kind)
    agree = math.isclose(answer.objective, pair.optimum.upper, rel_tol=CLOSE, abs_tol=1e-6)
    return KEPT if agree else OTHER


def story_in(reply: str) -> str:
    """Returns the story in a reply: its longest block, else all."""
    text = blocks.plain(reply)
    return max((block.texts[0] for block in blocks.fenced_blocks(text)), key=len, default=text).strip()


def flaw_of(story: str, data: Mapping[str, Any]) -> str:
    """Explains why a story is rejected; empty where it is not.

    Only what can be checked without understanding the text is checked.
    """
    if not story:
        return NO_STORY
    if len(story) > LONGEST_QUESTION:
        return TOO_LONG
    return MISSING if numbers_of(data) - numbers_in(story) else ""


def numbers_of(data: Mapping[str, Any]) -> set[float]:
    """Returns the distinct numbers of an instance, without signs and 0."""
    found = {abs(float(number)) for value in data.values() for number in np.asarray(value).ravel()}
    return found - {0.0}


def numbers_in(story: str) -> set[float]:
    """Returns the numbers of a text.

    They may be digits, with or without commas between thousands, or words up to twelve.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", story)
    digits = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
    words = set(re.findall(r"[a-z]+", story.lower()))
    return digits | {float(k) for k, word in enumerate(_WORDS, 1) if word in words}


def plain(instance: Instance) -> dict[str, Any]:
    """Converts the data of an instance for JSON."""
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in instance.data.items()
    }


def row_of(pair: Pair, problem: Problem, order: Order) -> dict[str, Any]:
    """Encodes a kept pair as a line of the output.

    `bench modelling` reads such a line as a question.
    """
    vote = pair.vote
    assert vote is not None  # it was kept
    assert vote.sample is not None
    sample = vote.sample
    return {
        "id": f"{problem.name}-{order.about['size']}-{order.seed}-{pair.place}",
        "set": f"synthesised {problem.name}",
        "kind": pair.instance.stratum,
        "data": plain(pair.instance),
        "story": pair.story,
        "formulation": sample.attempts[-1].source,
        "answer": float(pair.optimum.upper),
        "maximise": problem.maximise,
        "checks": {
            "optimum proven by": pair.optimum.solver,
            "numbers of the data found in the story": len(numbers_of(pair.instance.data)),
            "optimum of the blind formulation": sample.answer.objective if sample.answer else None,
            "formulations that agree": vote.votes,
            "formulations that voted": vote.of,
        },
        "told by": order.teller,
        "formulated by": order.model,
    }


def summary(pairs: list[Pair], problem: Problem, order: Order) -> dict[str, Any]:
    """Counts the kept pairs, and the rejected ones by reason."""
    asked = [pair for pair in pairs if pair.outcome != NOT_ASKED]
    rejected = Counter(pair.outcome for pair in asked if pair.outcome != KEPT)
    return {
        "problem": problem.name,
        "wanted": order.about["count"],
        "kept": _kept(pairs),
        "tried": len(asked),
        "rejected": dict(sorted(rejected.items(), key=lambda each: (-each[1], each[0]))),
    }


def _kept(pairs: list[Pair]) -> int:
    return sum(pair.outcome == KEPT for pair in pairs)


def lines(pairs: list[Pair], problem: Problem, order: Order) -> str:
    """Formats the kept pairs, one JSON object a line."""
    rows = [row_of(pair, problem, order) for pair in pairs if pair.outcome == KEPT]
    # ASCII: a truncated reply may hold half a surrogate pair, which UTF-8 cannot encode.
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
