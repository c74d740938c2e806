"""From the word on the command line to a model; keys come from the environment and from nowhere else."""

import difflib
import importlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gapsmith.agent.models.base import Model, ModelUnknown
from gapsmith.agent.models.hosted import Options, Server
from gapsmith.agent.models.manual import ManualModel
from gapsmith.agent.models.prices import load_prices
from gapsmith.agent.models.replay import ReplayModel

KNOWN = ("openai:NAME", "anthropic:NAME", "offline", "manual:FOLDER", "replay:FILE")
OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"

_ARGUMENTS = {word.partition(":")[0]: word.partition(":")[2] for word in KNOWN}
_HINT = f"(known: {', '.join(KNOWN)})"


def open_model(
    spec: str,
    *,
    environment: Mapping[str, str] = os.environ,
    base_url: str | None = None,
    api: str | None = None,
    options: Options | None = None,
    stop: threading.Event | None = None,
) -> Model:
    """Opens a model by its name on the command line. Close it with `close_model`.

    Args:
        spec: `openai:NAME`, `anthropic:NAME`, `offline`, `manual:FOLDER` or `replay:FILE`.
        environment: where keys, base URLs and the file of prices are looked up.
        base_url: of a hosted model's server; else OPENAI_BASE_URL or ANTHROPIC_BASE_URL; else the official.
        api: "responses" or "chat", for `openai:`; else chat for all servers but the official one.
        options: how a hosted model is asked.
        stop: when set, nobody waits for a person any more, and hosted models send nothing more.

    Raises:
        ModelUnknown: the name is unknown, a key is missing, or a file is: one line that says what to do.
    """
    kind, argument = _parsed(spec)
    if kind == "offline":
        # By name, so that nothing of it is loaded for the other models.
        offline: Model = importlib.import_module("gapsmith.agent.models.offline").OfflineModel()
        return offline
    if kind == "manual":
        return ManualModel(folder=Path(argument), stop=stop or threading.Event())
    if kind == "replay":
        return ReplayModel(argument)
    hosted = _open_openai if kind == "openai" else _open_anthropic
    return hosted(argument, environment, _Way(base_url, api, options, stop))


def close_model(model: Model) -> None:
    """Releases what a model holds: connections, waiting threads. Models that hold nothing need no `close`."""
    if close := getattr(model, "close", None):
        close()


def _parsed(spec: str) -> tuple[str, str]:
    kind, _, argument = spec.partition(":")
    if kind not in _ARGUMENTS:
        raise ModelUnknown(f"unknown model {spec!r}{_nearest(spec)} {_HINT}")
    if bool(argument.strip()) != bool(_ARGUMENTS[kind]):
        expected = next(word for word in KNOWN if word.startswith(kind))
        raise ModelUnknown(f"model {spec!r} is not complete or says too much; expected {expected} {_HINT}")
    return kind, argument.strip()


def _nearest(spec: str) -> str:
    kind, _, argument = spec.partition(":")
    families = {"claude": "anthropic", "gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai"}
    for start, provider in families.items():
        if spec.lower().startswith(start):
            return f"; did you mean '{provider}:{spec}'?"
    near = difflib.get_close_matches(kind.lower(), _ARGUMENTS, 1, 0.5)
    if not near:
        return ""
    wanted = argument or _ARGUMENTS[near[0]]
    return f"; did you mean '{near[0]}:{wanted}'?" if _ARGUMENTS[near[0]] else f"; did you mean '{near[0]}'?"


@dataclass(frozen=True)
class _Way:
    """How a hosted model is reached: the arguments of `open_model` that only those have."""

    base_url: str | None
    api: str | None
    options: Options | None
    stop: threading.Event | None


def _open_openai(name: str, environment: Mapping[str, str], way: _Way) -> Model:
    url = _url(way.base_url, environment, "OPENAI_BASE_URL", OPENAI_URL)
    official = _is_official(url)
    server = _server("openai", name, url, environment, needs_key=official)
    price = load_prices(environment).of(server.model)
    # Here, so that the SDK is loaded only by those who use it.
    from gapsmith.agent.models.openai_model import Api, OpenAIModel

    api = way.api or (Api.RESPONSES if official else Api.CHAT)
    if api not in list(Api):
        raise ModelUnknown(f"api is {api!r}; expected {' or '.join(Api)}")
    return OpenAIModel(server, Api(api), price=price, options=way.options, stop=way.stop)


def _open_anthropic(name: str, environment: Mapping[str, str], way: _Way) -> Model:
    url = _url(way.base_url, environment, "ANTHROPIC_BASE_URL", ANTHROPIC_URL)
    # The SDK adds /v1 itself; many a gateway's documentation has it in the URL.
    server = _server("anthropic", name, url.removesuffix("/v1"), environment, needs_key=True)
    price = load_prices(environment).of(server.model)
    # As above.
    from gapsmith.agent.models.anthropic_model import AnthropicModel

    return AnthropicModel(server, price=price, options=way.options, stop=way.stop)


def _is_official(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def _url(given: str | None, environment: Mapping[str, str], variable: str, official: str) -> str:
    url = (given or environment.get(variable, "")).strip() or official
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        source = "the base URL" if given else variable
        raise ModelUnknown(f"{source} is {url!r}; expected an address such as http://localhost:8000/v1")
    return url.rstrip("/")


def _server(kind: str, name: str, url: str, environment: Mapping[str, str], *, needs_key: bool) -> Server:
    variable = f"{kind.upper()}_API_KEY"
    key = environment.get(variable, "").strip()
    if needs_key and not key:
        raise ModelUnknown(
            f"{kind}:{name} needs a key: set {variable}, or use --model offline, which needs none"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ModelUnknown(f"{variable} holds a space, a line end or a letter that no key has; set it again")
    return Server(model=f"{kind}:{name}", name=name, url=url, key=key, key_variable=variable)
