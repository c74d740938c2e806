"""Converts models to text, to protobuf messages and back.

The builder's own message is not one of protobuf's.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model

from gapsmith.evaluators.formulations.contract import Variables


class ModelRefused(Exception):
    """Raised for a model that is not accepted.

    The message goes into the next prompt.
    """


def parse_model(text: str) -> cp_model.CpModel:
    """Parses a model from text. Raises Refused."""
    model = cp_model.CpModel()
    if not model.proto.parse_text_format(text):
        raise ModelRefused("the model's text cannot be read")
    model.rebuild_constant_map()
    return model


def write_text(model: cp_model.CpModel) -> str:
    """Writes a model as text.

    The model's message does not outlive the model, so that it is not handed on.
    """
    return str(model.proto)


def copy_to_message(model: cp_model.CpModel) -> cp_model_pb2.CpModelProto:
    """Copies a model into a protobuf message. Raises Refused.

    It copies field by field: the builder can write bytes to files only, and no files can be written where models of
    candidates are read.
    """
    message = cp_model_pb2.CpModelProto()
    try:
        _copy(model.proto, message)
    except (UnicodeError, ValueError) as error:
        raise ModelRefused(f"the model's text cannot be read: {error}") from None
    return message


def _copy(source: Any, message: Message) -> None:
    """Copies the builder's message into a protobuf message of the same type."""
    for name, is_message, is_repeated in _list_fields(message.DESCRIPTOR):
        if not is_repeated:
            _copy_single(source, message, name, is_message)
        elif is_message:
            parts = getattr(message, name)
            for part in getattr(source, name):
                _copy(part, parts.add())
        elif len(values := getattr(source, name)):
            getattr(message, name).extend(map(int, values))


def _copy_single(source: Any, message: Message, name: str, is_message: bool) -> None:
    if not is_message:
        value = getattr(source, name)
        setattr(message, name, value if isinstance(value, str | float) else int(value))
    elif getattr(source, f"has_{name}")():
        getattr(message, name).SetInParent()
        _copy(getattr(source, name), getattr(message, name))


@lru_cache(maxsize=256)
def _list_fields(descriptor: Descriptor) -> tuple[tuple[str, bool, bool], ...]:
    """Lists the fields of a message type.

    Each has its name, whether it is a message, and whether it is repeated.
    """
    return tuple(
        (field.name, field.message_type is not None, field.is_repeated) for field in descriptor.fields
    )


def map_layout(variables: Variables) -> dict[str, Any]:
    """Returns the places of variables in the model, nested as they are.

    A place is an index, {"interval": index}, or None.
    """
    return {name: _map_leaves(part, _place) for name, part in variables.items()}


def map_values(layout: Mapping[str, Any], values: Sequence[int]) -> dict[str, Any]:
    """Returns the values of variables, nested as they are.

    Intervals have None. Raises IndexError.
    """
    return {
        name: _map_leaves(part, lambda place: values[place] if isinstance(place, int) else None)
        for name, part in layout.items()
    }


def encode_layout(variables: Variables, data: Sequence[str]) -> str:
    """Encodes the layout and the order of the data for the guest."""
    return json.dumps({"variables": map_layout(variables), "data": list(data)})


def _place(leaf: Any) -> Any:
    if leaf is None:
        return None
    return {"interval": leaf.index} if isinstance(leaf, cp_model.IntervalVar) else leaf.index


def _map_leaves(part: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(part, list | tuple):
        return [_map_leaves(inner, leaf) for inner in part]
    return leaf(part)
