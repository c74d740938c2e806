"""The best programs of an archive: in which order, and that no winner is left out."""

import json

import pytest
from helpers import TINY, Inline, tiny

from gapsmith.agent import Archive
from gapsmith.agent.archive import CandidateRow
from gapsmith.agent.cli.app import main
from gapsmith.agent.cli.run import read_seeds
from gapsmith.agent.evaluation.leading import rank_programs
from gapsmith.agent.evaluation.rescore import rescore_programs
from gapsmith.agent.evaluation.scores import Scorer

RULE = "import numpy as np\n\n\ndef schedule(p, d):\n    return np.argsort(d + {} * p, kind='stable')\n"
RUNS = (
    # winner, then by slot: the program's number, gap in training, in validation, and the gate's word
    (
        3,
        {
            0: (1, 60.0, 61.0, "passed"),
            1: (2, 7.0, 9.0, "passed"),
            2: (4, 5.0, 8.08, "held back"),
            3: (5, 8.0, None, ""),
        },
    ),
    (6, {0: (1, 20.0, 22.29, "passed"), 1: (7, 1.0, 2.0, "passed"), 2: (8, 0.5, None, "")}),
    (1, {0: (1, 21.0, 22.29, "passed")}),
)


@pytest.fixture
def kept(place):
    """An archive of three finished runs; the winners of the first two are shortened, and have no validation."""
    archive = Archive(place)
    for number in range(1, 9):
        archive.add_program("tiny_tardiness", f"h{number}", RULE.format(number), 9, tiny().version)
    for winner, slots in RUNS:
        run = archive.start("tiny_tardiness", "offline", 0, {}, tiny().version)
        for slot, (program, train, validation, gate) in slots.items():
            values = {"outcome": "ok", "train_gap": train, "validation_gap": validation, "gate": gate}
            archive.answer(CandidateRow(run=run, slot=slot, operator="refine", program=program, **values))
        if winner != 1:
            archive.answer(CandidateRow(run=run, slot=-1, operator="shorten", program=winner, train_gap=3.0))
        archive.finish(run, "done", 1.0, {"best": {"id": winner, "pooled_gap_percent": 50.0}})
    return archive


def numbers(archive, run=None, limit=9):
    """The programs in their order."""
    return [row.program for row in rank_programs(archive, "tiny_tardiness", run, limit)]


def test_the_order_is_that_of_the_gap_and_winners_stand_before_their_run(kept):
    """By validation, else training; what is better than the winner of its own run by luck comes behind it."""
    assert numbers(kept, 1) == [3, 5, 4, 2, 1]
    assert numbers(kept, 2) == [6, 8, 7, 1]
    assert numbers(kept) == [3, 6, 8, 7, 5, 4, 2, 1]
    assert numbers(kept, limit=3) == numbers(kept)[:3]


def test_scales_are_not_mixed(kept):
    """Gaps of small and large instances do not compare: the scale of the latest run is ranked, or that of a run."""
    run = kept.start("tiny_tardiness", "offline", 0, {"scale": "large"}, tiny().version)
    kept.answer(CandidateRow(run=run, slot=0, operator="refine", program=8, outcome="ok", train_gap=90.0))
    assert numbers(kept) == [8]
    assert numbers(kept, 1) == [3, 5, 4, 2, 1]


def test_a_shortened_winner_is_scored_anew_and_starts_others(kept, place):
    """`best --instances` and `run --from` take the winner, however few they take."""
    by = Scorer(tiny(), Inline(), kept)
    found = rescore_programs(tiny().generate_instances("test"), 1, by, 1)
    assert "3" in [row.entrant.name for row in found.rows]
    assert RULE.format(3) in read_seeds(str(TINY), place)[:2]


def test_best_marks_the_winners(kept, place, capsys):
    """The table and the JSON say which programs were handed over."""
    with pytest.raises(SystemExit):
        main(["best", "--archive", place, "--run", "2", "--json"])
    assert [(row["id"], row["winner"]) for row in json.loads(capsys.readouterr().out)][:2] == [
        (6, True),
        (8, False),
    ]
    with pytest.raises(SystemExit):
        main(["best", "--archive", place, "--run", "2"])
    assert capsys.readouterr().out.count("winner") == 2  # program 1 is that of the third run
