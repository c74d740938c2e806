"""The last line of a run: what to do with its winner."""

from types import SimpleNamespace

import pytest

from gapsmith.agent.cli.terminal.output import report_end, suggest_next_step
from gapsmith.agent.evaluation.compare import Entrant, Scored
from gapsmith.agent.runs.final.entropy import Source
from gapsmith.agent.runs.final.report import Counts, Report
from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.scoring import Aggregate, Gain

FIGURES = Aggregate(1.0, 1.0, 0.5, 0.01, (0.5, 1.5))
BETTER, UNSURE, WORSE = (Gain(points, (points - 0.5, points + 0.5), 60) for points in (1.0, 0.1, -1.0))
FEW, NONE = Gain(1.0, None, 4), Gain(0.0, None, 0)


def ratio(value, high):
    """A measured ratio, with its interval."""
    return {"value": value, "ci95": [value / 2, high]}


def report(gain=BETTER, claimed=None, name="17", aggregate=FIGURES, formulation=None):
    """A report whose winner is program 17, against EDD."""
    return Report(
        run=3,
        problem="tiny",
        model="offline",
        evaluations=9,
        calls=9,
        usd=0.0,
        seconds=1.0,
        best=Scored(Entrant(name, ""), "ok" if aggregate else "timeout_cpu", "", (), aggregate),
        best_id=17,
        reference=Scored(Entrant("EDD", ""), "ok", "", (), FIGURES),
        gain=gain,
        fingerprint="",
        counts=Counts(24, 60, 60, 60, 60, Source.DECISIONS),
        claimed=claimed,
        formulation=formulation,
    )


@pytest.mark.parametrize(
    "found",
    [
        report(),
        report(claimed=BETTER),
        report(claimed=NONE),
        report(formulation={"ratio": ratio(0.5, 0.9), "wall_ratio": ratio(0.5, 0.9)}),
        report(formulation={"ratio": ratio(0.5, 0.9), "wall_ratio": None}),
    ],
)
def test_a_better_winner_is_to_be_taken(found):
    """Where test and claim both say better, the line says how to export it, from that archive."""
    assert suggest_next_step(found, "archive.db") == "Take it with: gapsmith export 17 -o my_rule.py"
    assert suggest_next_step(found, "my runs.db").endswith("-o my_rule.py --archive 'my runs.db'")


@pytest.mark.parametrize(
    "found",
    [
        report(UNSURE),
        report(WORSE),
        report(FEW),
        report(BETTER, claimed=FEW),
        report(BETTER, claimed=UNSURE),
        report(aggregate=None),
        report(name="EDD"),
        report(formulation={"ratio": ratio(0.9, 1.1), "wall_ratio": None}),
        report(formulation={"ratio": ratio(0.5, 0.9), "wall_ratio": ratio(1.2, 1.4)}),
    ],
)
def test_no_other_winner_is_offered(found):
    """One that fails, is worse, is not shown to be better, or is the rule itself is not to be taken."""
    said = suggest_next_step(found, "archive.db")
    assert said.startswith("Keep EDD")
    assert "export" not in said


def ended(by_calls=False, left_behind=0, **replies):
    """A job that ended, and its replies."""
    ledger = SimpleNamespace(ended_by_calls=by_calls, most_calls=40, evaluations=7)
    told = SimpleNamespace(**{"count": 9, "fruitless": False, "without_program": 0, **replies})
    return SimpleNamespace(ledger=ledger, left_behind=left_behind), told


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({}, ""),
        ({"by_calls": True}, "ended by the limit of 40 calls, with 7 evaluations; change it with --calls"),
        ({"left_behind": 3}, "3 requests had no reply at the time limit; they may be billed"),
    ],
)
def test_how_a_run_ended_is_said_on_stderr(capsys, end, words):
    """What `--json` tells of limits a plain run says, too, beside its report."""
    report_end(*ended(**end))
    said = capsys.readouterr()
    assert (said.out, said.err.strip()) == ("", words)


def test_a_run_without_replies_fails(capsys):
    """Where nothing was answered in time the report is of rules alone, and that is a failure."""
    with pytest.raises(GapsmithError, match=r"3 requests had no reply.*covers only the reference rules"):
        report_end(*ended(left_behind=3, count=0))
