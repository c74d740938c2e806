"""Pairs of story and formulation: kept only where the optima agree, rejected by reason, blind in between."""

import json
from dataclasses import replace

import pytest
from words import Told, answering, at_desk, reply_with

from gapsmith.agent.archive import Archive
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.modelling import synthesis
from gapsmith.agent.modelling.job import SYNTHESISE
from gapsmith.agent.modelling.question import read_questions
from gapsmith.agent.modelling.synthesis import (
    KEPT,
    MISSING,
    NO_STORY,
    OTHER,
    TOO_LONG,
    ZERO,
    find_flaw,
    find_numbers,
)
from gapsmith.agent.models.base import Reply
from gapsmith.agent.runs.budget import Budget
from gapsmith.evaluators.base import Baseline, Split, UsageError

PROBLEM = find_problem("single_machine_tardiness")
ABOUT = {"problem": PROBLEM.name, "count": 2, "tries": 8, "size": 4, "output": None}


def instances(count):
    """The data that the generator gives, and their optima."""
    small = replace(PROBLEM, sizes=dict.fromkeys(Split, (4,)))
    found = small.generate_instances(Split.TRAIN, 3, count)
    return [(each, PROBLEM.baseline(each, 10.0).upper) for each in found]


def story_of(instance, number):
    """A story with all its numbers and a mark."""
    return (
        f"```text\nStory <{number}>: {json.dumps(synthesis.encode_data(instance))}. How late in all?\n```\n"
    )


class Teller:
    """Tells the data that it is shown; `change` spoils a story."""

    name, deterministic = "teller", True

    def __init__(self, change=lambda number, story: story):
        self._change, self.requests = change, []

    def bound_usd(self, _length):
        """Nothing."""
        return 0.0

    def reply(self, request):
        """The story for the data in the prompt."""
        self.requests.append(request)
        for number, (instance, _) in enumerate(instances(8)):
            if json.dumps(synthesis.encode_data(instance)) in request.prompt:
                return Reply(text=self._change(number, story_of(instance, number)))
        raise AssertionError("the prompt shows no data of the generator's")


def formulator(change=lambda number, optimum: optimum):
    """A model that knows the optimum of every story; `change` spoils an answer."""
    replies = {
        f"Story <{k}>": answering(change(k, optimum))
        if isinstance(change(k, optimum), int)
        else change(k, optimum)
        for k, (_, optimum) in enumerate(instances(8))
    }
    return Told(replies, name="formulator")


def synthesised(place, teller, solver, number=None, **changes):
    """The pairs, and the output, of an order for two of them."""
    about = {**ABOUT, **changes.pop("about", {})}

    def work(context):
        pairs = synthesis.synthesise(PROBLEM, context)
        return (
            pairs,
            synthesis.format_pairs(pairs, PROBLEM, context.order),
            synthesis.summarise_pairs(pairs, PROBLEM, context.order),
        )

    given = {"verb": SYNTHESISE, "about": about, "teller": teller.name, "seed": 3, **changes}
    return at_desk(work, place, [teller, solver], number, **given)


def test_pairs_whose_optima_agree_are_kept(place, tmp_path):
    """A line holds data, story, formulation, answer and checks, and is a question of a set."""
    _, text, summary = synthesised(place, Teller(), formulator())
    rows = [json.loads(line) for line in text.splitlines()]
    for row, (instance, optimum) in zip(rows, instances(2), strict=True):
        assert row["data"] == synthesis.encode_data(instance)
        assert row["answer"] == optimum
        assert row["story"].startswith("Story <")
        assert "def solve()" in row["formulation"]
        assert row["checks"]["optimum of the blind formulation"] == optimum
        assert (row["told by"], row["formulated by"]) == ("teller", "formulator")
    assert summary == {"problem": PROBLEM.name, "wanted": 2, "kept": 2, "tried": 2, "rejected": {}}
    (tmp_path / "set.jsonl").write_text(text)
    assert [
        question.answers["optimal objective value"] for question in read_questions(tmp_path / "set.jsonl")
    ] == [row["answer"] for row in rows]


def test_rejected_pairs_are_counted_by_reason(place):
    """A story without its numbers, another optimum, a crash: each is counted, and the next data are tried."""

    def spoil(number, story):
        return {0: "I cannot.", 1: "```\n```"}.get(number, story)

    def answer(number, optimum):
        return {2: int(optimum) + 1, 3: reply_with("return 1 / 0")}.get(number, int(optimum))

    pairs, _, summary = synthesised(place, Teller(spoil), formulator(answer))
    assert [pair.outcome for pair in pairs] == [MISSING, NO_STORY, OTHER, "crash", KEPT, KEPT]
    assert summary["kept"] == 2
    assert summary["rejected"] == {"another optimum": 1, "crash": 1, "no story": 1, "numbers missing": 1}


def test_the_formulation_is_blind(place):
    """Who formulates sees the story and neither data nor optimum nor problem; who tells sees no optimum."""
    teller, solver = Teller(lambda number, _: f"Story <{number}>."), formulator()
    synthesised(place, Teller(), solver, about={"count": 1})
    optimum = instances(1)[0][1]
    told = solver.requests[0].system + solver.requests[0].prompt
    assert "tardiness" not in told
    assert "Story <0>" in told
    synthesised(place, teller, solver, about={"count": 1, "tries": 1})
    shown = teller.requests[0].system + teller.requests[0].prompt
    assert str(instances(1)[0][0].data["p"].tolist()) in shown
    assert str(optimum) not in shown


def test_it_ends_when_enough_are_tried(place):
    """Who never agrees is not asked for ever."""
    pairs, text, summary = synthesised(place, Teller(), formulator(lambda *_: -1), about={"tries": 3})
    assert (len(pairs), text, summary["kept"], summary["tried"]) == (3, "", 0, 3)


def test_the_budget_ends_it(place):
    """Pairs for which there was no room are no rejected ones."""
    _, _, summary = synthesised(place, Teller(), formulator(lambda *_: -1), budget=Budget(calls=3))
    assert (summary["kept"], summary["tried"]) == (0, 1)


def test_samples_vote_on_a_story(place):
    """With several formulations the elected one must agree."""
    wrong_once = {
        f"Story <{k}>": [answering(int(optimum)), answering(-1), answering(int(optimum))]
        for k, (_, optimum) in enumerate(instances(8))
    }
    pairs, text, _ = synthesised(
        place, Teller(), Told(wrong_once, name="formulator"), samples=3, about={"count": 1}
    )
    assert pairs[0].outcome == KEPT
    checks = json.loads(text)["checks"]
    assert (checks["formulations that agree"], checks["formulations that voted"]) == (2, 3)


def test_a_finished_run_is_shown_again_at_no_cost(place):
    """Resuming asks nobody for what is kept."""
    first = synthesised(place, Teller(), formulator())
    teller, solver = Teller(), formulator()
    assert synthesised(place, teller, solver, 1)[1] == first[1]
    assert not teller.requests
    assert not solver.requests
    assert [call.operator for call in Archive(place).read_calls(1).values()] == ["tell", "formulate"] * 2


def test_an_optimum_of_zero_is_asked_of_nobody(place, monkeypatch):
    """Zero is what wrong models, too, often say, so it proves nothing."""
    teller, solver = Teller(), formulator()
    monkeypatch.setattr(
        synthesis, "find_baselines", lambda _, found, __: {found[0].digest: Baseline(0, 0, [], "", 0)}
    )
    pairs, _, _ = synthesised(place, teller, solver, about={"tries": 2})
    assert [pair.outcome for pair in pairs] == [ZERO, ZERO]
    assert not teller.requests


def test_too_many_tries_are_refused(place):
    """Slots of different pairs never meet."""
    with pytest.raises(UsageError, match="a run has at most 50000"):
        synthesised(place, Teller(), formulator(), about={"tries": 50_001})


@pytest.mark.parametrize(
    ("story", "flaw"),
    [
        ("", NO_STORY),
        ("x" * 24_001, TOO_LONG),
        ("Three jobs take 5, 17 and 2,500 minutes, and 0.5.", ""),
        ("Jobs take five, 17 and 2500 minutes, and 0.5.", ""),
        ("Jobs take 5 and 17 minutes, and 0.5.", MISSING),
        ("Jobs take 5, 17 and 2501 minutes, and 0.5.", MISSING),
        ("Jobs take 5, 17 and 22500 minutes, and 0.5.", MISSING),
    ],
)
def test_a_story_must_have_all_numbers(story, flaw):
    """In digits, with or without commas, or in words where they are small; signs and zeros are not looked for."""
    assert find_flaw(story, {"p": [-5, 17, 2500], "x": 0.5, "n": 0}) == flaw


def test_numbers_are_found_where_they_end():
    """Neither full stops nor lists of numbers are read as part of a number."""
    assert find_numbers("12,13 and 1,234,567; 3.5, 7.") == {12.0, 13.0, 1234567.0, 3.5, 7.0}
