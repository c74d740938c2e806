"""Wrong augmentations and models, made by hand: each looks right, and loses all optima of some instance.

Not called by itself. They are the opposite of the library of patterns: whoever judges formulations must refuse them.
"""

# The annotations of the functions would be noise in the sources made from them.
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gapsmith.evaluators.formulations.contract import HEADER
from gapsmith.evaluators.grammar import extract_source


@dataclass(frozen=True)
class Trap:
    """A wrong candidate.

    Attributes:
        name: that of its function.
        formulation: what it is for.
        source: its text: a module that defines `augment(model, variables, data)`, or `build(data)` and `decode`.
        why: what is wrong with it.
        whole: whether it builds a model of its own.
    """

    name: str
    formulation: str
    source: str
    why: str
    whole: bool = False


def trap(
    formulation: str, function: Callable[..., Any], why: str, helpers: Sequence[Callable[..., Any]] = ()
) -> Trap:
    """A wrong augmentation."""
    sources = [
        extract_source(function, "augment"),
        *(extract_source(each, each.__name__) for each in helpers),
    ]
    return Trap(function.__name__, formulation, "\n\n".join([HEADER, *sources]), why)


def lie(
    formulation: str,
    build: Callable[..., Any],
    decode: Callable[..., Any],
    why: str,
    helpers: Sequence[Callable[..., Any]] = (),
) -> Trap:
    """A wrong whole model, or a right one with a wrong decoder."""
    sources = [extract_source(build, "build"), extract_source(decode, "decode")]
    sources += [extract_source(each, each.__name__) for each in helpers]
    return Trap(build.__name__, formulation, "\n\n".join([HEADER, *sources]), why, whole=True)
