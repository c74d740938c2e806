"""Synthesis of word problems by rejection sampling.

A pair is kept only if the optima agree.

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
from gapsmith.agent.evaluation.baselines import ProgressCallback, find_baselines, ignore_progress
from gapsmith.agent.modelling import prompts
from gapsmith.agent.modelling.job import JobContext, ModellingJob
from gapsmith.agent.modelling.question import LONGEST_QUESTION, Question
from gapsmith.agent.modelling.sample import STRIDE, Sample, Vote, draw_sample, elect
from gapsmith.agent.modelling.session import AskModel, Session
from gapsmith.agent.runs.loop.scheduler import Chain
from gapsmith.evaluators.base import Baseline, Instance, Problem, Split, UsageError

CLOSE = 1e-7
"""Relative tolerance for equal optima: more than a solver's rounding, less than one unit of integer data."""

KEEPING = "pairs kept"
"""The words of the progress."""

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


def synthesise(
    problem: Problem, context: JobContext, progress: ProgressCallback = ignore_progress
) -> list[Pair]:
    """Generates pairs until enough are kept, or enough are tried.

    Args:
        problem: its generator and exact solver are used.
        context: the run; its job has `count`, `tries` and `size`.
        progress: called after each pair.
    """
    order, found = context.order, list[Pair]()
    count, tries = order.about["count"], order.about["tries"]
    if tries * (1 + order.samples) > STRIDE:
        raise UsageError(f"{tries} pairs are to be tried; a run has at most {STRIDE // (1 + order.samples)}")
    progress(KEEPING, 0, count)
    while (wanted := min(count - _count_kept(found), tries - len(found))) > 0 and not context.stop.is_set():
        places = range(len(found), len(found) + wanted)
        found += _run_round(problem, context, places)
        progress(KEEPING, _count_kept(found), count)
        if not found or found[-1].outcome == NOT_ASKED:
            break
    return found


def _run_round(problem: Problem, context: JobContext, places: range) -> list[Pair]:
    with closing(context.session.work(_make_chains(problem, context, places))) as pairs:
        return sorted(pairs, key=lambda pair: pair.place)


def _make_chains(problem: Problem, context: JobContext, places: range) -> Iterator[Chain[Pair]]:
    order = context.order
    small = replace(problem, sizes=dict.fromkeys(Split, (order.about["size"],)))
    for place in places:
        instance = small.generate_instances(Split.TRAIN, order.seed, 1, place)[0]
        optimum = find_baselines(problem, [instance], context.archive)[instance.digest]
        yield _make_pair(context.session, problem, order, Pair(place, instance, optimum, NOT_ASKED))


def _make_pair(session: Session, problem: Problem, order: ModellingJob, pair: Pair) -> Chain[Pair]:
    """Carries one pair from its data to its outcome."""
    if not pair.optimum.proven or pair.optimum.upper == 0:  # a wrong model often has the optimum 0, too
        return replace(pair, outcome=ZERO if pair.optimum.proven else NO_OPTIMUM)
    slot = pair.place * (1 + order.samples)
    setting = Random(f"{order.seed}/{pair.place}/setting").choice(SETTINGS)
    prompt = prompts.build_story_prompt(problem, encode_data(pair.instance), setting)
    call = yield from session.ask(AskModel(slot, order.teller, "tell", prompt, outcome="told"))
    if call is None:
        return pair
    pair = replace(pair, story=extract_story(call.reply))
    if flaw := find_flaw(pair.story, pair.instance.data):
        return replace(pair, outcome=flaw)
    vote = yield from _elect_formulation(session, Question(pair.instance.name, pair.story), slot + 1, order)
    return replace(pair, vote=vote, outcome=_judge_pair(pair, vote))


def _elect_formulation(session: Session, question: Question, slot: int, order: ModellingJob) -> Chain[Vote]:
    samples: list[Sample] = []
    for number in range(order.samples):
        samples.append(
            (yield from draw_sample(session, question, number, slot + number, order.model, order.cpu_seconds))
        )
    asked = [sample for sample in samples if sample.attempts]
    vote = elect(asked)
    return vote if vote.sample or not asked else Vote(asked[0])


def _judge_pair(pair: Pair, vote: Vote) -> str:
    if vote.sample is None or vote.sample.verdict is None:
        return NOT_ASKED
    answer = vote.sample.answer
    if answer is None or answer.objective is None:
        return str(vote.sample.verdict.kind)
    agree = math.isclose(answer.objective, pair.optimum.upper, rel_tol=CLOSE, abs_tol=1e-6)
    return KEPT if agree else OTHER


def extract_story(reply: str) -> str:
    """Returns the story in a reply: its longest block, else all."""
    text = blocks.strip_hidden(reply)
    return max((block.texts[0] for block in blocks.find_fenced(text)), key=len, default=text).strip()


def find_flaw(story: str, data: Mapping[str, Any]) -> str:
    """Explains why a story is rejected; empty where it is not.

    Only what can be checked without understanding the text is checked.
    """
    if not story:
        return NO_STORY
    if len(story) > LONGEST_QUESTION:
        return TOO_LONG
    return MISSING if collect_numbers(data) - find_numbers(story) else ""


def collect_numbers(data: Mapping[str, Any]) -> set[float]:
    """Returns the distinct numbers of an instance, without signs and 0."""
    found = {abs(float(number)) for value in data.values() for number in np.asarray(value).ravel()}
    return found - {0.0}


def find_numbers(story: str) -> set[float]:
    """Returns the numbers of a text.

    They may be digits, with or without commas between thousands, or words up to twelve.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", story)
    digits = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)}
    words = set(re.findall(r"[a-z]+", story.lower()))
    return digits | {float(k) for k, word in enumerate(_WORDS, 1) if word in words}


def encode_data(instance: Instance) -> dict[str, Any]:
    """Converts the data of an instance for JSON."""
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in instance.data.items()
    }


def encode_pair(pair: Pair, problem: Problem, order: ModellingJob) -> dict[str, Any]:
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
        "data": encode_data(pair.instance),
        "story": pair.story,
        "formulation": sample.attempts[-1].source,
        "answer": float(pair.optimum.upper),
        "maximise": problem.maximise,
        "checks": {
            "optimum proven by": pair.optimum.solver,
            "numbers of the data found in the story": len(collect_numbers(pair.instance.data)),
            "optimum of the blind formulation": sample.answer.objective if sample.answer else None,
            "formulations that agree": vote.votes,
            "formulations that voted": vote.of,
        },
        "told by": order.teller,
        "formulated by": order.model,
    }


def summarise_pairs(pairs: list[Pair], problem: Problem, order: ModellingJob) -> dict[str, Any]:
    """Counts the kept pairs, and the rejected ones by reason."""
    asked = [pair for pair in pairs if pair.outcome != NOT_ASKED]
    rejected = Counter(pair.outcome for pair in asked if pair.outcome != KEPT)
    return {
        "problem": problem.name,
        "wanted": order.about["count"],
        "kept": _count_kept(pairs),
        "tried": len(asked),
        "rejected": dict(sorted(rejected.items(), key=lambda each: (-each[1], each[0]))),
    }


def _count_kept(pairs: list[Pair]) -> int:
    return sum(pair.outcome == KEPT for pair in pairs)


def format_pairs(pairs: list[Pair], problem: Problem, order: ModellingJob) -> str:
    """Formats the kept pairs, one JSON object a line."""
    rows = [encode_pair(pair, problem, order) for pair in pairs if pair.outcome == KEPT]
    # ASCII: a truncated reply may hold half a surrogate pair, which UTF-8 cannot encode.
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
