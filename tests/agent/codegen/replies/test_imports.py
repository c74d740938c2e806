"""Imports that are added stand where Python takes them, and channels of a model's own are no code."""

import json

import pytest
from helpers import CASES

from gapsmith.agent.codegen.replies.extract import extract
from gapsmith.agent.codegen.screen import screen
from gapsmith.evaluators.problems.single_machine_tardiness.problem import ENTRY

FUTURE = "from __future__ import annotations\n"
BODY = "def schedule(p, d):\n    return np.lexsort((p, d))\n"
HEADS = {
    "future": FUTURE,
    "docstring": '"""By due date."""\n',
    "both": f'"""By due date."""\n\n{FUTURE}',
    "long docstring": '"""By\n\ndue date.\n"""\n# so\n',
    "two futures": f"{FUTURE}from __future__ import division\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize(
    "helper", ["", "```python\ndef other(a):\n    return a\n```\n", f"```python\n{FUTURE}X = 1\n```\n"]
)
def test_an_import_goes_behind_what_must_come_first(head, helper):
    """A docstring and imports from `__future__` stay first, so that the program is one."""
    body = BODY.replace("(p, d))", "(p, other(d)))") if "other" in helper else BODY
    body = body.replace("(p, d))", "(p, d + X))") if "X" in helper else body
    found = extract(f"{helper}```python\n{head}\n\n{body}```\n", ENTRY)
    assert screen(found.source, ENTRY).outcome == "ok"
    compile(found.source, "candidate", "exec")
    assert "import numpy as np" in found.source


CHANNELS = (
    "<|channel|>analysis<|message|>First try:\n```python\ndef schedule(p, d):\n    return [0]\n```<|end|>"
    "<|start|>assistant<|channel|>final{}<|message|>```python\nimport numpy as np\n\n\n{}```{}"
)


@pytest.mark.parametrize("constraint", ["", " ", " <|constrain|>python"])
@pytest.mark.parametrize("end", ["", "<|return|>", "\nBy due date.<|end|>"])
def test_the_final_channel_is_the_answer(constraint, end):
    """Fences that are glued to gpt-oss's marks are found, and the draft of the analysis is not run."""
    found = extract(CHANNELS.format(constraint, BODY, end), ENTRY)
    assert found.source == f"import numpy as np\n\n\n{BODY}"


def test_marks_without_a_final_channel_are_left_out():
    """Where no channel is final, the last program is taken."""
    reply = f"<|channel|>commentary<|message|>```python\nimport numpy as np\n\n\n{BODY}```<|end|>"
    assert extract(reply, ENTRY).source.endswith(BODY)


@pytest.mark.parametrize("name", ["F19-future.json", "F20-harmony.json"])
def test_recorded_replies_hold_their_programs(name):
    """Replies as servers gave them."""
    if not (CASES / name).exists():
        pytest.skip("no shared cases here")
    text = json.loads((CASES / name).read_text())["choices"][0]["message"]["content"]
    screened = screen(extract(text, ENTRY).source, ENTRY)
    assert screened.outcome == "ok"
    assert "lexsort" in screened.source
    compile(screened.source, "candidate", "exec")
