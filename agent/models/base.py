"""What a model is asked and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gapsmith.evaluators.base import Problem, Trouble, UsageTrouble


@dataclass(frozen=True, kw_only=True)
class Request:
    """One question to a model: the rendered prompt, and the same in structured form for `offline`.

    Attributes:
        slot: the number of the question in its run, from 0; replies are recorded under it.
        operator: explore, refine, merge, invent, simplify, specialise, tactic, repair, …
        system: the static part: identical, byte for byte, for all requests of a run.
        prompt: the part that changes.
        seed: derived from the run's seed and the slot; all randomness of an answer comes from it.
        problem: the problem that is worked on; None where the question is put in words alone.
        parents: sources of the parent programs, the best first; may be empty.
        message: how the parent failed, for repair; untrusted.
    """

    slot: int
    operator: str
    system: str
    prompt: str
    seed: int
    problem: Problem | None = None
    parents: tuple[str, ...] = ()
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back. Tokens are the provider's own count; `usd` is None where the price is not known."""

    text: str
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0
    id: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)


class ModelTrouble(Trouble):
    """The model cannot answer and asking again will not help: a wrong key, no credit, an unknown name."""


class ModelUnknown(ModelTrouble, UsageTrouble):
    """The words that name the model are off, or its key is missing."""


class Stopped(ModelTrouble):
    """Told to stop while it waited: nothing was answered, nothing is recorded, `resume` asks again."""


class Model(Protocol):
    """Anything that answers. `deterministic` models are asked one at a time, in order; others in threads."""

    @property
    def name(self) -> str:
        """As on the command line, for example `openai:gpt-5`."""
        ...

    @property
    def deterministic(self) -> bool:
        """Whether equal requests get equal replies."""
        ...

    def most_usd(self, length: int) -> float | None:
        """The most that a call can cost whose prompt has so many bytes; None if that is not known.

        It is what a budget sets aside for the call.
        """
        ...

    def reply(self, request: Request) -> Reply:
        """Answers one request. Raises ModelTrouble when the run cannot go on."""
        ...
