"""Dollars: the table of the release, and the user's own."""

import datetime
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.models import ModelError
from gapsmith.agent.models.hosted.prices import Price, Usage, load_prices


def _own(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    return {"GAPSMITH_PRICES": str(path)}


def test_the_table_is_dated():
    """The table of the release says when it was read."""
    assert datetime.date.fromisoformat(load_prices({}).date).year >= 2026


def test_every_price_is_plausible():
    """Reading the cache costs no more than fresh input, writing it no less; output costs most."""
    for name, price in load_prices({}).table.items():
        assert 0 < price.cached <= price.input <= price.written <= price.output, name


def test_the_formula():
    """Each kind of token is paid once: fresh, cached and written input, and output."""
    price = Price(input=4.0, cached=1.0, written=5.0, output=20.0, reasoning=20.0)
    usage = Usage(tokens_in=1_000_000, cached=200_000, written=300_000, tokens_out=100_000, reasoning=90_000)
    assert price.compute_usd(usage) == pytest.approx(0.5 * 4 + 0.2 * 1 + 0.3 * 5 + 0.1 * 20, rel=1e-12)


def test_reasoning_has_a_price_of_its_own():
    """Where reasoning costs other than the text that is read, each is paid once, at its own price."""
    price = Price(input=0.0, cached=0.0, written=0.0, output=20.0, reasoning=30.0)
    usage = Usage(tokens_in=0, tokens_out=100_000, reasoning=90_000)
    assert price.compute_usd(usage) == pytest.approx(0.01 * 20 + 0.09 * 30, rel=1e-12)
    lying = Usage(tokens_in=0, tokens_out=100_000, reasoning=900_000)
    assert price.compute_usd(lying) == pytest.approx(0.1 * 30, rel=1e-12)


def test_a_batch_costs_half():
    """All kinds of tokens cost half in a batch, or the share that the file of prices says."""
    usage = Usage(tokens_in=900_000, cached=200_000, written=300_000, tokens_out=100_000, reasoning=90_000)
    price = load_prices({}).find_price("openai:gpt-5")
    assert price.compute_usd(usage, batch=True) == price.compute_usd(usage) / 2
    assert price.bound_usd(5_000, 500, batch=True) == price.bound_usd(5_000, 500) / 2
    assert replace(price, batch=0.25).compute_usd(usage, batch=True) == price.compute_usd(usage) / 4


@given(st.integers(0, 10**6), st.integers(0, 10**5), st.data())
def test_no_usage_costs_more_than_was_set_aside(length, most_out, data):
    """Whatever of a prompt is cached or written, and whatever of a reply is reasoning, the bound holds."""
    rate = st.floats(0.0, 100.0)
    price = Price(**{name: data.draw(rate) for name in ("input", "cached", "written", "output", "reasoning")})
    tokens_in, tokens_out = data.draw(st.integers(0, length)), data.draw(st.integers(0, most_out))
    cached = data.draw(st.integers(0, tokens_in))
    usage = Usage(
        tokens_in=tokens_in,
        cached=cached,
        written=data.draw(st.integers(0, tokens_in - cached)),
        tokens_out=tokens_out,
        reasoning=data.draw(st.integers(0, tokens_out)),
    )
    assert price.compute_usd(usage) <= price.bound_usd(length, most_out) * (1 + 1e-9)


def test_nothing_costs_less_than_nothing():
    """A server that reports more cached than input tokens is not paid for by us in negative dollars."""
    price = Price(input=4.0, cached=1.0, written=5.0, output=20.0, reasoning=20.0)
    assert price.compute_usd(Usage(tokens_in=1, cached=5, tokens_out=0)) == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("dated", "plain"),
    [
        ("openai:gpt-5-2025-08-07", "openai:gpt-5"),
        ("anthropic:claude-haiku-4-5-20251001", "anthropic:claude-haiku-4-5"),
    ],
)
def test_a_dated_name_costs_what_the_plain_one_does(dated, plain):
    """A snapshot's date is no part of what it costs."""
    prices = load_prices({})
    assert prices.find_price(dated) == prices.find_price(plain) is not None


@pytest.mark.parametrize(
    "name", ["openai:gpt-5-turbo", "openai:gpt", "anthropic:gpt-5", "anthropic:claude-opus-6"]
)
def test_a_name_that_only_resembles_is_unknown(name):
    """No price is guessed from a similar name or another provider."""
    assert load_prices({}).find_price(name) is None


def test_own_prices_come_first(tmp_path):
    """The user's file adds models and replaces prices; the rest of the table stays."""
    text = (
        'date = "2027-01-01"\n[openai]\n"gpt-5" = {input = 7, output = 8.5}\nmine = {input = 0, output = 0}\n'
    )
    prices, table = load_prices(_own(tmp_path, text)), load_prices({})
    assert prices.find_price("openai:gpt-5") == Price(
        input=7.0, cached=7.0, written=7.0, output=8.5, reasoning=8.5
    )
    assert prices.find_price("openai:mine") == Price(
        input=0.0, cached=0.0, written=0.0, output=0.0, reasoning=0.0
    )
    assert prices.find_price("openai:gpt-5-mini") == table.find_price("openai:gpt-5-mini")
    assert prices.date == "2027-01-01"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[openai\n", "not TOML"),
        ("[openai]\nm = 3\n", "'m' is 3; expected"),
        ("[openai]\nm = {input = 1}\n", "has no 'output'"),
        ("[openai]\nm = {output = 1}\n", "has no 'input'"),
        ("[openai]\nm = {imput = 1, output = 1}\n", "unknown rate 'imput'; did you mean 'input'?"),
        ("[openai]\nm = {input = -1, output = 1}\n", "input is -1; expected dollars"),
        ("[openai]\nm = {input = 'free', output = 1}\n", "input is 'free'; expected dollars"),
        ("[openai]\nm = {input = nan, output = 1}\n", "input is nan; expected dollars"),
        ("[openai]\nm = {input = 1, output = 1, batch = -1}\n", "batch is -1; expected a share"),
        ("[openai]\nm = {input = true, output = 1}\n", "input is True; expected dollars"),
    ],
)
def test_a_malformed_file_of_prices(tmp_path, text, words):
    """A mistake in the user's prices is told with the file, what was found and what was expected."""
    with pytest.raises(ModelError) as caught:
        load_prices(_own(tmp_path, text))
    assert words in str(caught.value)
    assert "own.toml" in str(caught.value)


def test_a_file_of_prices_that_is_not_there(tmp_path):
    """A missing file of prices is told, with the variable that names it: it is not silently left out."""
    with pytest.raises(ModelError, match="GAPSMITH_PRICES names"):
        load_prices({"GAPSMITH_PRICES": str(tmp_path / "none.toml")})
