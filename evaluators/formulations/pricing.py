"""Instances with their base model, and prices of candidates' models."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsmith.evaluators.base import Datum, Infeasible, Instance, Problem
from gapsmith.evaluators.formulations.contract import Formulation
from gapsmith.evaluators.formulations.exchange.bridge import encode_layout, map_values, write_text
from gapsmith.evaluators.formulations.solve.benchmark import Measure, TrialResult, price_times

MODEL, LAYOUT = "model", "layout"
"""What an instance holds in addition to its data: the text of its base, and the places of variables, in bytes."""
MOST_TEXT = 60_000_000
"""Largest number of characters of a model's text."""


@dataclass(frozen=True)
class Pricing:
    """Prices the models that candidates return.

    Args:
        formulation: the base.
        original: the problem that is modelled.
        measure: solves models.
        whole: whether candidates build whole models, with a decoder; else they add to the base.
    """

    formulation: Formulation
    original: Problem
    measure: Measure
    whole: bool = False
    _texts: dict[str, str] = field(default_factory=dict)

    def add_base_model(self, instance: Instance) -> Instance:
        """Adds the base model to an instance of the original problem."""
        built = self.formulation.build(instance)
        model = {} if self.whole else {MODEL: encode_text(write_text(built.model))}
        layout = encode_text(encode_layout(built.variables, list(instance.data)))
        return Instance(instance.name, {**model, LAYOUT: layout, **instance.data}, instance.stratum)

    def read(self, path: Path, *layout: str) -> list[Instance]:
        """Reads the instances of a file of the original problem. Raises GapsmithError."""
        return [self.add_base_model(instance) for instance in self.original.read(path, *layout)]

    def build_base(self, instance: Instance) -> str:
        """Builds the text of an instance's base again.

        The text that the instance holds has been in the sandbox, and is not trusted.
        """
        if instance.digest not in self._texts:
            self._texts[instance.digest] = write_text(
                self.formulation.build(strip_base_model(instance)).model
            )
        return self._texts[instance.digest]

    def solve_answer(self, instance: Instance, model: Any) -> TrialResult:
        """Solves a candidate's model, as packed by the guest. Raises Infeasible."""
        return self.measure.try_model(self.build_base(instance), unpack_model(model), self.whole)

    def cost(self, instance: Instance, answer: Any) -> float:
        """Prices a candidate's answer. Raises Infeasible."""
        if not self.whole:
            return price_times(self.solve_answer(instance, answer).times)
        (model, _), solution = _split_pair(_split_pair(answer)[0]), _split_pair(answer)[1]
        trial = self.solve_answer(instance, model)
        if trial.values is not None:
            self._check_decoded(instance, solution, trial.optimum)
        return price_times(trial.times)

    def _check_decoded(self, instance: Instance, solution: Any, optimum: float | None) -> None:
        """Raises Infeasible if the decoded solution does not have the model's optimum."""
        cost = self.original.cost(strip_base_model(instance), solution)
        if optimum is not None and cost != optimum:
            raise Infeasible(f"the decoded solution costs {cost:g}; the model's optimum is {optimum:g}")

    def follow(self, instance: Instance, answer: Any) -> Mapping[str, Datum] | None:
        """Returns the decoder's arguments: the values of the model's first solution.

        Returns None where there is no solution.
        """
        try:
            model, layout = _split_pair(answer)
            values = self.solve_answer(instance, model).values
            if values is None:
                return None
            text = json.dumps(map_values(layout, values))
        except (Infeasible, TypeError, IndexError, AttributeError, RecursionError):
            return None  # `cost` gives the reason
        return {"values": encode_text(text), **instance.data}


def strip_base_model(instance: Instance) -> Instance:
    """Returns the instance of the original problem, without the base model."""
    data = {name: value for name, value in instance.data.items() if name not in (MODEL, LAYOUT)}
    return Instance(instance.name, data, instance.stratum)


def unpack_model(answer: Any) -> str:
    """Unpacks the text of a model.

    Raises Infeasible if it is invalid or too long.
    """
    try:
        raw = zlib.decompressobj()
        text = raw.decompress(base64.b64decode(answer, validate=True), MOST_TEXT).decode()
    except (TypeError, ValueError, zlib.error, binascii.Error):
        raise Infeasible("the program returned no packed model") from None
    if raw.unconsumed_tail:
        raise Infeasible(f"the model's text is longer than {MOST_TEXT} characters")
    return text


def encode_text(text: str) -> NDArray[np.uint8]:
    """Encodes a text as instances hold it."""
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _split_pair(answer: Any) -> tuple[Any, Any]:
    if isinstance(answer, list) and len(answer) == 2:
        return answer[0], answer[1]
    raise Infeasible("the program returned no model with its variables")
