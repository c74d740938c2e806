"""What a program was trained on, and where it was not tried."""

from collections.abc import Sequence
from dataclasses import dataclass

from gapsmith.agent.codegen.instance_text import summarise_instances
from gapsmith.agent.runs.settings import Settings
from gapsmith.agent.runs.splits import InstanceSupply
from gapsmith.evaluators.base import GapsmithError, Instance, Problem


@dataclass(frozen=True)
class Scope:
    """The instances of a run, in sentences.

    Attributes:
        trained: what programs were trained on: the source, then a line for each class.
        untried: where nothing was measured.
    """

    trained: tuple[str, ...]
    untried: str


def describe_scope(problem: Problem, settings: Settings) -> Scope:
    """Describes the training instances of a run, and their limits.

    Files that are missing by now are only counted.
    """
    where = _describe_source(problem, settings)
    try:
        train = InstanceSupply(problem, settings.instances, (), settings.seed).train
    except GapsmithError:
        return Scope((f"{where}; not readable now",), _describe_limits(problem, settings, ()))
    head = f"{len(train)} {where}:" if not settings.instances else f"{len(train)} of {where}:"
    return Scope((head, *summarise_instances(train)), _describe_limits(problem, settings, train))


def _describe_source(problem: Problem, settings: Settings) -> str:
    if settings.instances:
        count = len(settings.instances)
        return f"the instances in {count} {'file' if count == 1 else 'files'} of its user"
    return f"instances generated at {problem.scale} scale"


def _describe_limits(problem: Problem, settings: Settings, train: Sequence[Instance]) -> str:
    seconds = settings.cpu_seconds or max(map(problem.compute_cpu_limit, train), default=None)
    limit = f", and what more than {seconds:g} s of CPU time per instance would give" if seconds else ""
    kind = (
        "instances from elsewhere" if settings.instances else "instances from practice or from the literature"
    )
    return f"Not tried: other shapes, ranges and classes, {kind}{limit}."
