"""The word that names a model, and what its options ask for."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsmith.agent.models import close_model, open_model
from gapsmith.agent.models.base import ModelUnknown
from gapsmith.agent.models.spec import (
    EFFORTS,
    CallOptions,
    Share,
    hide_login,
    read_share,
    read_spec,
    strip_options,
)

KEYS = {"OPENAI_API_KEY": "sk-o", "ANTHROPIC_API_KEY": "sk-a"}


def refusal(text):
    """The one line that a word is refused with."""
    with pytest.raises(ModelUnknown) as caught:
        read_spec(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def told(text):
    """The plain name, or what the word is refused with."""
    try:
        return read_spec(text).plain
    except ModelUnknown as error:
        return str(error)


def test_a_word_with_every_option():
    """All options are read, with their types; what concerns other models is no part of the name."""
    word = read_spec(
        "openai:gpt-5, effort=high,temperature=0.7,max_tokens=8000,weight=2,seconds=90,api=chat,"
        "url=http://localhost:8000/v1,key=HOUSE_KEY,operators=refine+merge"
    )
    assert (word.kind, word.argument, word.plain) == ("openai", "gpt-5", "openai:gpt-5")
    assert word.asking == CallOptions(
        effort="high",
        temperature=0.7,
        max_tokens=8000,
        seconds=90.0,
        url="http://localhost:8000/v1",
        api="chat",
        key="HOUSE_KEY",
    )
    assert word.share == Share(weight=2.0, operators=("refine", "merge"))
    assert word.name.startswith("openai:gpt-5,effort=high,temperature=0.7,max_tokens=8000,seconds=90")
    assert "weight" not in word.name
    assert "operators" not in word.name


@pytest.mark.parametrize("text", ["offline", "openai:qwen3:8b", "manual:a, b/c", "replay:x,y.jsonl"])
def test_a_word_without_options_is_its_own_name(text):
    """Names, folders and files keep their colons and commas."""
    word = read_spec(text)
    assert word.name == word.plain == text
    assert (word.asking, word.share) == (CallOptions(), Share())


@pytest.mark.parametrize("text", ["offline,weight=1", "manual:there,weight=1", "replay:r.jsonl,weight=1"])
def test_every_model_may_have_a_weight(text):
    """A model that needs no server can be one of several, too."""
    assert read_spec(text).share.weight == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openai:m,efort=high", "unknown option 'efort'; did you mean 'effort'? (known: effort, temperature"),
        ("openai:m,wait=2", "unknown option 'wait'"),
        ("offline,effort=high", "unknown option 'effort' (known: weight, operators)"),
        (
            "openai:m,effort=hihg",
            "effort is 'hihg'; expected one of none, minimal, low, medium, high, xhigh, max",
        ),
        ("openai:m,temperature=3", "temperature is '3'; expected a number from 0 to 2"),
        ("openai:m,temperature=nan", "temperature is 'nan'; expected a number from 0 to 2"),
        ("openai:m,max_tokens=0", "max_tokens is '0'; expected a whole number"),
        ("openai:m,max_tokens=1.5", "max_tokens is '1.5'; expected a whole number"),
        ("openai:m,seconds=0", "seconds is '0'; expected seconds, more than 0"),
        ("openai:m,weight=-1", "weight is '-1'; expected a number above 0"),
        ("openai:m,weight=inf", "weight is 'inf'; expected a number above 0"),
        ("openai:m,url=localhost", "url is 'localhost'; expected an address such as"),
        ("openai:m,api=soap", "api is 'soap'; expected responses or chat"),
        ("openai:m,operators=refine+", "operators is 'refine+'; expected names of operators joined by +"),
        ("openai:m,high", "'high' is no option; expected OPTION=VALUE"),
        ("openai:m,weight=1,weight=2", "gives an option twice"),
        ("opnai:m,effort=high", "did you mean 'openai:m'?"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, expected):
    """Unknown options get the nearest known one, values out of range what was expected."""
    assert expected in refusal(text)


@pytest.mark.parametrize("text", ["openai:m,key=sk-secret-1", "openai:m,key=sk-secret-1,efort=x"])
def test_a_key_in_the_word_is_refused_unseen(text):
    """Who writes the key where its variable belongs is told so without seeing it again."""
    assert "secret" not in refusal(text)


def test_a_password_in_the_word_is_refused():
    """An address with a password is not taken, since the word is kept in the archive; nor is it shown again."""
    said = refusal("openai:m,url=http://me:hunter2@host/v1")
    assert "without a password" in said
    assert "hunter2" not in said


@given(st.text(string.printable, max_size=40))
def test_any_text_is_a_word_or_one_line(text):
    """Whatever is written behind the comma, it is read or refused in one line."""
    line = told(f"openai:m,weight=1,{text}")
    assert line == "openai:m" or "model" in line
    assert "\n" not in line


@given(st.sampled_from(EFFORTS), st.floats(0, 2), st.integers(1, 10**7), st.floats(0.01, 1e6))
def test_a_name_means_the_same_model(effort, temperature, limit, weight):
    """A word's name is a word again, for the same model asked in the same way."""
    word = read_spec(
        f"anthropic:m,effort={effort},weight={weight},temperature={temperature},max_tokens={limit}"
    )
    again = read_spec(word.name)
    assert (again.name, again.asking, again.share) == (word.name, word.asking, Share())
    assert strip_options(word.name) == "anthropic:m"


def test_a_name_that_is_no_word_has_no_share():
    """A model object of one's own may have any name."""
    assert read_share("my model, the best") == ("my model, the best", Share())


@pytest.mark.parametrize(
    ("kind", "field"),
    [("openai", "max_tokens"), ("openai,api=responses", "max_output_tokens"), ("anthropic", "max_tokens")],
)
def test_options_reach_the_server(serve, question, kind, field):
    """A word's limit, address and way of asking are those of its requests; its name is the reply's model."""
    server = serve()
    provider, _, more = kind.partition(",")
    url = server.openai_url if provider == "openai" else server.anthropic_url
    model = open_model(
        f"{provider}:m,url={url},max_tokens=77" + (f",{more}" if more else ""), environment=KEYS
    )
    model.reply(question())
    close_model(model)
    assert server.received[0].body[field] == 77
    assert server.received[0].body["model"] == "m"
    assert model.name.startswith(f"{provider}:m,url=")


def test_a_key_of_its_own(serve, question):
    """With key= a model's server gets the key of that variable, and not the provider's."""
    server = serve(key="sk-house")
    environment = {**KEYS, "HOUSE_KEY": "sk-house"}
    model = open_model(f"openai:m,url={server.openai_url},key=HOUSE_KEY", environment=environment)
    assert model.reply(question()).text
    close_model(model)


def test_a_missing_key_of_its_own():
    """A variable that is named and not set is told by its name."""
    with pytest.raises(ModelUnknown, match="set HOUSE_KEY"):
        open_model("openai:m,url=http://localhost:1/v1,key=HOUSE_KEY", environment=KEYS)


def test_the_price_is_that_of_the_plain_name():
    """Options change what is asked, not what a token costs; a larger limit sets more aside."""
    models = [
        open_model(f"openai:gpt-5{more}", environment=KEYS) for more in ("", ",max_tokens=99", ",effort=low")
    ]
    plain_most, less, same = (model.bound_usd(1000) for model in models)
    for model in models:
        close_model(model)
    assert less < plain_most == same


def test_anthropic_has_one_api():
    """The choice of an API is OpenAI's."""
    with pytest.raises(ModelUnknown, match="api is an option of openai: only"):
        open_model("anthropic:m,api=chat", environment=KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "openai:x,url=http://me:secret@host/v1",
        "openai:x,url=http://host/v1?api_key=secret,weight=2",
        "500: no answer from https://host/v1/chat?key=secret#secret",
        "postgresql://me:secret@host/archive",
    ],
)
def test_no_address_shows_its_login(text):
    """Of an address nothing is shown or kept that may hold a secret; the rest stays."""
    shown = hide_login(text)
    assert "secret" not in shown
    assert "host" in shown


@pytest.mark.parametrize("url", ["http://h/v1?key=secret", "http://h/v1#secret", "http://me:secret@h/v1"])
def test_an_address_with_a_secret_is_refused(url):
    """A URL with a query, a fragment or a password would be kept with the run."""
    with pytest.raises(ModelUnknown) as told:
        read_spec(f"openai:x,url={url}")
    assert "secret" not in str(told.value)
