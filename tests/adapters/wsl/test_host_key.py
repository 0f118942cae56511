"""Host keys: read from a server that is not trusted yet, and the only one that is accepted once it is pinned."""

import asyncio

import asyncssh
import pytest

from adapters.errors import HostIdentityError, Unreachable
from adapters.wsl.host_key import scan_host_keys
from tests.adapters.wsl.conftest import Connect
from tests.adapters.wsl.test_ssh import Who
from tests.lab.faults import Fault
from tests.lab.gateway.proxy import pass_both_ways
from tests.lab.wsl.server import SshServer

OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1X9mR8kq0m1kbJbGvB3pUJpYQ1uX1mU0a0V4x5j0bC"


async def test_keys_are_read_without_a_login(server: SshServer) -> None:
    seen = await scan_host_keys("127.0.0.1", server.port)
    assert [asyncssh.import_public_key(each.key).get_fingerprint() for each in seen] == [each.fingerprint for each in seen]
    assert ["ssh-ed25519"] == [each.key.split()[0] for each in seen]


async def test_the_key_that_was_read_counts_where_the_server_hangs_up_on_other_kinds(server: SshServer) -> None:
    """The end of the connection may come before the server's answer that it has none of that kind."""
    first = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        if first:
            first = False
            there, back = await asyncio.open_connection("127.0.0.1", server.port)
            await pass_both_ways(reader, back, there, writer)
            back.close()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as middle:
        assert 1 == len(await scan_host_keys("127.0.0.1", middle.sockets[0].getsockname()[1]))


async def test_a_pinned_host_is_reached_without_a_known_hosts_file(server: SshServer, connect: Connect) -> None:
    seen = await scan_host_keys("127.0.0.1", server.port)
    assert await connect(known_hosts_file=None, host_key=seen[0].key).perform(Who())


async def test_another_machine_than_the_pinned_one_is_refused_although_known_hosts_knows_it(connect: Connect) -> None:
    with pytest.raises(HostIdentityError, match=r"another host key than the pinned one.*--wsl-fingerprint"):
        await connect(host_key=OTHER).perform(Who())


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.GARBAGE])
async def test_a_server_that_does_not_answer_as_ssh_is_named_with_its_port(server: SshServer, fault: Fault) -> None:
    server.wire.fault = fault
    with pytest.raises(Unreachable, match=f"127.0.0.1:{server.port}"):
        await scan_host_keys("127.0.0.1", server.port)
