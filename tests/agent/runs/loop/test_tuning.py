"""Tuning of constants, driven by hand."""

import ast
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from gapsmith.agent.runs.loop.tuning import tune

SOURCE = '''import numpy as np


def schedule(p, d):
    """Looks at 30 jobs with a weight of 0.5; Baker 1974."""
    return np.argsort(d + 0.5 * p)[np.argsort(np.arange(len(p)) // 30, kind="stable")]
'''


@dataclass
class Drawn:
    """Splits that nothing looks at."""

    train: Any = field(default_factory=lambda: SimpleNamespace(instances=[0, 1, 2]))


def drive(source, loss):
    """The result of tuning, where a trial's loss is a function of its source."""
    steps = tune(Drawn(), source, 3)
    request = next(steps)
    while True:
        trials = [SimpleNamespace(loss=loss(attempt.source), run=3) for attempt in request.works]
        try:
            request = steps.send(trials)
        except StopIteration as end:
            return end.value


def constants(source):
    """The numbers of a program."""
    return {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}


def test_a_tuned_program_mentions_its_own_numbers():
    """After tuning, the docstring has the constants that the program now has, and the year."""
    tuned = drive(SOURCE, lambda source: 0.0 if source != SOURCE else 1.0)
    assert tuned.source != SOURCE
    text = ast.get_docstring(ast.parse(tuned.source).body[1]) or ""
    numbers = {float(number) for number in re.findall(r"\d+\.?\d*(?:e-\d+)?", text)} - {1974.0}
    assert numbers <= constants(tuned.source)
    assert len(numbers) == 2


def test_a_program_that_is_best_as_it_was_is_kept_byte_for_byte():
    """Where no trial is better, neither the constants nor the docstring change."""
    tuned = drive(SOURCE, lambda source: 1.0 if source != SOURCE else 0.5)
    assert tuned.source == SOURCE
    assert (tuned.before, tuned.after) == (0.5, 0.5)
