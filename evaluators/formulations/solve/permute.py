"""Reorders the variables and constraints of a model, which alone can change times by a factor of forty.

The order is drawn from a seed for the base's parts first, so that a model and its base are shuffled in the same way.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import Message
from ortools.sat import cp_model_pb2

VARIABLES = frozenset(
    ("enforcement_literal", "literals", "vars", "f_direct", "f_inverse", "active_literals", "variables")
)
"""Fields of messages that refer to variables, except the model's own list; -k-1 is the negation of k."""
CONSTRAINTS = frozenset(("intervals", "x_intervals", "y_intervals"))
"""Fields that refer to constraints."""

Model = cp_model_pb2.CpModelProto


@dataclass(frozen=True)
class Permuted:
    """A model in another order.

    Attributes:
        model: the message.
        place: old index of a variable -> its new index.
    """

    model: Model
    place: Sequence[int]

    def values(self, found: Sequence[int]) -> list[int]:
        """Returns the values of a solution in the old order."""
        return [found[place] for place in self.place]


def permuted(model: Model, seed: int, base_variables: int = 0, base_constraints: int = 0) -> Permuted:
    """Shuffles a model.

    Args:
        model: is not changed.
        seed: of the order.
        base_variables: number of variables of the base, which are the first ones.
        base_constraints: number of constraints of the base, which are the first ones.
    """
    rng = np.random.default_rng([11, seed])
    variables = _places(_keys(rng, base_variables or len(model.variables)), len(model.variables), [seed, 1])
    constraints = _places(
        _keys(rng, base_constraints or len(model.constraints)), len(model.constraints), [seed, 2]
    )
    new = Model()
    new.CopyFrom(model)
    _reorder(new.variables, model.variables, variables)
    _reorder(new.constraints, model.constraints, constraints)
    for part in (*new.constraints, new.objective, *new.search_strategy, new.solution_hint):
        _renumber(part, variables, constraints)
    return Permuted(new, variables)


def _keys(rng: np.random.Generator, count: int) -> list[float]:
    return list(rng.random(count))


def _places(keys: list[float], count: int, seed: Sequence[int]) -> list[int]:
    """Maps old indices to new ones.

    Parts that were added to the base are spread between its parts.
    """
    more = np.random.default_rng([13, *seed]).random(count - len(keys))
    order = np.argsort([*keys, *more], kind="stable")
    places = np.empty(count, dtype=int)
    places[order] = np.arange(count)
    return [int(place) for place in places]


def _reorder(new: object, old: Sequence[Message], places: Sequence[int]) -> None:
    inverse = np.argsort(places)
    del new[:]  # type: ignore[attr-defined]
    new.extend(old[int(k)] for k in inverse)  # type: ignore[attr-defined]


def _renumber(message: Message, variables: Sequence[int], constraints: Sequence[int]) -> None:
    for part, name in _references(message):
        field = getattr(part, name)
        change = _variable(variables) if name in VARIABLES else constraints.__getitem__
        field[:] = [change(reference) for reference in field]


def _variable(places: Sequence[int]) -> Callable[[int], int]:
    return lambda reference: places[reference] if reference >= 0 else -places[-reference - 1] - 1


def _references(message: Message) -> Iterator[tuple[Message, str]]:
    """Yields all lists of references in a message."""
    for field, value in message.ListFields():
        if field.message_type is None:
            if field.name in VARIABLES or field.name in CONSTRAINTS:
                yield message, field.name
        else:
            for part in value if field.is_repeated else (value,):
                yield from _references(part)
