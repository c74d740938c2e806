"""Prompts: for a program, for a repair, and for a word problem."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gapsmith.agent.codegen.prompt import LONGEST_SOURCE, Prompt, hash_templates, make_environment
from gapsmith.agent.codegen.sanitize import add_fence, flatten_untrusted, limit_untrusted
from gapsmith.agent.modelling.answer import Kind, Verdict
from gapsmith.agent.modelling.program import IMPORTS, MEMORY_MB
from gapsmith.agent.modelling.question import OBJECTIVE, Question
from gapsmith.evaluators.base import Problem

DOUBTFUL = (Kind.INFEASIBLE, Kind.UNBOUNDED)
LONGEST_NAME = 200
SHARE_OF_SOLVER = 0.8
"""Share of the CPU seconds for the solver; the rest is for building the model."""


def build_formulate_prompt(question: Question, cpu_seconds: float) -> Prompt:
    """Builds the first prompt for a question."""
    return _build_prompt("formulate", cpu_seconds, **_describe_question(question))


def build_repair_prompt(question: Question, cpu_seconds: float, source: str, verdict: Verdict) -> Prompt:
    """Builds the prompt after a program that gave no answer."""
    return _build_prompt(
        "repair",
        cpu_seconds,
        **_describe_question(question),
        doubtful=verdict.kind in DOUBTFUL,
        message=add_fence(limit_untrusted(f"{verdict.kind}: {verdict.message}")),
        source=add_fence(limit_untrusted(source.strip(), LONGEST_SOURCE), "python") if source.strip() else "",
    )


def build_story_prompt(problem: Problem, data: Mapping[str, Any], setting: str) -> Prompt:
    """Builds the prompt for a word problem, without the optimum."""
    text = (
        make_environment()
        .get_template("modelling/tell.md.j2")
        .render(
            setting=setting,
            title=problem.title,
            brief=problem.description,
            returns=problem.entry.returns,
            maximise=problem.maximise,
            arguments=problem.entry.arguments,
            data=add_fence(json.dumps(data), "json"),
        )
    )
    system = make_environment().get_template("modelling/teller.md.j2").render()
    return Prompt(system, text, hash_templates("modelling/teller.md.j2", "modelling/tell.md.j2"))


def _describe_question(question: Question) -> dict[str, object]:
    names = [name for name in question.answers if name != OBJECTIVE]
    return {
        "question": add_fence(limit_untrusted(question.text.strip(), len(question.text))),
        "quantities": ["`" + flatten_untrusted(name, LONGEST_NAME) + "`" for name in names],
    }


def _build_prompt(name: str, cpu_seconds: float, **values: object) -> Prompt:
    path = f"modelling/{name}.md.j2"
    text = make_environment().get_template(path).render(**values)
    hash_ = hash_templates("modelling/system.md.j2", path, "modelling/asked.md.j2")
    return Prompt(_render_system(cpu_seconds), text, hash_)


@lru_cache(maxsize=8)
def _render_system(cpu_seconds: float) -> str:
    """Renders the system prompt.

    It is the same for all prompts of a run, so that providers can cache it.
    """
    imports = sorted(name for name in IMPORTS - {"numpy", "ortools"} if not name.startswith("_"))
    return (
        make_environment()
        .get_template("modelling/system.md.j2")
        .render(
            imports=", ".join(imports),
            cpu_seconds=f"{cpu_seconds:g}",
            solver_seconds=max(1, int(SHARE_OF_SOLVER * cpu_seconds)),
            memory_mb=MEMORY_MB,
        )
    )
