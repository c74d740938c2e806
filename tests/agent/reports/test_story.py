"""A run in sentences: what was asked, searched, validated and selected, and the result."""

import pytest

from gapsmith.agent.archive import CandidateRow, RunRow
from gapsmith.agent.reports.decisions import Decision
from gapsmith.agent.reports.story import describe_end, describe_gate, tell_story

PASSED = {"passed": True, "gain": 2.0, "low": 0.5, "high": 3.5}


def decision(slot, events=(), **facts):
    """A decision about a slot of run 1."""
    return Decision(slot, CandidateRow(run=1, slot=slot, **facts), tuple(events))


def story(decisions, **facts):
    """The chapters of a run by heading."""
    run = RunRow(id=1, problem="toy", model="offline", seed=3, started=0.0, **facts)
    return dict(tell_story(run, decisions))


def test_the_search_is_counted_and_its_records_listed():
    """Outcomes are counted in words, failures have an example, and each better gap its step."""
    found = story(
        [
            decision(0, operator="rule", name="EDD", program=1, outcome="ok", train_gap=9.0),
            decision(1, operator="refine", parents=[1], program=2, outcome="ok", train_gap=5.0),
            decision(2, operator="merge", parents=[1, 2], program=3, outcome="raced"),
            decision(
                3, operator="refine", parents=[2], program=4, outcome="infeasible", message="one job twice"
            ),
            decision(4, operator="explore", program=5, outcome="ok", train_gap=4.0),
        ]
    )
    assert found["The search"] == [
        "1 reference rules were measured first; EDD has the smallest gap in training: 9.000 %.",
        "4 programs were asked for: 2 measured on all training instances, 1 dropped early, as too far behind, "
        "1 failed.",
        "  1 × infeasible, such as slot 3: one job twice",
        "The best gap in training improved 2 times:",
        "  slot 1: program 2, refine of 1: 9.000 to 5.000 %",
        "  slot 4: program 5, explore: 5.000 to 4.000 %",
    ]


def test_the_gate_counts_programs_not_rules():
    """Rules are measured in validation, too, but pass no gate."""
    found = story(
        [
            decision(
                0, [("gate", PASSED)], operator="rule", name="EDD", program=1, outcome="ok", train_gap=9.0
            ),
            decision(1, [("gate", PASSED)], operator="refine", program=2, outcome="ok", train_gap=5.0),
        ]
    )
    assert found["Validation of improvements"][0].startswith("1 programs that led in training")


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        (PASSED, "2.00 points better (95 % interval 0.50 to 3.50); passed"),
        (
            {"passed": False, "gain": 1.0, "low": -0.5, "high": 2.5},
            "1.00 points better (95 % interval -0.50 to 2.50); not passed, as that may be chance",
        ),
        (
            {"passed": False, "gain": -1.0, "low": -2.5, "high": -0.25},
            "1.00 points worse (95 % interval 0.25 to 2.50); not passed",
        ),
        (
            {"passed": False, "gain": 1.0, "low": 0.5, "high": 2.5, "worse in": "wide"},
            "1.00 points better (95 % interval 0.50 to 2.50); rejected, as it is significantly worse in wide",
        ),
    ],
)
def test_a_comparison_says_how_much_and_why(detail, words):
    """Gains and losses have their sign in words, with the interval on the same side."""
    assert describe_gate(detail) == words


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        (
            "halving round 2",
            {"instances": 16, "gaps": [[3, 1.0], [4, 2.0]], "failed": [5], "kept": [3]},
            "Round 2: 3 programs on 16 instances; the best is 30.",
        ),
        (
            "against the best rule, 2",
            {
                "winner": 3,
                "rule": "EDD",
                "instances": 60,
                "gain": 0.5,
                "low": -0.1,
                "high": 1.1,
                "kept": "rule",
            },
            "Program 30 against the best rule, EDD, on 60 instances: 0.50 points better (95 % interval -0.10 to 1.10); "
            "that may be chance, so the rule is kept.",
        ),
        (
            "examined slot 3",
            {"outcome": "state_dependent", "message": "two costs"},
            "Program 30 failed the examination (state_dependent): two costs",
        ),
        ("something new", {}, ""),
    ],
)
def test_the_end_is_told_event_by_event(kind, detail, words):
    """Selection, examination and the test against the best rule are sentences; what is unknown is left out."""
    assert describe_end(kind, detail, {3: 30, 4: 40}) == words


def test_a_run_without_a_report_says_how_to_get_one():
    """A run that was stopped has no result yet."""
    assert story([])["Result"] == ["There is no report yet; it comes with: gapsmith resume 1"]
