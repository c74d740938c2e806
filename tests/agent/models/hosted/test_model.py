"""A new provider is one file and one line: `HostedModel` does the rest."""

import sys

import pytest

from gapsmith.agent.models import ModelError, close_model, hosted, open_model
from gapsmith.agent.models.hosted.providers import PROVIDERS, Provider

FILE = '''"""A provider whose server answers with the question in capitals."""

from gapsmith.agent.models.finish import Finish
from gapsmith.agent.models.hosted.account import ProviderReply
from gapsmith.agent.models.hosted.parameters import Parameter
from gapsmith.agent.models.hosted.prices import Usage
from gapsmith.agent.models.hosted.transport.errors import Fault


class ToyApi:
    """Fails once, refuses a temperature, and then answers."""

    def __init__(self, server, options):
        self.server, self.options, self.sent, self.open = server, options, [], True

    @property
    def parameters(self):
        warmth = self.options.temperature
        return [Parameter(name="temperature", body={"warmth": warmth}, called="warmth")] if warmth else []

    def build_body(self, request, optional):
        return {"model": self.server.name, "question": request.prompt, **optional}

    def send(self, body):
        self.sent.append(body)
        if len(self.sent) == 1:
            return Fault(status=503, code="busy", message="later", wait=0.001)
        if "warmth" in body:
            return Fault(status=400, code="bad", message="warmth is unknown")
        return {"said": body["question"].upper()}

    def read(self, answer):
        usage = Usage(tokens_in=10, tokens_out=5)
        return ProviderReply(text=answer["said"], finish=Finish.COMPLETE, reason="end", usage=usage, id="1")

    def open_batches(self, parameters):
        return None

    def close(self):
        self.open = False


def connect(server, options, api):
    return ToyApi(server, options)
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The file in the folder and the line in the table; prices as for any provider."""
    (tmp_path / "toy.py").write_text(FILE)
    monkeypatch.setattr(hosted, "__path__", [*hosted.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{hosted.__name__}.toy", raising=False)
    monkeypatch.setitem(PROVIDERS, "toy", Provider(url="https://toy.example"))
    prices = tmp_path / "prices.toml"
    prices.write_text('[toy]\n"small" = { input = 1e5, output = 1e5 }\n')
    yield {"TOY_API_KEY": "key", "GAPSMITH_PRICES": str(prices)}
    sys.modules.pop(f"{hosted.__name__}.toy", None)


def test_a_provider_is_one_file_and_one_line(toy, question):
    """Its model is opened by name, asked again after a fault, priced, and loses what its server refuses."""
    model = open_model("toy:small,temperature=1", environment=toy)
    reply = model.reply(question(prompt="which rule?"))
    assert (reply.text, reply.usd, reply.detail["left_out"]) == ("WHICH RULE?", 1.5, "temperature")
    assert [set(body) for body in model._api.sent] == 2 * [{"model", "question", "warmth"}] + [
        {"model", "question"}
    ]
    close_model(model)
    assert not model._api.open


def test_what_a_provider_lacks_is_said(toy):
    """Without a key, with an option of another's, or misspelt, its word is refused like any other."""
    for spec, environment, said in [
        ("toy:small", {}, "set TOY_API_KEY"),
        ("toy:small,api=chat", toy, "api is an option of openai: only"),
        ("toi:small", toy, "did you mean 'toy:small'?"),
        ("toy", toy, "expected toy:NAME"),
    ]:
        with pytest.raises(ModelError, match=said.replace("?", r"\?")):
            open_model(spec, environment=environment)
