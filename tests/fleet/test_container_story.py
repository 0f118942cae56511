"""A container is run, restarted and moved with its data between two real hosts, as people order it in Slack.

Slack of the lab ─▶ the bot ─▶ ssh, sudo, the helper, podman ─ its events ─▶ the plug-in ─▶ gateways of the lab
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.model.change import ChangeState
from tests.fleet.containers import IMAGE
from tests.fleet.distribution import Distribution
from tests.fleet.pair import NAMES, SECRET
from tests.fleet.plug_in import ADDRESS, PlugIn, run_plug_in
from tests.fleet.space import wait_until
from tests.scenarios.changing import OPERATOR, Shift, hurried
from tests.scenarios.conftest import Town, built

DONE = (ChangeState.DONE, "")
MOVE = "container migrate till --to host-b --with-volumes"
SERVE = 'echo "$MODE $PASSWORD" >/data/seen; trap "exit 0" TERM; busybox httpd -f -p 80 -h /data & wait'
CONTAINER = """
[[containers]]
name = "till"
image = "{image}"
ports = ["8091:80"]
restart = "always"
variables = {{MODE = "a b'c", PASSWORD = "secret:till"}}
volumes = {{orders = "/data"}}
command = ["sh", "-c", {command}]
"""


@dataclass(frozen=True)
class Street:
    """A bot between people and both hosts, with the plug-ins of these."""

    s: Shift
    hosts: Sequence[Distribution]
    plug_ins: Sequence[PlugIn]

    async def order(self, words: str) -> tuple[ChangeState, str]:
        """Asks for a change, approves it, and returns how it ended."""
        return await self.s.ended(await self.s.approved(words))

    def serves(self, number: int) -> str:
        """What the container's port on a host answers; "" if nothing does."""
        pages = " ".join(f"http://127.0.0.1:8091/{page}" for page in ("seen", "order"))
        return self.hosts[number].sh(f"for page in {pages}; do busybox wget -q -T 2 -O - $page || :; done 2>/dev/null")

    def inspect(self, number: int, what: str) -> str:
        """What podman on a host knows of the container; "" if there is none."""
        return self.hosts[number].sh(f"podman inspect --type container --format '{what}' till 2>/dev/null || :").strip()

    def list_left(self, number: int) -> str:
        """What there is of the container on a host."""
        listing = "podman ps --all --format '{{.Names}}'; podman volume ls --quiet; podman images --quiet"
        return self.hosts[number].sh(listing)

    def expect_registered(self, number: int) -> set[tuple[str, str]]:
        """What all gateways must have while the container runs on a host: the address that podman gave it."""
        return {(name, self.inspect(number, ADDRESS)) for name in (*NAMES, "host-c")}

    def list_registered(self) -> set[tuple[str, str]]:
        """Gateways and the addresses that they have, of the containers of both hosts."""
        gateways = ((host.name, host.gateway) for host in self.s.fleet.hosts)
        return {
            (name, str(info["ip"]))
            for name, gateway in gateways
            if gateway is not None
            for info in gateway.state.registrations.collect()
            if info["hostId"] in (1, 2)
        }


def configure(town: Town, hosts: Sequence[Distribution]) -> None:
    """Lets the bot reach the real hosts in the place of the lab's, and know the container."""
    for name, host in zip(NAMES, hosts, strict=True):
        lab, side = town.fleet[name], host.side
        assert lab.wsl is not None
        lab.wsl.state.containers.clear()
        files = f"key_file = {json.dumps(str(side.key_file))}\nknown_hosts_file = {json.dumps(str(side.known_hosts_file))}\n"
        town.edit(f"port = {lab.ports['wsl']}\n", f'port = {side.port}\n{files}manage = ["containers"]\n')
    digest = hosts[0].space.run("podman", "image", "inspect", "--format={{.Digest}}", IMAGE).strip()
    image = f"{IMAGE.rpartition(':')[0]}@{digest}"
    text = town.config.read_text() + CONTAINER.format(image=image, command=json.dumps(SERVE))
    town.config.write_text(text)
    secret = town.settings.data_folder.parent / "secrets" / "till"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)


@pytest.fixture
async def street(
    hosts: tuple[Distribution, Distribution], tmp_path_factory: pytest.TempPathFactory, used_before: Path
) -> AsyncIterator[Street]:
    """The bot, with hosts that have no container. The second one has no image."""
    hosts[1].sh("podman rmi --all --force >/dev/null 2>&1")
    async with AsyncExitStack() as stack:
        town = await stack.enter_async_context(built(tmp_path_factory.mktemp("t"), used_before=used_before))
        configure(town, hosts)
        plug_ins = [
            await stack.enter_async_context(
                run_plug_in(host, number, f"http://127.0.0.1:{town.fleet[name].ports['gateway']}")
            )
            for number, (name, host) in enumerate(zip(NAMES, hosts, strict=True), 1)
        ]
        house = await stack.enter_async_context(town.bot(hurried(town.fleet, 1)))
        yield Street(Shift(town, house), hosts, plug_ins)
    for host in hosts:
        host.sh("podman rm --all --force --time 0 >/dev/null; podman volume rm --all --force >/dev/null")


async def test_a_container_is_run_restarted_and_moved_with_its_data(street: Street) -> None:
    """Its secret comes along; its source stays, stopped for good; and no gateway leads there any more."""
    assert DONE == await street.order("container run till --on host-a")
    seen = f"a b'c {SECRET}\n"
    assert seen == street.serves(0)

    started = street.inspect(0, "{{.State.StartedAt}}")
    assert DONE == await street.order("container restart host-a/till")
    assert started < street.inspect(0, "{{.State.StartedAt}}")

    street.hosts[0].sh("podman exec till sh -c 'echo 17 >/data/order'")
    registry = street.s.fleet["host-c"].gateway
    assert registry is not None
    registry.state.deaf = True  # it misses that the source ends
    assert DONE == await street.order(MOVE)
    assert ("", f"{seen}17\n") == (street.serves(0), street.serves(1))
    state = "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}"
    assert ["exited no", "running always"] == [street.inspect(number, state) for number in (0, 1)]
    assert street.expect_registered(1) == street.list_registered()
    owed = await street.s.types(OPERATOR, "owed")
    assert f"container remove host-a/{street.inspect(0, '{{.Id}}')[:12]}" in owed


async def test_a_disk_that_gets_full_in_mid_stream_leaves_the_container_where_it_was(street: Street) -> None:
    """Nothing of it stays on the target, and it serves on its source again."""
    assert DONE == await street.order("container run till --on host-a")
    street.hosts[0].sh("podman exec till sh -c 'echo 17 >/data/order; head -c 24000000 /dev/urandom >/data/large'")
    serves = street.serves(0)
    street.plug_ins[0].on_end.append(lambda: fill(street.hosts[1], 10))
    try:
        state, why = await street.order(MOVE)
    finally:
        street.hosts[1].sh("rm -f /var/lib/containers/filler")
    assert (ChangeState.UNDONE, True) == (state, "no space left on device" in why), why
    assert ("", serves) == (street.list_left(1), street.serves(0))
    expected = street.expect_registered(0)  # a start may give another address
    await asyncio.to_thread(wait_until, lambda: expected == street.list_registered(), "its registration")


def fill(host: Distribution, megabytes: int) -> None:
    """Leaves so many megabytes of podman's storage on a host."""
    spare = f"cd /var/lib/containers; head -c {megabytes}M /dev/zero >spare"
    host.sh(f"{spare}; head -c 1G /dev/zero >filler 2>/dev/null || :; rm spare")
