"""The search in whole runs: warm starts, a gate that wears out, decisions on record, several models, an end."""

import json
from collections import Counter

import numpy as np
import pytest
from helpers import (
    TINY,
    Inline,
    Scripted,
    Shuffled,
    Threaded,
    crash,
    dying,
    finish,
    job,
    numbered,
    reply_with,
    shorten_tuning,
    tiny,
)

from gapsmith.agent import Archive
from gapsmith.agent.cli.app import main
from gapsmith.agent.runs.loop import loop
from gapsmith.agent.runs.run import SEARCHED
from gapsmith.agent.search import state
from gapsmith.agent.search.acceptance import gate
from gapsmith.agent.search.strategies import make_portfolio

WAITED = "repair", "tune"
"""What is asked in the name of a trajectory that is given up: what waited already."""

SEEDS = tuple(
    f"import numpy as np\n\n\ndef schedule(p, d):\n    return np.argsort({key}, kind='stable')\n"
    for key in ("d + 0.3 * p", "d - 0.2 * p")
)


def one_rule():
    """The tiny problem with its first rule only, which leaves much to be gained."""
    return tiny(rules=tiny().rules[:1])


def due_date_cost(instance):
    """The tardiness of the order of due dates."""
    order = np.argsort(instance.data["d"], kind="stable")
    return tiny().cost(instance, order.tolist())


def table(instances):
    """A program that knows the optima of these instances, and sorts all others by due dates."""
    known = {
        str([i.data["p"].tolist(), i.data["d"].tolist()]): list(tiny().baseline(i, 1.0).solution)
        for i in instances
    }
    return (
        f"import numpy as np\n\n\ndef schedule(p, d):\n    known = {known!r}\n"
        "    found = known.get(str([p.tolist(), d.tolist()]))\n"
        "    return found if found else np.argsort(d, kind='stable')\n"
    )


# What a try costs


def test_where_calls_are_counted_all_tries_cost_the_same(place):
    """Who asks for programs that fail at once is not favoured for that: the call is spent."""
    run = finish(job(place, calls=12))
    tallies = run.loop.state.operators.tallies.values()
    assert sum(tally.tries for tally in tallies) > 0
    assert all(tally.cost == tally.tries for tally in tallies)


def test_where_evaluations_are_counted_a_try_costs_what_it_met(place):
    """A twin or a program that was dropped early costs less than a whole evaluation."""
    run = finish(job(place, evaluations=12))
    tallies = run.loop.state.operators.tallies.values()
    assert any(tally.cost != tally.tries for tally in tallies)


# Warm starts


def test_seeds_come_after_the_rules_and_cost_one_evaluation_each(place):
    """They are slots of their own, asked of nobody; all trajectories begin with them."""
    run = finish(job(place, seeds=SEEDS, evaluations=6))
    rows = run.archive.read_candidates(1)
    assert [rows[k].operator for k in range(6)] == ["rule"] * 3 + ["seed"] * 2 + [rows[5].operator]
    assert rows[5].model == "offline"
    assert [(rows[k].charged, rows[k].parents, rows[k].model) for k in (3, 4)] == [(1, [], "")] * 2
    assert run.ledger.evaluations == sum(row.charged for slot, row in rows.items() if slot > 2)
    for arm in run.loop.state.arms.all.values():
        assert arm.population.rank(rows[3].program) is not None
    assert run.ledger.calls == len(run.archive.read_calls(1)) == len(rows) - 5


def test_a_seed_is_no_rule(place):
    """The control still starts from the best rule, and a seed that is the best must pass the gate like any other."""
    problem = one_rule()
    train, validation = problem.generate_instances("train", 3), problem.generate_instances("validation", 3)
    improved = [each for each in validation if due_date_cost(each) > problem.baseline(each, 1.0).upper]
    for known, gate_says in (((*train, improved[0]), "held back"), ((*train, *validation), "passed")):
        run = finish(job(place + gate_says, problem=problem, seeds=(table(known),), calls=1))
        assert run.loop.state.best_rule.name == "EDD"
        assert run.loop.state.best.gap < run.loop.state.best_rule.gap
        assert run.archive.read_candidates(1)[1].gate == gate_says


def test_a_warm_start_needs_its_archive_only_once(tmp_path, monkeypatch, capsys):
    """`run --from` copies the programs: once begun, the run is resumed without the old archive."""
    monkeypatch.chdir(tmp_path)

    def gapsmith(*words):
        with pytest.raises(SystemExit) as left:
            main([*map(str, words), "--json"])
        said = capsys.readouterr()
        assert not left.value.code, said.err
        return json.loads(said.out)

    finish(job("old.db", calls=6))
    done = gapsmith("run", TINY, "--from", "old.db", "--calls", 1, "--whole-budget", "--archive", "new.db")
    (tmp_path / "old.db").unlink()
    rows = Archive("new.db").read_candidates(1)
    assert Counter(row.operator for row in rows.values())["seed"] >= 2
    assert gapsmith("resume", "--archive", "new.db")["fingerprint"] == done["fingerprint"]


# The gate wears out


def refreshed(place, **changes):
    """A run whose gate is worn by every look."""
    return finish(job(place, **{"problem": one_rule(), "evaluations": 20, **changes}))


def test_a_worn_gate_has_half_of_its_instances_exchanged(place, monkeypatch):
    """The champion is measured on the fresh ones, and goes on from there; the exchange is on record."""
    monkeypatch.setattr(gate, "LOOKS", 1)
    run = refreshed(place)
    events = [event for event in run.archive.read_events(1) if event.kind == "refresh"]
    before, now = run.supply.splits.validation, run.loop.state.gate.bench
    assert len(events) > 1
    assert len(now.instances) == len(before.instances) == events[0].detail["instances"]
    digests = [i.digest for i in now.instances]
    gone = min(len(events) * 4, 8)
    assert digests[: 8 - gone] == [i.digest for i in before.instances[gone:]]
    assert len(set(digests)) == 8
    champion = run.loop.state.champion
    scores = run.archive.read_scores(champion.program, digests)
    assert [scores[digest].cost for digest in digests] == list(run.loop.state.gate.costs)


def test_fresh_instances_follow_from_the_seed(place, tmp_path, monkeypatch):
    """Whatever order evaluations end in, and after a crash, the same instances come and the same is decided."""
    monkeypatch.setattr(gate, "LOOKS", 1)
    expected = refreshed(place).archive.compute_fingerprint(1)
    with Shuffled(5) as executor:
        assert refreshed(str(tmp_path / "b.db"), executor=executor).archive.compute_fingerprint(1) == expected
    for after in (45, 75):
        other = str(tmp_path / f"{after}.db")
        assert crash(job(other, archive=dying(Archive(other), after), problem=one_rule(), evaluations=20))
        assert refreshed(other, number=1).archive.compute_fingerprint(1) == expected


def test_an_exchange_is_told_alike_in_any_archive(place, tmp_path, monkeypatch):
    """Where an archive holds earlier runs programs have other numbers, and the record of the exchange is the same."""
    monkeypatch.setattr(gate, "LOOKS", 1)
    expected = refreshed(place, calls=12).archive.compute_fingerprint(1)
    other = str(tmp_path / "other.db")
    finish(job(other, seed=4, calls=4))
    assert refreshed(other, calls=12).archive.compute_fingerprint(2) == expected


def test_candidates_that_wait_at_a_worn_gate_are_not_held_up(tmp_path, monkeypatch):
    """Several leaders at the gate at once, and each wears it out: all are judged on the instances of their turn."""
    monkeypatch.setattr(gate, "LOOKS", 1)
    exchanges = []
    for number in range(4):  # answers come in any order: a run in which the best came first has one leader
        place = str(tmp_path / f"{number}.db")
        run = finish(job(place, problem=one_rule(), model=Threaded(together=16), calls=16))
        events = [event.kind for event in run.archive.read_events(1)]
        assert events.count("refresh") == events.count("gate") - 1
        assert run.ledger.calls == len(run.archive.read_calls(1)) == 16
        exchanges.append(events.count("refresh"))
    assert max(exchanges) > 1


# Decisions on record


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A run in which everything happens: six trajectories, tuning, cuts, a gate that wears out."""
    with pytest.MonkeyPatch.context() as patch:
        shorten_tuning(patch)
        patch.setattr(gate, "LOOKS", 1)
        place = str(tmp_path_factory.mktemp("long") / "a.db")
        return finish(job(place, strategies=make_portfolio(900), evaluations=60))


def test_every_decision_is_on_record(long):
    """Dropped, told apart, tuned, gated, given up, exchanged: of each there is an event with its reason."""
    events, rows = long.archive.read_events(1), long.archive.read_candidates(1)
    kinds = {event.kind for event in events}
    assert {"arms", "raced", "twin", "tuned", "gate", "refresh"} <= kinds
    by_kind = {kind: {event.slot for event in events if event.kind == kind} for kind in kinds}
    for kind in ("raced", "twin"):
        assert by_kind[kind] == {slot for slot, row in rows.items() if row.outcome == kind}
    assert by_kind["tuned"] == {slot for slot, row in rows.items() if row.operator == "tune"}
    assert by_kind["gate"] == {slot for slot, row in rows.items() if row.gate}
    for row in rows.values():
        assert row.outcome == "ok" or row.message
        assert row.operator in ("rule", "seed") or row.arm


def test_who_was_given_up_asks_no_more(long):
    """From the cut on only what is left asks, but for what was already under way."""
    events = [event for event in long.archive.read_events(1) if event.kind == "arms"]
    gone = [name for event in events for name in event.detail["given up"]]
    assert len(gone) == len(set(gone)) == 3
    assert "independent" not in gone
    rows = long.archive.read_candidates(1).items()
    for event in events:
        late = {
            row.arm for slot, row in rows if slot > event.slot + loop.WINDOW and row.operator not in WAITED
        }
        assert not late & set(event.detail["given up"])


def test_tallies_of_a_run_are_kept(long):
    """Operators, arms and models are in the archive with what they gained and cost."""
    kept = {(row.kind, row.name): row for row in long.archive.read_tallies(1)}
    rows = [row for row in long.archive.read_candidates(1).values() if row.model]
    assert kept["model", "offline"].tries == len(rows)
    assert sum(row.tries for (kind, _), row in kept.items() if kind == "operator") == len(rows)
    assert kept["model", "offline"].cost > 0


# Several models


def named(name, model):
    """A model under another name."""
    model.name = name
    return model


def test_two_models_are_both_asked(place):
    """Each question goes to one of them, whose name is on record, and what they gained is learnt."""
    one = named("one", Scripted([numbered(slot) for slot in range(60)], 3))
    other = named("other", Scripted([numbered(slot + 0.5) for slot in range(60)], 3))
    run = finish(job(place, models=[one, other], calls=24))
    rows = {slot: row for slot, row in run.archive.read_candidates(1).items() if row.model}
    for model in (one, other):
        asked = [request.slot for request in model.requests]
        assert asked
        assert asked == [slot for slot, row in rows.items() if row.model == model.name]
    assert set(run.loop.state.models.tallies) == {"one", "other"}


@pytest.mark.parametrize("after", [50, 75])
def test_who_was_asked_is_recalled(place, after):
    """After a crash a question goes to the model that it was meant for, and no reply is asked for twice."""

    def pair():
        return [named("one", Threaded()), named("other", Threaded())]

    assert crash(job(place, archive=dying(Archive(place), after), models=pair(), calls=24))
    before = {slot: row.model for slot, row in Archive(place).read_candidates(1).items() if row.model}
    kept, models = set(Archive(place).read_calls(1)), pair()
    run = finish(job(place, number=1, models=models, calls=24))
    rows = Archive(place).read_candidates(1)
    assert {slot: rows[slot].model for slot in before} == before
    assert len(set(before.values())) == 2
    for model in models:
        assert not kept & set(model.asked)
        assert all(rows[slot].model == model.name for slot in model.asked)
    learnt = {name: tally.tries for name, tally in run.loop.state.models.tallies.items()}
    assert learnt == Counter(row.model for row in rows.values() if row.model)


# Mending


def test_a_failing_program_is_mended_twice_and_let_go(place, monkeypatch):
    """A model whose every reply raises is asked to mend each program twice at most, in the name of its arm."""
    monkeypatch.setattr(state, "MENDING", 1000.0)  # failures always go first
    texts = [reply_with(f"return d[{slot + 100}]") for slot in range(60)]
    run = finish(job(place, model=Scripted(texts, 3), calls=60, without=("plateaus",)))
    rows = {row.program: row for row in run.archive.read_candidates(1).values() if row.model}
    chains = []
    for row in rows.values():
        chain, each = 0, row
        while each.operator == "repair":
            chain, parent = chain + 1, rows[each.parents[0]]
            assert each.arm == parent.arm
            each = parent
        chains.append(chain)
    assert max(chains) == state.REPAIRS_AT_MOST == 2


# The end


def test_a_model_that_only_repeats_itself_ends_the_run(place, monkeypatch):
    """After so many slots without anything new the space is exhausted, whatever the budget has left."""
    monkeypatch.setattr(loop, "BARREN", 12)
    run = finish(job(place, model=Scripted([numbered(3)], 3), evaluations=500))
    assert run.ledger.evaluations == 1
    assert 12 <= len(run.archive.read_calls(1)) <= 1 + 12 + loop.WINDOW
    assert run.archive.run(1).status == "searched"


def test_what_is_new_now_and_then_keeps_a_run_alive(place, monkeypatch):
    """The count begins anew with everything that is measured."""
    monkeypatch.setattr(loop, "BARREN", 24)
    texts = [numbered(slot - slot % 16) for slot in range(90)]
    run = finish(job(place, model=Scripted(texts, 3), executor=Inline(), calls=80))
    assert run.ledger.calls == 80


# CPU limits


def test_the_search_allows_less_time_than_the_test(place):
    """What is found keeps the whole limit on a slower day: training and validation allow a part of it only."""
    run = job(place)
    searched, whole = run.supply.splits.problem, run.problem
    instance = run.supply.test(0)[0]
    assert searched.compute_cpu_limit(instance) == pytest.approx(SEARCHED * whole.compute_cpu_limit(instance))
    assert 0.4 < SEARCHED < 0.8
