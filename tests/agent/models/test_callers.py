"""Threads that wait for answers."""

import threading

import pytest

from gapsmith.agent.models import ModelError, Stopped
from gapsmith.agent.models.callers import Callers, ask, run_within


def test_nobody_waits_beyond_the_time():
    """Where the time is used up, a call that never ends holds no one; before that, what ends is waited for."""
    never, looks = threading.Event(), []
    with Callers(lambda: len(looks) > 1 or looks.append(1)) as callers:
        hung, quick = callers.submit(never.wait), callers.submit(lambda: 3)
    assert quick.result() == 3
    assert not hung.done()
    never.set()


def test_a_call_in_time_gives_its_value_or_its_error():
    """A call that ends in its time is as if it had been made here."""
    assert run_within(lambda: 3, 60) == 3
    with pytest.raises(ZeroDivisionError):
        run_within(lambda: 1 // 0, 60)
    with pytest.raises(TimeoutError):
        run_within(threading.Event().wait, 0)


@pytest.mark.parametrize(
    ("error", "said"), [(KeyError("x"), "KeyError: 'x'"), (OSError(), "OSError: no reason is given")]
)
def test_a_model_of_a_user_may_raise_anything(error, said):
    """The run ends with one line that names the model and the error, which is its cause."""

    class Broken:
        name = "mine"

        def reply(self, request):
            raise error

    with pytest.raises(ModelError) as caught:
        ask(Broken(), None)
    assert str(caught.value) == f"mine failed: {said}"
    assert caught.value.__cause__ is error


def test_what_a_model_of_ours_raises_is_kept():
    """A line that was written for the user is raised as it is."""

    class Stopping:
        name = "mine"

        def reply(self, request):
            raise Stopped("stop")

    with pytest.raises(Stopped, match="stop"):
        ask(Stopping(), None)
