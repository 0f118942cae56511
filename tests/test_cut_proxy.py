"""The proxy that tests cut connections with holds what it must hold, and nothing else."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.cut_proxy import CutProxy, Way


@pytest.fixture
def line() -> Iterator[tuple[CutProxy, socket.socket, socket.socket]]:
    """A proxy, and both ends of a connection through it."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        proxy = stack.enter_context(CutProxy(listener.getsockname()[1]))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port)))
        server = stack.enter_context(listener.accept()[0])
        client.settimeout(10)
        server.settimeout(10)
        yield proxy, client, server


@pytest.mark.parametrize("way", Way)
def test_a_way_that_is_cut_is_silent_until_it_is_healed_and_the_other_one_goes_on(
    line: tuple[CutProxy, socket.socket, socket.socket], way: Way
) -> None:
    proxy, *ends = line
    sender, receiver = ends if way is Way.TO_SERVER else reversed(ends)
    proxy.cut(way)
    sender.sendall(b"lost?")
    sender.shutdown(socket.SHUT_WR)
    receiver.sendall(b"heard")
    assert b"heard" == sender.recv(100)
    receiver.setblocking(False)
    with pytest.raises(BlockingIOError):
        receiver.recv(100)
    receiver.settimeout(10)
    proxy.heal()
    assert b"lost?" == receiver.recv(100)
    assert b"" == receiver.recv(100)


def test_a_dropped_connection_ends_at_both_ends(line: tuple[CutProxy, socket.socket, socket.socket]) -> None:
    proxy, client, server = line
    proxy.cut()
    proxy.drop()
    for end in (client, server):
        with pytest.raises(ConnectionResetError):
            end.recv(100)
