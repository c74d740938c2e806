"""Problems of one's own: what their functions return is made plain, and what they raise is one line."""

import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from gapsmith.agent.evaluation.own.guarding import (
    convert_baseline,
    convert_cost,
    convert_data,
    convert_limit,
    convert_number,
)
from gapsmith.agent.evaluation.problems import find_problem, write_skeleton
from gapsmith.evaluators.base import Baseline, GapsmithError, Infeasible, Instance, Split
from gapsmith.evaluators.integrity.conformance import find_broken_promises


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), 1),
        (np.array(7), 7),
        (Fraction(6, 2), 3),
        (Fraction(1, 2), 0.5),
        (Decimal("2.50"), 2.5),
        (Decimal(4), 4),
        (10**30, 10**30),
        (float("inf"), float("inf")),
    ],
)
def test_numbers_become_plain(value, plain):
    """Scalars of numpy, fractions and decimals are Python's own integers and floats, integers exactly."""
    found = convert_number(value, "cost")
    assert (found, type(found)) == (plain, type(plain))
    json.dumps(found)


@pytest.mark.parametrize(
    "value", ["3", None, [3], np.array([3]), 1j, float("nan"), Decimal("nan"), np.float64("nan")]
)
def test_what_is_no_number_is_said(value):
    """Text, lists, complex numbers and nan are told with where they came from."""
    with pytest.raises(GapsmithError, match=r"mine\.py, cost: returns .*; expected a number"):
        convert_number(value, "mine.py, cost")


@pytest.mark.parametrize(
    "value",
    [float("inf"), -float("inf"), 1e200, (1 << 53) + 1, -(10**30), np.float64("inf"), 1 << 20_000],
    ids=range(7),
)
def test_costs_are_finite_and_exact(value):
    """Infinite costs and integers that are no floats would make averages wrong: they are refused."""
    with pytest.raises(GapsmithError, match=r"mine\.py, cost: returns "):
        convert_cost(value, "mine.py, cost")


@pytest.mark.parametrize("value", [0, -1, float("inf"), 86_401, 1 << 20_000, float("nan")], ids=range(6))
def test_limits_are_seconds(value):
    """A limit that is no positive number of seconds would stop everything, or nothing."""
    with pytest.raises(GapsmithError, match=r"mine\.py, cpu_seconds: returns "):
        convert_limit(value, "mine.py, cpu_seconds")


def test_plain_costs_and_limits_pass():
    """Ordinary numbers stay what they are, 0 and truth values included."""
    assert [convert_cost(value, "c") for value in (0, True, -3, 2.5, 1 << 53)] == [0, 1, -3, 2.5, 1 << 53]
    assert convert_limit(np.float32(0.5), "c") == 0.5


def test_data_cannot_be_changed():
    """What an evaluator sorts in place would be another instance for every later program."""
    mine = np.array([3, 1, 2])
    found = convert_data({"p": mine}, "generate")
    with pytest.raises(ValueError, match="read-only"):
        found["p"].sort()
    mine.sort()
    assert found["p"].tolist() == [3, 1, 2]


def test_data_become_arrays_and_numbers():
    """Lists are arrays, scalars are numbers, and text or objects are refused by name."""
    found = convert_data(
        {"p": [1, 2], "m": np.int64(3), "w": np.array(2.5), "a": np.zeros((2, 2))}, "generate"
    )
    assert found["p"].tolist() == [1, 2]
    assert (found["m"], found["w"]) == (3, 2.5)
    json.dumps(Instance("x", found).plain)
    for wrong in ("text", None, ["a"], np.array([None]), [[1], [2, 3]], {"b": 1}):
        with pytest.raises(GapsmithError, match="'m'"):
            convert_data({"m": wrong}, "generate")
    with pytest.raises(GapsmithError, match="expected the arguments by name"):
        convert_data([1], "generate")


def test_baselines_are_plain_and_in_order():
    """Arrays of solutions are lists; crossed or undefined bounds are told."""
    found = convert_baseline(
        Baseline(np.int64(2), np.int64(3), np.array([1, 0]), "SPT", np.float64(0.1)), "b"
    )
    assert json.dumps(found.solution) == "[1, 0]"
    assert type(found.lower) is int
    with pytest.raises(GapsmithError, match="lower 3 above upper 2"):
        convert_baseline(Baseline(3, 2, None, "SPT", 0.0), "b")
    with pytest.raises(GapsmithError, match="expected a number"):
        convert_baseline(Baseline(float("nan"), 2, None, "SPT", 0.0), "b")
    with pytest.raises(GapsmithError, match="expected a Baseline"):
        convert_baseline((1, 2), "b")


@pytest.fixture
def own(tmp_path):
    """A problem of one's own with some of its text exchanged."""

    def made(was, becomes):
        path = tmp_path / "mine.py"
        text = write_skeleton("mine")
        assert was in text
        path.write_text(text.replace(was, becomes))
        return find_problem(str(path))

    return made


@pytest.mark.parametrize("function", ["generate", "cost", "baseline"])
def test_an_exception_of_ones_own_code_names_file_function_and_line(own, function):
    """Whatever the author's code raises is one GapsmithError; Infeasible goes through."""
    problem = own(
        f"def {function}(", f"def {function}(*a, **k):\n    return [][1]\n\n\ndef former_{function}("
    )
    instance = Instance("x", {"p": np.array([1, 2])})
    calls = {
        "generate": lambda: problem.generate_instances(Split.TRAIN, 0, 1),
        "cost": lambda: problem.cost(instance, [0, 1]),
        "baseline": lambda: problem.baseline(instance, 1.0),
    }
    with pytest.raises(
        GapsmithError, match=rf"mine\.py, {function}, line \d+: IndexError: list index out of range"
    ) as said:
        calls[function]()
    assert not isinstance(said.value, Infeasible)
    assert "\n" not in str(said.value)


def test_the_check_tells_what_a_run_cannot_bear(own):
    """A cost that is text is found by the check, a line each."""
    problem = own("def cost(", "def cost(*a, **k):\n    return 'dear'\n\n\ndef former_cost(")

    class Never:
        def run(self, job):
            raise GapsmithError("not run")

    found = find_broken_promises(problem, Never())
    assert any("returns 'dear'; expected a number" in line for line in found)


def test_an_evaluator_that_ends_the_program_is_an_error_of_its_own(own):
    """`exit()` in the author's code ends no run: it is told like any other fault."""
    problem = own("def cost(", "def cost(*a, **k):\n    raise SystemExit(0)\n\n\ndef former_cost(")
    with pytest.raises(GapsmithError, match=r"mine\.py, cost, line \d+: SystemExit"):
        problem.cost(Instance("x", {"p": np.array([1, 2])}), [0, 1])


def test_the_check_finds_prices_that_change(own):
    """A cost that is drawn, or depends on earlier calls, is found by the check."""
    counting = (
        "import itertools\n\nN = itertools.count()\n\n\n"
        "def cost(instance, solution):\n    return former_cost(instance, solution) + next(N)\n\n\ndef former_cost("
    )

    class Never:
        def run(self, job):
            raise GapsmithError("not run")

    assert any(
        "prices one solution" in line for line in find_broken_promises(own("def cost(", counting), Never())
    )
