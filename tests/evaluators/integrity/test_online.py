from collections.abc import Iterator

import numpy as np
import pytest

from gapsmith.evaluators.base import Instance, Split
from gapsmith.evaluators.integrity.online import FORESIGHT, UNSTEADY, check_foresight, draw_future
from gapsmith.evaluators.problems.online_bin_packing.problem import problem
from gapsmith.evaluators.problems.online_bin_packing.rules import RULES
from gapsmith.sandbox import Answer, Ending, Job, Level, Outcome, Sandbox, open_sandbox

FRAME = """
import sys
def coming(item):
    frame = sys._getframe()
    while "data" not in frame.f_locals:
        frame = frame.f_back
        if frame is None:
            return []
    arrays = [value for value in frame.f_locals["data"] if hasattr(value, "shape")]
    return arrays[0].tolist() if arrays else []
"""
COLLECTOR = """
import gc
import numpy as np
def coming(item):
    found = [thing for thing in gc.get_objects() if type(thing) is list and len(thing) > 99]
    sizes = [thing for thing in found if all(type(value) is int for value in thing)]
    return sizes[0] if sizes else []
"""
CLOSURE = """
import copy
import sys
kept = []
def coming(item):
    frame = sys._getframe()
    while not kept and frame is not None:
        if "events" in frame.f_locals:
            kept.append([item] + [row[0] for row in copy.deepcopy(frame.f_locals["events"])])
        frame = frame.f_back
    return kept[0] if kept else []
"""
NEXT_FIT_OR_NOT = """
import numpy as np
state = {"at": 0}
def priority(item, bins):
    later = coming(item)
    state["at"] += 1
    ahead = later[state["at"]:][:WINDOW] if later else []
    best = -bins
    if ahead and max(ahead) > 60:
        best = np.where(bins - item >= max(ahead), 1000.0 - bins, best)
    return best
"""
WIDE, NARROW = NEXT_FIT_OR_NOT.replace("WINDOW", "50"), NEXT_FIT_OR_NOT.replace("WINDOW", "1")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of whatever isolation there is: none of this rests on it."""
    with open_sandbox(minimum=Level.L0) as box:
        yield box


@pytest.fixture(scope="module")
def instance() -> Instance:
    """Three hundred Weibull items."""
    data = problem.generate(np.random.default_rng(5), problem.strata[0], 300)
    return Instance("w", data, problem.strata[0])


@pytest.mark.parametrize("eyes", [FRAME, COLLECTOR, CLOSURE], ids=["frame", "collector", "iterator"])
@pytest.mark.parametrize("hands", [WIDE, NARROW], ids=["fifty ahead", "one ahead"])
def test_whoever_peeks_is_caught(sandbox: Sandbox, instance: Instance, eyes: str, hands: str) -> None:
    """Items to come, found in a frame, by the garbage collector or in the loop's iterator, show in the decisions."""
    assert check_foresight(problem, eyes + hands, instance, sandbox).outcome == FORESIGHT


def test_events_sent_alone_catch_whom_other_futures_miss(sandbox: Sandbox, instance: Instance) -> None:
    """Who peeks at one single item is caught without any other future being tried."""
    items = np.asarray(instance.data["items"])
    place = next(k for k in range(150, 300) if items[k] < 30) + 1
    once = (
        FRAME
        + "\nimport numpy as np\nstate = {'at': 0}\n"
        + (
            "def priority(item, bins):\n"
            "    state['at'] += 1\n"
            "    later = coming(item)\n"
            f"    return bins if state['at'] == {place} and later else -bins\n"
        )
    )
    verdict = check_foresight(problem, once, instance, sandbox, futures=0)
    assert verdict.outcome == FORESIGHT
    assert f"event {place} " in verdict.message


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_are_honest(sandbox: Sandbox, instance: Instance, rule: object) -> None:
    """Every reference rule passes, Harmonic with its memory too, and its decisions can be priced."""
    verdict = check_foresight(problem, rule.source("priority"), instance, sandbox, futures=4)  # type: ignore[attr-defined]
    assert verdict.honest, verdict.message
    assert problem.cost(instance, verdict.decisions) >= problem.baseline(instance, 5).lower


def test_chance_is_not_called_foresight(sandbox: Sandbox, instance: Instance) -> None:
    """A program with an unseeded generator is told so."""
    source = (
        "import numpy as np\nrng = np.random.default_rng()\ndef priority(i, b): return rng.random(len(b))\n"
    )
    assert check_foresight(problem, source, instance, sandbox).outcome == UNSTEADY


def test_a_seeded_generator_passes(sandbox: Sandbox, instance: Instance) -> None:
    """Equal random numbers in every run are nobody's future."""
    source = (
        "import numpy as np\nrng = np.random.default_rng(3)\ndef priority(i, b): return rng.random(len(b))\n"
    )
    assert check_foresight(problem, source, instance, sandbox).honest


def test_a_failing_program_keeps_its_ending(sandbox: Sandbox, instance: Instance) -> None:
    """What fails in the first run is reported as the sandbox saw it."""
    verdict = check_foresight(problem, "def priority(item, bins): return 1 / 0\n", instance, sandbox)
    assert verdict.outcome == Ending.CANDIDATE_EXCEPTION
    assert "ZeroDivisionError" in verdict.message
    assert verdict.decisions is None
    assert not verdict.is_sandbox_failure


def test_what_fails_under_another_future_alone_is_reported(sandbox: Sandbox, instance: Instance) -> None:
    """A program that runs on the very instance only does not pass."""
    total = int(np.asarray(instance.data["items"]).sum())
    source = (
        FRAME
        + f"\ndef priority(item, bins):\n    assert sum(coming(item)) in (0, {total})\n    return -bins\n"
    )
    verdict = check_foresight(problem, source, instance, sandbox)
    assert verdict.outcome == Ending.CANDIDATE_EXCEPTION
    assert "with other events" in verdict.message


def test_a_program_that_tampers_with_the_driver_gains_nothing(sandbox: Sandbox, instance: Instance) -> None:
    """Decisions that are written by a replaced driver are compared like any others."""
    source = (
        "import sys\nimport numpy as np\n"
        "def priority(item, bins):\n"
        "    frame = sys._getframe()\n"
        "    while frame is not None and 'data' not in frame.f_locals: frame = frame.f_back\n"
        "    whole = [v for v in (frame.f_locals['data'] if frame else ()) if hasattr(v, 'shape')]\n"
        "    if whole:\n"
        "        n = len(whole[0])\n"
        "        sys.modules['driver'].step = lambda item: next(answers)\n"
        "        answers = iter(range(1, n))\n"
        "    return -bins\n"
    )
    assert check_foresight(problem, source, instance, sandbox).outcome == FORESIGHT


def test_other_futures_keep_the_past() -> None:
    """The events before the parting stay, some after it differ, and numbers stay as they are."""
    data = problem.generate_instances(Split.TRAIN)[0].data
    rng = np.random.default_rng(0)
    items = np.asarray(data["items"])
    for kept in (1, 100, len(items) - 1):
        changed = 0
        for _ in range(20):
            other = np.asarray(draw_future(rng, data, kept)["items"])
            assert np.array_equal(other[:kept], items[:kept])
            assert kept < len(other) <= len(items)
            changed += len(other) != len(items) or not np.array_equal(other, items)
        assert changed > 10
    assert draw_future(rng, data, 5)["capacity"] == data["capacity"]


def test_arrays_must_have_a_row_for_each_event() -> None:
    """Arrays of unequal lengths are no on-line instance."""
    data = {"a": np.zeros(3), "b": np.zeros(4)}
    with pytest.raises(ValueError, match="3, 4"):
        draw_future(np.random.default_rng(0), data, 1)


def test_a_broken_sandbox_is_ours(instance: Instance) -> None:
    """A failure of the sandbox says nothing about the program, and is marked so."""

    class Broken:
        def run(self, job: Job) -> Outcome:
            return Outcome(ending=Ending.ZYGOTE_DIED, message="gone")

    assert check_foresight(problem, "", instance, Broken()).is_sandbox_failure


def test_a_result_that_is_no_list_is_infeasible(instance: Instance) -> None:
    """A process that answers nonsense in the driver's place does not pass."""

    class Liar:
        def run(self, job: Job) -> Outcome:
            return Outcome(ending=Ending.OK, answers=(Answer({"a": 1}, 0.0),))

    assert check_foresight(problem, "", instance, Liar()).outcome == "infeasible"
