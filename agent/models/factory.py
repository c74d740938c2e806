"""Opens models by their names on the command line.

Keys come from the environment only.
"""

import importlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from gapsmith.agent.models.base import Model, ModelUnknown
from gapsmith.agent.models.hosted.account import CostMeter, Options, Server
from gapsmith.agent.models.hosted.prices import load_prices
from gapsmith.agent.models.hosted.providers import PROVIDERS
from gapsmith.agent.models.manual import ManualModel
from gapsmith.agent.models.replay import ReplayModel
from gapsmith.agent.models.spec import ModelSpec, hide_secrets, read_spec


def open_model(
    spec: str,
    *,
    environment: Mapping[str, str] = os.environ,
    base_url: str | None = None,
    api: str | None = None,
    options: Options | None = None,
    stop: threading.Event | None = None,
) -> Model:
    """Opens a model by its name on the command line.

    Close it with `close_model`.

    Args:
        spec: `openai:NAME`, `anthropic:NAME`, `offline`, `manual:FOLDER` or `replay:FILE`; options follow, each
            after a comma, as in `openai:gpt-5,effort=high`; they go before the arguments below.
        environment: where keys, base URLs and the file of prices are looked up.
        base_url: of a hosted model's server; else OPENAI_BASE_URL or ANTHROPIC_BASE_URL; else the official.
        api: "responses" or "chat", for `openai:`; else chat for all servers but the official one.
        options: how a hosted model is asked.
        stop: when set, waiting for a person ends, and hosted models send nothing more.

    Raises:
        ModelUnknown: the name is unknown, a key is missing, or a file is: one line that says what to do.
    """
    word = read_spec(spec)
    kind, argument = word.kind, word.argument
    if kind == "offline":
        # By name, so that nothing of it is loaded for the other models.
        offline: Model = importlib.import_module("gapsmith.agent.models.offline.model").OfflineModel()
        return offline
    if kind == "manual":
        return ManualModel(folder=Path(argument), stop=stop or threading.Event())
    if kind == "replay":
        return ReplayModel(argument)
    return _open_hosted(
        word, environment, _apply_spec(word, _Connection(base_url, api, options or Options(), stop))
    )


def close_model(model: Model) -> None:
    """Releases what a model holds: connections and waiting threads.

    A model that holds nothing needs no `close`.
    """
    if close := getattr(model, "close", None):
        close()


@dataclass(frozen=True)
class _Connection:
    """How a hosted model is reached: arguments of `open_model`."""

    base_url: str | None
    api: str | None
    options: Options
    stop: threading.Event | None


def _apply_spec(word: ModelSpec, way: _Connection) -> _Connection:
    """Returns the settings of the connection, with what the specification says."""
    asking = vars(word.asking)
    given = {name: asking[name] for name in ("effort", "temperature", "max_tokens", "seconds")}
    options = {name: value for name, value in given.items() if value is not None}
    return replace(
        way,
        base_url=word.asking.url or way.base_url,
        api=word.asking.api or way.api,
        options=replace(way.options, **options),
    )


def _open_hosted(word: ModelSpec, environment: Mapping[str, str], way: _Connection) -> Model:
    provider = PROVIDERS[word.kind]
    if word.asking.api is not None and not provider.apis:
        others = ", ".join(f"{name}:" for name, each in PROVIDERS.items() if each.apis)
        raise ModelUnknown(f"model {word.name!r}: api is an option of {others} only; expected none")
    url = _read_url(way.base_url, environment, f"{word.kind.upper()}_BASE_URL", provider.url)
    official = _is_official(url, provider.url)
    needs_key = official or not provider.key_optional or word.asking.key is not None
    server = _read_server(word, url, environment, needs_key=needs_key)
    account = CostMeter(server, load_prices(environment).find_price(word.plain), way.options)
    # Imported here, so that a provider's SDK is loaded only where it is used.
    module = importlib.import_module(f"gapsmith.agent.models.hosted.{word.kind}")
    from gapsmith.agent.models.hosted.model import HostedModel

    connected = module.connect(server, way.options, _choose_api(way.api, provider.apis, official))
    return HostedModel(connected, account, way.options, way.stop)


def _choose_api(given: str | None, known: tuple[str, ...], official: bool) -> str:
    """Returns the name of the API to use.

    Where none is given, the first on the official server and the last on compatible ones.
    """
    if not known:
        return ""
    api = given or (known[0] if official else known[-1])
    if api not in known:
        raise ModelUnknown(f"api is {api!r}; expected {' or '.join(known)}")
    return api


def _is_official(url: str, official: str) -> bool:
    """Tells whether an address is the official server's, or a region's."""
    host, known = urlsplit(url).hostname or "", urlsplit(official).hostname or ""
    return host == known or host.endswith(f".{known}")


def _read_url(given: str | None, environment: Mapping[str, str], variable: str, official: str) -> str:
    url = (given or environment.get(variable, "")).strip() or official
    source, name = "the base URL" if given else variable, variable.replace("BASE_URL", "API_KEY")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # its message may quote a password
        raise ModelUnknown(f"{source} is no address; expected one such as http://localhost:8000/v1") from None
    if "@" in url or parts.query or parts.fragment:  # it would be kept with the run
        raise ModelUnknown(
            f"{source} holds a password, or something behind ? or #; take it out of the address and set {name} instead"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise ModelUnknown(
            f"{source} is {hide_secrets(url)!r}; expected an address such as http://localhost:8000/v1"
        )
    return url.rstrip("/")


def _read_server(word: ModelSpec, url: str, environment: Mapping[str, str], *, needs_key: bool) -> Server:
    variable = word.asking.key or f"{word.kind.upper()}_API_KEY"
    key = environment.get(variable, "").strip()
    if needs_key and not key:
        raise ModelUnknown(
            f"{word.name} needs a key: set {variable}, or use --model offline, which needs none"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ModelUnknown(f"{variable} holds a space, a line end or a letter that no key has; set it again")
    return Server(model=word.name, name=word.argument, url=url, key=key, key_variable=variable)
