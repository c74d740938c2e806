"""Requests to models and their replies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gapsmith.evaluators.base import GapsmithError, Problem, UsageError


def allow_repeat() -> bool:
    """Allows a further attempt where no dollars are limited."""
    return True


@dataclass(frozen=True, kw_only=True)
class Request:
    """A question to a model.

    The rendered prompt, and structured data for `offline`.

    Attributes:
        slot: the number of the question in its run, from 0; replies are recorded under it.
        operator: explore, refine, merge, invent, simplify, specialise, tactic, repair, …
        system: the static part: identical, byte for byte, for all requests of a run.
        prompt: the part that changes.
        seed: derived from the run's seed and the slot; all randomness of an answer comes from it.
        problem: the problem that is worked on; None where the question is put in words alone.
        parents: sources of the parent programs, the best first; may be empty.
        message: how the parent failed, for repair; untrusted.
        may_repeat: asked before another attempt where the last one may be billed although it failed; sets aside what
            the next may cost, and is false where no dollars are left for it. Safe in threads.
    """

    slot: int
    operator: str
    system: str
    prompt: str
    seed: int
    problem: Problem | None = None
    parents: tuple[str, ...] = ()
    message: str = ""
    may_repeat: Callable[[], bool] = field(default=allow_repeat, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The reply of a model.

    Tokens are the provider's own count; `usd` is None where the price is not known.
    """

    text: str
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0
    id: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)


class ModelError(GapsmithError):
    """The model cannot answer, and asking again will not help.

    For example a wrong key, no credit, an unknown name.
    """


class ModelUnknown(ModelError, UsageError):
    """The specification of a model is wrong, or its key is missing."""


class Stopped(ModelError):
    """A call was stopped while it waited.

    Nothing was answered and nothing is recorded; `resume` asks again.
    """


class Model(Protocol):
    """Anything that answers requests.

    Models that are `deterministic` are asked one at a time, in order; others in threads.
    """

    @property
    def name(self) -> str:
        """As on the command line, for example `openai:gpt-5`."""
        ...

    @property
    def deterministic(self) -> bool:
        """Whether equal requests get equal replies."""
        ...

    def bound_usd(self, length: int) -> float | None:
        """Bounds the price of a call by its prompt's length in bytes.

        None where the price is not known. A budget reserves this amount for the call.
        """
        ...

    def reply(self, request: Request) -> Reply:
        """Returns the reply to one request.

        Raises ModelError when the run cannot go on.
        """
        ...
