"""Host keys: read from a server that is not trusted yet, and the only one that is accepted once it is pinned."""

import asyncssh
import pytest

from adapters.errors import HostIdentityError, Unreachable
from adapters.wsl.host_key import scan_host_keys
from tests.adapters.wsl.conftest import Connect
from tests.adapters.wsl.test_ssh import Who
from tests.lab.faults import Fault
from tests.lab.wsl.server import SshServer

OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1X9mR8kq0m1kbJbGvB3pUJpYQ1uX1mU0a0V4x5j0bC"


async def test_keys_are_read_without_a_login(server: SshServer) -> None:
    seen = await scan_host_keys("127.0.0.1", server.port)
    assert [asyncssh.import_public_key(each.key).get_fingerprint() for each in seen] == [each.fingerprint for each in seen]
    assert ["ssh-ed25519"] == [each.key.split()[0] for each in seen]


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
