"""The providers of hosted models.

A new one is a file in this folder and a line in this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Facts about a provider, known before its SDK is loaded.

    Its file has the same name, and a function `connect(server, options, api)` that returns a `HostedApi`. Its key
    is read from NAME_API_KEY and its base URL from NAME_BASE_URL, NAME being the provider's in capitals.

    Attributes:
        url: base URL of the official server.
        apis: names for the option `api=`, the official server's first; empty where there is only one API.
        families: how names of its models begin, to guess what a word without a provider means.
        key_optional: whether servers other than the official one may need no key.
    """

    url: str
    apis: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    key_optional: bool = False


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        url="https://api.openai.com/v1",
        apis=("responses", "chat"),
        families=("gpt", "o1", "o3", "o4"),
        key_optional=True,
    ),
    "anthropic": Provider(url="https://api.anthropic.com", families=("claude",)),
}
"""By the name in front of the colon, as in `openai:gpt-5`."""
