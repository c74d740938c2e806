"""Models as text, as messages and back: the builder's own message is none of protobuf's, and knows no bytes."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ortools.sat import cp_model_pb2
from ortools.sat.python import cp_model

from gapsmith.evaluators.formulations.base import Variables


class Refused(Exception):
    """A model that is not taken: the reason, in words for the next prompt."""


def model_of(text: str) -> cp_model.CpModel:
    """The model of a text. Raises Refused."""
    model = cp_model.CpModel()
    if not model.proto.parse_text_format(text):
        raise Refused("the model's text cannot be read")
    model.rebuild_constant_map()
    return model


def text_of(model: cp_model.CpModel) -> str:
    """The model as text. Its message does not live longer than the model itself, so that it is not handed on."""
    return str(model.proto)


def message_of(model: cp_model.CpModel) -> cp_model_pb2.CpModelProto:
    """The model as a message of protobuf."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pb"
        model.export_to_file(str(path))
        message = cp_model_pb2.CpModelProto()
        message.ParseFromString(path.read_bytes())
    return message


def layout_of(variables: Variables) -> dict[str, Any]:
    """Where the variables are in the model: an index, {"interval": index}, or None, nested as they are."""
    return {name: _mapped(part, _place) for name, part in variables.items()}


def values_of(layout: Mapping[str, Any], values: Sequence[int]) -> dict[str, Any]:
    """The values of variables, nested as they are; None in place of intervals. Raises IndexError."""
    return {
        name: _mapped(part, lambda place: values[place] if isinstance(place, int) else None)
        for name, part in layout.items()
    }


def packed_layout(variables: Variables, data: Sequence[str]) -> str:
    """What the guest must know: the layout, and the names of the data in their order."""
    return json.dumps({"variables": layout_of(variables), "data": list(data)})


def _place(leaf: Any) -> Any:
    if leaf is None:
        return None
    return {"interval": leaf.index} if isinstance(leaf, cp_model.IntervalVar) else leaf.index


def _mapped(part: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(part, list | tuple):
        return [_mapped(inner, leaf) for inner in part]
    return leaf(part)
