"""A recorded set of replies is scored exactly: right, wrong, and every kind of failure as what it is."""

import json

import pytest
from words import RECORDED, at_desk, kind_of, ordered, write_set

from gapsmith.agent.modelling.benchmark import ask_all, score_sets
from gapsmith.agent.modelling.question import read_questions
from gapsmith.agent.models import Recorded, ReplayModel, Reply, write_recording
from gapsmith.agent.reports import modelling as view


def replay(folder, repeated=3):
    """The recording as a model: every question's reply, which it insists on when asked to mend it."""
    replies = [
        Recorded(reply=Reply(text=text, usd=0.01, tokens_in=9, tokens_out=1), slot=k + attempt * 100_000)
        for attempt in range(repeated)
        for k, (_, text) in enumerate(RECORDED.values())
    ]
    write_recording(folder / "replies.jsonl", replies)
    return ReplayModel(folder / "replies.jsonl")


@pytest.fixture(scope="module")
def scored(solvers, tmp_path_factory):
    """The set, asked by two runs: marks, scores, and all that `--json` says but for time and place."""

    def run(folder):
        write_set(folder / "set.jsonl", {name: answer for name, (answer, _) in RECORDED.items()})
        questions = read_questions(folder / "set.jsonl")

        def work(context):
            marked = ask_all(context, questions)
            said = view.encode_benchmark(marked, score_sets(marked), context)
            return (
                marked,
                score_sets(marked),
                {key: said[key] for key in said if key not in ("seconds", "run", "model")},
            )

        return at_desk(work, str(folder / "a.db"), replay(folder), executor=solvers)

    return [run(tmp_path_factory.mktemp(f"run{k}")) for k in range(2)]


@pytest.mark.parametrize("name", RECORDED)
def test_every_program_gets_its_kind(scored, name):
    """Wrong, crashing, unbounded, infeasible, endless and codeless programs are each told as such."""
    marked = {each.question.id: each for each in scored[0][0]}
    assert marked[name].kind == kind_of(name), marked[name].samples[0].verdict


def test_the_score_is_exact(scored):
    """Every count of the score is that of the recording."""
    score = scored[0][1][0]
    wanted = {}
    for name in RECORDED:
        wanted[kind_of(name)] = wanted.get(kind_of(name), 0) + 1
    assert score.kinds == wanted == score.sample_kinds
    assert (score.questions, score.asked) == (len(RECORDED), len(RECORDED))
    assert score.vote.value == score.first.value == score.any.value == wanted["right"] / len(RECORDED)
    # Who is right is asked once, who is wrong too; who fails and insists, twice.
    once = wanted["right"] + wanted["wrong"]
    assert score.calls == once + 2 * (len(RECORDED) - once)
    assert score.usd == pytest.approx(0.01 * score.calls)
    assert score.tokens == 10 * score.calls


def test_a_recording_is_scored_the_same_every_time(scored):
    """Two runs over one recording agree in everything but time."""
    first, second = (json.dumps({**said, "file": None}) for _, _, said in scored)
    assert first == second


def test_values_of_other_quantities_are_marked_apart(scored):
    """A program that names its income and one that does not are right alike; `exact` asks for all quantities."""
    marked = {each.question.id: each for each in scored[0][0]}
    assert marked["right"].exact
    assert not marked["wrong"].exact
    assert not marked["endless"].exact


def test_an_order_says_what_programs_may_use():
    """CPU seconds and samples out of range are refused in one line."""
    from gapsmith.evaluators.base import UsageError

    with pytest.raises(UsageError, match="samples is 0; expected 1 to 100"):
        ordered(samples=0)
    with pytest.raises(UsageError, match="cpu_seconds is 0"):
        ordered(cpu_seconds=0)
