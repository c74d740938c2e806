"""Renders prompts. The only door to the templates."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gapsmith.agent.screen import ALLOWED_IMPORTS
from gapsmith.agent.search.population import Elite
from gapsmith.agent.search.state import Choice
from gapsmith.agent.search.trial import Bench
from gapsmith.evaluators.base import Problem

SHOWN = 5
LONGEST_MESSAGE = 1500
LONGEST_SOURCE = 12_000


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt: the static part, the part that changes, and a name for the templates behind them."""

    system: str
    text: str
    template: str


def render(problem: Problem, choice: Choice, train: Bench) -> Prompt:
    """The prompt for a choice. Raises jinja2's UndefinedError when a template asks for what is not there."""
    environment = _environment()
    failure = choice.failure
    text = environment.get_template(f"{choice.operator.name}.md.j2").render(
        problem=problem,
        parents=[_view(parent, train, problem.maximise) for parent in choice.parents],
        failure={"message": untrusted(failure.message), "source": failure.source[:LONGEST_SOURCE]}
        if failure
        else None,
    )
    return Prompt(system(problem, train), text, _template_hash(choice.operator.name))


@lru_cache(maxsize=8)
def system(problem: Problem, train: Bench) -> str:
    """The static part: the same bytes for every prompt of a run, so that providers can cache it."""
    limit = min(problem.cpu_seconds(instance) for instance in train.instances)
    imports = ", ".join(
        sorted(name for name in ALLOWED_IMPORTS if name != "numpy" and not name.startswith("_"))
    )
    return (
        _environment()
        .get_template("system.md.j2")
        .render(problem=problem, cpu_seconds=f"{limit:g}", imports=imports)
    )


def untrusted(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Text of a candidate made harmless for a prompt or a terminal: no control characters, no fences, capped."""
    clean = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", text)
    clean = "".join(c for c in clean if c in "\n\t" or c.isprintable())
    clean = re.sub(r"`{3,}|~{3,}", "'''", clean)
    return clean if len(clean) <= longest else clean[:longest] + " …"


def _view(parent: Elite, train: Bench, maximise: bool) -> dict[str, Any]:
    losses = train.scale.loss(parent.costs) * train.scale.weights
    order = sorted(range(len(parent.costs)), key=lambda k: (-losses[k], k))
    shown = order[:SHOWN] + [k for k in order[-SHOWN:] if k not in order[:SHOWN]]
    rows = [_row(k, parent, train, maximise) for k in shown]
    return {"source": parent.source, "gap": parent.gap, "cpu_seconds": parent.cpu_seconds, "rows": rows}


def _row(k: int, parent: Elite, train: Bench, maximise: bool) -> dict[str, Any]:
    instance, bound = train.instances[k], train.scale.bound[k]
    loss = train.scale.loss(parent.costs)[k]
    gap = f"{100 * loss / bound:.2f}" if bound > 0 else "–"
    return {
        "instance": instance.name,
        "stratum": instance.stratum,
        "cost": f"{parent.costs[k]:g}",
        "bound": f"{bound:g}",
        "gap": gap,
    }


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gapsmith.prompts", ""),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=False,
        autoescape=False,  # prompts are text, not HTML
    )
    environment.filters["first_line"] = lambda text: (text or "").strip().splitlines()[0]
    return environment


@lru_cache(maxsize=32)
def _template_hash(operator: str) -> str:
    loader = _environment().loader
    assert loader is not None  # set four lines up
    names = ("system.md.j2", f"{operator}.md.j2", "parts/parent.md.j2", "parts/answer.md.j2")
    text = "".join(loader.get_source(_environment(), name)[0] for name in names)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
