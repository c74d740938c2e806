"""Permutes the variables and constraints of a model.

The order alone can change times by a factor of forty.

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
class PermutedModel:
    """A model in another order.

    Attributes:
        model: the message.
        place: old index of a variable -> its new index.
    """

    model: Model
    place: Sequence[int]

    def restore_values(self, found: Sequence[int]) -> list[int]:
        """Returns the values of a solution in the old order."""
        return [found[place] for place in self.place]


def permute(model: Model, seed: int, base_variables: int = 0, base_constraints: int = 0) -> PermutedModel:
    """Shuffles a model.

    Args:
        model: is not changed.
        seed: of the order.
        base_variables: number of variables of the base, which are the first ones.
        base_constraints: number of constraints of the base, which are the first ones.
    """
    rng = np.random.default_rng([11, seed])
    variables = _draw_places(
        _draw_keys(rng, base_variables or len(model.variables)), len(model.variables), [seed, 1]
    )
    constraints = _draw_places(
        _draw_keys(rng, base_constraints or len(model.constraints)), len(model.constraints), [seed, 2]
    )
    new = Model()
    new.CopyFrom(model)
    _apply_order(new.variables, model.variables, variables)
    _apply_order(new.constraints, model.constraints, constraints)
    for part in (*new.constraints, new.objective, *new.search_strategy, new.solution_hint):
        _replace_references(part, variables, constraints)
    return PermutedModel(new, variables)


def _draw_keys(rng: np.random.Generator, count: int) -> list[float]:
    return list(rng.random(count))


def _draw_places(keys: list[float], count: int, seed: Sequence[int]) -> list[int]:
    """Maps old indices to new ones.

    Parts that were added to the base are spread between its parts.
    """
    more = np.random.default_rng([13, *seed]).random(count - len(keys))
    order = np.argsort([*keys, *more], kind="stable")
    places = np.empty(count, dtype=int)
    places[order] = np.arange(count)
    return [int(place) for place in places]


def _apply_order(new: object, old: Sequence[Message], places: Sequence[int]) -> None:
    inverse = np.argsort(places)
    del new[:]  # type: ignore[attr-defined]
    new.extend(old[int(k)] for k in inverse)  # type: ignore[attr-defined]


def _replace_references(message: Message, variables: Sequence[int], constraints: Sequence[int]) -> None:
    for part, name in _list_references(message):
        field = getattr(part, name)
        change = _map_variable(variables) if name in VARIABLES else constraints.__getitem__
        field[:] = [change(reference) for reference in field]


def _map_variable(places: Sequence[int]) -> Callable[[int], int]:
    return lambda reference: places[reference] if reference >= 0 else -places[-reference - 1] - 1


def _list_references(message: Message) -> Iterator[tuple[Message, str]]:
    """Yields all lists of references in a message."""
    for field, value in message.ListFields():
        if field.message_type is None:
            if field.name in VARIABLES or field.name in CONSTRAINTS:
                yield message, field.name
        else:
            for part in value if field.is_repeated else (value,):
                yield from _list_references(part)
