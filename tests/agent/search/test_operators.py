"""Operators of a caller's own: they bring their text, or one line says what is missing; resume takes them up."""

from dataclasses import dataclass

import pytest
from helpers import Threaded, crash, job

from gapsmith.agent.archive import Archive
from gapsmith.agent.search.choice import Choice
from gapsmith.agent.search.operators import Operator
from gapsmith.evaluators.base import UsageError

TWIST = Operator("twist", 1, 0.3, template="Twist this, for {{ problem.name }}:\n{{ parents[-1].source }}\n")


@dataclass(frozen=True)
class Twisting:
    """A strategy that knows one operator."""

    operators: tuple = (TWIST,)
    name: str = "twisting"

    def choose(self, view, rng):
        """The operator, from the best."""
        return Choice(self.operators[0], (view.own.best or view.start,))


def own(place, operator=TWIST, **options):
    """A run with that operator alone."""
    return job(place, strategies=(Twisting((operator,)),), without=("tuning",), calls=3, **options)


def test_an_own_operator_brings_its_template(place):
    """Its text is rendered as those in `prompts/` are, and the archive names it."""
    run = own(place)
    list(run.search())
    prompts = [call.prompt for call in run.archive.read_calls(1).values()]
    assert len(prompts) == 3
    assert all(prompt.startswith("Twist this, for tiny_tardiness:\n```python") for prompt in prompts)
    assert {row.operator for slot, row in run.archive.read_candidates(1).items() if slot > 2} == {"twist"}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "operator 'twist' has no template; expected its text"),
        ("{{ nothing }}", "template of operator 'twist' cannot be rendered: 'nothing' is undefined"),
        ("{% if %}", "template of operator 'twist' cannot be rendered"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_line(place, template, words):
    """What is missing is said by its name, not by jinja2."""
    with pytest.raises(UsageError, match=words):
        list(own(place, Operator("twist", 1, 0.3, template=template)).search())


def test_a_resumed_run_takes_up_own_operators(place):
    """What an earlier sitting asked with such an operator, in threads, is neither lost nor asked again."""
    first = own(place, model=Threaded())
    for progress in first.search():
        if progress.slot == 3:
            first.stop()
    second = Threaded()
    assert not crash(own(place, model=second, number=1))
    archive = Archive(place)
    assert len(archive.read_calls(1)) == 3
    archive.close()
