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
from gapsmith.agent.codegen.sanitize import add_fence, flatten_untrusted, limit_untrusted, sanitize
from gapsmith.agent.codegen.screen import ALLOWED_IMPORTS
from gapsmith.agent.search.choice import Choice, Failure, Lesson
from gapsmith.agent.search.instances import InstanceSet
from gapsmith.agent.search.operators import Operator
from gapsmith.agent.search.selection.population import Elite
from gapsmith.evaluators.base import NUMBA, Problem, UsageError
from gapsmith.sandbox import COMPILE_SECONDS

SHOWN, RANGES = 5, 3
SOLVED = 2
LONGEST_SOURCE = 16_000
LONGEST_ENDING = 140
LONGEST_NOTES = 6_000
STEPS_A_SECOND, CALLS_A_SECOND, COMPILED_STEPS_A_SECOND = 1e7, 3e5, 3e8
"""Simple steps of Python and numpy calls on short arrays, as this was measured (docs/explanation/prompts.md)."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt.

    The static part, the part that changes, and a name for the templates behind them.
    """

    system: str
    text: str
    template: str


def render(problem: Problem, choice: Choice, train: InstanceSet) -> Prompt:
    """Renders the prompt for a choice.

    Raises:
        UsageError: an operator of the caller's own has no template, or one that cannot be rendered.
        UndefinedError: a template of ours asks for what is not there.
    """
    stratum = choice.stratum
    # The best comes last, next to the answer: what is nearest is what a model goes on from (FunSearch's best-shot).
    elites = choice.parents[::-1]
    parents = [_view(parent, problem, train, stratum) for parent in elites]
    values = {
        "problem": problem,
        "parents": parents,
        "tags": _show_tags(elites),
        "contrasts": _list_contrasts(elites, train),
        "complementary": bool(behind := _list_behind(elites, train)),
        # What is possible with all events known beforehand tells nothing of a rule that does not know them.
        "solved": _show_solved(behind or parents[-1]["losing"], train)
        if parents and not problem.online
        else [],
        "proven": bool(train.scale.proven.all()),
        "optimal": bool(parents) and not parents[-1]["losing"],
        "failure": _show_failure(choice.failure) if choice.failure else None,
        "stratum": flatten_untrusted(stratum),
        "ahead": choice.best_gap
        if choice.best_gap is not None and _is_behind(elites, choice.best_gap)
        else None,
        "several": len(set(train.classes)) > 1,
        "lessons": _show_lessons(choice.lessons, choice.best_gap),
        "refutation": add_fence(limit_untrusted(choice.refutation)) if choice.refutation else "",
    }
    text = _render_template(choice.operator, values)
    return Prompt(render_system(problem, train), text, _hash_operator(choice.operator, problem.words))


def _is_behind(elites: Sequence[Elite], gap: float) -> bool:
    """Tells whether all programs that a prompt shows have a larger gap."""
    return all(elite.gap > gap for elite in elites)


def _render_template(operator: Operator, values: Mapping[str, Any]) -> str:
    if not operator.template:
        return _load_template(operator.name).render(values)
    try:
        return make_environment().from_string(operator.template).render(values)
    except TemplateError as error:
        raise UsageError(
            f"the template of operator {operator.name!r} cannot be rendered: {error}; it may use {', '.join(values)}"
        ) from None


def _load_template(operator: str) -> Template:
    try:
        return make_environment().get_template(f"{operator}.md.j2")
    except TemplateNotFound:
        raise UsageError(
            f"operator {operator!r} has no template; expected its text, as in Operator({operator!r}, 1, 0.3, "
            'template="…"), or the name of a file in prompts/'
        ) from None


@lru_cache(maxsize=8)
def render_system(problem: Problem, train: InstanceSet) -> str:
    """Renders the static part of the prompt.

    It is the same, byte for byte, for every prompt of a run, so that providers can cache it.
    """
    imports = sorted(name for name in ALLOWED_IMPORTS if name != "numpy" and not name.startswith("_"))
    return (
        make_environment()
        .get_template(f"{problem.words}.md.j2")
        .render(
            problem=problem,
            limit=_limit(problem, train),
            imports=", ".join(imports),
            packages=", ".join(("numpy", *(name for name in problem.packages if name != NUMBA))),
            compiles=NUMBA in problem.packages,
            compile_seconds=f"{COMPILE_SECONDS:g}",
            compiled=_describe_compiled(problem),
            driver=add_fence(problem.driver.strip(), "python"),
            classes=_list_classes(problem, train),
            example=_show_example(problem, train),
            data=showing.summarise_instances([problem.shown(each) for each in train.instances]),
            notes=add_fence(limit_untrusted(problem.notes, LONGEST_NOTES)) if problem.notes else "",
        )
    )


def _list_classes(problem: Problem, train: InstanceSet) -> list[str]:
    """Lists the classes of the training instances, the problem's own first."""
    found = set(map(flatten_untrusted, train.classes))
    return [name for name in problem.strata if name in found] + sorted(found - set(problem.strata))


def _describe_compiled(problem: Problem) -> list[str]:
    """Describes the compiled functions that programs may import, a line each."""
    return [problem.compiled.describe(name) for name in problem.entry.blocks] if problem.compiled else []


def _limit(problem: Problem, train: InstanceSet) -> Row:
    """Returns the CPU limits of the smallest and the largest training instance.

    With what those seconds are worth on this machine.
    """
    shown = [problem.shown(instance) for instance in train.instances]
    ends = [extreme(shown, key=attrgetter("size")) for extreme in (min, max)]
    seconds, most = map(problem.compute_cpu_limit, ends)
    small, large = (flatten_untrusted(showing.format_shapes(each)) for each in ends)
    last = large if most == seconds else f"{most:.3g} s for {large}"
    return {
        "sizes": f"{seconds:.3g} s for " + " to ".join(dict.fromkeys((small, last))),
        "steps": f"{seconds * STEPS_A_SECOND:,.0f}",
        "calls": f"{seconds * CALLS_A_SECOND:,.0f}",
        "compiled": f"{seconds * COMPILED_STEPS_A_SECOND:,.0f}",
    }


def _show_example(problem: Problem, train: InstanceSet) -> dict[str, Any]:
    """Returns the smallest training instance, with its optimum where it is known."""
    place = min(range(len(train.instances)), key=lambda k: train.instances[k].size)
    instance, found = problem.shown(train.instances[place]), train.baselines[place]
    known = found.solution is not None and not isinstance(found.solution, dict)
    return {
        "data": add_fence("\n".join(showing.format_data(instance))),
        "proven": found.proven,
        "cost": showing.format_number(found.lower if problem.maximise else found.upper),
        "solution": showing.format_values(found.solution) if known and not problem.online else "",
        "picture": "" if known or problem.online else showing.describe_solution(instance, found),
    }


@lru_cache(maxsize=128)
def _show_code(source: str) -> str:
    """Puts a program in a fence."""
    shown = sanitize(source).strip("\n")
    cut = shown if len(shown) <= LONGEST_SOURCE else shown[:LONGEST_SOURCE] + "\n# … and so on"
    return add_fence(cut, "python")


def _show_failure(failure: Failure) -> dict[str, str]:
    return {
        "message": add_fence(limit_untrusted(failure.message)),
        "source": _show_code(failure.source),
        "gap": "" if failure.gap is None else f"{failure.gap:.3f}",
    }


def _show_lessons(lessons: Sequence[Lesson], best_gap: float | None) -> dict[str, str]:
    """Formats ideas with their evidence, in a fence.

    They are words of models and of programs, and so untrusted.
    Ideas that gained, and are behind the best program of now, say so.
    """
    gained = [_show_lesson(each, _is_outdone(each, best_gap)) for each in lessons if each.gained]
    refuted = [_show_lesson(each) for each in lessons if not each.gained]
    return {"gained": _fence_lines(gained), "refuted": _fence_lines(refuted)}


def _is_outdone(lesson: Lesson, best_gap: float | None) -> bool:
    return best_gap is not None and lesson.after is not None and lesson.after > best_gap


@lru_cache(maxsize=64)
def _show_lesson(lesson: Lesson, outdone: bool = False) -> str:
    ended = f"→ {lesson.after:.3f} %" if lesson.after is not None else f"→ {lesson.ended}"
    notes = [
        f"parent {lesson.before:.3f} % {flatten_untrusted(ended, LONGEST_ENDING)}",
        *(["behind the best program"] if outdone else []),
        *([f"tried {lesson.tries} times"] if lesson.tries > 1 else []),
    ]
    return f"slot {lesson.slot}, {lesson.operator}: {flatten_untrusted(lesson.idea)} ({'; '.join(notes)})"


def _show_tags(parents: Sequence[Elite]) -> str:
    """Formats what programs say about themselves, in a fence."""
    return _fence_lines(
        [f"{parent.gap:.3f} % gap: {find_tag(parent.source)}" for parent in parents if not parent.name]
    )


def _fence_lines(lines: Sequence[str]) -> str:
    return add_fence("\n".join(lines)) if lines else ""


@lru_cache(maxsize=128)
def _view(parent: Elite, problem: Problem, train: InstanceSet, stratum: str) -> dict[str, Any]:
    """Returns a parent as templates use it.

    Its rows are those of a stratum, the five worst and the five best.
    """
    points = _compute_points(parent, train)
    order = np.argsort(-points, kind="stable").tolist()
    inside = [k for k in order if train.instances[k].stratum == stratum]
    shown = list(dict.fromkeys((*inside, *_take_ends(order))))[: 2 * SHOWN]
    rows = [_show_row(k, parent, float(points[k]), train) for k in shown]
    return {
        "source": _show_code(parent.source),
        "gap": parent.gap,
        "cpu_seconds": parent.cpu_seconds,
        "losing": [k for k in shown if points[k] > 0],
        "limit_share": _compute_limit_share(parent, problem, train),
        "sizes": _list_sizes(points, train),
        "table": make_environment().get_template("parts/rows.md.j2").render(rows=rows).rstrip("\n"),
        "complete": len(shown) == len(order),
    }


def _compute_points(parent: Elite, train: InstanceSet) -> Any:
    """Returns what each instance adds to the parent's gap, in points."""
    return train.scale.compute_losses(parent.costs) * train.scale.weights


def _compute_limit_share(parent: Elite, problem: Problem, train: InstanceSet) -> float:
    """Computes the parent's share of the CPU limits, in percent."""
    limits = [problem.compute_cpu_limit(instance) for instance in train.instances]
    return 100.0 * parent.cpu_seconds / (sum(limits) / len(limits))


def _list_sizes(points: Any, train: InstanceSet) -> list[Row]:
    """Lists the gap by size; of many sizes, by three ranges."""
    sizes = [instance.size for instance in train.instances]
    known = sorted(set(sizes))
    if len(known) < 2 or not points.any():
        return []
    shapes = {
        size: flatten_untrusted(showing.format_shapes(train.instances[sizes.index(size)]), 60)
        for size in known
    }
    groups = [part.tolist() for part in np.array_split(known, len(known) if len(known) <= SHOWN else RANGES)]
    return [
        {
            "size": " to ".join(dict.fromkeys((shapes[group[0]], shapes[group[-1]]))),
            "points": f"{sum(p for p, own in zip(points, sizes, strict=True) if own in group):.3f}",
        }
        for group in groups
    ]


def _take_ends(order: list[int]) -> list[int]:
    return order[:SHOWN] + [k for k in order[-SHOWN:] if k not in order[:SHOWN]]


def _show_row(k: int, parent: Elite, points: float, train: InstanceSet) -> Row:
    bound = float(train.scale.bound[k])
    gap = f"{100 * abs(parent.costs[k] - bound) / bound:.2f}" if bound > 0 else "–"
    return {
        **_list_heads(train)[k],
        "cost": showing.format_number(parent.costs[k]),
        "gap": gap,
        "points": f"{points:.3f}",
    }


@lru_cache(maxsize=8)
def _list_heads(train: InstanceSet) -> Sequence[Row]:
    """Returns the columns of the rows that all programs share."""
    return [
        {
            "instance": flatten_untrusted(instance.name),
            "stratum": flatten_untrusted(instance.stratum),
            "bound": showing.format_number(bound),
        }
        for instance, bound in zip(train.instances, train.scale.bound, strict=True)
    ]


def _show_solved(places: Sequence[int], train: InstanceSet) -> Sequence[Row]:
    """Describes exact solutions of the first places that have one to show."""
    pictures = ((k, _show_picture(k, train)) for k in places[:SHOWN])
    return [{**_list_heads(train)[k], "picture": words} for k, words in pictures if words][:SOLVED]


@lru_cache(maxsize=256)
def _show_picture(k: int, train: InstanceSet) -> str:
    return showing.describe_solution(train.instances[k], train.baselines[k])


def _list_behind(parents: Sequence[Elite], train: InstanceSet) -> list[int]:
    """Lists where the second program is behind, the largest differences first."""
    if len(parents) < 2:
        return []
    ahead = _compute_points(parents[-1], train) - _compute_points(parents[0], train)
    return [k for k in np.argsort(-ahead, kind="stable").tolist() if ahead[k] > 0]


def _list_contrasts(parents: Sequence[Elite], train: InstanceSet) -> list[Row]:
    """Lists where the first program is most ahead, then most behind."""
    if len(parents) < 2:
        return []
    first, second = parents[:2]
    shown = (*_list_behind(parents, train)[:SHOWN], *_list_behind(parents[::-1], train)[:SHOWN])
    return [
        {
            **_list_heads(train)[k],
            "first": showing.format_number(first.costs[k]),
            "second": showing.format_number(second.costs[k]),
        }
        for k in shown
    ]


@lru_cache(maxsize=128)
def find_tag(source: str) -> str:
    """Returns the first line of a program's last docstring.

    It is the docstring of the entry point, which names the mechanism.
    """
    found = re.findall(r'^def [^\n]*:\n[ \t]+(?:"""|\'\'\')([^\n"]+)', source, re.MULTILINE)
    return flatten_untrusted(found[-1].rstrip("'")) if found else "a program without a description"


@lru_cache(maxsize=1)
def make_environment() -> Environment:
    """Makes the jinja2 environment with the templates."""
    return Environment(
        loader=PackageLoader("gapsmith.prompts", ""),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        auto_reload=False,  # a run has one set of templates
        autoescape=False,  # prompts are text, not HTML
    )


@lru_cache(maxsize=32)
def _hash_operator(operator: Operator, words: str) -> str:
    """Hashes the templates of an operator.

    Its own, the static part and all shared parts.
    """
    parts = [name for name in make_environment().list_templates(["j2"]) if name.startswith("parts/")]
    own = f"{operator.name}.md.j2"
    return hash_templates(
        f"{words}.md.j2", *(() if operator.template else (own,)), *parts, text=operator.template
    )


def hash_templates(*names: str, text: str = "") -> str:
    """Hashes a number of template files and a text."""
    loader = make_environment().loader
    assert loader is not None  # it was made with one
    text += "".join(loader.get_source(make_environment(), name)[0] for name in names)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
