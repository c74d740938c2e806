"""What the search remembers: failures, lessons, constants to be tuned, twins, and what is switched off."""

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from gapsmith.agent.codegen.screen import Screened
from gapsmith.agent.runs.loop.slot import Judged, Origin, Slot
from gapsmith.agent.search.choice import Choice, Failure, Lesson, Lessons
from gapsmith.agent.search.operators import (
    BY_NAME,
    REPAIR,
    REPAIRS_AT_MOST,
    RULE,
    SEED,
    TACTIC,
    TUNE,
    Operator,
)
from gapsmith.agent.search.selection import BY_GAP
from gapsmith.agent.search.selection.population import Elite
from gapsmith.agent.search.state import WAITING, SearchState
from gapsmith.agent.search.strategies.arms import CONTROL
from gapsmith.agent.search.strategies.genetic import Genetic
from gapsmith.agent.search.strategies.independent import Independent
from gapsmith.agent.search.switches import Switches
from gapsmith.evaluators.base import GapsmithError
from gapsmith.evaluators.outcomes import CandidateOutcome

BENCH = SimpleNamespace(find_worst_stratum=lambda losses: "the worst class", classes=("all",) * 99)
REFINE = Choice(BY_NAME["refine"], arm="genetic")
TUNABLE = 'PARAMS = {"share": (0.5, 0.0, 1.0)}\n\n\ndef schedule(p, d):\n    return PARAMS["share"][0]\n'


def elite(program, gap, source="pass", size=9, name="", costs=None):
    """An elite."""
    costs = costs or (float(program), gap)
    return Elite(program, source, size, gap, costs, name=name, losses=costs)


PAIR = Genetic(), Independent()


def begun(*switched_off, strategies=PAIR, patience=None):
    """A search that knows two rules."""
    state = SearchState(
        SimpleNamespace(train=BENCH, validation=BENCH, crossed=False),
        strategies,
        100,
        Switches.switch_off(switched_off),
        patience=patience,
    )
    state.add_candidate(Choice(RULE), elite(1, 9.0, name="EDD"))
    state.add_candidate(Choice(RULE), elite(2, 7.0, name="MDD"))
    return state


def chosen(state, tries=200):
    """What is asked for next, again and again."""
    return [state.choose(Random(seed)) for seed in range(tries)]


def test_rules_and_seeds_are_where_all_start():
    """Every trajectory has them; the control begins with the best rule, not with a seed that is better still."""
    state = begun()
    state.add_candidate(Choice(SEED), elite(3, 1.0))
    assert state.best_rule.program == 2
    assert {arm.population.best.program for arm in state.arms.all.values()} == {3}
    assert state.best.program == 3


def test_an_elite_belongs_to_who_asked():
    """A program is its arm's and everyone's, and no other arm's; it is rewarded by how much it leads."""
    state = begun()
    first = state.add_candidate(Choice(BY_NAME["refine"], (state.best_rule,), arm="genetic"), elite(3, 5.0))
    second = state.add_candidate(Choice(BY_NAME["refine"], (state.best_rule,), arm="genetic"), elite(4, 6.0))
    worse = state.add_candidate(Choice(BY_NAME["refine"], (state.best_rule,), arm="genetic"), elite(5, 8.0))
    assert 1.0 == first > second > worse == 0.0
    assert state.arms.all["genetic"].population.rank(3) == 0
    assert state.arms.all[CONTROL].population.rank(3) is None
    assert state.all_elites.rank(3) == 0


# Repair


def failure(program, tries=0, arm="genetic"):
    """A program that raises."""
    return Failure(program, "code", "raises", tries, arm)


def test_failures_wait_for_repair_with_their_arm():
    """A failure is chosen for repair once, in the name of the arm that asked for it."""
    state = begun()
    state.record_failure(failure(7, arm="merging"))
    repairs = [choice for choice in chosen(state) if choice.operator is REPAIR]
    assert [(choice.programs, choice.arm) for choice in repairs] == [([7], "merging")]


def judged(number, choice, outcome="candidate_exception"):
    """A candidate that ended so."""
    found = Screened(CandidateOutcome.OK, "", "code")
    return Judged(Slot(number, choice), Origin("code"), found, 7, CandidateOutcome(outcome), "raises")


def test_a_program_is_mended_at_most_twice():
    """A chain of failing repairs ends after two, by what the slots themselves say of their tries."""
    state, repairs = begun(), 0
    ended = judged(5, REFINE)
    while True:
        state.record_failure(ended.find_failure())
        choice = next((each for each in chosen(state) if each.operator is REPAIR), None)
        if choice is None:
            break
        repairs += 1
        assert choice.arm == "genetic"
        ended = judged(ended.slot.number + 1, choice)
    assert repairs == REPAIRS_AT_MOST == 2


def repairs_of(ran):
    """How often a failure goes first, after twenty repairs that all ran or all failed."""
    state, count = begun(), 0
    for _ in range(20):
        state.update_bandits(Choice(REPAIR, failure=failure(7)), "", 0.0, 1.0, ran)
    for seed in range(200):
        state.failures = [failure(7)]
        count += state.choose(Random(seed)).operator is REPAIR
    return count / 200


def test_who_cannot_mend_is_asked_for_it_no_more():
    """Where repairs run they go first mostly; where they fail, nearly never."""
    assert repairs_of(ran=True) > 0.5
    assert 0 < repairs_of(ran=False) < 0.15


def test_a_rule_that_fails_is_not_mended():
    """No trajectory asked for it, and none could take in what came of it."""
    state = begun()
    state.record_failure(judged(5, Choice(RULE), "timeout_cpu").find_failure())
    assert state.failures == []


@pytest.mark.parametrize("outcome", ["ok", "duplicate", "twin", "raced", "no_code", "zygote_died"])
def test_what_is_no_failure_is_not_mended(outcome):
    """Neither what ran, nor what repeats, nor what the sandbox broke is to be mended."""
    assert judged(5, REFINE, outcome).find_failure() is None


def test_at_most_ten_failures_wait():
    """The latest failures are kept; a model that only fails does not fill the memory."""
    state = begun()
    for number in range(50):
        state.record_failure(failure(number))
    assert [each.program for each in state.failures] == list(range(40, 50))
    assert len(state.failures) == WAITING


# Lessons and stagnation


def lesson(slot, after, before=5.0):
    """What a try came to that started from 5 %."""
    return Lesson(slot, "refine", f"idea {slot}", before, after)


def test_lessons_are_the_smallest_gaps_and_the_latest_failures():
    """An idea that reached a small gap is told, however little it gained; of failures the latest are."""
    state = begun(strategies=(Genetic(),))
    state.add_lesson(lesson(50, 8.0, before=90.0))
    for slot in range(20):
        state.add_lesson(lesson(slot, 4.0 + slot / 100, before=4.5))
        state.add_lesson(lesson(100 + slot, None if slot % 2 else 5.0))
    told = state.choose(Random(1)).lessons
    assert [each.slot for each in told] == [*range(5), *range(108, 120)]


def test_an_idea_in_much_the_same_words_is_told_once():
    """Of gains the smaller gap stays; of failures the latest, with the number of its tries."""
    words = "Beam search of width {} over partial sequences, pruned by a bound."
    lessons = Lessons()
    for slot, after in enumerate((4.0, 3.0, 4.5, None, 6.0, None)):
        lessons.add(Lesson(slot, "refine", words.format(slot), 5.0, after))
    lessons.add(Lesson(9, "invent", "Dynamic programming over sets.", 5.0, None))
    assert [(each.slot, each.tries) for each in lessons.known] == [(1, 1), (5, 3), (9, 1)]


def test_a_repair_knows_what_the_run_learnt():
    """Its prompt has the lessons and the gap of the best program, as any other; the control's has neither."""
    state = begun()
    state.add_lesson(lesson(3, 4.0))
    for arm, told, best in (("genetic", (lesson(3, 4.0),), 7.0), (CONTROL, (), None)):
        choice = state.add_facts(Choice(REPAIR, failure=failure(7), arm=arm))
        assert (choice.lessons, choice.best_gap) == (told, best)


def test_the_control_learns_from_nothing():
    """The arm of independent samples is told no lessons, else it would be no control; the others are."""
    state = begun()
    state.add_lesson(lesson(3, 4.0))
    told = {choice.arm: choice.lessons for choice in (state.choose(Random(k)) for k in range(40))}
    assert told == {"genetic": (lesson(3, 4.0),), CONTROL: ()}


def test_standing_still_brings_a_tactic_and_a_gain_ends_it():
    """After so many slots without a better program tactics are asked for, until something is better."""
    state = begun(patience=8)
    state.record = 7.0

    def tactics():
        return sum(choice.operator is TACTIC for choice in chosen(state))

    for _ in range(7):
        state.record_failure()
    assert tactics() == 0
    state.add_candidate(REFINE, elite(3, 8.0))
    assert tactics() > 0
    state.add_candidate(REFINE, elite(4, 6.0))
    assert tactics() == 0


def test_who_specialises_is_told_the_worst_class():
    """The class of instances is named for that operator, and for no other."""
    told = {choice.operator.name: choice.stratum for choice in chosen(begun())}
    assert told.pop("specialise") == "the worst class"
    assert set(told.values()) == {""}


@dataclass(frozen=True)
class Polishing:
    """A strategy with an operator of its own: one line, besides its template."""

    name: str = "polishing"
    operators: tuple = (Operator("polish", 1, 0.2, "Polish {{ parents[-1].source }}", needs_stratum=True),)

    def choose(self, view, rng):
        """The operator, from the best."""
        return Choice(self.operators[0], (view.all.best,))


def test_an_operator_says_what_it_needs():
    """An operator that nothing else names gets the class of instances it asks for, and is learnt from."""
    state = begun(strategies=(Polishing(),))
    choice = state.choose(Random(1))
    assert (choice.operator.name, choice.stratum) == ("polish", "the worst class")
    state.update_bandits(choice, "a model", 0.5, 1.0, ran=True)
    assert set(state.operators.tallies) == {"polish"}


# Plateaus


def stand_still(state, slots):
    """So many slots without a better program; what starts meanwhile."""
    started = []
    for _ in range(slots):
        state.record_failure()
        started.append(state.start_fresh())
    return [each for each in started if each]


def test_a_plateau_starts_a_fresh_trajectory_from_the_best():
    """With the best program alone, another strategy each time, in place of the worst; the control stays."""
    state = begun(strategies=(), patience=5)
    state.record = 0.0
    state.add_candidate(Choice(BY_NAME["refine"], arm="sequential"), elite(3, 5.0))
    started = stand_still(state, 12)
    assert [(each.arm, each.strategy, each.replaced) for each in started] == [
        ("fresh-1", "genetic", "sequential"),
        ("fresh-2", "merging", "fresh-1"),
    ]
    assert state.arms.live == [CONTROL, "fresh-2"]
    assert [each.program for each in state.arms.all["fresh-2"].population.elites] == [3]
    assert {choice.arm for choice in chosen(state)} == {CONTROL, "fresh-2"}


def test_a_fresh_trajectory_does_without_the_model_that_was_asked_most():
    """Of those that were asked during the plateau."""
    state = begun(patience=2)
    state.record = 0.0
    for model in ("small", "large", "large"):
        state.update_bandits(REFINE, model, 0.0, 1.0, True)
    (started,) = stand_still(state, 2)
    assert started.avoided == state.arms.all["fresh-1"].avoided == "large"


@pytest.mark.parametrize("off", ["plateaus", "arms"])
def test_without_plateaus_or_arms_nothing_starts(off):
    """Nor is any question changed."""
    assert stand_still(begun(off, patience=2), 9) == []


@pytest.mark.parametrize("failures", [0, 500])
def test_of_three_questions_one_at_least_shows_the_best(failures):
    """Whichever trajectory asks, and however much there is to be repaired; the control's never do."""
    state = begun(strategies=())
    for number in range(20):
        state.add_candidate(Choice(BY_NAME["refine"], arm="sequential"), elite(10 + number, 5.0 + number))
    state.all_elites.add(elite(99, 1.0))
    shown = []
    for seed in range(300):
        if failures:
            state.failures = [failure(7)]
        choice = state.choose(Random(seed))
        shown.append(99 in choice.programs)
        assert not (choice.arm == CONTROL and shown[-1])
        assert len(choice.programs) <= max(1, choice.operator.parents)
    assert all(any(shown[k : k + 3]) for k in range(298))


def test_a_question_that_gained_nothing_three_times_gives_way():
    """Another parent or operator is drawn; the control asks what it asks."""
    state, asked = begun(strategies=(Genetic(),)), Counter()
    for seed in range(40):
        choice = state.choose(Random(seed))
        asked[choice.operator.name, tuple(choice.programs)] += 1
        state.update_bandits(choice, "", 0.0, 1.0, True)
    assert len(asked) >= 10
    assert max(asked.values()) <= 8


def test_a_question_of_an_earlier_session_finds_its_trajectory():
    """Where its plateau was met later than now, the fresh trajectory is started for it."""
    state = begun()
    recalled = state.recall(Choice(BY_NAME["refine"], (state.best,), arm="fresh-2"))
    assert recalled.best_gap == 7.0
    assert state.arms.live[-1] == "fresh-2"
    assert state.arms.all["fresh-2"].asked == 1
    with pytest.raises(GapsmithError, match="trajectory 'nobody'; expected one of"):
        state.recall(Choice(BY_NAME["refine"], arm="nobody"))


# Constants


def test_leaders_with_constants_wait_to_be_tuned():
    """Who leads its arm and has parameters waits, the best first, and is tuned once, for its arm."""
    state = begun()
    state.add_candidate(REFINE, elite(3, 5.0, TUNABLE))
    state.add_candidate(REFINE, elite(4, 6.0, TUNABLE))
    state.add_candidate(REFINE, elite(5, 4.0))
    state.add_candidate(REFINE, elite(6, 3.0, TUNABLE))
    assert TUNE not in {choice.operator for choice in chosen(state)}
    found = [state.choose(Random(seed), may_tune=True) for seed in range(3)]
    assert [(c.programs, c.arm) for c in found if c.operator is TUNE] == [([6], "genetic"), ([3], "genetic")]
    assert found[2].operator is not TUNE


def test_the_best_rule_waits_to_be_tuned():
    """Of the reference rules only the best with parameters waits, for the first arm; a leader goes before it."""
    state = SearchState(SimpleNamespace(train=BENCH, validation=BENCH, crossed=False), PAIR, 100)
    for number, gap in ((1, 9.0), (2, 7.0), (3, 8.0)):
        state.add_candidate(Choice(RULE), elite(number, gap, TUNABLE, name=f"rule {number}"))
    assert [(each.program, arm) for each, arm in state.untuned] == [(2, "genetic")]
    state.add_candidate(REFINE, elite(4, 5.0, TUNABLE))
    assert [each.program for each, _ in state.untuned] == [4, 2]
    control_first = SearchState(
        SimpleNamespace(train=BENCH, validation=BENCH, crossed=False), PAIR[::-1], 100
    )
    control_first.add_candidate(Choice(RULE), elite(1, 9.0, TUNABLE, name="a rule"))
    assert control_first.untuned[0][1] == "genetic"


def test_a_leader_that_was_tuned_is_tuned_again():
    """The tuned program is an elite of its parent's arm, with a gain, and waits to be tuned from there."""
    state = begun()
    state.add_candidate(REFINE, elite(3, 5.0, TUNABLE))
    asked = state.choose(Random(1), may_tune=True)
    reward = state.add_candidate(asked, elite(4, 2.0, TUNABLE))
    assert reward > 0
    assert state.arms.all["genetic"].population.rank(4) == 0
    assert [(each.program, arm) for each, arm in state.untuned] == [(4, "genetic")]


def test_at_most_ten_wait_to_be_tuned():
    """The best of those that wait are kept."""
    state = begun()
    for number in range(15):
        state.add_candidate(REFINE, elite(10 + number, 5.0 - number / 10, TUNABLE))
    assert [each.program for each, _ in state.untuned] == list(range(24, 14, -1))


# Twins


def test_a_shorter_twin_stands_for_the_longer_one_wherever_that_is():
    """In the arm and among all; where the longer one is not kept, the shorter one does not come in."""
    state = begun()
    state.add_candidate(REFINE, elite(3, 5.0, size=90))
    state.replace_elite(3, elite(4, 5.0, size=30, costs=(3.0, 5.0)))
    assert state.find(3) is None
    assert state.find(4).size == 30
    assert state.arms.all["genetic"].population.rank(4) == state.all_elites.rank(4) == 0
    assert state.arms.all[CONTROL].population.rank(4) is None


# Who learns


def test_everybody_who_asked_learns():
    """Operator, arm and model each have the try; of rules, seeds and tuning nobody learns."""
    state = begun()
    state.update_bandits(REFINE, "a model", 0.5, 1.0, True)
    state.update_bandits(Choice(REPAIR, failure=failure(7), arm="genetic"), "a model", 0.0, 1.0, False)
    for operator in (RULE, SEED, TUNE):
        state.update_bandits(Choice(operator, arm="genetic"), "", 1.0, 1.0, True)
    tries = {
        kind: {name: tally.tries for name, tally in bandit.tallies.items()}
        for kind, bandit in state.tallies.items()
    }
    assert tries == {
        "operator": {"refine": 1, "repair": 1},
        "arm": {"genetic": 1},
        "model": {"a model": 2},
    }


# Switches


def test_without_arms_there_is_one():
    """The trajectories give way to the first of them."""
    assert list(begun("arms").arms.all) == ["genetic"]
    assert list(begun().arms.all) == ["genetic", CONTROL]


def test_the_bar_is_the_best_of_the_arm():
    """It is the arm's own, whoever leads the others; without racing there is none, nor for a stranger."""
    state = begun()
    state.add_candidate(Choice(BY_NAME["refine"], arm=CONTROL), elite(3, 5.0))
    bar = state.find_race_reference("genetic")
    assert tuple(bar.losses) == state.arms.all["genetic"].population.best.losses
    assert state.find_race_reference("genetic") is bar
    assert begun("racing").find_race_reference("genetic") is begun().find_race_reference("nobody") is None


def test_the_bar_is_no_result_of_tuning():
    """New programs have constants that nobody fitted: they are raced against their like."""
    state = begun()
    state.add_candidate(Choice(BY_NAME["refine"], arm="genetic"), elite(3, 5.0, TUNABLE))
    state.add_candidate(Choice(TUNE, (state.find(3),), arm="genetic"), elite(4, 2.0, TUNABLE))
    assert state.best.program == 4
    assert tuple(state.find_race_reference("genetic").losses) == state.find(3).losses


def test_the_bar_meets_the_classes_of_the_training_instances_in_turn():
    """The most telling instance of each class comes before the second of any."""
    bench = SimpleNamespace(find_worst_stratum=lambda _: "", classes="aabb")
    state = SearchState(SimpleNamespace(train=bench, validation=bench, crossed=False), PAIR, 100)
    state.add_candidate(Choice(RULE), elite(1, 1.0, costs=(0.0, 0.0, 0.0, 0.0)))
    state.add_candidate(Choice(RULE), elite(2, 9.0, costs=(4.0, 3.0, 2.0, 1.0)))
    assert state.find_race_reference("genetic").order == (0, 2, 1, 3)


def test_without_tuning_nobody_waits_for_it():
    """Programs with parameters are elites like any other."""
    state = begun("tuning")
    state.add_candidate(REFINE, elite(3, 5.0, TUNABLE))
    assert state.untuned == []


def test_without_the_frontier_parents_are_chosen_by_gap():
    """The trajectories of the portfolio have another selector then."""
    known, other = begun(strategies=()), begun("frontier", strategies=())
    assert known.arms.all["sequential"].strategy.selector != BY_GAP
    assert other.arms.all["sequential"].strategy.selector == BY_GAP


def test_without_the_gate_what_is_better_passes():
    """The gate is not strict then."""
    assert begun().gate.strict
    assert not begun("gate").gate.strict


def test_a_switch_that_is_none_is_refused():
    """A slip of the pen does not switch nothing off."""
    with pytest.raises(KeyError, match="novelti"):
        Switches.switch_off(["novelti"])


@pytest.mark.parametrize(
    ("whole_budget", "proven", "losses", "ends"),
    [
        (False, (True, True), (0.0, 0.0), True),
        (False, (True, True), (0.0, 0.5), False),
        (False, (True, False), (0.0, 0.0), False),
        (False, (True, True), (), False),
        (True, (True, True), (0.0, 0.0), False),
    ],
)
def test_a_search_is_solved_where_every_optimum_is_proven_and_reached(whole_budget, proven, losses, ends):
    """A gap of zero to bounds that are not proven is no end, nor is one that was not measured."""
    bench = SimpleNamespace(**vars(BENCH), scale=SimpleNamespace(proven=np.array(proven)))
    splits = SimpleNamespace(train=bench, validation=bench, crossed=False)
    state = SearchState(splits, PAIR, 100, whole_budget=whole_budget)
    assert not state.is_solved
    state.add_candidate(Choice(RULE), replace(elite(1, 0.0, name="EDD"), losses=losses))
    assert state.is_solved is ends
