"""Messages and texts of models, and values in the shape of their variables."""

import pytest
from small import tiny_model

from gapsmith.evaluators.formulations.exchange.bridge import (
    ModelRefused,
    copy_to_message,
    map_layout,
    map_values,
    parse_model,
)


def test_text_there_and_back():
    """A model's text gives the same message again; what is no text is refused."""
    model, *_ = tiny_model()
    assert copy_to_message(parse_model(str(model.proto))) == copy_to_message(model)
    with pytest.raises(ModelRefused, match="cannot be read"):
        parse_model("variables { nonsense }")


def test_layout_gives_values_back():
    """Values come back nested as the variables are, with None for intervals and for what is not there."""
    _, x, y, job = tiny_model()
    layout = map_layout({"pair": [[x], (y, None)], "job": job})
    assert map_values(layout, [7, 8, 1]) == {"pair": [[7], [8, None]], "job": None}
