"""The ladder refutes what is wrong, says why, and sorts what is right into three classes."""

from dataclasses import replace

import pytest
from small import augment, search
from traps_builds import LIES

from gapsmith.evaluators.base import Instance
from gapsmith.evaluators.formulations.contract import HEADER
from gapsmith.evaluators.formulations.exchange.composition import compose_program
from gapsmith.evaluators.formulations.verify.ladder import REFUTED, draw_hidden
from gapsmith.evaluators.formulations.verify.mutants import (
    PASSED,
    Mutant,
    MutantResult,
    choose_mutants,
    compute_kill_rate,
    examine_mutant,
    make_mutants,
    retry_mutant,
)
from gapsmith.sandbox import open_sandbox


@pytest.fixture(scope="module")
def sandbox():
    """Where candidates run."""
    with open_sandbox(preload="ortools") as box:
        yield box


@pytest.fixture(scope="module")
def problem():
    """Additions to the intervals of 1‖ΣTj."""
    return search("tardiness_interval")


def pattern(problem, *names):
    """The program of patterns of the library."""
    return compose_program([each for each in problem.formulation.patterns if each.name in names])


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("no_idle_work", "implied"),
        ("upper_bound", "true in every optimum"),
        ("emmons_precedences", "keeps an optimum"),
    ],
)
def test_classes_of_truth(problem, sandbox, name, truth):
    """A redundant equation is implied, an upper bound true in every optimum, dominance keeps an optimum."""
    found = problem.verify(pattern(problem, name), sandbox, (), True)
    assert (found.outcome, found.detail["truth"]) == ("ok", truth)


def test_rung_that_showed_it(problem, sandbox):
    """Constraints on the base's variables alone are refuted one by one; those on added ones are enumerated."""
    proved = problem.verify(pattern(problem, "no_idle_work"), sandbox, (), True)
    listed = problem.verify(pattern(problem, "order_literals"), sandbox, (), True)
    assert (proved.detail["rung"], listed.detail["rung"]) == ("refutation", "enumeration")


WRONG = {
    "a cut for rare instances": (
        "start, p, d = variables['start'], data['p'], data['d']",
        "for j in range(len(p) - 1):",
        "    if p[j] == p[j + 1] and d[j] < d[j + 1]:",
        "        model.add(start[j + 1] <= start[j]).with_name('symmetry: wrong way round')",
    ),
    "a bound that is one too high": (
        "least = int(np.maximum(np.cumsum(np.sort(data['p'])) - np.sort(data['d']), 0).sum())",
        "model.add(sum(variables['tardiness']) >= least + 1).with_name('bound: one more')",
    ),
    "no solution at all": ("model.add(variables['start'][0] < 0).with_name('implied: never')",),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_is_refuted_with_an_instance(problem, sandbox, what):
    """What loses all optima of some instance is refuted, and the instance that is kept refutes it again."""
    source = augment(*WRONG[what])
    found = problem.verify(source, sandbox, (), True)
    assert found.outcome == REFUTED
    kept = Instance.restore("kept", found.detail["counterexample"]["data"])
    again = problem.verify(source, sandbox, (kept,), False)
    assert again.detail["counterexample"]["digest"] == kept.digest
    assert str(kept.plain["p"]) in again.message


def test_counterexamples_come_first(problem, sandbox):
    """An instance that no tiny one resembles refutes what is wrong there alone, once it is known."""
    source = augment(
        "if len(data['p']) == 7 and data['d'][0] == 77:",
        "    model.add(variables['start'][0] < 0).with_name('implied: never')",
    )
    assert problem.verify(source, sandbox, (), False).outcome == "ok"
    known = Instance.restore("known", {"p": [3] * 7, "d": [77] * 7})
    assert problem.verify(source, sandbox, (known,), False).outcome == REFUTED


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("model.minimize(variables['start'][0])",), "objective was changed"),
        (("model.clear_objective()",), "objective was changed"),
        (("model.proto.constraints.clear()",), "are missing"),
        (("model.add(variables['start'][0] >= 0)",), "claim"),
        (("b = model.new_bool_var('b')", "model.add_assumption(b)"), "assumptions"),
    ],
)
def test_tampering_is_no_counterexample(problem, sandbox, lines, words):
    """What is refused on any instance says nothing about the first one: no counterexample is kept."""
    found = problem.verify(augment(*lines), sandbox, (), True)
    assert (found.outcome, "counterexample" in found.detail) == ("infeasible", False)
    assert words in found.message


def test_models_that_are_not_solved_show_nothing(problem, sandbox):
    """What cannot be solved cannot be refuted, and is not accepted for that."""
    slow = replace(problem.ladder, limit=0.0)
    found = slow.verify(augment("model.new_int_var(0, 9, 'x')"), sandbox, (), True)
    assert (found.outcome, found.detail) == ("undecided", {})


def test_a_crash_is_told_as_such(problem, sandbox):
    """A program that fails on an instance of one job has its error as the message."""
    found = problem.verify(augment("variables['start'][3]"), sandbox, (), False)
    assert found.outcome == "candidate_exception"
    assert "IndexError" in found.message


def test_hidden_instances_follow_from_the_program(problem):
    """Another program meets other instances, the same one the same: nobody can know them before it is written."""
    same, other = (
        [i.digest for i in draw_hidden(problem.pricing, source, 20)] for source in ("one", "other")
    )
    assert same == [i.digest for i in draw_hidden(problem.pricing, "one", 20)]
    assert len(set(same) & set(other)) < 5


def test_two_right_dominances_can_be_wrong_together(problem, sandbox):
    """Ties broken up and ties broken down are each right, and refuted as a whole."""
    ties = (
        "start, p, d = variables['start'], data['p'], data['d']",
        "for j in range(len(p)):",
        "    for i in range(j):",
        "        if p[i] == p[j] and d[i] == d[j]:",
    )
    up = "            model.add(start[j] >= start[i]).with_name('symmetry: up')"
    down = "            model.add(start[j] <= start[i]).with_name('symmetry: down')"
    outcomes = [
        problem.verify(augment(*ties, *cuts), sandbox, (), True).outcome
        for cuts in ((up,), (down,), (up, down))
    ]
    assert outcomes == ["ok", "ok", REFUTED]


# Whole models


@pytest.fixture(scope="module")
def whole():
    """Whole models of 1‖ΣTj."""
    return search("tardiness_positional", whole=True, micro=40)


def test_whole_models_of_the_library_are_right(whole, sandbox):
    """The base and its alternative, with their decoder, pass on tiny instances and have a price on larger ones."""
    for rule in whole.formulation.builds:
        assert whole.verify(rule.source("build"), sandbox, (), True).outcome == "ok"


@pytest.mark.parametrize(
    "lie", [lie for lie in LIES if lie.formulation == "tardiness_positional"], ids=lambda lie: lie.name
)
def test_lies_are_found(sandbox, lie):
    """A whole model with a wrong optimum, or with a decoder that lies, is not accepted."""
    assert (
        search(lie.formulation, 10, whole=True, micro=100).verify(lie.source, sandbox, (), True).outcome
        != "ok"
    )


def test_a_model_without_a_decoder_is_none(whole, sandbox):
    """A whole model must say what its solution is."""
    source = whole.formulation.builds[0].source("build").replace("def decode(", "def undecoded(")
    assert whole.verify(source, sandbox, (), True).outcome == "no_entry"


# Mutants


def test_kinds_of_mistakes(problem):
    """Every kind of mistake occurs, no two mutants are equal, and none is the pattern itself."""
    found = [mutant for each in problem.formulation.patterns for mutant in make_mutants(each)]
    assert {mutant.kind for mutant in found} == {
        "off by one",
        "swapped inequality",
        "wrong index",
        "dropped term",
    }
    assert len({mutant.source for mutant in found}) == len(found)
    assert not {mutant.source for mutant in found} & {
        compose_program([p]) for p in problem.formulation.patterns
    }


def test_choice_of_mutants_is_repeatable_and_spread(problem):
    """Equal seeds choose equal mutants, of all kinds and of most patterns."""
    patterns = problem.formulation.patterns
    found = choose_mutants(patterns, 30, 1)
    assert found == choose_mutants(patterns, 30, 1) != choose_mutants(patterns, 30, 2)
    assert len({mutant.kind for mutant in found}) == 4
    assert len({mutant.pattern for mutant in found}) >= len(patterns) - 2


def test_fates_of_mutants(problem, sandbox):
    """A wrong mutant is killed, a weaker one equivalent, one that crashes broken, and one that slips by survives."""
    weaker = augment("model.add(variables['start'][0] >= -1).with_name('implied: weaker')")
    crash = augment("1 / 0")
    wrong = augment(*WRONG["no solution at all"])
    rare = augment(
        "if len(data['p']) == 5 and data['p'][0] == data['p'][1] == data['p'][2]:",
        "    model.add(variables['start'][0] < 0).with_name('implied: never')",
    )
    few = search("tardiness_interval", micro=1).ladder
    tried = {"killed": wrong, "equivalent": weaker, "broken": crash, "survived": rare}
    first = [examine_mutant(Mutant("p", "k", "c", source), few, sandbox) for source in tried.values()]
    assert [each.fate for each in first] == ["killed", PASSED, "broken", PASSED]
    assert retry_mutant(first[1], first, few, sandbox, 20).fate == "equivalent"
    assert retry_mutant(first[3], (), few, sandbox, 300).fate == "survived"
    known = MutantResult(first[0].mutant, "killed", "", {"data": {"p": [2, 2, 2, 3, 4], "d": [0] * 5}})
    assert retry_mutant(first[3], [known], few, sandbox, 0).fate == "survived"


def test_kill_rate_counts_wrong_mutants_alone():
    """Equivalent and broken mutants are no part of the rate; without wrong ones there is none."""
    mutant = Mutant("p", "k", "c", HEADER)
    of = {fate: MutantResult(mutant, fate, "") for fate in ("killed", "survived", "equivalent", "broken")}
    assert compute_kill_rate([of["killed"]] * 3 + [of["survived"], of["equivalent"], of["broken"]]) == 0.75
    assert compute_kill_rate([of["equivalent"]]) is None
