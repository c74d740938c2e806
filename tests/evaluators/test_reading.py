"""Number files: every complaint names the file, the line, what was found and what was expected."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.evaluators.base import GapsmithError, UsageError
from gapsmith.evaluators.reading import MAX_VALUE, NumberReader


@pytest.fixture
def file(tmp_path):
    """Writes a file of numbers."""

    def write(text):
        path = tmp_path / "some.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_numbers_come_one_after_another(file):
    """Line breaks do not matter, comments are passed over, and the end is known."""
    numbers = NumberReader(file("1 -2 # three 4\n\n+5\r\n\t6"))
    assert [numbers.read_integer("a number") for _ in range(4)] == [1, -2, 5, 6]
    assert numbers.at_end


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\n2 x", "line 2: found 'x'; expected a number, an integer of at least 0"),
        ("1\n2 -1", "line 2: found '-1'; expected a number, an integer of at least 0"),
        ("1\n2", "line 2: the file ends; expected a number, an integer of at least 0"),
        ("1 2 1.0", "line 1: found '1.0'"),
        ("1 2 1e3", "line 1: found '1e3'"),
        ("1 2 --1", "line 1: found '--1'"),
        ("1 2 +", "line 1: found '+'"),
        ("1 2 " + "9" * 5000, "line 1: found '9999999999999999999999999999999999999999'"),
        (f"1 2 {MAX_VALUE + 1}", f"line 1: found '{MAX_VALUE + 1}'"),
    ],
)
def test_a_complaint_says_where_and_what(file, text, words):
    """The third number is wrong, and the message says all there is to say in one line."""
    numbers = NumberReader(file(text))
    numbers.read_integer("a number"), numbers.read_integer("a number")
    with pytest.raises(GapsmithError) as caught:
        numbers.read_integer("a number", least=0)
    assert words in str(caught.value)
    assert "some.txt, line" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_number_can_be_bounded_on_both_sides(file):
    """The bounds themselves are taken, and what lies beyond is refused with both of them."""
    numbers = NumberReader(file("1 3\n4"))
    assert [numbers.read_integer("a place", 1, 3) for _ in range(2)] == [1, 3]
    with pytest.raises(GapsmithError, match="line 2: found '4'; expected a place, an integer from 1 to 3"):
        numbers.read_integer("a place", 1, 3)


def test_decimals_stay_as_they_are(file):
    """Whole numbers come as integers, others as the nearest doubles; signs, exponents and what is too much do not."""
    numbers = NumberReader(file("1 2 0.5 .25 3. -1"))
    assert numbers.read_decimals(2, "a weight", 9).dtype == np.int64
    assert numbers.read_decimals(3, "a weight", 9).tolist() == [0.5, 0.25, 3.0]
    with pytest.raises(GapsmithError, match="line 1: found '-1'; expected a weight, a number from 0 to 9"):
        numbers.read_decimals(1, "a weight", 9)
    for text in ("1e2", "9.5", "0.1234567", "nan", ""):
        with pytest.raises(GapsmithError, match="expected a weight"):
            NumberReader(file(f"# one\n0 {text}")).read_decimals(2, "a weight", 9)


def test_what_goes_on_is_refused(file):
    """A file that should be over says which number was one too many."""
    numbers = NumberReader(file("1\n2"))
    numbers.read_integer("a number")
    with pytest.raises(GapsmithError, match="line 2: found '2'; expected the end"):
        numbers.end("the end")
    numbers.end("the end")


@given(st.integers(-MAX_VALUE, MAX_VALUE))
def test_all_numbers_that_are_exact_are_read(tmp_path_factory, number):
    """Every integer up to the largest is read as it is."""
    path = tmp_path_factory.getbasetemp() / "one.txt"
    path.write_text(str(number))
    assert NumberReader(path).read_integer("a number") == number


@pytest.mark.parametrize("content", ["", "  \n", "# nothing\n"])
def test_a_file_without_numbers_is_refused(file, content):
    """An empty file holds no instance."""
    with pytest.raises(GapsmithError, match="holds no numbers; expected at least one instance"):
        NumberReader(file(content))


def test_what_is_no_text_file_is_refused(file, tmp_path):
    """A binary file, a folder and a file that is not there are told apart."""
    with pytest.raises(GapsmithError, match="is not a text file"):
        NumberReader(file(b"\xff\xfe\x00"))
    with pytest.raises(UsageError, match="is a directory"):
        NumberReader(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        NumberReader(tmp_path / "nowhere.txt")
