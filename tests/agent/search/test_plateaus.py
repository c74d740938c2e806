"""Plateaus: when a search stands still, and which questions are asked in vain."""

import pytest

from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import BY_NAME
from gapsmith.agent.search.plateaus import (
    FRUITLESS,
    FreshStart,
    Fruitless,
    Plateau,
    derive_patience,
    describe_fresh_start,
)
from gapsmith.agent.search.selection.population import Elite


def question(operator="refine", arm="genetic", parent=1):
    """What an arm asks."""
    return Choice(BY_NAME[operator], (Elite(parent, "", 1, 1.0, (1.0,)),), arm=arm)


@pytest.mark.parametrize(("budget", "slots"), [(1, 15), (100, 15), (200, 30), (400, 60), (1e6, 60)])
def test_patience_is_a_share_of_the_budget(budget, slots):
    """15 %, and neither less than 15 slots nor more than 60."""
    assert derive_patience(budget) == slots


def test_a_plateau_begins_anew_after_each_fresh_trajectory():
    """It lasts until something is better; a fresh trajectory is due each time the patience is used up."""
    plateau, due, lasting = Plateau(3), [], []
    for slot in range(10):
        plateau.note_slot(improved=slot == 7)
        due.append(plateau.is_due)
        lasting.append(plateau.lasts)
        if due[-1]:
            plateau.renew()
    assert [slot for slot, is_due in enumerate(due) if is_due] == [2, 5]
    assert [slot for slot, lasts in enumerate(lasting) if lasts] == [2, 3, 4, 5, 6]


def test_what_was_asked_before_a_fresh_trajectory_does_not_end_it():
    """A batch of questions that were open already is answered in vain: the fresh one has its own patience."""
    plateau = Plateau(3)
    for _ in range(13):
        plateau.note_question(question(), best=1)
    for answered in range(1, 17):
        if answered > 13:
            plateau.note_question(question(arm="fresh-1"), best=1)
        plateau.note_slot(improved=False)
        plateau.note_answer("a")
        assert plateau.is_due is (answered in (3, 16))
        if answered == 3:
            plateau.renew()


def test_the_model_that_was_asked_most_is_counted_since_the_last_start():
    """A better program, or a fresh trajectory, begins the count anew."""
    plateau = Plateau(3)
    plateau.models.update("aab")
    assert plateau.renew() == "a"
    assert plateau.renew() == ""
    plateau.models.update("a")
    plateau.note_slot(improved=True)
    assert plateau.renew() == ""


def test_a_question_is_in_vain_after_three_answers_without_a_gain():
    """Of the same arm, operator and parents; a gain begins the count anew."""
    fruitless = Fruitless()
    for _ in range(FRUITLESS):
        assert not fruitless.is_in_vain(question())
        fruitless.note(question(), gained=False)
    assert fruitless.is_in_vain(question())
    for other in (question("explore"), question(arm="fresh-1"), question(parent=2)):
        assert not fruitless.is_in_vain(other)
    fruitless.note(question(), gained=True)
    assert not fruitless.is_in_vain(question())


def test_a_fresh_start_is_a_sentence():
    """With the model and the trajectory that it does without, where there are any."""
    told = describe_fresh_start(FreshStart(15, "fresh-1", "genetic", "sequential", "big").encode())
    assert told == (
        "no better program in 15 slots: fresh-1 (genetic, without big) starts from the best program in place of "
        "sequential"
    )
    assert describe_fresh_start(FreshStart(15, "fresh-2", "merging", "").encode()).endswith(
        "the best program"
    )
