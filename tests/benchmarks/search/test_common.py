"""What the measurements share."""

import common
import pytest
from helpers import Inline, NoSandbox


def test_a_line_that_was_cut_off_is_not_a_result(tmp_path):
    """A measurement killed while it wrote goes on: the torn line is dropped, whole ones stay."""
    path = tmp_path / "results.jsonl"
    common.append(path, {"seed": 0})
    common.append(path, {"seed": 1})
    path.write_bytes(path.read_bytes()[:-4])
    assert common.records(path) == [{"seed": 0}]
    common.append(path, {"seed": 2})
    assert common.records(path) == [{"seed": 0}, {"seed": 2}]


def test_differences_are_paired_by_seed():
    """Only seeds that have both sides, and figures on both, are compared; their order does not matter."""
    rows = [
        {"seed": 1, "method": "a", "gap": 3.0},
        {"seed": 0, "method": "a", "gap": 1.0},
        {"seed": 0, "method": "b", "gap": 0.5},
        {"seed": 1, "method": "b", "gap": None},
        {"seed": 2, "method": "b", "gap": 9.0},
    ]
    assert common.paired(rows, "gap", "method", "a", "b") == [0.5]


def test_the_interval_holds_the_mean():
    """The interval is around the mean, narrower with more values, and the same each time."""
    few, many = common.bootstrap([0.0, 1.0] * 4), common.bootstrap([0.0, 1.0] * 100)
    assert few[1] < few[0] == 0.5 < few[2]
    assert many[2] - many[1] < few[2] - few[1]
    assert few == common.bootstrap([0.0, 1.0] * 4)


def test_what_fails_counts_as_run(tiny):
    """The meter counts every instance that was begun, the one that failed with them, and none after it."""
    from gapsmith.evaluators.base import Split
    from gapsmith.evaluators.running.assess import assess

    instances = tiny.generate_instances(Split.TRAIN)[:4]
    fails_at_third = (
        "count = 0\n\n\ndef schedule(p, d):\n    global count\n    count += 1\n"
        "    return list(range(len(p))) if count < 3 else 1 / 0\n"
    )
    meter = common.Metered(Inline(NoSandbox()), tiny)
    for source, expected in (
        ("def schedule(p, d):\n    return list(range(len(p)))\n", 4),
        (fails_at_third, 3),
    ):
        before = meter.instances
        work = lambda runner, spent, source=source: assess(tiny, source, instances, runner, spent)  # noqa: E731
        meter.submit(work).result()
        assert meter.instances - before == expected


def test_an_archive_is_fresh_but_for_exact_results(tmp_path, tiny):
    """Each run starts with the exact results of the store, and what it writes stays its own."""
    from gapsmith.evaluators.base import Split

    store, instances = tmp_path / "store.db", tiny.generate_instances(Split.TRAIN)[:3]
    common.solved(tiny, instances, store)
    digests = [instance.digest for instance in instances]
    for _ in range(2):
        with common.fresh_archive(store) as archive:
            assert set(archive.read_baselines(tiny.name, digests, tiny.version)) == set(digests)
            assert archive.add_program(tiny.name, "hash", "source", 1) == (1, True)


@pytest.mark.parametrize("found", [(7, 1.5, 0.01, 30), None])
def test_a_front_is_read_in_either_form(found):
    """Points of a front may be tuples; a report without a front has no points."""

    class Report:
        front = () if found is None else (found,)

    assert common.front(Report()) == ([] if found is None else [found])
