"""Published values: what a file may hold, whose they are, and what contradicts them."""

import pytest

from gapsmith.agent.evaluation.baselines.published import BestKnown, PublishedValue, read_published
from gapsmith.evaluators.base import Baseline, GapsmithError, Instance, UsageError

ONE, TWO = Instance("ta01", {"x": 1}), Instance("ta02", {"x": 2})
BOUNDS = {ONE.digest: Baseline(90, 110, [1], "CP-SAT", 1.0), TWO.digest: Baseline(80, 80, [2], "CP-SAT", 1.0)}


def write(tmp_path, text):
    """Writes a file of published values."""
    path = tmp_path / "known.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_file_gives_bounds_by_instance(tmp_path):
    """Further columns are left aside, an empty cell is unknown, whole numbers stay whole."""
    path = write(tmp_path, "instance,lower,upper,source\nta01,1231,1231,a\nta02,,1244.5,b\n")
    assert read_published(path) == (PublishedValue("ta01", 1231, 1231), PublishedValue("ta02", None, 1244.5))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,lower,upper\n", "no column 'instance'"),
        ("", "no column 'instance'"),
        ("instance,lower,upper\nta01,9,8\n", "line 2: ta01 has lower 9 above upper 8"),
        ("instance,lower,upper\nta01,x,8\n", "line 2: 'x' is no number"),
        ("instance,lower,upper\nta01,nan,8\n", "line 2: 'nan' is no number"),
        ("instance,lower,upper\n,1,8\n", "line 2: no instance is named"),
        ("instance,lower,upper\nta01,1,8\nta01,2,8\n", "line 3: ta01 has other values before"),
    ],
)
def test_a_wrong_file_is_refused_by_line(tmp_path, text, words):
    """The message has the line and what is wrong there."""
    with pytest.raises(UsageError, match=words):
        read_published(write(tmp_path, text))


def test_a_missing_file_is_told(tmp_path):
    """So is a file that is no text."""
    with pytest.raises(UsageError, match="no such file"):
        read_published(tmp_path / "none.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_published(binary)


def test_the_best_known_value_is_the_better_one():
    """It is the published value or the exact solver's solution, and says which."""
    best = BestKnown.build([ONE, TWO], BOUNDS, [PublishedValue("ta01", 95, 100)])
    assert best.values == {ONE.digest: 100, TWO.digest: 80}
    assert [best.is_published(each.digest) for each in (ONE, TWO)] == [True, False]
    assert [best.is_beaten(ONE.digest, cost) for cost in (99, 100)] == [True, False]
    assert best.compute_gap([ONE, TWO], [109, 80]) == pytest.approx(5.0)
    assert best.compute_gap([ONE, TWO], [91, None]) == pytest.approx(-9.0)
    assert best.compute_gap([ONE, TWO], [None, None]) is None


def test_the_best_known_value_of_a_maximum_is_the_larger_one():
    """When maximising the solution gives the lower bound."""
    best = BestKnown.build([ONE], BOUNDS, [PublishedValue("ta01", 100, 110)], maximise=True)
    assert best.values == {ONE.digest: 100}
    assert best.is_beaten(ONE.digest, 101)
    assert not best.is_beaten(ONE.digest, 99)
    assert best.compute_gap([ONE], [95]) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("value", "maximise", "words"),
    [
        (PublishedValue("ta01", 111, 120), False, "lower bound 111 contradicts 110, the value of a verified"),
        (PublishedValue("ta01", 10, 89), False, "upper bound 89 contradicts 90, a bound that was proven"),
        (PublishedValue("ta01", 111, 120), True, "lower bound 111 contradicts 110, a bound that was proven"),
        (PublishedValue("ta01", 10, 89), True, "upper bound 89 contradicts 90, the value of a verified"),
    ],
)
def test_what_contradicts_a_result_is_refused_by_name(value, maximise, words):
    """A published value that a verified solution or a proof refutes names its instance."""
    with pytest.raises(GapsmithError, match=f"ta01: the published {words}"):
        BestKnown.build([ONE], BOUNDS, [value], maximise)


def test_values_of_other_instances_are_told(tmp_path):
    """A file whose names fit no instance is an error that shows a name of each."""
    path = write(tmp_path, "instance,lower,upper\nla01,1,2\n")
    with pytest.raises(UsageError, match=r"names 'la01', an instance is 'ta01'"):
        read_published(path, [ONE])


def test_a_verified_cost_below_a_published_bound_is_told():
    """The sentence names the instance and both values."""
    best = BestKnown.build([ONE], BOUNDS, [PublishedValue("ta01", 95, 100)])
    assert best.find_contradiction(ONE, 95) == ""
    assert (
        "ta01: a verified solution costs 94, below the published lower bound 95"
        in best.find_contradiction(ONE, 94)
    )
