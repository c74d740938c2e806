"""Novelty in a whole run: what only repeats a behaviour is told apart early, and costs nothing."""

from helpers import TINY, Inline, Scripted, finish, job, reply_with, tiny

from gapsmith.agent import Archive
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.runs.splits import InstanceSupply

FIRST = "share = 0.3 * p\nreturn np.argsort(d + share, kind='stable')"
AGAIN = "return np.argsort(d + 0.3 * p, kind='stable')"
THIRD = "return np.argsort(p * 0.3 + d, kind='stable')"


def rows_of(place, *bodies, without=("racing",), **changes):
    """What came of the programs that a model returned in turn, and the run."""
    model = Scripted([reply_with(body) for body in bodies], 3)
    run = finish(job(place, model=model, calls=len(bodies), without=without, **changes))
    return [row for slot, row in run.archive.read_candidates(1).items() if slot > 2 and row.model], run


def test_the_same_behaviour_in_other_words_is_measured_once(place):
    """The second and the third are twins of the first: a probe each, no evaluation, and it is said of whom."""
    (first, *others), run = rows_of(place, FIRST, AGAIN, THIRD)
    assert (first.outcome, first.charged) == ("ok", 1)
    assert [(row.outcome, row.charged, row.train_gap) for row in others] == [("twin", 0, None)] * 2
    assert all(row.evaluated < first.evaluated for row in others)
    assert all(set(row.behaviour.split()) < set(first.behaviour.split()) for row in others)
    told = [(event.slot, event.detail) for event in run.archive.read_events(1) if event.kind == "twin"]
    assert told == [(4, {"slot": 3}), (5, {"slot": 3})]
    assert run.ledger.evaluations == 1


def test_the_same_program_in_other_names_is_not_even_probed(place):
    """A duplicate is known by its code, before it is run."""
    (_, second), run = rows_of(place, FIRST, FIRST.replace("share", "part"))
    assert (second.outcome, second.evaluated, second.charged) == ("duplicate", 0, 0)
    assert run.ledger.evaluations == 1


def test_without_novelty_a_twin_is_measured(place):
    """Where the part is switched off every program that is not the very same is measured and charged."""
    rows, run = rows_of(place, FIRST, AGAIN, without=("novelty", "racing"))
    assert [(row.outcome, row.charged) for row in rows] == [("ok", 1)] * 2
    assert rows[0].train_gap == rows[1].train_gap
    assert run.ledger.evaluations == 2


def test_the_shorter_of_two_twins_is_kept(place):
    """A shorter program that does the same stands among the elites in place of the longer one."""
    (first, second), run = rows_of(place, FIRST, AGAIN)
    state = run.loop.state
    assert state.champion.program not in (first.program, second.program)
    assert state.find(first.program) is None
    assert state.find(second.program).gap == first.train_gap


def test_the_optimal_on_the_probe_are_no_twins_until_they_met_more(place):
    """Two programs that agree where all is solved, and differ later, are both measured."""
    easy = {i.digest for i in InstanceSupply(tiny(), (), (), 3).splits.train.instances[:4]}
    whole, optimum = tiny(), find_problem(str(TINY)).baseline
    problem = tiny(
        cost=lambda instance, solution: (
            optimum(instance, 1.0).upper if instance.digest in easy else whole.cost(instance, solution)
        )
    )
    sums = sorted(int(i.data["p"].sum()) for i in whole.generate_instances("train", 3) if i.digest in easy)
    bodies = [
        f"if p.sum() in {sums}:\n    return np.arange(len(p))\nreturn np.argsort(d + {share} * p)"
        for share in (0.3, 1.0)
    ]
    (first, second), _ = rows_of(place, *bodies, problem=problem, without=("racing",))
    assert [(row.outcome, row.charged) for row in (first, second)] == [("ok", 1)] * 2
    assert first.behaviour != second.behaviour


def test_a_twin_is_a_twin_again_after_a_crash(place):
    """A run that goes on from its archive tells the same twins apart, and runs none of them again."""
    rows, run = rows_of(place, FIRST, AGAIN, THIRD)
    before = run.archive.compute_fingerprint(1)
    twins = {run.archive.find(row.program).source for row in rows if row.outcome == "twin"}
    executor = Inline()
    finish(job(place, number=1, model=Scripted([], 3), executor=executor, calls=3, without=("racing",)))
    assert Archive(place).compute_fingerprint(1) == before
    assert len(twins) == 2
    assert not twins & {each.source for each in executor.runner.jobs}
