"""Attacks by talking: to the network, to neighbours, over the result channel."""

import socket

import pytest


@pytest.mark.layered
def test_connecting(guest, listener):
    """A server of the host's is never reached."""
    body = "socket.create_connection((b'127.0.0.1', port), timeout=1).close()"
    assert guest.refuses(body, port=listener.getsockname()[1])
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.layered
def test_datagram(guest):
    """No datagram leaves."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        body = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))"
        assert guest.refuses(body, port=server.getsockname()[1])
        with pytest.raises(BlockingIOError):
            server.recv(10)


@pytest.mark.layered
def test_local_socket(guest):
    """A local server with a path, as databases and containers have, is never reached."""
    path = str(guest.folder / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        try:
            assert guest.refuses("socket.socket(socket.AF_UNIX).connect(path)", path=path)
        finally:
            (guest.folder / "socket").unlink()


@pytest.mark.layered
def test_abstract_socket(guest):
    """A local server with an abstract name is never reached."""
    name = f"\0zoo-{id(guest)}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        assert guest.refuses("socket.socket(socket.AF_UNIX).connect(name)", name=name)


@pytest.mark.layered
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("socket.AF_INET, socket.SOCK_STREAM", id="tcp"),
        pytest.param("socket.AF_INET6, socket.SOCK_DGRAM", id="udp6"),
        pytest.param("socket.AF_UNIX, socket.SOCK_DGRAM", id="unix"),
        pytest.param("socket.AF_NETLINK, socket.SOCK_RAW, 0", id="netlink"),
    ],
)
def test_making_a_socket(guest, arguments):
    """No socket of any kind can be made."""
    assert guest.refuses(f"return socket.socket({arguments}).fileno()")


@pytest.mark.layered
def test_serving(guest):
    """A program cannot serve."""
    assert guest.refuses("return socket.create_server(('127.0.0.1', 0)).getsockname()[1]")


@pytest.mark.layered
def test_pair_of_sockets(guest):
    """A pair of sockets, whose buffers are the kernel's memory, is refused."""
    assert guest.refuses("return socket.socketpair()[0].fileno()")


def test_looking_up_a_name(guest):
    """Names cannot be resolved, so that nothing leaks by them."""
    assert guest.refuses("return socket.gethostbyname(b'secret.example.org')")


@pytest.mark.layered
def test_passing_descriptors_out(guest):
    """No descriptor can be sent over the result channel."""
    body = "message = ctypes.create_string_buffer(56)\nreturn syscall((46, 211), 3, ctypes.addressof(message), 0)"
    assert guest.refuses(body)


@pytest.mark.layered
def test_shutting_the_channel_down(guest):
    """The result channel's directions cannot be shut one by one."""
    assert guest.refuses("return syscall((48, 210), 3, 5)")


@pytest.mark.layered
def test_options_of_the_channel(guest):
    """The result channel's buffers cannot be enlarged."""
    body = """
value = ctypes.create_string_buffer(struct.pack('i', 1 << 20))
return syscall((54, 208), 3, 1, 7, value, 4)
"""
    assert guest.refuses(body)


@pytest.mark.layered
def test_channel_that_blocks_nobody(guest):
    """The channel's mode cannot be changed."""
    assert guest.refuses("os.set_blocking(3, False)")


@pytest.mark.layered
def test_named_queue(guest):
    """POSIX message queues are refused."""
    assert guest.refuses(
        "return syscall((240, 180), b'zoo', 0o100, 0o600, 0) and syscall((241, 181), b'zoo')"
    )


@pytest.mark.layered(privileged=True)
def test_host_name(guest):
    """The host cannot be renamed."""
    assert guest.refuses("name = socket.gethostname(); socket.sethostname(name)")
