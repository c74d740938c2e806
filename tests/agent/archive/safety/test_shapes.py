"""Shapes of plain data: what readers rely on, and nothing more."""

import pytest

from gapsmith.agent.archive.safety.shapes import find_misfit

MISFITS = [
    ("runs.report", [], "dictionary"),
    ("runs.report", {"best": {"pooled_gap_percent": "x"}}, "best.pooled_gap_percent"),
    ("runs.report", {"best": {"ci95": [1.0]}}, "best.ci95"),
    ("runs.report", {"front": [{"id": 1}]}, "front.0.name"),
    ("runs.report", {"usd": float("nan")}, "usd"),
    ("runs.report", {"usd": True}, "usd"),
    ("runs.config", {"budget": {"calls": "many"}}, "budget.calls"),
    ("runs.config", {"models": "offline"}, "models"),
    ("candidates.parents", [1, "2"], "1"),
    ("candidates.parents", [2**63], "0"),
    ("calls.detail", {"finish": 1}, "finish"),
    ("batches.slots", {"one": {"prompt": "", "template": ""}}, "one"),
    ("gate", {"passed": True, "gain": [], "low": 0.0, "high": 0.0}, "gain"),
    ("last", {}, "seed"),
    ("last", {"seed": 1.0}, "seed"),
    ("sent", {"most_usd": -1.0}, "most_usd"),
    ("examined", {"outcome": None}, "outcome"),
]


@pytest.mark.parametrize(("kind", "value", "words"), MISFITS)
def test_a_misfit_is_described(kind, value, words):
    """The place inside the data is named, with what is expected there."""
    assert words in find_misfit(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("runs.report", {"best": None, "later": {"of": ["another version"]}}),
        ("runs.report", {"best": {"pooled_gap_percent": 1, "ci95": [None, 2.5]}}),
        ("runs.config", {"budget": {"calls": 3}, "scale": "small"}),
        ("candidates.parents", []),
        ("baselines.solution", [[0, "anything"]]),
        ("twin", {"slot": "anything"}),
        ("gate", {"passed": True}),
    ],
)
def test_what_readers_do_not_rely_on_is_allowed(kind, value):
    """Keys of other versions, whole numbers for numbers, and data that nobody interprets."""
    assert not find_misfit(kind, value)
