"""The end of a search: who wins, what is claimed, and that it can be resumed."""

from dataclasses import replace

import pytest
from helpers import Inline, NoSandbox, Shuffled, finish, job, photographed, tiny

from gapsmith.agent.archive import Archive
from gapsmith.agent.codegen.screen import screen
from gapsmith.agent.evaluation.scores import Scorer, list_costs
from gapsmith.agent.reports.runs import summarise_report
from gapsmith.agent.runs.final.encoding import encode_report
from gapsmith.agent.runs.final.entropy import Source
from gapsmith.agent.runs.final.halving import average_loss
from gapsmith.agent.runs.final.leaderboards import make_leaderboards
from gapsmith.agent.runs.final.report import Counts, make_report
from gapsmith.agent.runs.final.selection import SLOT, Finale, choose_finalists, make_unseen
from gapsmith.agent.runs.final.selection import finish as end
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.base import Split
from gapsmith.evaluators.scoring import Gain
from gapsmith.sandbox import Ending

HEAD = "import numpy as np\n\n\n"
EDD = HEAD + "def schedule(p, d):\n    return np.argsort(d, kind='stable')\n"
WORST = HEAD + "def schedule(p, d):\n    return np.argsort(-d, kind='stable')\n"
BEST = (
    HEAD
    + '''def schedule(p, d):
    """The best sequence of all."""
    from itertools import permutations

    spare = [k for k in range(3)]
    best, least = None, None
    for order in permutations(range(len(p))):
        time = cost = 0
        for j in order:
            time += p[j]
            cost += max(0, time - d[j])
        if least is None or cost < least:
            best, least = order, cost
    if len(p) > 99:
        best = best[::-1]
    return list(best)
'''
)
FORGETFUL = HEAD + (
    "seen = []\n\n\ndef schedule(p, d):\n    seen.append(1)\n"
    "    return np.argsort(d if len(seen) > 3 else -d, kind='stable')\n"
)
FAILING = HEAD + "def schedule(p, d):\n    return np.argsort(d)[:4]\n"
SMALL = {Split.TRAIN: 6, Split.VALIDATION: 15, Split.TEST: 6}


class Stage:
    """A run whose rules are scored, and programs that came after them."""

    def __init__(self, place, *sources, archive=None, executor=None):
        self.problem = tiny(counts=SMALL, sizes=dict.fromkeys(Split, (4, 5)), rules=tiny().rules[:2])
        self.executor = executor or Inline()
        self.job = finish(
            job(
                place,
                problem=self.problem,
                archive=archive or Archive(place),
                executor=self.executor,
                calls=1,
            )
        )
        self.archive = self.job.archive
        self.scorer = Scorer(self.problem, self.executor, self.archive)
        self.train = self.job.loop.splits.train
        self.unseen = make_unseen(self.problem, 3)
        self.elites = [self.elite(source) for source in sources]

    def elite(self, source):
        """A program in the archive, with its costs in training."""
        screened = screen(source, self.problem.entry)
        program, _ = self.archive.add_program("tiny_tardiness", screened.hash, source, screened.size)
        elite = Elite(program, source, screened.size, 0.0, ())
        costs = list_costs(self.scorer.run([elite], self.train.instances)[0]) or ()
        return replace(elite, costs=costs, gap=self.train.scale.search(costs) if costs else 0.0)

    def end(self, **changes):
        """The finale."""
        given = {"instances": self.unseen, **changes}
        return end(1, self.elites, self.train, scorer=self.scorer, **given)

    def events(self):
        """The decisions of the end by kind."""
        return {event.kind: event.detail for event in self.archive.read_events(1) if event.slot == SLOT}


def rarely_improved(stage):
    """Ten instances; EDD is not optimal on the last alone."""
    pool = stage.problem.generate_instances("train", 5, 80)
    costs = list_costs(stage.scorer.run([stage.elite(EDD)], pool)[0])
    best = [stage.problem.baseline(each, 1.0).upper for each in pool]
    gains = [(cost > least, each) for each, cost, least in zip(pool, costs, best, strict=True)]
    optimal = [each for gain, each in gains if not gain]
    return (*optimal[:9], next(each for gain, each in gains if gain))


def test_the_best_of_the_unseen_instances_wins(place):
    """The program that is best on the selection instances wins, wherever it stood before."""
    stage = Stage(place, WORST, BEST, EDD)
    finale = stage.end()
    found = list_costs(stage.scorer.run([finale.winner], stage.unseen.claim)[0])
    assert list(found) == [stage.problem.baseline(i, 1.0).upper for i in stage.unseen.claim]
    assert finale.claimed.points >= finale.claimed.ci95[0] > 0
    assert finale.generated
    assert finale.reference.name in ("EDD", "SPT")


def test_the_claim_is_the_gain_on_instances_that_chose_nothing(place):
    """The claimed gain is that of winner over rule on the claim instances, which no loser was ever run on."""
    stage = Stage(place, WORST, BEST)
    finale = stage.end()
    bench = stage.scorer.build_instance_set(stage.unseen.claim)
    costs = [list_costs(r) for r in stage.scorer.run([finale.winner, finale.reference], bench.instances)]
    gain, low, high = bench.scale.gain(*costs)
    assert finale.claimed == Gain(gain, (low, high), len(bench.instances))
    digests = [i.digest for i in stage.unseen.claim]
    assert stage.archive.read_scores(stage.elites[0].program, digests) == {}


def test_nothing_worse_than_the_best_rule_is_returned(place):
    """Where nothing is surely better than the best rule on the selection instances, the rule wins."""
    stage = Stage(place, WORST)
    finale = stage.end()
    assert finale.winner == finale.reference
    assert finale.winner.name
    assert finale.claimed is None
    assert stage.events()["against the best rule"]["kept"] == "rule"


def test_instances_are_added_until_the_winner_is_surely_better(place):
    """A gain that the selection instances leave open is looked at again on more, and then decides."""
    stage = Stage(place, BEST)
    finale = stage.end(instances=replace(stage.unseen, selection=rarely_improved(stage)))
    assert not finale.winner.name
    assert stage.events()["against the best rule"]["instances"] == 20


def test_the_reference_is_the_best_rule_on_the_selection_instances(place):
    """It is the rule of the least loss where the winner is chosen, with its costs in training."""
    stage = Stage(place, WORST)
    reference = stage.end().reference
    bench = stage.scorer.build_instance_set(stage.unseen.selection)
    rules = [stage.elite(rule.source("schedule")) for rule in stage.problem.rules]
    costs = [list_costs(result) for result in stage.scorer.run(rules, bench.instances)]
    losses = [average_loss(bench.scale, each) for each in costs]
    assert reference.name == stage.problem.rules[losses.index(min(losses))].name
    assert stage.train.scale.search(reference.costs) == reference.gap


def test_who_fails_or_cheats_does_not_win(place):
    """A program that fails on an instance, and one that carries something over, are passed over with a reason."""
    stage = Stage(place, FAILING, FORGETFUL, BEST)
    finale = stage.end()
    assert "permutations" in finale.winner.source
    stage = Stage(place + "2", FORGETFUL)
    assert stage.end().winner.name
    assert "state_dependent" in str(stage.events())


def counting(instances):
    """A program that is best, but on these instances only if its process met others before."""
    known = [instance.data["p"].tolist() for instance in instances]
    head = f"calls = []\nKNOWN = {known}\n\n\n"
    body = BEST.replace("    spare", "    calls.append(1)\n    spare")
    return head + body.replace("if len(p) > 99:", "if len(calls) == 1 and p.tolist() in KNOWN:")


@pytest.mark.parametrize("where", ["selection", "claim"])
def test_who_counts_calls_beyond_those_examined_does_not_win(place, where, monkeypatch):
    """Every instance that chooses and claims is run in a process of its own, not only those that are examined."""
    monkeypatch.setattr("gapsmith.agent.runs.final.selection.EXAMINED", 2)
    stage = Stage(place)
    stage.scorer = replace(stage.scorer, problem=replace(stage.problem, editable=False))
    stage.elites = [stage.elite(counting(getattr(stage.unseen, where)[5:])), stage.elite(BEST)]
    finale = stage.end()
    assert "calls" not in finale.winner.source
    assert "permutations" in finale.winner.source
    assert "state_dependent" in str(stage.events())


def test_who_counts_calls_on_the_test_has_not_solved_it(place):
    """A test instance whose cost depends on earlier calls is a failure in the report."""
    stage = Stage(place)
    tests = stage.problem.generate_instances("test", 0, 8)
    finale = Finale(stage.elite(counting(tests[3:4])), None, None)
    splits, ledger = stage.job.loop.splits, stage.job.ledger
    found = make_report(1, "offline", finale, splits, tests, stage.scorer, ledger, Source.DECISIONS)
    assert [(each.instance, each.outcome) for each in found.best.failures] == [
        (tests[3].name, "state_dependent")
    ]
    assert found.gain.instances == 7


def test_the_winner_is_made_shorter_where_that_costs_nothing(place):
    """What does not matter goes, what matters stays, and the shorter form has a place in the run."""
    stage = Stage(place, BEST)
    finale = stage.end()
    for gone in ("spare", "99", "[::-1]"):
        assert gone not in finale.winner.source
    assert "permutations" in finale.winner.source
    assert finale.winner.costs == stage.elites[0].costs
    assert finale.winner.size < stage.elites[0].size
    row = stage.archive.read_candidates(1)[SLOT]
    assert (row.program, row.parents) == (finale.winner.program, [stage.elites[0].program])
    assert stage.archive.trace_lineage(finale.winner.program)[0].operator == "shorten"
    assert stage.events()["simplified"]["after"] == finale.winner.size


def test_a_program_that_fails_on_the_claim_is_not_handed_over(place):
    """Who fails on one of the last instances is replaced by the rule."""
    fragile = BEST.replace("return list(best)", "return list(best)[1:] if len(p) == 7 else list(best)")
    stage = Stage(place, fragile)
    larger = tiny().generate_instances("train", 9, 6)
    finale = stage.end(instances=replace(stage.unseen, claim=tuple(larger)))
    assert finale.winner == finale.reference
    assert stage.events()["claim"]["failed"] == "winner"


class Late(NoSandbox):
    """Has every program that runs for an instance of seven jobs run out of time there."""

    def run(self, job):
        """As far as the first such instance."""
        done = super().run(job)
        places = [k for k, call in enumerate(job.calls) if len(call["p"].data) == 7 * 8]
        if not places or "permutations" not in job.source:
            return done
        return replace(done, ending=Ending.TIMEOUT_CPU, message="late", answers=done.answers[: places[0]])


@pytest.mark.parametrize(("late", "kept"), [(1, True), (2, False)])
def test_a_late_call_in_the_claim_is_counted(place, late, kept):
    """Who runs out of time on one of a few last instances stays, and the claim names it; on two it does not."""
    small, large = (tiny(sizes={Split.TRAIN: (size,)}).generate_instances("train", 9, 9) for size in (5, 7))
    stage = Stage(place, BEST)
    stage.executor.runner = Late()
    finale = stage.end(instances=replace(stage.unseen, claim=(*small, *large[:late])))
    assert bool(finale.winner.name) != kept
    if kept:
        assert (finale.claimed.instances, finale.claim) == (9, 10)
        assert [each.outcome for each in finale.claimed.failures] == [Ending.TIMEOUT_CPU]
        assert stage.events()["claim"]["out of time"] == [large[0].name]


def test_few_own_instances_choose_and_claim_nothing(place):
    """Of eleven validation instances all choose, none claims, and the report says how many it would take."""
    stage = Stage(place, BEST)
    pool = tiny(sizes={Split.TRAIN: (6,)}).generate_instances("train", 5, 80)
    bests = [stage.problem.baseline(each, 1.0).upper for each in pool]
    rules = [
        list_costs(r)
        for r in stage.scorer.run([stage.elite(r.source("schedule")) for r in stage.problem.rules], pool)
    ]
    own = [each for each, best, *costs in zip(pool, bests, *rules, strict=True) if best < min(costs)][:11]
    finale = stage.end(instances=make_unseen(stage.problem, 3, own))
    assert not finale.winner.name
    assert (finale.claimed, finale.selection, finale.claim) == (Gain(0.0, None, 0), 11, 0)
    found = report(stage, finale, tests=4)
    assert found.gain.ci95 is None
    said = summarise_report(found)
    assert "no claim: 4 instances, and at least 6 are needed" in said
    assert "15 validation instances, which were all chosen by; at least 12 are needed" in said
    assert "interval" not in said
    plain = encode_report(found)
    assert plain["counts"] == {**vars(found.counts), "selection": 11, "claim": 0, "test": 4}
    assert (plain["gain"]["ci95"], plain["gain"]["instances"], plain["gain"]["needed"]) == (None, 4, 6)
    assert (plain["claimed"]["ci95"], plain["claimed"]["instances"]) == (None, 0)


def test_a_winner_that_fails_on_a_test_instance_has_the_figures_of_the_others(place):
    """The failure is named and counted, and the gain is of the instances that both solved."""
    fragile = BEST.replace("return list(best)", "return list(best)[1:] if len(p) == 7 else list(best)")
    stage = Stage(place, fragile)
    tests = [
        *stage.problem.generate_instances("test", 1, 8),
        *tiny(sizes={Split.TRAIN: (7,)}).generate_instances("train", 9, 1),
    ]
    finale = Finale(stage.elites[0], None, Gain(1.0, (0.5, 1.5), 30), 60, 30)
    splits, ledger = stage.job.loop.splits, stage.job.ledger
    found = make_report(1, "offline", finale, splits, tests, stage.scorer, ledger, Source.DECISIONS)
    assert (found.best.solved, found.gain.instances, len(found.reference.failures)) == (8, 8, 0)
    assert found.best.aggregate.pooled_gap_percent == 0.0
    assert found.gain.ci95[0] > 0
    assert f"failed on 1 of 9 instances: {tests[-1].name} (infeasible)" in summarise_report(found)
    assert encode_report(found)["best"]["failures"][0]["instance"] == tests[-1].name


def test_the_winner_is_on_the_front_and_first_of_the_set(place):
    """Whatever training or the test say of others, the leaderboards hold what the run hands over."""
    stage = Stage(place, BEST)
    run = finish(job(place, problem=stage.problem, archive=stage.archive, executor=stage.executor, calls=4))
    rows = stage.archive.read_candidates(run.number).values()
    worst = max((row for row in rows if row.train_gap is not None), key=lambda row: row.train_gap)
    tests = stage.scorer.build_instance_set(stage.problem.generate_instances("test"))
    found = make_leaderboards(run.number, worst.program, run.loop.splits.train, tests, stage.scorer)
    assert worst.program in [point.program for point in found.front]
    assert found.together[0].program == worst.program
    assert len(found.together) > 1


def test_the_next_best_is_tried_where_the_best_fails(place):
    """Who fails on one of the last instances makes room for the one behind it, and both are on record."""
    fragile = BEST.replace("return list(best)", "return list(best)[1:] if len(p) == 7 else list(best)")
    stage = Stage(place, fragile, BEST)
    larger = tiny().generate_instances("train", 9, 6)
    finale = stage.end(instances=replace(stage.unseen, claim=tuple(larger)))
    assert "permutations" in finale.winner.source
    assert "[1:]" not in finale.winner.source
    events = stage.events()
    assert events["claim"]["failed"] == "winner"
    assert events["claim, 2"]["instances"] == 6
    assert events["against the best rule, 2"]["kept"] == "winner"


def test_who_is_surely_worse_on_a_kind_is_passed_over(place):
    """It uses up none of the tries, and it is said where it is worse; on other instances it would have won."""
    small = BEST.replace("    spare =", "    if len(p) > 6:\n        return np.argsort(-d)\n    spare =")
    pool = [
        replace(each, stratum="a")
        for each in tiny(sizes={Split.TRAIN: (4,)}).generate_instances("train", 5, 30)
    ]
    large = [
        replace(each, stratum="a")
        for each in tiny(sizes={Split.TRAIN: (8,)}).generate_instances("train", 9, 6)
    ]
    for selection, passed_over in ((pool, False), ([*pool, *large], True)):
        stage = Stage(place + str(passed_over), small)
        finale = stage.end(instances=replace(stage.unseen, selection=tuple(selection)))
        assert bool(finale.winner.name) == passed_over
        assert ({"worse in": "a, large"} in stage.events().values()) == passed_over
        assert ("against the best rule" in stage.events()) == (not passed_over)


def test_every_decision_is_an_event(place):
    """Rounds, examination, comparison, shortening and claim are on record, each under a kind of its own."""
    stage = Stage(place, WORST, BEST, EDD)
    stage.end()
    kinds = [event.kind for event in stage.archive.read_events(1) if event.slot == SLOT]
    assert len(set(kinds)) == len(kinds)
    assert {"halving round 1", "halving round 2", "against the best rule", "simplified", "claim"} <= set(
        kinds
    )
    assert any(kind.startswith("examined") for kind in kinds)


def test_the_order_of_evaluations_does_not_matter(place):
    """Any order in which evaluations end gives the same decisions."""
    plain = Stage(place, WORST, BEST, EDD)
    finale = plain.end()
    with Shuffled(5) as executor:
        other = Stage(place + "2", WORST, BEST, EDD, executor=executor)
        assert other.end().winner.source == finale.winner.source
    assert other.events() == plain.events()
    assert other.archive.compute_fingerprint(1) == plain.archive.compute_fingerprint(1)


def test_a_second_time_nothing_is_run(place):
    """Resumed after its end, the finale says the same and runs no program."""
    stage = Stage(place, WORST, BEST, EDD)
    finale, before = stage.end(), stage.archive.compute_fingerprint(1)
    stage.executor.runner = NoSandbox()
    assert stage.end() == finale
    assert stage.executor.runner.jobs == []
    assert stage.archive.compute_fingerprint(1) == before


def test_a_finale_that_was_killed_ends_as_it_would_have(tmp_path):
    """Killed before any commit and resumed, the end decides as an undisturbed one."""
    archive, copies = photographed(tmp_path / "archive.db")
    stage = Stage("", WORST, BEST, EDD, archive=archive)
    ready = len(copies)
    finale, expected = stage.end(), stage.events()
    assert len(copies) > ready + 40
    for copy, _ in copies[ready :: (len(copies) - ready) // 4]:
        stage.scorer = replace(stage.scorer, archive=Archive(copy))
        assert stage.end() == finale
        stage.archive = stage.scorer.archive
        assert stage.events() == expected


def test_unseen_instances_are_in_no_split():
    """Selection and claim share no instance with each other or with any split of the run."""
    problem = tiny()
    found = make_unseen(problem, 3)
    taken = {i.digest for split in Split for i in problem.generate_instances(split, 3)}
    new = [i.digest for i in (*found.selection, *found.claim)]
    assert len(found.selection) == len(found.claim) == problem.counts[Split.VALIDATION]
    assert len(set(new)) == len(new)
    assert not taken & set(new)


def test_own_validation_instances_are_halved():
    """Of the user's own instances there are no new ones: halves of the validation part, and the finale says so."""
    own = tiny().generate_instances("validation", 1, 13)
    found = make_unseen(tiny(), 3, own)
    assert not found.generated
    assert (len(found.selection), len(found.claim)) == (7, 6)
    assert {*found.selection, *found.claim} == set(own)


def test_the_finalists_are_the_champion_and_the_ten_best():
    """The champion comes first, once."""
    elites = [Elite(k, "", 1, 0.0, ()) for k in range(20)]
    assert [e.program for e in choose_finalists(elites[3], elites)] == [3, 0, 1, 2, *range(4, 10)]


# The report


def report(stage, finale, tests=None):
    """The report of the stage's run."""
    test = stage.problem.generate_instances("test", 0, tests)
    splits, ledger = stage.job.loop.splits, stage.job.ledger
    return make_report(1, "offline", finale, splits, test, stage.scorer, ledger, Source.DECISIONS)


def test_the_report_has_the_claim_and_the_leaderboards(place):
    """Claim, front and set are in the report; the set gets better with every member, and counts every run."""
    stage = Stage(place, BEST)
    run = finish(job(place, problem=stage.problem, archive=stage.archive, executor=stage.executor, calls=4))
    stage.train = run.loop.splits.train
    finale = Finale(stage.elites[0], None, Gain(1.0, (0.5, 1.5), 30), 60, 30)
    test, splits = stage.problem.generate_instances("test"), run.loop.splits
    found = make_report(2, "offline", finale, splits, test, stage.scorer, stage.job.ledger, Source.DECISIONS)
    assert found.claimed == Gain(1.0, (0.5, 1.5), 30)
    assert found.counts == Counts(6, 15, 60, 30, 6, Source.DECISIONS)
    assert found.best_id == stage.elites[0].program
    gaps = [point.gap for point in found.front]
    assert gaps == sorted(gaps)
    assert len({point.program for point in found.front}) == len(found.front) > 0
    assert 1 <= len(found.together) <= 5
    prices = [member.gap for member in found.together]
    assert prices == sorted(prices, reverse=True)


def test_the_leaderboards_are_chosen_by_training_alone(place):
    """Other instances to price them on change the figures, and not who is priced."""
    stage = Stage(place, BEST)
    run = finish(job(place, problem=stage.problem, archive=stage.archive, executor=stage.executor, calls=4))
    one, other = (
        make_leaderboards(
            run.number, 0, run.loop.splits.train, stage.scorer.build_instance_set(instances), stage.scorer
        )
        for instances in (
            stage.problem.generate_instances("test"),
            stage.problem.generate_instances("test", 5),
        )
    )
    assert [m.program for m in one.together] == [m.program for m in other.together]
    assert [m.gap for m in one.together] != [m.gap for m in other.together]


def test_reporting_twice_runs_nothing_twice(place):
    """A second report is the first, from the archive."""
    stage = Stage(place, WORST, BEST)
    finale = stage.end()
    first = report(stage, finale)
    stage.executor.runner = NoSandbox()
    assert replace(report(stage, finale), seconds=first.seconds) == first
    assert stage.executor.runner.jobs == []
