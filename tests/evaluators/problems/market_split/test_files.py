"""Systems survive their file, and selections are priced row by row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, Infeasible, Instance
from gapsmith.evaluators.problems.market_split.problem import problem


@st.composite
def systems(draw):
    """Instances of up to four rows and nine columns."""
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    a = rng.integers(0, 200, (draw(st.integers(1, 4)), draw(st.integers(1, 9))))
    return Instance("drawn", {"a": a, "b": rng.integers(0, 1 + a.sum(axis=1))})


def text_of(instance, comment="", end="\n"):
    """Sizes, then rows of coefficients with their right-hand side."""
    a, b = instance.data["a"], instance.data["b"]
    rows = [" ".join(map(str, [*row, side])) for row, side in zip(a.tolist(), b.tolist(), strict=True)]
    return end.join([comment, "{} {}".format(*a.shape), *(f"{row}  # row" for row in rows)]) + end


@settings(max_examples=40)
@given(systems(), st.sampled_from(["", "# by hand"]), st.sampled_from(["\n", "\r\n"]))
def test_a_system_survives_its_file(tmp_path_factory, instance, comment, end):
    """Coefficients and right-hand sides come back, whatever the line ends and comments."""
    path = tmp_path_factory.mktemp("systems") / "drawn.dat"
    path.write_bytes(text_of(instance, comment, end).encode())
    (read,) = problem.read(path)
    assert read.digest == instance.digest
    assert read.data["a"].flags.c_contiguous


@given(systems(), st.data())
def test_a_file_with_a_number_less_or_more_is_refused(tmp_path_factory, instance, data):
    """No file that lacks a number, or has one more at its end, is read as a system."""
    lines = [line.partition("#")[0].split() for line in text_of(instance).splitlines()]
    row = data.draw(st.integers(1, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[row]) - 1))
    path = tmp_path_factory.mktemp("systems") / "broken.dat"
    shorter = [*lines[:row], [*lines[row][:place], *lines[row][place + 1 :]], *lines[row + 1 :]]
    for broken in (shorter, [*lines, ["7"]]):
        path.write_text("\n".join(map(" ".join, broken)))
        with pytest.raises(GapsmithError):
            problem.read(path)


@settings(max_examples=60)
@given(systems(), st.integers(0, 999))
def test_the_cost_is_the_slack_of_all_rows(instance, seed):
    """Every selection is priced as plain integers say, and no less than the proven optimum."""
    a, b = instance.data["a"].tolist(), instance.data["b"].tolist()
    x = np.random.default_rng(seed).integers(0, 2, len(a[0])).tolist()
    slack = 0
    for row, side in zip(a, b, strict=True):
        slack += abs(sum(value for value, chosen in zip(row, x, strict=True) if chosen) - side)
    assert problem.cost(instance, x) == slack
    found = problem.baseline(instance, 5.0)
    assert found.upper <= slack
    assert problem.cost(instance, found.solution) == found.upper


@given(systems(), st.integers(0, 999), st.data())
def test_mutants_of_a_selection_are_refused(instance, seed, data):
    """A selection with an entry less, more, of another value or of another type has no price."""
    n = instance.data["a"].shape[1]
    x = np.random.default_rng(seed).integers(0, 2, n).tolist()
    place = data.draw(st.integers(0, n - 1))
    wrong = [2, -1, float(x[place]), bool(x[place]), str(x[place]), None, [x[place]]]
    mutants = [[*x[:place], each, *x[place + 1 :]] for each in wrong]
    for mutant in [*mutants, x[:-1], [*x, 0], tuple(x), np.array(x)]:
        with pytest.raises(Infeasible, match="expected"):
            problem.cost(instance, mutant)


def test_slack_beyond_64_bits_is_exact():
    """Prices are sums of Python's integers: coefficients near the limit of 64 bits do not wrap."""
    huge = (1 << 62) + 1
    instance = Instance("huge", {"a": np.array([[huge, huge, huge]]), "b": np.array([0])})
    assert problem.cost(instance, [1, 1, 1]) == 3 * huge


@pytest.mark.parametrize("stratum", problem.strata)
def test_drawn_systems_have_ten_columns_for_each_row_but_one(stratum):
    """Sizes and coefficients are those of Cornuéjols and Dawande."""
    for m in (2, 3, 4):
        data = problem.generate(np.random.default_rng(m), stratum, m)
        assert data["a"].shape == (m, 10 * (m - 1))
        assert 0 <= data["a"].min() <= data["a"].max() < int(stratum[2:])
        assert (2 * data["b"] <= data["a"].sum(axis=1)).all()
        assert (2 * data["b"] >= data["a"].sum(axis=1) - 1).all()
