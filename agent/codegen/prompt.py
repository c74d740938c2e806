"""Renders prompts. The only door to the templates."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, TemplateError, TemplateNotFound

from gapsmith.agent.codegen import instance_text as showing
from gapsmith.agent.codegen.sanitize import fenced, harmless, one_line, untrusted
from gapsmith.agent.codegen.screen import ALLOWED_IMPORTS
from gapsmith.agent.search.choice import Choice, Failure, Lesson
from gapsmith.agent.search.instances import Bench
from gapsmith.agent.search.operators import Operator
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.base import Problem, UsageTrouble

SHOWN = 5
SOLVED = 2
LONGEST_SOURCE = 12_000
STEPS_A_SECOND, CALLS_A_SECOND = 1e7, 3e5
"""Simple steps of Python and numpy calls on short arrays, as this was measured (docs/explanation/prompts.md)."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt: the static part, the part that changes, and a name for the templates behind them."""

    system: str
    text: str
    template: str


def render(problem: Problem, choice: Choice, train: Bench) -> Prompt:
    """Renders the prompt for a choice.

    Raises:
        UsageTrouble: an operator of the caller's own has no template, or one that cannot be rendered.
        UndefinedError: a template of ours asks for what is not there.
    """
    stratum = choice.stratum
    # The best comes last, next to the answer: what is nearest is what a model goes on from (FunSearch's best-shot).
    elites = choice.parents[::-1]
    parents = [_view(parent, train, stratum) for parent in elites]
    told = {
        "problem": problem,
        "parents": parents,
        "tags": _tags(elites),
        "contrasts": _contrasts(elites, train),
        "complementary": bool(behind := _behind(elites, train)),
        "solved": _solved(behind or parents[-1]["places"], train) if parents else [],
        "failure": _failure(choice.failure) if choice.failure else None,
        "stratum": one_line(stratum),
        "lessons": _lessons(choice.lessons),
        "refutation": fenced(untrusted(choice.refutation)) if choice.refutation else "",
    }
    text = _rendered(choice.operator, told)
    return Prompt(system(problem, train), text, _template_hash(choice.operator, problem.words))


def _rendered(operator: Operator, told: Mapping[str, Any]) -> str:
    if not operator.template:
        return _template_of(operator.name).render(told)
    try:
        return environment().from_string(operator.template).render(told)
    except TemplateError as error:
        raise UsageTrouble(
            f"the template of operator {operator.name!r} cannot be rendered: {error}; it may use {', '.join(told)}"
        ) from None


def _template_of(operator: str) -> Template:
    try:
        return environment().get_template(f"{operator}.md.j2")
    except TemplateNotFound:
        raise UsageTrouble(
            f"operator {operator!r} has no template; expected its text, as in Operator({operator!r}, 1, 0.3, "
            'template="…"), or the name of a file in prompts/'
        ) from None


@lru_cache(maxsize=8)
def system(problem: Problem, train: Bench) -> str:
    """Renders the static part of the prompt.

    It is the same, byte for byte, for every prompt of a run, so that providers can cache it.
    """
    imports = sorted(name for name in ALLOWED_IMPORTS if name != "numpy" and not name.startswith("_"))
    return (
        environment()
        .get_template(f"{problem.words}.md.j2")
        .render(
            problem=problem,
            limit=_limit(problem, train),
            imports=", ".join(imports),
            driver=fenced(problem.driver.strip(), "python"),
            example=_example(problem, train),
        )
    )


def _limit(problem: Problem, train: Bench) -> Row:
    """Returns the CPU limits of the smallest and the largest training instance.

    With what those seconds are worth on this machine.
    """
    shown = [problem.shown(instance) for instance in train.instances]
    ends = [extreme(shown, key=attrgetter("size")) for extreme in (min, max)]
    seconds, most = map(problem.cpu_seconds, ends)
    small, large = (one_line(showing.shapes(each)) for each in ends)
    last = large if most == seconds else f"{most:.3g} s for {large}"
    return {
        "sizes": f"{seconds:.3g} s for " + " to ".join(dict.fromkeys((small, last))),
        "steps": f"{seconds * STEPS_A_SECOND:,.0f}",
        "calls": f"{seconds * CALLS_A_SECOND:,.0f}",
    }


def _example(problem: Problem, train: Bench) -> dict[str, Any]:
    """Returns the smallest training instance, with its optimum where it is known."""
    place = min(range(len(train.instances)), key=lambda k: train.instances[k].size)
    instance, found = problem.shown(train.instances[place]), train.baselines[place]
    known = found.solution is not None and not isinstance(found.solution, dict)
    return {
        "data": fenced("\n".join(showing.data_lines(instance))),
        "proven": found.proven,
        "cost": showing.exact(found.lower if problem.maximise else found.upper),
        "solution": showing.values_line(found.solution) if known and not problem.online else "",
        "picture": showing.picture(instance, found),
    }


@lru_cache(maxsize=128)
def _code(source: str) -> str:
    """Puts a program in a fence."""
    shown = harmless(source).strip("\n")
    cut = shown if len(shown) <= LONGEST_SOURCE else shown[:LONGEST_SOURCE] + "\n# … and so on"
    return fenced(cut, "python")


def _failure(failure: Failure) -> dict[str, str]:
    return {"message": fenced(untrusted(failure.message)), "source": _code(failure.source)}


def _lessons(lessons: Sequence[Lesson]) -> dict[str, str]:
    """Formats ideas with their evidence, in a fence.

    They are words of models and of programs, and so untrusted.
    """
    gained = [_lesson(lesson) for lesson in lessons if lesson.gained]
    refuted = [_lesson(lesson) for lesson in lessons if not lesson.gained]
    return {"gained": _fenced_lines(gained), "refuted": _fenced_lines(refuted)}


@lru_cache(maxsize=64)
def _lesson(lesson: Lesson) -> str:
    ended = f"{lesson.before:.3f} % → {lesson.after:.3f} %" if lesson.after is not None else lesson.ended
    return f"slot {lesson.slot}, {lesson.operator}: {one_line(lesson.idea)} ({one_line(ended, 100)})"


def _tags(parents: Sequence[Elite]) -> str:
    """Formats what programs say about themselves, in a fence."""
    return _fenced_lines(
        [f"{parent.gap:.3f} % gap: {_tag(parent.source)}" for parent in parents if not parent.name]
    )


def _fenced_lines(lines: Sequence[str]) -> str:
    return fenced("\n".join(lines)) if lines else ""


@lru_cache(maxsize=128)
def _view(parent: Elite, train: Bench, stratum: str) -> dict[str, Any]:
    """Returns a parent as templates use it.

    Its rows are those of a stratum, the five worst and the five best.
    """
    points = _points(parent, train)
    order = np.argsort(-points, kind="stable").tolist()
    inside = [k for k in order if train.instances[k].stratum == stratum]
    shown = list(dict.fromkeys((*inside, *_ends(order))))[: 2 * SHOWN]
    rows = [_row(k, parent, float(points[k]), train) for k in shown]
    return {
        "source": _code(parent.source),
        "gap": parent.gap,
        "cpu_seconds": parent.cpu_seconds,
        "places": shown,
        "table": environment().get_template("parts/rows.md.j2").render(rows=rows).rstrip("\n"),
        "complete": len(shown) == len(order),
    }


def _points(parent: Elite, train: Bench) -> Any:
    """Returns what each instance adds to the parent's gap, in points."""
    return train.scale.loss(parent.costs) * train.scale.weights


def _ends(order: list[int]) -> list[int]:
    return order[:SHOWN] + [k for k in order[-SHOWN:] if k not in order[:SHOWN]]


def _row(k: int, parent: Elite, points: float, train: Bench) -> Row:
    bound = float(train.scale.bound[k])
    gap = f"{100 * abs(parent.costs[k] - bound) / bound:.2f}" if bound > 0 else "–"
    return {**_heads(train)[k], "cost": showing.exact(parent.costs[k]), "gap": gap, "points": f"{points:.3f}"}


@lru_cache(maxsize=8)
def _heads(train: Bench) -> Sequence[Row]:
    """Returns the columns of the rows that all programs share."""
    return [
        {
            "instance": one_line(instance.name),
            "stratum": one_line(instance.stratum),
            "bound": showing.exact(bound),
        }
        for instance, bound in zip(train.instances, train.scale.bound, strict=True)
    ]


def _solved(places: Sequence[int], train: Bench) -> Sequence[Row]:
    """Describes exact solutions of the first places that have one to show."""
    pictures = ((k, _picture(k, train)) for k in places[:SHOWN])
    told = [{**_heads(train)[k], "picture": words} for k, words in pictures if words]
    return told[:SOLVED]


@lru_cache(maxsize=256)
def _picture(k: int, train: Bench) -> str:
    return showing.picture(train.instances[k], train.baselines[k])


def _behind(parents: Sequence[Elite], train: Bench) -> list[int]:
    """Lists where the second program is behind, the largest differences first."""
    if len(parents) < 2:
        return []
    ahead = _points(parents[-1], train) - _points(parents[0], train)
    return [k for k in np.argsort(-ahead, kind="stable").tolist() if ahead[k] > 0]


def _contrasts(parents: Sequence[Elite], train: Bench) -> list[Row]:
    """Lists where the first program is most ahead, then most behind."""
    if len(parents) < 2:
        return []
    first, second = parents[:2]
    shown = (*_behind(parents, train)[:SHOWN], *_behind(parents[::-1], train)[:SHOWN])
    return [
        {**_heads(train)[k], "first": showing.exact(first.costs[k]), "second": showing.exact(second.costs[k])}
        for k in shown
    ]


@lru_cache(maxsize=128)
def _tag(source: str) -> str:
    """Returns the first line of the last docstring of a program.

    It is the docstring of the entry point, which names the mechanism.
    """
    found = re.findall(r'^def [^\n]*:\n[ \t]+(?:"""|\'\'\')([^\n"]+)', source, re.MULTILINE)
    return one_line(found[-1].rstrip("'")) if found else "a program without a description"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Makes the jinja2 environment with the templates."""
    found = Environment(
        loader=PackageLoader("gapsmith.prompts", ""),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        auto_reload=False,  # a run has one set of templates
        autoescape=False,  # prompts are text, not HTML
    )
    found.filters["first_line"] = lambda text: next(iter((text or "").strip().splitlines()), "")
    return found


@lru_cache(maxsize=32)
def _template_hash(operator: Operator, words: str) -> str:
    """Hashes the templates of an operator.

    Its own, the static part and all shared parts.
    """
    parts = [name for name in environment().list_templates(["j2"]) if name.startswith("parts/")]
    own = f"{operator.name}.md.j2"
    return template_hash(
        f"{words}.md.j2", *(() if operator.template else (own,)), *parts, text=operator.template
    )


def template_hash(*names: str, text: str = "") -> str:
    """Hashes a number of template files and a text."""
    loader = environment().loader
    assert loader is not None  # it was made with one
    text += "".join(loader.get_source(environment(), name)[0] for name in names)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
