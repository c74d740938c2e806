"""What pages share: figures that are kept for a while, and templates that escape everything."""

import threading

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from gapsmith.agent.web.formats import FILTERS
from gapsmith.agent.web.view import Kept, make_templates


def test_a_kept_value_is_not_computed_again():
    """Within its time, and for its key alone."""
    kept, calls = Kept(), []

    def compute():
        calls.append(1)
        return len(calls)

    assert [kept.get("a", 60.0, compute) for _ in range(3)] == [1, 1, 1]
    assert kept.get("b", 60.0, compute) == 2


def test_an_old_value_is_computed_again():
    """A run in progress must not look as it did a minute ago."""
    kept, calls = Kept(), []
    for _ in range(2):
        kept.get("a", -1.0, lambda: calls.append(1))
    assert len(calls) == 2


def test_the_number_of_kept_values_is_limited():
    """Ten thousand requests for ten thousand programs do not fill the memory: the oldest value goes first."""
    kept, calls = Kept(most=3), []
    for key in range(5):
        kept.get(key, 60.0, lambda key=key: key)
    assert len(kept._values) == 3  # noqa: SLF001
    assert kept.get(4, 60.0, lambda: calls.append(1)) == 4
    kept.get(0, 60.0, lambda: calls.append(1))
    assert calls == [1]


def test_an_error_is_not_kept():
    """What failed once may work the next time."""
    kept = Kept()
    with pytest.raises(ZeroDivisionError):
        kept.get("a", 60.0, lambda: 1 // 0)
    assert kept.get("a", 60.0, lambda: 7) == 7


def test_requests_at_once_do_not_wait_for_each_other():
    """A page that takes long does not hold up the others."""
    kept, entered, leave = Kept(), threading.Event(), threading.Event()

    def compute_slowly():
        entered.set()
        leave.wait(10)

    slow = threading.Thread(target=kept.get, args=("slow", 60.0, compute_slowly))
    slow.start()
    entered.wait(10)
    assert kept.get("quick", 60.0, lambda: 1) == 1
    leave.set()
    slow.join()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<b>&\"'", "&lt;b&gt;&amp;&#34;&#39;"),
        ("a\u202eb\x1b[31mc", "abc"),
        (Markup("<b>made here</b>"), "<b>made here</b>"),
        (None, "–"),
        (0, "0"),
    ],
)
def test_templates_escape_and_clean_what_they_show(value, text):
    """Only elements that were made here stay; nothing turns the direction of letters."""
    assert make_templates().from_string("{{ value }}").render(value=value) == text


def test_a_misspelt_fact_is_an_error():
    """A page that lacks a figure without a word would be believed."""
    with pytest.raises(UndefinedError):
        make_templates().from_string("{{ no_such_fact }}").render()


def test_every_template_is_sound():
    """All of them can be read, and know their filters."""
    templates = make_templates()
    names = templates.list_templates(extensions=["j2"])
    assert len(names) >= 15
    for name in names:
        templates.get_template(name)
    assert set(FILTERS) <= set(templates.filters)
