"""Decisions are told in sentences; what is not known is told as it is kept."""

import pytest

from gapsmith.agent.reports.sentences import (
    describe_decision,
    describe_gate,
    describe_verdict,
    estimate_gate_error,
)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ({"passed": True, "gain": 0.0, "low": 0.0, "high": 0.0}, "first champion"),
        ({"passed": True, "gain": 0.7, "low": 0.5, "high": 0.9}, "became champion: +0.700 points"),
        ({"passed": True, "gain": 0.0, "low": -0.1, "high": 0.1}, "became champion: +0.000 points"),
        ({"passed": False, "gain": -0.7, "low": -0.9, "high": -0.5}, "held back, worse: −0.700 points"),
        ({"passed": False, "gain": 0.04, "low": -0.01, "high": 0.09}, "held back, not significant: +0.040"),
        ({"passed": False, "gain": 0.04, "low": 0.01, "high": 0.09}, "held back, below one standard error"),
        ({"passed": True, "gain": None, "low": None, "high": None}, "passed without a champion"),
        ({}, "held back"),
    ],
)
def test_the_gate_gives_its_reason(detail, words):
    """Passed or not, and why."""
    assert describe_gate(detail).startswith(words)


def test_the_gate_tells_what_it_could_have_seen():
    """A gain that is smaller than the interval's half is not visible; that is no fault of the program."""
    detail = {"passed": False, "gain": 0.04, "low": -0.01, "high": 0.09}
    assert "a gain from 0.050 points on could be seen" in describe_gate(detail)


def test_rules_do_not_pass_a_gate():
    """They are compared with each other: the best one is to be beaten."""
    detail = {"passed": True, "gain": 0.7, "low": 0.5, "high": 0.9}
    assert describe_gate(detail, is_rule=True).startswith("reference rule, the one to beat so far")


def test_a_standard_error_follows_from_the_interval():
    """Of a normal distribution 80 % lie within 1.28 standard errors."""
    assert estimate_gate_error({"low": -1.2815515655446004, "high": 1.2815515655446004}) == pytest.approx(1.0)
    assert estimate_gate_error({}) is None


@pytest.mark.parametrize(
    ("kind", "detail", "words"),
    [
        (
            "raced",
            {"met": 4, "points_behind": 1.914982},
            "dropped early, after 4 instances: some 1.915 points of gap behind the program it was",
        ),
        (
            "plateau",
            {"slots": 15, "arm": "fresh-1", "strategy": "genetic", "instead of": "merging", "not by": "big"},
            "no better program in 15 slots: fresh-1 (genetic, without big) starts",
        ),
        ("speed", {"goal": "the goal is CPU time now"}, "the goal is CPU time now"),
        ("twin", {"slot": 10}, "behaves as slot 10 does"),
        (
            "halving round 2",
            {"instances": 16, "gaps": [[10, 0.05], [26, 0.03]], "failed": [], "kept": [26]},
            "Halving, round 2: 2 programs on 16 new instances (slot 10: 0.050 %, slot 26: 0.030 %). Kept: slot 26.",
        ),
        (
            "against the best rule",
            {
                "winner": 69,
                "rule": "EDD",
                "instances": 60,
                "gain": 1.2,
                "low": 0.7,
                "high": 1.8,
                "kept": "winner",
            },
            "Slot 69 against EDD, the best rule, on 60 instances: +1.200 points (interval of the test +0.700 to "
            "+1.800); it wins.",
        ),
        (
            "against the best rule, 2",
            {
                "winner": 6,
                "rule": "EDD",
                "instances": 9,
                "gain": 0.2,
                "low": -0.7,
                "high": 0.8,
                "kept": "rule",
            },
            "Slot 6 against EDD, the best rule, on 9 instances: +0.200 points (interval of the test −0.700 to +0.800); "
            "that may be chance, so the rule is kept.",
        ),
        (
            "passed over slot 4",
            {"worse in": "wide"},
            "Slot 4 was passed over: it is significantly worse in wide.",
        ),
        ("simplified, 2", {"tried": 9, "before": 7, "after": 7}, "No shorter form is as good, by 9 tries."),
        (
            "claim",
            {"instances": 60, "rule": "EDD", "gain": 1.2, "low": 0.8, "high": 1.7},
            "Claim, on 60 instances",
        ),
        ("examined slot 69", {"outcome": "ok", "message": ""}, "Verified slot 69 again"),
        ("examined 20fc", {"outcome": "foresight", "message": "why"}, "Verified 20fc again"),
        (
            "simplified",
            {"tried": 40, "before": 1133, "after": 769},
            "Shortened from 1133 to 769 in size, by 40",
        ),
        ("last instances, drawn after slot 75", {"seed": 5}, "The last instances were drawn after slot 75"),
    ],
)
def test_known_decisions_are_sentences(kind, detail, words):
    """Each kind in its own words."""
    assert describe_decision(kind, detail).startswith(words)


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("refresh", {"instances": 3}),
        ("raced", {"met": None}),
        ("halving round 1", {"gaps": "none"}),
        ("claim", {"gain": "x", "low": 1, "high": 2, "instances": 3, "rule": "r"}),
        ("<script>", {"why": "<b>"}),
    ],
)
def test_unknown_or_damaged_decisions_are_told_as_they_are(kind, detail):
    """A decision of another version, or of an archive that was edited, is no error."""
    assert describe_decision(kind, detail).startswith(kind)


def make_report(points, interval, gap=1.0, name="7"):
    """The part of a report that its verdict is about."""
    return {
        "best": {"id": 7, "name": name, "pooled_gap_percent": gap},
        "reference": {"name": "MDD"},
        "gain": {"pooled_gap_points": points, "ci95": interval, "instances": 60},
    }


def test_a_verdict_claims_what_its_interval_shows():
    """Better, worse and not shown to differ by the interval alone; without one there is no claim."""
    assert "Program 7 is better than MDD" in describe_verdict(make_report(0.4, [0.1, 0.7]))
    assert "is worse than MDD" in describe_verdict(make_report(-0.4, [-0.7, -0.1]))
    assert "is not shown to differ from MDD" in describe_verdict(make_report(0.4, [-0.1, 0.9]))
    assert "no claim" in describe_verdict(make_report(0.4, None))
    assert "failed on the sealed test" in describe_verdict(make_report(0.0, None, None))
    assert "No program is shown to be better" in describe_verdict(make_report(0.0, None, name="MDD"))
