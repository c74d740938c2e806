"""From the word on the command line to a model, or to one line that says what to do."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gapsmith.agent.models import (
    ManualModel,
    ModelError,
    Recorded,
    Reply,
    Stopped,
    close_model,
    open_model,
    write_recording,
)

KNOWN = "(known: openai:NAME, anthropic:NAME, offline, manual:FOLDER, replay:FILE)"


@pytest.fixture
def opened():
    """Opens models and closes them when the test ends."""
    models = []

    def make(spec, **options):
        models.append(open_model(spec, **{"environment": {}, **options}))
        return models[-1]

    yield make
    for model in models:
        close_model(model)


def _trouble(spec, **options):
    with pytest.raises(ModelError) as caught:
        open_model(spec, **{"environment": {}, **options})
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("opnai:gpt-5", "openai:gpt-5"),
        ("OpenAI:gpt-5", "openai:gpt-5"),
        ("antropic:claude-opus-5", "anthropic:claude-opus-5"),
        ("ofline", "offline"),
        ("ofline:", "offline"),
        ("manuel:here", "manual:here"),
        ("repaly:a.jsonl", "replay:a.jsonl"),
        ("opnai", "openai:NAME"),
        ("gpt-5", "openai:gpt-5"),
        ("claude-opus-5", "anthropic:claude-opus-5"),
    ],
)
def test_an_unknown_model_gets_the_nearest_name(spec, meant):
    """A misspelt model is refused with the name that was probably meant, and with all that there are."""
    assert _trouble(spec) == f"unknown model {spec!r}; did you mean {meant!r}? {KNOWN}"


@pytest.mark.parametrize("spec", ["", ":", "xyzzy", "xyzzy:7"])
def test_nothing_near_suggests_nothing(spec):
    """A word that resembles no model gets the list alone."""
    assert _trouble(spec) == f"unknown model {spec!r} {KNOWN}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("openai", "openai:NAME"),
        ("anthropic:", "anthropic:NAME"),
        ("manual: ", "manual:FOLDER"),
        ("replay", "replay:FILE"),
        ("offline:7", "offline"),
    ],
)
def test_a_name_too_short_or_too_long(spec, expected):
    """A known kind without what belongs to it, or with something that does not, is refused with its form."""
    assert f"expected {expected} (known" in _trouble(spec)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_missing_key(kind, key):
    """Without a key the line names the variable to set and the model that needs none."""
    variable = f"{kind.upper()}_API_KEY"
    line = _trouble(f"{kind}:some-model", environment={} if key is None else {variable: key})
    assert line == f"{kind}:some-model needs a key: set {variable}, or use --model offline, which needs none"


@pytest.mark.parametrize("key", ["sk-one\nsk-two", "sk one", "“sk-quoted”"])
def test_a_mangled_key_is_refused_unseen(key):
    """A key with a line end, a space or a curly quote is refused before it is sent, and is not shown."""
    line = _trouble("openai:gpt-5", environment={"OPENAI_API_KEY": key})
    assert "OPENAI_API_KEY" in line
    assert "sk" not in line


def test_a_key_from_a_file_may_end_its_line(opened, serve, question):
    """White space around a key is not part of it."""
    server = serve(key="sk-right")
    model = opened(
        "anthropic:m", environment={"ANTHROPIC_API_KEY": "sk-right\n"}, base_url=server.anthropic_url
    )
    assert model.reply(question()).text


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "https://eu.api.openai.com/v1/"])
def test_official_servers_want_a_key(url):
    """The official server, a regional one too, is not opened without a key."""
    assert "set OPENAI_API_KEY" in _trouble("openai:gpt-5", environment={"OPENAI_BASE_URL": url})


@pytest.mark.parametrize("url", ["https://api.openai.com.evil.example/v1", "https://notapi.openai.com/v1"])
def test_only_official_servers_are_official(opened, url):
    """A server whose name merely resembles the official one is a compatible one."""
    assert opened("openai:gpt-5", base_url=url)._api._way.path == "chat/completions"


def test_the_official_server_is_asked_by_responses(opened):
    """At the official server the Responses API is used."""
    assert opened("openai:gpt-5", environment={"OPENAI_API_KEY": "sk-x"})._api._way.path == "responses"


@pytest.mark.parametrize("source", ["environment", "argument"])
def test_a_compatible_server_needs_no_key(opened, serve, question, source):
    """A base URL, from the environment or given, makes `openai:` any compatible server, without a key."""
    server = serve()
    given = {"base_url": server.openai_url} if source == "argument" else {}
    environment = {"OPENAI_BASE_URL": server.openai_url} if source == "environment" else {}
    assert opened("openai:qwen3:8b", environment=environment, **given).reply(question()).text
    assert server.received[0].path == "/v1/chat/completions"
    assert server.received[0].body["model"] == "qwen3:8b"


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_hosted_model_heeds_the_stop(opened, serve, question, kind):
    """With the caller's stop set nothing is sent."""
    server, stop = serve(), threading.Event()
    environment = {f"{kind.upper()}_API_KEY": "sk-x"}
    model = opened(f"{kind}:m", environment=environment, base_url=server.anthropic_url, stop=stop)
    stop.set()
    with pytest.raises(Stopped):
        model.reply(question())
    assert server.record_tallies.requests == 0


def test_a_given_url_comes_before_the_environment(opened, serve, question):
    """The explicit base URL wins."""
    given, other = serve(), serve()
    opened("openai:m", environment={"OPENAI_BASE_URL": other.openai_url}, base_url=given.openai_url).reply(
        question()
    )
    assert (given.record_tallies.requests, other.record_tallies.requests) == (1, 0)


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_anthropic_urls_of_either_form(opened, serve, question, ending):
    """A base URL for Anthropic works with and without the /v1 that the SDK adds."""
    server = serve()
    environment = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.anthropic_url + ending}
    opened("anthropic:m", environment=environment).reply(question())
    assert server.received[0].path == "/v1/messages"


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://x/v1", "http://", "/v1"])
def test_an_address_that_is_none(url):
    """A base URL that is no address is refused at once, not after retries."""
    assert "expected an address such as http" in _trouble("openai:m", base_url=url)
    assert "OPENAI_BASE_URL is" in _trouble("openai:m", environment={"OPENAI_BASE_URL": url})


def test_an_api_that_is_none():
    """The ways of asking are two, and the line names them."""
    assert (
        _trouble("openai:m", base_url="http://x/v1", api="soap")
        == "api is 'soap'; expected responses or chat"
    )


def test_a_folder_and_its_stop(tmp_path):
    """`manual:` opens the folder with the caller's own stop."""
    stop = threading.Event()
    model = open_model(f"manual:{tmp_path}/a:b", stop=stop)
    assert isinstance(model, ManualModel)
    assert (model.folder, model.name) == (tmp_path / "a:b", f"manual:{tmp_path}/a:b")
    assert model.stop is stop


def test_a_recording(tmp_path, question):
    """`replay:` serves the file, and stands for the same replies at each asking."""
    write_recording(tmp_path / "r.jsonl", [Recorded(reply=Reply(text="one"), slot=0)])
    model = open_model(f"replay:{tmp_path}/r.jsonl")
    assert model.deterministic
    assert model.reply(question(0)).text == "one"


def test_a_recording_that_is_not_there(tmp_path):
    """A missing recording is told at once, with what was expected."""
    line = _trouble(f"replay:{tmp_path}/none.jsonl")
    assert "none.jsonl" in line
    assert "expected a recording" in line


def test_closing_what_holds_nothing():
    """A model without `close` is closed without complaint."""
    close_model(object())


def test_no_sdk_is_loaded_before_it_is_needed():
    """The package, and the models that need no server, load neither SDK: starting stays quick."""
    code = (
        "import sys; from gapsmith.agent.models import open_model; open_model('manual:x');"
        "print([name for name in ('openai', 'anthropic', 'httpx2', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.strip() == "[]"
