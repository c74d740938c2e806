"""Renders prompts. The only door to the templates."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from gapsmith.agent.screen import ALLOWED_IMPORTS
from gapsmith.agent.search.bench import Bench
from gapsmith.agent.search.choice import Choice, Failure
from gapsmith.agent.search.population import Elite
from gapsmith.evaluators.base import Problem

SHOWN = 5
LONGEST_MESSAGE = 1500
LONGEST_SOURCE = 12_000
LONGEST_LINE = 160
LESSONS = 8

Row = Mapping[str, str]


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt: the static part, the part that changes, and a name for the templates behind them."""

    system: str
    text: str
    template: str


def render(problem: Problem, choice: Choice, train: Bench) -> Prompt:
    """The prompt for a choice. Raises jinja2's UndefinedError when a template asks for what is not there."""
    name, stratum = choice.operator.name, choice.stratum
    text = (
        environment()
        .get_template(f"{name}.md.j2")
        .render(
            problem=problem,
            parents=[_view(parent, train, stratum) for parent in choice.parents],
            contrasts=_contrasts(choice.parents, train),
            failure=_failure(choice.failure) if choice.failure else None,
            stratum=_line(stratum),
            lessons=[_line(lesson) for lesson in choice.lessons[-LESSONS:]],
        )
    )
    return Prompt(system(problem, train), text, _template_hash(name))


@lru_cache(maxsize=8)
def system(problem: Problem, train: Bench) -> str:
    """The static part: the same bytes for every prompt of a run, so that providers can cache it."""
    limit = min(problem.cpu_seconds(instance) for instance in train.instances)
    imports = sorted(name for name in ALLOWED_IMPORTS if name != "numpy" and not name.startswith("_"))
    return (
        environment()
        .get_template("system.md.j2")
        .render(
            problem=problem,
            cpu_seconds=f"{limit:g}",
            imports=", ".join(imports),
            driver=fenced(problem.driver.strip(), "python"),
        )
    )


def untrusted(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Text of a candidate made harmless for a prompt or a terminal: no control characters, no fences, capped."""
    clean = re.sub(r"`{3,}|~{3,}", "'''", _printable(text[: 4 * longest]))
    return clean if len(clean) <= longest else clean[:longest] + " …"


def fenced(text: str, language: str = "text") -> str:
    """A block of code with a fence longer than any run of backticks inside, so that nothing in it can end it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _printable(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
    if text.isascii():  # much faster, and nearly always so
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


def _line(text: str) -> str:
    """One line that may stand in a list or in a table."""
    return " ".join(untrusted(text, LONGEST_LINE).split()).replace("|", "/").replace("`", "'")


@lru_cache(maxsize=128)
def _code(source: str) -> str:
    """A program in its fence."""
    shown = _printable(source).strip("\n")
    cut = shown if len(shown) <= LONGEST_SOURCE else shown[:LONGEST_SOURCE] + "\n# … and so on"
    return fenced(cut, "python")


def _failure(failure: Failure) -> dict[str, str]:
    return {"message": fenced(untrusted(failure.message)), "source": _code(failure.source)}


@lru_cache(maxsize=128)
def _view(parent: Elite, train: Bench, stratum: str) -> dict[str, Any]:
    """A parent as templates see it; its rows are those of a stratum, the five worst, and the five best."""
    order = np.argsort(-_points(parent, train), kind="stable").tolist()
    inside = [k for k in order if train.instances[k].stratum == stratum]
    shown = list(dict.fromkeys((*inside, *_ends(order))))[: 2 * SHOWN]
    return {
        "source": _code(parent.source),
        "gap": parent.gap,
        "cpu_seconds": parent.cpu_seconds,
        "named": bool(parent.name),
        "tag": _tag(parent.source),
        "rows": [_row(k, parent, train) for k in shown],
    }


def _points(parent: Elite, train: Bench) -> Any:
    """What each instance adds to the parent's gap, in points."""
    return train.scale.loss(parent.costs) * train.scale.weights


def _ends(order: list[int]) -> list[int]:
    return order[:SHOWN] + [k for k in order[-SHOWN:] if k not in order[:SHOWN]]


def _row(k: int, parent: Elite, train: Bench) -> Row:
    bound = float(train.scale.bound[k])
    gap = f"{100 * abs(parent.costs[k] - bound) / bound:.2f}" if bound > 0 else "–"
    return {**_heads(train)[k], "cost": f"{parent.costs[k]:g}", "gap": gap}


@lru_cache(maxsize=8)
def _heads(train: Bench) -> Sequence[Row]:
    """What the rows of all programs share."""
    return [
        {"instance": _line(instance.name), "stratum": _line(instance.stratum), "bound": f"{bound:g}"}
        for instance, bound in zip(train.instances, train.scale.bound, strict=True)
    ]


def _contrasts(parents: Sequence[Elite], train: Bench) -> list[Row]:
    """Where the first of two programs is most ahead of the second, then where it is most behind."""
    if len(parents) < 2:
        return []
    first, second = parents[:2]
    ahead = _points(second, train) - _points(first, train)
    order = np.argsort(-ahead, kind="stable").tolist()
    better = [k for k in order if ahead[k] > 0][:SHOWN]
    worse = [k for k in reversed(order) if ahead[k] < 0][:SHOWN]
    return [
        {**_heads(train)[k], "first": f"{first.costs[k]:g}", "second": f"{second.costs[k]:g}"}
        for k in (*better, *worse)
    ]


@lru_cache(maxsize=128)
def _tag(source: str) -> str:
    """The first line of the last docstring of a program: the entry point's, which names the mechanism."""
    found = re.findall(r'^def [^\n]*:\n[ \t]+(?:"""|\'\'\')([^\n"]+)', source, re.MULTILINE)
    return _line(found[-1].rstrip("'")) if found else "a program without a description"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, as jinja2 has them."""
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
def _template_hash(operator: str) -> str:
    """A name for the templates of an operator: its own, the static part's, and all that they may share."""
    parts = [name for name in environment().list_templates(["j2"]) if name.startswith("parts/")]
    return template_hash("system.md.j2", f"{operator}.md.j2", *parts)


def template_hash(*names: str) -> str:
    """A name for what templates say now, of so many files."""
    loader = environment().loader
    assert loader is not None  # it was made with one
    text = "".join(loader.get_source(environment(), name)[0] for name in names)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
