"""Chooses among several models for one run."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import Protocol

from gapsmith.agent.models.spec import Share, read_share
from gapsmith.evaluators.base import UsageError, describe_unknown


class Chooser(Protocol):
    """A learner that chooses among models."""

    def choose(self, rng: Random, priors: Mapping[str, float]) -> str:
        """Returns one of the names."""
        ...


class Pool:
    """The models of a run.

    A model that names operators is asked for these alone; the others are asked for the rest.

    Args:
        shares: the part of each, by its name.
        operators: all that models are asked for.

    Raises:
        UsageError: some have a weight and some have none, an operator is unknown, or no model is asked for it.
    """

    def __init__(self, shares: Mapping[str, Share], operators: Iterable[str]) -> None:
        self._shares = dict(shares)
        known = tuple(operators)
        self._check_weights()
        for name, share in self._shares.items():
            _check_operators(name, share, known)
        if left := [operator for operator in known if not self.list_models(operator)]:
            raise UsageError(
                f"no model is asked for {', '.join(left)}; expected one without operators=, which is asked for the rest"
            )

    @classmethod
    def build(cls, names: Iterable[str], words: Iterable[str], operators: Iterable[str]) -> "Pool":
        """Makes the pool of models with these names.

        Their specifications on the command line have weights and operators.

        Raises:
            UsageError: as above, and where two models have one name.
        """
        said, all_names = dict(map(read_share, words)), list(names)
        if twice := next((name for name in all_names if all_names.count(name) > 1), None):
            raise UsageError(f"model {twice!r} is named twice; expected each once, or with other options")
        return cls({name: said.get(name, Share()) for name in all_names}, operators)

    def list_models(self, operator: str) -> list[str]:
        """Lists the models that may be asked for an operator.

        Those that name it, else those that name none.
        """
        naming = [name for name, share in self._shares.items() if operator in share.operators]
        return naming or [name for name, share in self._shares.items() if not share.operators]

    def choose(self, rng: Random, operator: str, learnt: Chooser, avoided: str = "") -> str:
        """Chooses a model for an operator.

        By the weights, if there are any, else by what the search learnt, and another than `avoided` where there is one.
        """
        names = self.list_models(operator) or list(self._shares)
        weights = [weight for name in names if (weight := self._shares[name].weight) is not None]
        if weights:
            return rng.choices(names, weights)[0]
        others = [name for name in names if name != avoided] or names
        return learnt.choose(rng, dict.fromkeys(others, 1.0))

    def _check_weights(self) -> None:
        weighty = [name for name, share in self._shares.items() if share.weight is not None]
        if light := [name for name in self._shares if weighty and name not in weighty]:
            raise UsageError(
                f"model {weighty[0]!r} has a weight and {light[0]!r} has none; expected weight= for all or for none"
            )


def _check_operators(name: str, share: Share, known: tuple[str, ...]) -> None:
    for operator in share.operators:
        if operator not in known:
            raise UsageError(f"model {name!r}: " + describe_unknown("operator", operator, list(known)))
