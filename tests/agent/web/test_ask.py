"""What a request asks for is read within limits, whatever was typed."""

import pytest

from gapsmith.agent.web.ask import LARGEST, LONGEST_WORD, Ask


def ask(**query):
    """A request with these parameters."""
    return Ask({}, query, "/runs")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("7", 7),
        ("007", 7),
        ("0", 1),
        ("-3", 1),
        ("x", 1),
        ("", 1),
        ("1e3", 1),
        ("٣", 1),
        ("99999999999", LARGEST),
        ("9" * 5000, 1),
    ],
)
def test_numbers_stay_within_limits(given, found):
    """Whatever is no whole number within reason is the default or the limit."""
    assert ask(page=given).read_number("page") == found


def test_an_absent_number_is_the_default():
    """Nothing typed is no error."""
    assert ask().read_number("page", 3) == 3


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("1,2,3", [1, 2, 3]),
        ("1, 2  3", [1, 2, 3]),
        ("2,2,1", [2, 1]),
        ("a,1,-2", [1]),
        ("", []),
        ("1,2,3,4,5,6", [1, 2, 3, 4]),
    ],
)
def test_lists_of_numbers_are_short_and_without_repetition(given, found):
    """Commas or blanks separate; what is no number is left out."""
    assert ask(programs=given).read_numbers("programs", 4) == found


def test_only_known_words_are_chosen():
    """An unknown word is the default: none reaches a query."""
    assert ask(sort="gap").choose("sort", ("gap", "run"), "run") == "gap"
    assert ask(sort="gap; DROP TABLE runs").choose("sort", ("gap", "run"), "run") == "run"
    assert ask().choose("sort", ("gap", "run"), "run") == "run"


def test_texts_are_shortened():
    """A search of a megabyte is none."""
    assert ask(search="  two words ").read_text("search") == "two words"
    assert len(ask(search="x" * 10**6).read_text("search")) == LONGEST_WORD


def test_addresses_change_one_parameter_and_keep_the_others():
    """Links of a page keep what was chosen; None leaves a parameter out."""
    assert ask(sort="gap", page="3").change(page=4) == "/runs?sort=gap&page=4"
    assert ask(sort="gap", page="3").change(page=None) == "/runs?sort=gap"
    assert ask(page="3").change(page=None) == "/runs"


def test_addresses_are_quoted():
    """A parameter cannot begin another one."""
    assert ask(search='a&b="c"').change() == "/runs?search=a%26b%3D%22c%22"
