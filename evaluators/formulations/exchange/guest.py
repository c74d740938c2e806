"""Trusted source that runs beside a candidate in the sandbox.

Gives it the base model, and packs its result.

Nothing is proved here: the candidate may replace any of it. Results are checked by `prefix` and `ladder`.
"""

_SHARED = """
import base64
import json
import zlib

from ortools.sat.python import cp_model


def packed(model):
    return base64.b64encode(zlib.compress(str(model.proto).encode(), 6)).decode()


def place(leaf):
    if isinstance(leaf, (list, tuple)):
        return [place(part) for part in leaf]
    if leaf is None:
        return None
    return {"interval": leaf.index} if isinstance(leaf, cp_model.IntervalVar) else leaf.index
"""

AUGMENT = (
    _SHARED
    + '''

def drive(text, layout, *values):
    """Builds the base of its text, has the candidate add to it, and returns it as text."""
    layout = json.loads(bytes(text_of(layout)))
    model = cp_model.CpModel()
    if not model.proto.parse_text_format(text_of(text).decode()):
        raise ValueError("the base cannot be read")
    model.rebuild_constant_map()
    variables = {name: built(model, part) for name, part in layout["variables"].items()}
    candidate(model, variables, dict(zip(layout["data"], values)))
    return packed(model)


def text_of(array):
    return array.tobytes()


def built(model, part):
    if isinstance(part, list):
        return [built(model, inner) for inner in part]
    if isinstance(part, dict):
        return model.get_interval_var_from_proto_index(part["interval"])
    if part is None:
        return None
    if list(model.proto.variables[part].domain) == [0, 1]:
        return model.get_bool_var_from_proto_index(part)
    return model.get_int_var_from_proto_index(part)
'''
)
"""For `augment(model, variables, data)`; returns the packed text of the model."""

BUILD = (
    _SHARED
    + '''

def drive(layout, *values):
    """Has the candidate build a model; returns its text, and where its variables are."""
    model, variables = candidate(dict(zip(json.loads(layout.tobytes())["data"], values)))
    return [packed(model), {name: place(part) for name, part in variables.items()}]
'''
)
"""For `build(data)`; returns the packed text, and the layout of the variables."""

DECODE = '''
import json


def drive(values, layout, *data):
    """Has the candidate read the problem's solution out of the values of its variables."""
    return candidate(json.loads(values.tobytes()), dict(zip(json.loads(layout.tobytes())["data"], data)))
'''
"""For `decode(values, data)`; returns the solution."""
