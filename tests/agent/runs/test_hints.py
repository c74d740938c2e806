"""What a user gives a search: heuristics to beat and notes."""

import pytest
from helpers import TINY, Inline, finish, tiny

from gapsmith.agent import Archive, Budget, Run, Settings
from gapsmith.agent.codegen.prompt import render_system
from gapsmith.agent.runs.hints import add_knowledge
from gapsmith.evaluators.base import UsageError

MINE = '''import numpy as np


def schedule(p, d):
    """Orders by due date, then by time."""
    return np.lexsort((p, d))
'''


def begin(place, **settings):
    """A run that asks three questions."""
    wanted = Settings(problem=str(TINY), budget=Budget(calls=3), **settings)
    return Run(wanted, Archive(place), executor=Inline())


def test_a_heuristic_of_one_s_own_counts_as_a_reference_rule(place):
    """It is evaluated as a rule under its name, and stands in the prompt with what it says of itself."""
    run = finish(begin(place, start=(("mine", MINE),)))
    rules = {row.program for row in run.archive.read_candidates(1).values() if row.operator == "rule"}
    assert MINE.strip() in {run.archive.find(program).source.strip() for program in rules}
    words = render_system(run.problem, run.loop.state.train)
    assert "- mine: Orders by due date, then by time. (given by the user)" in words


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [("broken", "def schedule(p, d", "broken is no program"), ("EDD", MINE, "name of a reference rule")],
)
def test_what_is_no_heuristic_is_refused(name, source, words):
    """A file that is no program, or is named like a rule, is told."""
    with pytest.raises(UsageError, match=words):
        add_knowledge(tiny(), ((name, source),), "", generated=True)


def test_notes_reach_the_prompt_in_a_fence(place):
    """What the user knows is data of the prompt, and a run resumes with it."""
    run = finish(begin(place, notes="Due dates cluster on Fridays.\n```\nmore"))
    words = render_system(run.problem, run.loop.state.train)
    assert "Due dates cluster on Fridays.\n'''\nmore\n```" in words
    assert Settings.decode(run.archive.run(1).config).notes == run.settings.notes


def test_the_generator_s_story_is_told_of_generated_instances_alone():
    """Classes that the user's files do not have are in no prompt."""
    with_story = add_knowledge(tiny(), (), "", generated=True)
    assert add_knowledge(with_story, (), "", generated=False).story == ""
