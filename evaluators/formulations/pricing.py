"""Instances that carry their base model, and prices of the models that candidates make of it."""

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
from gapsmith.evaluators.formulations.exchange.bridge import packed_layout, text_of, values_of
from gapsmith.evaluators.formulations.solve.benchmark import Measure, Trial, cost_of

MODEL, LAYOUT = "model", "layout"
"""What an instance holds beside its data: the text of its base, and where the variables are, in bytes."""
MOST_TEXT = 60_000_000
"""Characters of a model's text."""


@dataclass(frozen=True)
class Pricing:
    """What is done with the models that candidates return.

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

    def stated(self, instance: Instance) -> Instance:
        """An instance of the original problem, with its base model."""
        built = self.formulation.build(instance)
        model = {} if self.whole else {MODEL: as_bytes(text_of(built.model))}
        layout = as_bytes(packed_layout(built.variables, list(instance.data)))
        return Instance(instance.name, {**model, LAYOUT: layout, **instance.data}, instance.stratum)

    def read(self, path: Path, *layout: str) -> list[Instance]:
        """The instances of a file of the original problem. Raises Trouble."""
        return [self.stated(instance) for instance in self.original.read(path, *layout)]

    def base(self, instance: Instance) -> str:
        """The text of an instance's base, built again: what an instance holds has been in the sandbox."""
        if instance.digest not in self._texts:
            self._texts[instance.digest] = text_of(self.formulation.build(plain_instance(instance)).model)
        return self._texts[instance.digest]

    def trial(self, instance: Instance, model: Any) -> Trial:
        """A candidate's model, as packed by the guest, solved. Raises Infeasible."""
        return self.measure.trial(self.base(instance), unpacked(model), self.whole)

    def cost(self, instance: Instance, answer: Any) -> float:
        """The price of a candidate's answer. Raises Infeasible."""
        if not self.whole:
            return cost_of(self.trial(instance, answer).times)
        (model, _), solution = _two(_two(answer)[0]), _two(answer)[1]
        trial = self.trial(instance, model)
        if trial.values is not None:
            self._check_decoded(instance, solution, trial.optimum)
        return cost_of(trial.times)

    def _check_decoded(self, instance: Instance, solution: Any, optimum: float | None) -> None:
        """What the decoder gave must be a solution, and as good as the model says. Raises Infeasible."""
        cost = self.original.cost(plain_instance(instance), solution)
        if optimum is not None and cost != optimum:
            raise Infeasible(f"the decoded solution costs {cost:g}; the model's optimum is {optimum:g}")

    def follow(self, instance: Instance, answer: Any) -> Mapping[str, Datum] | None:
        """What the decoder is asked: the values of the model's first solution; None where there is none."""
        try:
            model, layout = _two(answer)
            values = self.trial(instance, model).values
            if values is None:
                return None
            text = json.dumps(values_of(layout, values))
        except (Infeasible, TypeError, IndexError, AttributeError, RecursionError):
            return None  # the price says why
        return {"values": as_bytes(text), **instance.data}


def plain_instance(instance: Instance) -> Instance:
    """The instance of the original problem."""
    data = {name: value for name, value in instance.data.items() if name not in (MODEL, LAYOUT)}
    return Instance(instance.name, data, instance.stratum)


def unpacked(answer: Any) -> str:
    """The text of a model as the guest packs it. Raises Infeasible for what is none, or too much."""
    try:
        raw = zlib.decompressobj()
        text = raw.decompress(base64.b64decode(answer, validate=True), MOST_TEXT).decode()
    except (TypeError, ValueError, zlib.error, binascii.Error):
        raise Infeasible("what came back is no packed model") from None
    if raw.unconsumed_tail:
        raise Infeasible(f"the model's text is longer than {MOST_TEXT} characters")
    return text


def as_bytes(text: str) -> NDArray[np.uint8]:
    """A text as an instance holds it."""
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _two(answer: Any) -> tuple[Any, Any]:
    if isinstance(answer, list) and len(answer) == 2:
        return answer[0], answer[1]
    raise Infeasible("what came back is no model with a layout of its variables")
