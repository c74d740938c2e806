"""Prices of tokens: a dated table, overridden by the user's own."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gapsmith.agent.models.base import Model, ModelError
from gapsmith.agent.models.spec import strip_options
from gapsmith.evaluators.base import UsageError

VARIABLE = "GAPSMITH_PRICES"
# Beside the prompt: the words in which a server wraps it.
WRAPPING_TOKENS = 1_000
_MILLION = 1_000_000
_DATED = re.compile(r"-20\d\d-?\d\d-?\d\d$")
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
_SHAPE = '"NAME" = { input = X, cached = X, written = X, output = X } under [openai] or [anthropic]'


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens of one call, by the provider's own count.

    Attributes:
        tokens_in: all of the input, cached and written tokens included.
        cached: those of the input that were read from the provider's cache.
        written: those of the input that were written to it.
        tokens_out: all of the output, reasoning included.
        reasoning: those of the output that were spent on reasoning.
    """

    tokens_in: int
    cached: int = 0
    written: int = 0
    tokens_out: int
    reasoning: int = 0


@dataclass(frozen=True, kw_only=True)
class Price:
    """Dollars per million tokens.

    Attributes:
        input: that is neither read from the provider's cache nor written to it.
        cached: input that is read from the cache.
        written: input that is written to it.
        output: that is no reasoning.
        reasoning: output that is not shown.
        batch: what a call costs in a batch, as a share of what it costs alone.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    input: Rate
    cached: Rate
    written: Rate
    output: Rate
    reasoning: Rate
    batch: Rate = 0.5

    def compute_usd(self, usage: Usage, *, batch: bool = False) -> float:
        """Returns the price of a call."""
        fresh = max(usage.tokens_in - usage.cached - usage.written, 0)
        thought = min(usage.reasoning, usage.tokens_out)
        read = fresh * self.input + usage.cached * self.cached + usage.written * self.written
        said = (usage.tokens_out - thought) * self.output + thought * self.reasoning
        return (read + said) / _MILLION * (self.batch if batch else 1.0)

    def bound_usd(self, length: int, tokens_out: int, *, batch: bool = False) -> float:
        """Returns the price of the most expensive call.

        Every byte is a token, all tokens are written to the cache, and the reply is as long as it may be.

        Args:
            length: bytes of the prompt; no tokenizer makes more tokens than bytes of a text.
            tokens_out: limit of the reply.
            batch: whether it is sent in a batch.
        """
        dearest = max(self.input, self.cached, self.written)
        paid = (length + WRAPPING_TOKENS) * dearest + tokens_out * max(self.output, self.reasoning)
        return paid / _MILLION * (self.batch if batch else 1.0)


_PRICE = TypeAdapter(Price)
_RATES = tuple(field.name for field in fields(Price))
_SAME_AS = {"cached": "input", "written": "input", "reasoning": "output"}
"""Rates that may be left out, and what they then cost as much as."""


@dataclass(frozen=True)
class Prices:
    """Prices by model name, as on the command line: `openai:gpt-5`."""

    date: str
    table: Mapping[str, Price]

    def find_price(self, model: str) -> Price | None:
        """Returns the price of a model; None where it is not known.

        A dated name has the price of its plain name.
        """
        return self.table.get(model) or self.table.get(_DATED.sub("", model))


def load_prices(environment: Mapping[str, str]) -> Prices:
    """Reads the prices of this release, and the user's over them.

    Raises ModelError on a malformed file.
    """
    text = resources.files(__package__).joinpath("prices.toml").read_text("utf-8")
    date, table = _parse(text, "prices.toml")
    if path := environment.get(VARIABLE, "").strip():
        date, own = _parse(_read(path), path, date)
        table = {**table, **own}
    return Prices(date, table)


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{VARIABLE} names {path!r}, which cannot be read: {error}") from error


def _parse(text: str, path: str, date: str = "") -> tuple[str, dict[str, Price]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelError(f"{path}: not TOML: {error}; expected {_SHAPE}") from error
    # Providers are the tables of the file; what else stands at its top (date, sources) is for its readers.
    providers = {name: models for name, models in data.items() if isinstance(models, dict)}
    table = {
        f"{provider}:{name}": _price(rates, f"{path}: [{provider}] {name!r}")
        for provider, models in providers.items()
        for name, rates in models.items()
    }
    return str(data.get("date", date)), table


def _price(rates: Any, where: str) -> Price:
    """Validates the rates of one model.

    Raises ModelError, in one line, for the first that is wrong.
    """
    if not isinstance(rates, dict):
        raise ModelError(f"{where} is {rates!r}; expected {_SHAPE}")
    defaults = {name: rates[like] for name, like in _SAME_AS.items() if like in rates}
    try:
        return _PRICE.validate_python({**defaults, **rates})
    except ValidationError as error:
        # A misspelt rate first: that the right one is missing follows from it.
        first = min(error.errors(include_url=False), key=lambda each: each["type"] == "missing")
        raise ModelError(f"{where}{_describe_error(first)}") from None


def _describe_error(error: ErrorDetails) -> str:
    key = str(error["loc"][0])
    if error["type"] == "missing":
        return f" has no {key!r}; expected {_SHAPE}"
    if error["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(key, _RATES, 1, 0.0)[0]
        return f": unknown rate {key!r}; did you mean {near!r}? (known: {', '.join(_RATES)})"
    share = "a share of the price" if key == "batch" else "dollars per million tokens"
    return f": {key} is {error['input']!r}; expected {share}, 0 or more"


def check_prices(models: Iterable[Model], usd: float | None) -> None:
    """Raises UsageError where dollars are limited and a price is unknown."""
    for model in models:
        if usd is not None and model.bound_usd(0) is None:
            raise UsageError(
                f"the price of {model.name} is not known, so that --usd {usd:g} cannot be kept; write its "
                f"price, dollars per million tokens, to a file that {VARIABLE} names, in a line such as: "
                + write_sample_line(strip_options(model.name))
            )


def write_sample_line(model: str) -> str:
    """Returns a sample line for a model in a file of prices."""
    provider, _, name = model.partition(":")
    return f"{provider}.{json.dumps(name)} = {{ input = 1.25, cached = 0.125, output = 10.0 }}"
