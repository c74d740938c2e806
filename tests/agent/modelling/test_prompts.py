"""Every word that a formulator or a storyteller is shown, and that no question gets out of its fence.

The golden files are renewed with `GAPSMITH_RENEW=1 pytest tests/agent/modelling`; read the difference first.
"""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.evaluation.problems import find_problem
from gapsmith.agent.modelling import prompts
from gapsmith.agent.modelling.answer import Kind, Verdict
from gapsmith.agent.modelling.question import LONGEST_QUESTION, OBJECTIVE, Question

GOLDEN = Path(__file__).parent / "golden"
QUESTION = Question(
    "q", "A baker has 12 kg of flour.\n\nHow much can she earn?", "", "", {"loaves": 4.0, "earnings": 20.0}
)
CRASH = Verdict(Kind.CRASH, "NameError: name 'x' is not defined (line 3, in solve: return x)")
SOURCE = "def solve():\n    return x\n"


def rendered(name):
    """A prompt of each kind."""
    problem = find_problem("single_machine_tardiness")
    return {
        "formulate": lambda: prompts.build_formulate_prompt(QUESTION, 30.0).text,
        "formulate_one": lambda: (
            prompts.build_formulate_prompt(Question("q", "How much?", answers={OBJECTIVE: 1.0}), 30.0).text
        ),
        "repair": lambda: prompts.build_repair_prompt(QUESTION, 30.0, SOURCE, CRASH).text,
        "doubt": lambda: (
            prompts.build_repair_prompt(QUESTION, 30.0, SOURCE, Verdict(Kind.INFEASIBLE, "none")).text
        ),
        "no_code": lambda: (
            prompts.build_repair_prompt(QUESTION, 30.0, "", Verdict(Kind.NO_CODE, "the reply is empty")).text
        ),
        "system": lambda: prompts.build_formulate_prompt(QUESTION, 30.0).system,
        "tell": lambda: prompts.build_story_prompt(problem, {"p": [3, 5], "d": [4, -1]}, "a bakery").text,
        "teller": lambda: prompts.build_story_prompt(problem, {"p": [3]}, "a bakery").system,
    }[name]()


@pytest.mark.parametrize(
    "name", ["formulate", "formulate_one", "repair", "doubt", "no_code", "system", "tell", "teller"]
)
def test_prompts_are_as_they_were_read(name):
    """Every word that a model is shown was looked at by somebody."""
    path = GOLDEN / f"{name}.md"
    if os.environ.get("GAPSMITH_RENEW"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered(name), encoding="utf-8")
    assert rendered(name) == path.read_text(encoding="utf-8")


def test_the_answer_is_in_no_prompt():
    """What the set says is right is not shown, only the names of the quantities."""
    for prompt in (
        prompts.build_formulate_prompt(QUESTION, 30.0),
        prompts.build_repair_prompt(QUESTION, 30.0, SOURCE, CRASH),
    ):
        assert "20.0" not in prompt.system + prompt.text
        assert "`earnings`" in prompt.text


def test_the_static_part_is_the_same_for_all_questions():
    """Providers cache it."""
    one = prompts.build_formulate_prompt(QUESTION, 30.0)
    other = prompts.build_repair_prompt(Question("r", "Else?"), 30.0, SOURCE, CRASH)
    assert one.system == other.system
    assert one.template != other.template


@given(st.text(alphabet=st.sampled_from("`~ab\n\x1b[31m\u202e\ud800|"), max_size=60))
def test_no_text_gets_out_of_its_fence(text):
    """Whatever a question, a program or a message holds, what follows it is ours."""
    question = Question("q", text + "x", "", "", {text: 1.0})
    prompt = prompts.build_repair_prompt(question, 30.0, text + "x", Verdict(Kind.CRASH, text))
    headings = re.findall(r"^## .*$", outside_fences(prompt.text), re.MULTILINE)
    assert headings == ["## The question", "## What is asked for", "## What happened", "## The program"]
    assert not re.search("[\x1b\u202e\ud800]", prompt.text)


def outside_fences(text):
    """The lines that stand in no block of code."""
    kept, fence = [], ""
    for line in text.splitlines():
        mark = re.match(r"`{3,}", line)
        if mark and not fence:
            fence = mark.group()
        elif fence and line == fence:
            fence = ""
        elif not fence:
            kept.append(line)
    assert not fence
    return "\n".join(kept)


def test_the_longest_question_is_shown_whole():
    """Nothing that is taken is cut."""
    text = "7 " * (LONGEST_QUESTION // 2)
    assert text.strip() in prompts.build_formulate_prompt(Question("q", text), 30.0).text
