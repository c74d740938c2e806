"""Makes HTTP clients that respect the environment's proxies.

Servers on this machine are reached directly.
"""

import ipaddress
import os
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from gapsmith.agent.models.base import ModelUnknown

C = TypeVar("C", covariant=True)
_VARIABLES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")


class ClientFactory(Protocol[C]):
    """Makes an HTTP client of an SDK."""

    def __call__(self, *, trust_env: bool) -> C:
        """Makes a client that uses the environment's proxies, or ignores them."""
        ...


def make_client(url: str, make: ClientFactory[C]) -> C:
    """Makes an HTTP client for a server.

    Raises ModelUnknown where a proxy of the environment cannot be used.
    """
    host = urlsplit(url).hostname or ""
    try:
        return make(trust_env=not is_loopback(host))
    except (ImportError, ValueError):
        raise ModelUnknown(_describe_proxy(host)) from None


def is_loopback(host: str) -> bool:
    """Tells whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _describe_proxy(host: str) -> str:
    names = [name for each in _VARIABLES for name in (each, each.lower()) if os.environ.get(name)]
    odd = [name for name in names if not os.environ[name].lower().startswith("http")] or names
    name = odd[0] if odd else "a proxy of this machine"
    kind = os.environ.get(name, "").partition("://")[0]
    if kind.lower().startswith("socks"):
        return (
            f"{name} asks for a {kind} proxy to reach {host}, which needs the package socksio: pip install socksio; "
            f"or unset {name}"
        )
    return f"{name} is no proxy that can be used to reach {host}; expected http://HOST:PORT, or unset it"
