"""A backup of the network plug-in is put back with the real podman, tar and flock, over the bot's own connection."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from adapters.errors import ActionFailed
from adapters.transfer import PIECE_BYTES
from adapters.wsl.restore import (
    CheckKept,
    ForgetKept,
    KeptState,
    ListKept,
    PutKept,
    ReadStagedKept,
    ReturnKept,
    StageKept,
)
from adapters.wsl.ssh import SshConnection
from tests.fleet.containers import list_containers
from tests.fleet.distribution import Distribution
from tests.fleet.test_helper import read_in_pieces, refuse_secret

PLUGIN, CONFLIST = "/opt/cni/bin/flatnet", "/etc/cni/net.d/10-flatnet.conflist"
IPAM = "/var/lib/flatnet/ipam"
GOOD_PLUGIN = '#!/bin/sh\n[ "$CNI_COMMAND" = VERSION ] && echo \'{"supportedVersions":["1.0.0"]}\'\n' + "#" * 600_000
GOOD_CONFLIST = '{"name":"flatnet","plugins":[{"type":"flatnet","hostId":1}]}\n'
HEAD = '"subnet":"10.87.1.0/24","gateway":"10.87.1.1","range_start":"10.87.1.2","range_end":"10.87.1.254","host_id":1,'


def write_allocations(wsl: Distribution, allocations: Mapping[str, str]) -> None:
    """Writes the file as the plug-in does."""
    text = json.dumps(json.loads(f'{{{HEAD}"multihost":false,"allocations":{json.dumps(allocations)}}}'), indent=2)
    wsl.space.write(f"{IPAM}/allocations.json", text)


def read_allocations(wsl: Distribution) -> Mapping[str, str]:
    """Reads the addresses that are handed out."""
    read: Mapping[str, str] = json.loads(wsl.sh(f"cat {IPAM}/allocations.json"))["allocations"]
    return read


def find_addresses(wsl: Distribution) -> Mapping[str, str]:
    """Finds the addresses of running containers in podman, by ID."""
    found = json.loads(wsl.sh("podman inspect $(podman ps -a --no-trunc --filter network=flatnet --format '{{.ID}}')"))
    networks = {each["Id"]: each["NetworkSettings"]["Networks"]["flatnet"]["IPAddress"] for each in found}
    return {container: address for container, address in networks.items() if address}


@pytest.fixture
def plugged(managed: Distribution) -> Iterator[Distribution]:
    """The WSL2 side with a plug-in that answers, its configuration, and an old list of addresses."""
    managed.space.write(PLUGIN, GOOD_PLUGIN)
    managed.space.write(CONFLIST, GOOD_CONFLIST)
    managed.sh(f"chmod 0755 {PLUGIN}; rm -rf {IPAM} /var/lib/flatnet-bot")
    write_allocations(managed, {"a" * 64: "10.87.1.77"})
    yield managed
    managed.sh(f"rm -rf {IPAM} {PLUGIN} {CONFLIST} /etc/cni/net.d/11-flatnet.conflist /var/lib/flatnet-bot")


@pytest.fixture
async def line(wsl: Distribution) -> AsyncIterator[SshConnection]:
    """The bot's own connection."""
    connection = SshConnection(wsl.side, refuse_secret)
    yield connection
    await connection.aclose()


async def stage(line: SshConnection, tar: bytes) -> str:
    """Sends a tar to the helper as a transfer does. One piece is sent twice."""
    sha256 = hashlib.sha256(tar).hexdigest()
    sink = StageKept(sha256=sha256, size=len(tar))
    assert 0 == (await line.perform(sink.prepare())).received
    for offset in (0, *range(0, len(tar), PIECE_BYTES)):
        state = await line.perform(sink.write_at(offset, tar[offset : offset + PIECE_BYTES]))
    assert (len(tar), True) == (state.received, (await line.perform(sink.finish())).whole)
    return sha256


def list_states(state: KeptState) -> list[str]:
    return [f"{each.path.rpartition('/')[2]} {each.state}" for each in state.files]


async def test_files_come_back_whole_and_addresses_from_podman(plugged: Distribution, line: SshConnection) -> None:
    """The files after the backup are bad, and one more lies beside them. Containers keep running."""
    tar = await read_in_pieces(plugged)
    running = {each["Id"]: each["Pid"] for each in list_containers(plugged).values()}
    plugged.sh(f"echo broken >{PLUGIN}; echo '{{' >{CONFLIST}; cp {CONFLIST} /etc/cni/net.d/11-flatnet.conflist")
    addresses = find_addresses(plugged)
    created = plugged.sh("podman inspect --format '{{.Id}}' created").strip()
    write_allocations(plugged, {created: "10.87.1.200", "b" * 64: "10.87.1.201", next(iter(addresses)): "10.87.1.202"})

    sha256 = await stage(line, tar)
    before = await line.perform(CheckKept(sha256=sha256))
    bad = ["10-flatnet.conflist other", "11-flatnet.conflist extra", "flatnet.json same", "flatnet other"]
    assert (bad, False, False) == (list_states(before), before.answers, before.addressed)

    after = await line.perform(PutKept(sha256=sha256))
    good = ["10-flatnet.conflist same", "flatnet.json same", "flatnet same"]
    assert (good, True, True) == (list_states(after), after.in_place, after.works)
    assert after == await line.perform(CheckKept(sha256=sha256))
    assert (GOOD_PLUGIN, GOOD_CONFLIST) == (plugged.sh(f"cat {PLUGIN}"), plugged.sh(f"cat {CONFLIST}"))
    assert "755 root\n" == plugged.sh(f"stat --format='%a %U' {PLUGIN}")
    # Those of podman; of the others the one that podman knows. The tar's own are not there.
    assert {**addresses, created: "10.87.1.200"} == read_allocations(plugged)
    assert running == {each["Id"]: each["Pid"] for each in list_containers(plugged).values()}
    listed = {each.path: each.text for each in (await line.perform(ListKept())).files}
    assert (GOOD_CONFLIST.encode(), b"") == (listed[CONFLIST], listed[PLUGIN])

    back = await line.perform(ReturnKept(sha256=sha256))
    assert ("broken\n", "{\n{\n", False) == (
        plugged.sh(f"cat {PLUGIN}"),
        plugged.sh(f"cat {CONFLIST} /etc/cni/net.d/11-flatnet.conflist"),
        back.answers,
    )
    assert {**addresses, created: "10.87.1.200"} == read_allocations(plugged)
    assert 0 == (await line.perform(ForgetKept(sha256=sha256))).received
    assert "known\n" == plugged.sh("ls /var/lib/flatnet-bot")


async def test_a_power_cut_in_the_middle_is_made_up_for(plugged: Distribution, line: SshConnection) -> None:
    """The plug-in is new and its configuration old: a second call ends it, and what was there first comes back."""
    tar = await read_in_pieces(plugged)
    plugged.sh(f"echo broken >{PLUGIN}; echo '{{' >{CONFLIST}")
    sha256 = await stage(line, tar)
    assert (await line.perform(PutKept(sha256=sha256))).in_place
    plugged.sh(f"echo '{{' >{CONFLIST}; cp {PLUGIN} {PLUGIN}.flatnet-bot")
    assert (await line.perform(PutKept(sha256=sha256))).in_place
    await line.perform(ReturnKept(sha256=sha256))
    assert ("broken\n", "{\n") == (plugged.sh(f"cat {PLUGIN}"), plugged.sh(f"cat {CONFLIST}"))


async def test_a_tar_of_another_host_is_refused(plugged: Distribution, line: SshConnection) -> None:
    """Root runs the plug-in, so the bot's account must not be able to bring one."""
    with pytest.raises(ActionFailed, match="this host did not make that backup"):
        await line.perform(StageKept(sha256="0" * 64, size=10))
    assert "" == plugged.sh("ls /var/lib/flatnet-bot")


async def test_a_tar_that_was_changed_on_its_way_is_not_put_in_place(plugged: Distribution, line: SshConnection) -> None:
    tar = bytearray(await read_in_pieces(plugged))
    sha256 = hashlib.sha256(tar).hexdigest()
    tar[700] ^= 1
    sink = StageKept(sha256=sha256, size=len(tar))
    await line.perform(sink.prepare())
    for offset in range(0, len(tar), PIECE_BYTES):
        await line.perform(sink.write_at(offset, bytes(tar[offset : offset + PIECE_BYTES])))
    assert not (await line.perform(ReadStagedKept(sha256=sha256))).whole
    with pytest.raises(ActionFailed, match="it is not there as a whole"):
        await line.perform(PutKept(sha256=sha256))
    assert GOOD_PLUGIN == plugged.sh(f"cat {PLUGIN}")


async def test_pieces_out_of_order_are_refused(plugged: Distribution, line: SshConnection) -> None:
    tar = await read_in_pieces(plugged)
    sink = StageKept(sha256=hashlib.sha256(tar).hexdigest(), size=len(tar))
    await line.perform(sink.prepare())
    with pytest.raises(ActionFailed, match="out of order"):
        await line.perform(sink.write_at(PIECE_BYTES, tar[:10]))


async def test_a_full_disk_is_told_before_anything_is_sent(plugged: Distribution, line: SshConnection) -> None:
    tar = await read_in_pieces(plugged)
    with pytest.raises(ActionFailed, match="too little free space in /var/lib/flatnet-bot"):
        await line.perform(StageKept(sha256=hashlib.sha256(tar).hexdigest(), size=2**34))


async def test_the_plug_in_and_the_helper_wait_for_one_another(plugged: Distribution, line: SshConnection) -> None:
    """While the plug-in holds its lock, as it does for a moment for each container, the list is not written."""
    tar = await read_in_pieces(plugged)
    sha256 = await stage(line, tar)
    plugged.sh(f"flock {IPAM}/.lock sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done' >/dev/null 2>&1 &")
    plugged.sh(f"while flock -n {IPAM}/.lock true; do sleep 0.05; done")
    putting = asyncio.create_task(line.perform(PutKept(sha256=sha256)))
    try:
        kept = f"while [ ! -e /var/lib/flatnet-bot/{sha256}.old ]; do sleep 0.05; done"
        await asyncio.to_thread(plugged.sh, kept)
        assert {"a" * 64: "10.87.1.77"} == read_allocations(plugged)
    finally:
        plugged.sh("touch /tmp/go")
    assert (await putting).works
    plugged.sh("rm /tmp/go")
    assert find_addresses(plugged) == read_allocations(plugged)


@pytest.mark.parametrize("content", ["", '{"subnet":"$(id)","allocations":{}}'])
async def test_a_broken_list_of_addresses_is_made_anew(content: str, plugged: Distribution, line: SshConnection) -> None:
    """Its head then comes from the backup, its addresses from podman alone."""
    tar = await read_in_pieces(plugged)
    plugged.space.write(f"{IPAM}/allocations.json", content)
    assert (await line.perform(PutKept(sha256=await stage(line, tar)))).works
    made: dict[str, Any] = json.loads(plugged.sh(f"cat {IPAM}/allocations.json"))
    assert ("10.87.1.0/24", "10.87.1.254", 1) == (made["subnet"], made["range_end"], made["host_id"])
    assert find_addresses(plugged) == made["allocations"]
