"""Serves the view of an archive until it is interrupted."""

import socket
from collections.abc import Callable
from importlib.util import find_spec
from types import FrameType

from gapsmith.agent.archive import Archive
from gapsmith.evaluators.base import GapsmithError, UsageError

NEEDED = ("starlette", "uvicorn", "pygments")
INSTALL = "pip install 'gapsmith[web]'"
GRACE = 1
"""Seconds that open connections have to end; live pages never would."""


def check_installed() -> None:
    """Checks that what serves pages is installed. Raises GapsmithError."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise GapsmithError(f"gapsmith web needs {' and '.join(missing)}; install it with: {INSTALL}")


def serve(store: Archive, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serves an archive until a signal ends it.

    Args:
        store: the archive, opened for reading.
        host: the address to listen at.
        port: its port; 0 for any free one.
        tell: takes the address to open, with the token, once the server listens.

    Raises:
        GapsmithError: where a package is missing.
        UsageError: where nothing can listen at that address.
    """
    check_installed()
    import uvicorn

    from gapsmith.agent.web.app import build_app
    from gapsmith.agent.web.serving.guard import Access
    from gapsmith.agent.web.serving.live import Watcher

    class Server(uvicorn.Server):
        """Ends open connections on a signal, its usual end."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """Begins the end of the server."""
            watcher.stop()
            self.should_exit = True

    with _listen(host, port) as listener:
        access, watcher = Access(host, listener.getsockname()[1]), Watcher(store.engine)
        config = uvicorn.Config(
            build_app(store, access, watcher),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE,
        )
        tell(access.url)
        Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Opens a listening socket. Raises UsageError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = (error.strerror or "it is no address of this machine").lower()
        raise UsageError(
            f"nothing can listen at {host} port {port}: {reason}; expected a free port, as with --port 0"
        ) from None
    return listener
