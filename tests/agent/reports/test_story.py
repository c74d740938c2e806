"""A run in sentences: what was asked, searched, validated and selected, and the result."""

from gapsmith.agent.archive import CandidateRow, RunRow
from gapsmith.agent.reports.decisions import Decision
from gapsmith.agent.reports.story import tell_story

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


def test_plateaus_are_told():
    """With the slot after which a fresh trajectory started."""
    detail = {"slots": 15, "arm": "fresh-1", "strategy": "genetic", "instead of": "", "not by": ""}
    found = story([decision(9, [("plateau", detail)], operator="refine", outcome="raced")])
    told = "  slot 9: no better program in 15 slots: fresh-1 (genetic) starts from the best program"
    assert told in found["The search"]


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


def test_the_end_names_programs_by_their_numbers():
    """Events of the end have slots; `show` and `export` want numbers."""
    halving = {"instances": 16, "gaps": [[3, 1.0], [4, 2.0]], "failed": [], "kept": [3]}
    rows = [decision(slot, operator="refine", program=10 * slot, outcome="ok") for slot in (3, 4)]
    (line,) = story([*rows, Decision(None, None, (("halving round 2", halving),))])["Final selection"]
    assert line.endswith("(program 30: 1.000 %, program 40: 2.000 %). Kept: program 30.")


def test_a_run_without_a_report_says_how_to_get_one():
    """A run that was stopped has no result yet."""
    assert story([])["Result"] == ["There is no report yet; it comes with: gapsmith resume 1"]
