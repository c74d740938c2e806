"""The word that names a model, taken apart: `openai:gpt-5,effort=high,max_tokens=8000,weight=2`."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from gapsmith.agent.models.base import ModelUnknown
from gapsmith.agent.models.hosted.providers import PROVIDERS

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_NEXT = re.compile(r",(?=\s*[A-Za-z_]+\s*=)")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_SECRET = re.compile(r"(\bkey\s*=)[^,]*", re.I)
_LOGIN = re.compile(r"//[^/,\s]*@")
_QUERY = re.compile(r"(https?:[^?#,\s]*)[?#][^,\s]*", re.I)


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """Options of a hosted model; others decide what is None.

    Attributes:
        effort: how much the model reasons.
        temperature: of the sampling, 0 to 2.
        max_tokens: limit of one reply, reasoning included.
        seconds: how long one attempt may take.
        url: base URL of its server.
        api: "responses" or "chat".
        key: the environment variable that holds its key.
    """

    effort: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    seconds: float | None = None
    url: str | None = None
    api: str | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """The part of a model among several.

    Attributes:
        weight: how often it is asked, by the weights of the others; None leaves that to the search.
        operators: what alone it is asked for; empty for all that no other names.
    """

    weight: float | None = None
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The parsed specification of a model.

    Attributes:
        kind: openai, anthropic, offline, manual or replay.
        argument: a name, a folder or a file.
        name: the word without what concerns other models: weight and operators.
        asking: the options of a hosted model.
        share: its part among several.
    """

    kind: str
    argument: str
    name: str
    asking: CallOptions = field(default_factory=CallOptions)
    share: Share = field(default_factory=Share)

    @property
    def plain(self) -> str:
        """Without any option, as prices know it."""
        return strip_options(self.name)


def strip_options(name: str) -> str:
    """Returns the name of a model without its options."""
    return _NEXT.split(name)[0].strip()


def read_spec(text: str) -> ModelSpec:
    """Parses the specification of a model.

    Raises ModelUnknown, in one line, for what is unknown, missing or out of range.
    """
    head, *given = (part.strip() for part in _NEXT.split(text))
    shown = hide_secrets(text)
    kind, argument = _read_head(head, shown)
    pairs = [_pair(part, kind, shown) for part in given]
    own = [part for part, (name, _) in zip(given, pairs, strict=True) if name not in _list_names(Share)]
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ModelUnknown(f"model {shown!r} gives an option twice; expected each once")
    return ModelSpec(
        kind=kind,
        argument=argument,
        name=",".join([head, *own]),
        asking=CallOptions(
            **{name: value for name, value in values.items() if name in _list_names(CallOptions)}
        ),
        share=Share(**{name: value for name, value in values.items() if name in _list_names(Share)}),
    )


def read_share(text: str) -> tuple[str, Share]:
    """Returns a model's name and its part among several.

    The text itself where it names no model of ours.
    """
    try:
        word = read_spec(text)
    except ModelUnknown:
        return text, Share()
    return word.name, word.share


def _list_names(kind: type) -> list[str]:
    return [each.name for each in fields(kind)]


def hide_secrets(text: str) -> str:
    """Hides keys and logins in the specification of a model.

    Users write keys where the name of a variable is expected.
    """
    return hide_login(_SECRET.sub(r"\1…", text))


def hide_login(text: str) -> str:
    """Removes login, query and fragment from addresses in a text."""
    return _QUERY.sub(r"\1?…", _LOGIN.sub("//…@", text))


def is_local(text: str) -> bool:
    """Tells whether a specification names an address, key variable, folder or file."""
    kind = text.partition(":")[0]
    return kind in ("manual", "replay") or bool(re.search(r",\s*(url|key)\s*=", text))


def _list_arguments() -> dict[str, str]:
    """Returns what follows the colon, by what stands before it."""
    return {**dict.fromkeys(PROVIDERS, "NAME"), "offline": "", "manual": "FOLDER", "replay": "FILE"}


def _write_form(kind: str) -> str:
    """Returns how a kind of models is written, as in `manual:FOLDER`."""
    return f"{kind}:{argument}" if (argument := _list_arguments()[kind]) else kind


def _write_hint() -> str:
    return f"(known: {', '.join(map(_write_form, _list_arguments()))})"


def _read_head(head: str, shown: str) -> tuple[str, str]:
    kind, _, argument = head.partition(":")
    known = _list_arguments()
    if kind not in known:
        raise ModelUnknown(f"unknown model {shown!r}{_suggest(head)} {_write_hint()}")
    if bool(argument.strip()) != bool(known[kind]):
        raise ModelUnknown(
            f"model {shown!r} is not complete or says too much; expected {_write_form(kind)} {_write_hint()}"
        )
    if kind in PROVIDERS and "," in argument:
        raise ModelUnknown(f"model {shown!r}: {argument.split(',')[1]!r} is no option; expected OPTION=VALUE")
    return kind, argument.strip()


def _suggest(spec: str) -> str:
    kind, _, argument = spec.partition(":")
    for name, provider in PROVIDERS.items():
        if spec.lower().startswith(provider.families):
            return f"; did you mean '{name}:{spec}'?"
    known = _list_arguments()
    near = difflib.get_close_matches(kind.lower(), known, 1, 0.5)
    if not near:
        return ""
    wanted = f"{near[0]}:{argument or known[near[0]]}" if known[near[0]] else near[0]
    return f"; did you mean '{wanted}'?"


def _pair(part: str, kind: str, shown: str) -> tuple[str, Any]:
    name, _, text = (each.strip() for each in part.partition("="))
    known = [*(_list_names(CallOptions) if kind in PROVIDERS else []), *_list_names(Share)]
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ModelUnknown(f"model {shown!r}: unknown option {name!r}{hint} (known: {', '.join(known)})")
    read, expected = _READERS[name]
    try:
        return name, read(text)
    except ValueError:
        found = "…" if name == "key" else hide_secrets(text)
        raise ModelUnknown(f"model {shown!r}: {name} is {found!r}; expected {expected}") from None


def _read_one_of(known: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError
        return text

    return read


def _number(minimum: float, maximum: float, kind: type = float) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if not minimum <= (number := kind(text)) <= maximum:
            raise ValueError
        return number

    return read


def _read_variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError
    return text


def _read_address(text: str) -> str:
    parts = urlsplit(text)
    known = parts.scheme in ("http", "https") and parts.hostname
    if not known or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError
    return text


def _read_operators(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("+"))
    if not all(names):
        raise ValueError
    return names


_LEAST = 1e-9
_READERS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "effort": (_read_one_of(EFFORTS), f"one of {', '.join(EFFORTS)}"),
    "temperature": (_number(0.0, 2.0), "a number from 0 to 2"),
    "max_tokens": (_number(1, 10_000_000, int), "a whole number of tokens, 1 or more"),
    "seconds": (_number(_LEAST, 86_400.0), "seconds, more than 0 and at most a day"),
    # What else a URL may hold would be kept in the archive.
    "url": (_read_address, "an address such as http://localhost:8000/v1, without a password, ? or #"),
    "api": (_read_one_of(("responses", "chat")), "responses or chat"),
    "key": (
        _read_variable,
        "the name of an environment variable that holds the key, such as OPENROUTER_API_KEY",
    ),
    "weight": (_number(_LEAST, 1e9), "a number above 0"),
    "operators": (_read_operators, "names of operators joined by +, such as refine+merge"),
}
