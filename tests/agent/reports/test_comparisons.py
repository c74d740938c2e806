"""Tables of programs: what gaps are to, what is better than the best known, and what contradicts it."""

from dataclasses import replace

import pytest
from helpers import tiny

from gapsmith.agent.evaluation.baselines.published import BestKnown, PublishedValue
from gapsmith.agent.evaluation.baselines.records import Record
from gapsmith.agent.evaluation.compare import Comparison, Entrant, make_scale, summarise_scores
from gapsmith.agent.reports.comparisons import (
    build_comparison_table,
    build_solution_table,
    describe_best_known,
    describe_better_solutions,
    encode_check,
    encode_comparison,
    encode_solutions,
)
from gapsmith.evaluators.base import Baseline, Instance
from gapsmith.evaluators.scoring import Score

ONE, TWO = Instance("ta01", {"x": 1}), Instance("ta02", {"x": 2})


def compare(lower=90, published=(), costs=(99, 80), maximise=False, records=()):
    """A comparison of one program on two instances, the second of which is solved."""
    baselines = {
        ONE.digest: Baseline(lower, 110, [1], "CP-SAT", 1.0),
        TWO.digest: Baseline(80, 80, [2], "CP-SAT", 1.0),
    }
    problem = tiny(maximise=maximise)
    scores = [Score("ok", "", cost, 0.01) for cost in costs]
    row = summarise_scores(Entrant("17", ""), scores, make_scale(problem, [ONE, TWO], baselines))
    best = BestKnown.build([ONE, TWO], baselines, published, maximise)
    return Comparison(problem, (ONE, TWO), baselines, (row,), best, records)


@pytest.mark.parametrize(
    ("lower", "maximise", "gap_to", "words"),
    [
        (110, False, "optimum", "all optima proven"),
        (90, False, "lower bound", "1 optima proven: gap to lower bound"),
        (90, True, "upper bound", "1 optima proven: gap to upper bound"),
    ],
)
def test_a_gap_says_what_it_is_to(lower, maximise, gap_to, words):
    """To an optimum only where all are proven; else to the bound of that side, and beside it to the best known."""
    found = compare(lower, maximise=maximise)
    table = build_comparison_table(found)
    assert encode_comparison(found)["gap_to"] == encode_check(found)["gap_to"] == gap_to
    assert words in table.title
    assert ("to best known %" in [column.header for column in table.columns]) is (gap_to != "optimum")


def test_the_gap_to_the_best_known_is_beside_the_gap_to_the_bound():
    """Published and solved values are told apart, for each instance and in the note."""
    found = compare(published=[PublishedValue("ta01", 95, 100)])
    (row,) = encode_comparison(found)["rows"]
    assert row["pooled_gap_percent"] == pytest.approx(100 * 9 / 170)
    assert row["best_known_gap_percent"] == pytest.approx(100 * -1 / 180)
    first, second = encode_check(found)["files"][0]["instances"]
    assert (first["best_known"], first["best_known_source"]) == (100, "published")
    assert first["published"] == {"lower": 95, "upper": 100}
    assert (second["best_known"], second["best_known_source"], second["published"]) == (
        80,
        "solved here",
        None,
    )
    assert "1 published values, 1 solutions of the exact solver" in describe_best_known(found)[0]


def test_records_and_contradictions_are_told():
    """A new best solution is announced with what to do; a published bound below which a cost is, by its name."""
    record = Record("ta01", 94, 100, True, "17", kept=True)
    found = compare(published=[PublishedValue("ta01", 95, 100)], costs=(94, 80), records=(record,))
    words = "\n".join(describe_best_known(found))
    assert "New best solution of ta01: 94 by 17, verified; the best published was 100." in words
    assert "--certificates" in words
    assert "Contradiction: ta01: a verified solution costs 94, below the published lower bound 95" in words
    assert encode_comparison(found)["records"][0]["cost"] == 94
    assert len(encode_check(found)["contradictions"]) == 1
    unkept = replace(found, records=(replace(record, kept=False),))
    assert "Not kept" in "\n".join(describe_best_known(unkept))


def test_solutions_have_gaps_and_published_values():
    """`solve` shows bounds, the gap between them, and published values in a column of their own."""
    bounds = Baseline(90, 99, [1], "CP-SAT", 1.0)
    solved = [(ONE, bounds)]
    best = BestKnown.build([ONE], {ONE.digest: bounds}, [PublishedValue("ta01", 95, 100)])
    (line,) = encode_solutions(solved, best)
    assert (line["gap_percent"], line["best_known"], line["status"]) == (10.0, 99, "bound")
    assert "published" in [column.header for column in build_solution_table(solved, best).columns]
    (words,) = describe_better_solutions(solved, best)
    assert words == "New best solution of ta01: 99 by CP-SAT, verified; the best published was 100."
