"""Attempts end within their time, whatever a server does with the connection."""

import socket
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest

HEADS = {"status line": b"HTTP/1.1 ", "header": b"HTTP/1.1 200 OK\r\nx-filler: "}


@pytest.fixture
def dripping():
    """Makes servers that send a head, and then a byte now and then for ever; counts the attempts."""
    over, sockets, threads = threading.Event(), [], []

    def make(head):
        server = socket.create_server(("127.0.0.1", 0))
        port, attempts = server.getsockname()[1], []
        sockets.append(server)
        threads.append(threading.Thread(target=drip, args=(server, head, attempts)))
        threads[-1].start()
        url = f"http://127.0.0.1:{port}"
        return SimpleNamespace(anthropic_url=url, openai_url=f"{url}/v1", attempts=attempts)

    def drip(server, head, attempts):
        server.settimeout(0.01)
        while not over.is_set():
            with suppress(OSError):
                connection, _ = server.accept()
                attempts.append(connection)
                threading.Thread(target=serve, args=(connection, head), daemon=True).start()

    def serve(connection, head):
        with suppress(OSError), connection:
            connection.sendall(head)
            while not over.wait(0.02):
                connection.sendall(b"x")

    yield make
    over.set()
    for thread in threads:
        thread.join()
    for each in sockets:
        each.close()


@pytest.mark.parametrize("way", ["responses", "chat", "messages"])
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_that_drips_is_out_of_time(dripping, connect, question, waited, way, head):
    """A status line or header that never ends is a time-out, and is tried as often as any other time-out."""
    server = dripping(head)
    reply = connect(server, way, seconds=0.2).reply(question())
    assert "no whole answer within 0.2 s" in " ".join(reply.detail.values())
    assert (reply.text, len(server.attempts) <= 2) == ("", True)
