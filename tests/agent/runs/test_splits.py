"""No self-deception: what drives the search, what gates it and what it is reported on are kept apart."""

import json
from collections import Counter

import numpy as np
import pytest
from helpers import TINY, Inline, NoSandbox, Scripted, finish, job, numbered, tiny

from gapsmith.agent import Archive, Budget, Run, Settings
from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.reports.runs import summarise_report
from gapsmith.agent.runs.final.entropy import find_last_drawn
from gapsmith.agent.runs.run import SEARCHED
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.agent.search.acceptance import gate
from gapsmith.evaluators.base import GapsmithError, Instance, Split
from gapsmith.evaluators.integrity.audit import CPU_LIMIT_FACTOR
from gapsmith.evaluators.problems.online_bin_packing.problem import problem as online_bin_packing
from gapsmith.evaluators.running.repeats import RETRY_LIMIT_FACTOR


def keys(instances):
    """The data of instances, to compare."""
    return {instance.digest for instance in instances}


@pytest.mark.parametrize("seed", range(6))
def test_generated_splits_are_disjoint(seed):
    """No instance of the real problem is in two splits, of whatever seeds."""
    problem = find_problem("single_machine_tardiness")
    train, validation, test = (keys(problem.generate_instances(split, seed)) for split in Split)
    assert not train & validation
    assert not (train | validation) & test
    assert not (train | validation) & keys(problem.generate_instances(Split.TEST, 0))


def test_splits_of_equal_sizes_are_disjoint():
    """Not the sizes keep the splits apart: each draws numbers of its own."""
    found = [keys(tiny().generate_instances(split, 4)) for split in Split]
    assert len(set.union(*found)) == sum(map(len, found)) == 14 + 8 + 7


def test_a_seed_has_instances_of_its_own():
    """Training instances follow from the seed, and from nothing else."""
    problem = tiny()
    assert keys(problem.generate_instances("train", 1)) == keys(problem.generate_instances("train", 1))
    assert not keys(problem.generate_instances("train", 1)) & keys(problem.generate_instances("train", 2))


def datum(value):
    """The bytes of an argument."""
    return value.data if hasattr(value, "data") else value


def sent(runner):
    """The data that candidates were given, in order, as pairs of bytes."""
    return [tuple(datum(value) for value in call.values()) for each in runner.jobs for call in each.calls]


def data(instance):
    """The same of an instance."""
    return tuple(instance.data[key].tobytes() for key in "pd")


def test_candidates_are_sent_the_data_of_instances_and_nothing_else(place):
    """A job holds the program, the entry point, limits, and the arguments: no name, no stratum, no optimum."""
    executor = Inline()
    run = finish(job(place, executor=executor, calls=12))
    run.report()
    for each in executor.runner.jobs:
        assert each.driver == ""
        for call in each.calls:
            assert list(call) == ["p", "d"]
            assert {value.dtype for value in call.values()} == {"<i8"}
            assert len({value.shape for value in call.values()}) == 1


def test_test_instances_are_run_at_the_end_only(place):
    """The search sends no test instance to any candidate; the report sends each program all of them, once.

    The winner gets each of them again, in a process of its own.
    """
    executor = Inline()
    run = finish(job(place, executor=executor, calls=12))
    searched, executor.runner = set(sent(executor.runner)), NoSandbox()
    run.report()
    sealed = [data(instance) for instance in run.supply.test(find_last_drawn(run.archive, 1))]
    assert not searched & set(sealed)
    given = [
        (each.source, tuple(datum(value) for value in call.values()))
        for each in executor.runner.jobs
        for call in each.calls
    ]
    tested = Counter(pair for pair in given if pair[1] in sealed)
    assert set(tested) == {(source, one) for source, _ in tested for one in sealed}
    again = {source for (source, _), times in tested.items() if times == 2}
    assert set(tested.values()) <= {1, 2}
    assert len(again) <= 1
    assert all(tested[source, one] == 2 for source in again for one in sealed)
    assert {source for source, _ in tested} >= {rule.source("schedule") for rule in run.problem.rules}


def test_validation_is_run_only_for_what_beats_the_champion_in_training(place):
    """A candidate that is no better in training than the champion sees no validation instance."""
    run = finish(job(place, calls=60))
    rows = run.archive.read_candidates(1)
    champion = [row for slot, row in rows.items() if slot < 3 and row.gate == "passed"][-1]
    validated = [row for slot, row in rows.items() if slot > 2 and row.validation_gap is not None]
    assert validated
    assert all(row.train_gap < champion.train_gap for row in validated)
    assert any(row.outcome == "ok" and row.validation_gap is None for row in rows.values())


def test_optima_are_in_no_prompt_of_validation_or_test(place):
    """What a model is shown of instances are training instances by name."""
    model = Scripted([numbered(slot) for slot in range(30)], 0)
    finish(job(place, model=model, calls=20))
    text = "".join(request.system + request.prompt for request in model.requests)
    assert "| train-3-" in text
    assert "validation-" not in text
    assert "| test-" not in text


def test_a_shorter_time_limit_of_one_s_own_is_kept(place):
    """No call gets more CPU seconds than the user allows; examinations twice that, repeats a fifth more."""
    for wanted, most in ((0.01, 0.01), (99.0, 99.0)):
        executor = Inline()
        settings = Settings(problem=str(TINY), budget=Budget(calls=3), cpu_seconds=wanted)
        finish(Run(settings, Archive(f"{place}{wanted}"), executor=executor))
        limits = {each.limits.cpu_seconds for each in executor.runner.jobs}
        allowed = {most, SEARCHED * most, CPU_LIMIT_FACTOR * most, CPU_LIMIT_FACTOR * (SEARCHED * most)}
        assert limits <= allowed | {
            RETRY_LIMIT_FACTOR * limit for limit in allowed
        }  # a time-out is tried again


# Instances of the user's own


BETTER = """import numpy as np
from itertools import permutations


def schedule(p, d):
    def cost(order):
        ends = np.cumsum(p[list(order)])
        return np.maximum(ends - d[list(order)], 0).sum()

    return list(min(permutations(range(len(p))), key=cost))
"""


def write(path, instances):
    """A file in the field's format."""
    blocks = [
        "\n".join(
            [str(len(i.data["p"])), *(f"{p} {d}" for p, d in zip(*(i.data[k] for k in "pd"), strict=True))]
        )
        for i in instances
    ]
    path.write_text("\n".join(blocks))
    return str(path)


def own(place, executor=None, **settings):
    """A run on files."""
    wanted = Settings(problem=str(TINY), budget=Budget(calls=3), **settings)
    return Run(wanted, Archive(place), executor=executor or Inline())


def test_own_instances_are_split_in_three(place, tmp_path):
    """Files to learn from are split into disjoint thirds, repetitions left out, and the last is the test."""
    instances = tiny().generate_instances("train", 1)
    file = write(tmp_path / "own.txt", [*instances, *instances[:5]])
    executor = Inline()
    run = finish(own(place, executor, instances=(file,)))
    train, validation = (
        keys(bench.instances) for bench in (run.loop.splits.train, run.loop.splits.validation)
    )
    assert len(train) + len(validation) == 10
    sealed = keys(instances) - train - validation
    assert len(sealed) == 4
    assert not train & validation
    executor.runner = NoSandbox()
    run.report()
    assert set(sent(executor.runner)) == {data(i) for i in instances if i.digest in sealed}


def test_a_sealed_test_of_one_s_own_may_hold_nothing_to_learn_from(place, tmp_path):
    """A file that is named for learning and for the test, or shares instances with one, is refused."""
    instances = tiny().generate_instances("train", 1)
    learn = write(tmp_path / "learn.txt", instances)
    test = write(tmp_path / "test.txt", [*tiny().generate_instances("test"), instances[3]])
    with pytest.raises(GapsmithError, match=r"test-8 .* learn"):
        own(place, instances=(learn,), test=(test,))


def test_too_few_instances_of_one_s_own_are_refused(place, tmp_path):
    """With three instances there is nothing to learn from; the message says how many it takes."""
    file = write(tmp_path / "few.txt", tiny().generate_instances("train", 1)[:3])
    with pytest.raises(GapsmithError, match=r"found 3 different instances; expected at least 4 .* 12"):
        own(place, instances=(file,))


def test_few_instances_of_one_s_own_serve_by_cross_validation(place, tmp_path):
    """With seven instances each serves in every split; the report says so, and claims nothing."""
    file = write(tmp_path / "few.txt", tiny().generate_instances("train", 1)[:7])
    run = finish(own(place, instances=(file,), seeds=(BETTER,)))
    splits = run.loop.splits
    assert keys(splits.train.instances) == keys(splits.validation.instances)
    report = run.report()
    assert report.left_out is not None
    words = summarise_report(report)
    assert "7 instances served in training" in words
    assert "interval" not in words


def test_periodic_files_of_one_s_own_are_dealt_alike(place, tmp_path):
    """Sizes in turn by three are in every split, by a draw that the seed decides; earlier runs keep their order."""
    made = [{"p": np.arange(1, 5 + k % 3), "d": np.full(4 + k % 3, k)} for k in range(18)]
    file = write(tmp_path / "own.txt", [Instance(str(k), each) for k, each in enumerate(made)])
    dealt = InstanceSupply(tiny(), (file,), (), 1)
    assert Counter(len(i.data["p"]) for i in dealt.train) == {4: 2, 5: 2, 6: 2}
    assert keys(dealt.train) != keys(InstanceSupply(tiny(), (file,), (), 2).train)
    assert {len(i.data["p"]) for i in InstanceSupply(tiny(), (file,), (), 1, by_place=True).train} == {4}


def test_runs_of_earlier_versions_keep_their_splits():
    """A run whose settings say nothing of dealing was dealt by place."""
    before = {"problem": "x", "budget": {"calls": 3}}
    assert Settings.decode(before).dealt_by_place
    assert not Settings.decode(Settings(problem="x", budget=Budget(calls=3)).encode()).dealt_by_place


def test_a_worn_gate_of_one_s_own_instances_says_that_it_keeps_them(place, tmp_path, monkeypatch):
    """There are no fresh instances: the looks are counted anew, and the decision is on record."""
    monkeypatch.setattr(gate, "LOOKS", 1)
    file = write(tmp_path / "own.txt", tiny().generate_instances("train", 1))
    run = own(place, instances=(file,), seeds=(BETTER,))
    before = run.supply.splits.validation
    finish(run)
    details = [event.detail for event in run.archive.read_events(1) if event.kind == "refresh"]
    assert details
    assert all(detail["instances"] == 0 and "no fresh ones" in detail["why"] for detail in details)
    assert run.loop.state.gate.bench is before


def test_settings_survive_the_archive():
    """What a run depends on comes back from JSON as it was."""
    wanted = Settings(
        problem="x", budget=Budget(usd=2.5), instances=("/a", "/b"), test=("/c",), seed=4, base_url="u"
    )
    plain = json.loads(json.dumps(wanted.encode()))
    assert Settings.decode(plain) == wanted
    before = {"problem": "x", "model": "openai:m", "budget": {"calls": 3}, "instances": [], "test": []}
    assert Settings.decode(before).models == ("openai:m",)


def test_only_training_sees_an_online_instance_whole() -> None:
    """Validation, finale, claim and test are decided event by event."""
    supply = InstanceSupply(online_bin_packing, (), (), 1)
    assert all(instance.whole for instance in supply.train)
    unseen = supply.draw_unseen(7)
    others = [*unseen.selection, *unseen.claim, *unseen.further(3), *supply.test(7)]
    assert not any(instance.whole for instance in others)
