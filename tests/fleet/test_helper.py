"""The WSL2 helper's verbs with the real podman, sysctl, ip, iptables and tar, as the bot's user calls them over SSH."""

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest
from pydantic import SecretStr

from adapters.wsl.helper import HELPER_VERSION, ReadBackup
from adapters.wsl.ssh import SshConnection
from bot.app.application import open_application
from bot.config.settings import read_settings
from tests.fleet.conftest import MANAGED, Ask, ask_as_administrator
from tests.fleet.containers import FOREIGN, IMAGE, list_containers, make_image, make_network
from tests.fleet.distribution import Distribution
from tests.fleet.fleet import HOST, write_configuration
from tests.fleet.helper_over_ssh import ALL, call, read
from tests.fleet.plug_in import ADDRESS

SECRET = "correct-horse"

GOOD = {
    "bridge": "flatnet-br0",
    "address": "10.87.1.1/24",
    "link": "up",
    "addressed": True,
    "forwarding": True,
    "at_boot": True,
    "blocked": False,
}


DIRECT = "/usr/local/libexec/flatnet-bot"
"""The helper as root calls it."""


def show_network(host: Distribution, verb: str = "show") -> tuple[str, bool, int]:
    """Returns the state of the network, whether the helper made it, and how many containers are on it."""
    seen = json.loads(host.sh(f"{DIRECT} network {verb}"))
    return seen["state"], seen["own"], seen["containers"]


async def read_in_pieces(wsl: Distribution) -> bytes:
    """Reads the backup as a transfer does, over the bot's own connection."""
    connection, whole, source = SshConnection(wsl.side, refuse_secret), b"", ReadBackup()
    try:
        while True:
            piece = await connection.perform(source.read_at(len(whole)))
            whole += piece.data
            if piece.last:
                return whole
    finally:
        await connection.aclose()


def refuse_secret(name: str) -> SecretStr:
    raise AssertionError(name)


async def test_forwarding_is_set_up_where_it_is_missing(managed: Distribution, login: asyncssh.SSHClientConnection) -> None:
    """The link, its address, forwarding now, and what a firewall drops. Containers keep running meanwhile."""
    running = {each["Id"]: each["Pid"] for each in list_containers(managed).values()}
    managed.sh(
        "ip link set flatnet-br0 down; ip addr del 10.87.1.1/24 dev flatnet-br0; sysctl -qw net.ipv4.ip_forward=0; "
        "iptables -P FORWARD DROP"
    )
    try:
        bad = {**GOOD, "link": "down", "addressed": False, "forwarding": False, "at_boot": False, "blocked": True}
        assert [bad] == await read(login, "forwarding status")
        assert [GOOD] == await read(login, "forwarding apply")
        rules = managed.sh(
            "iptables -S FORWARD; ip -o -4 addr show dev flatnet-br0; ls -l /etc/sysctl.d/zz-flatnet-bot.conf"
        )
        assert [GOOD] == await read(login, "forwarding apply")
        again = managed.sh(
            "iptables -S FORWARD; ip -o -4 addr show dev flatnet-br0; ls -l /etc/sysctl.d/zz-flatnet-bot.conf"
        )
        assert rules == again
        assert running == {each["Id"]: each["Pid"] for each in list_containers(managed).values()}
        managed.sh("sysctl -qw net.ipv4.ip_forward=0; /usr/lib/systemd/systemd-sysctl")
        assert [GOOD] == await read(login, "forwarding status")
    finally:
        managed.sh("iptables -P FORWARD ACCEPT; iptables -F FORWARD; sysctl -qw net.ipv4.ip_forward=1")
        managed.sh("rm -f /etc/sysctl.d/zz-flatnet-bot.conf")


async def test_an_address_that_is_not_flatnet_s_is_left_to_people(
    managed: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    managed.sh("ip addr add 10.88.0.1/24 dev flatnet-br0")
    try:
        code, output, error = await call(login, "forwarding apply")
        words = "flatnet-br0 has the address 10.88.0.1/24 instead of 10.87.1.1/24. Fix Flatnet's network first"
        assert (6, b"", f"flatnet-bot: {words}\n") == (code, output, error)
    finally:
        managed.sh("ip addr del 10.88.0.1/24 dev flatnet-br0")


def test_a_missing_bridge_is_made_and_podman_takes_it(fresh: Distribution) -> None:
    """As it does after a restart of WSL2 without a container that runs."""
    assert 0 == fresh.prepare("--manage", "forwarding", "--id", "1").returncode
    make_network(fresh)
    helper = f"{DIRECT} forwarding"
    assert "absent" == json.loads(fresh.sh(f"{helper} status"))["link"]
    assert GOOD == json.loads(fresh.sh(f"{helper} apply"))
    fresh.sh(f"podman run --detach --pull=never --name=one --network=flatnet {IMAGE} sleep 1000; podman exec one true")
    assert GOOD == json.loads(fresh.sh(f"{helper} status"))
    fresh.sh("podman rm --force --time=0 one")
    assert GOOD == json.loads(fresh.sh(f"{helper} apply"))
    fresh.sh("ip link del flatnet-br0; ip link add flatnet-br0 type veth peer name other")
    refused = fresh.space.attempt(DIRECT, "forwarding", "apply")
    assert (6, True) == (refused.returncode, "flatnet-br0 is there and is no bridge" in refused.stderr)


def test_podman_s_network_is_made_and_removed_again(fresh: Distribution) -> None:
    """Also where forwarding was set up before it, whose bridge has its subnet. Made twice, it is the same."""
    assert 0 == fresh.prepare("--manage", "forwarding", "--id", "1").returncode
    fresh.sh(f"{DIRECT} forwarding apply")
    absent, ready = ("absent", False, 0), ("ready", True, 0)
    assert absent == show_network(fresh)
    assert [ready, ready] == [show_network(fresh, "create") for _ in range(2)]
    assert GOOD == json.loads(fresh.sh(f"{DIRECT} forwarding apply"))
    make_image(fresh)
    fresh.sh(f"podman run --detach --pull=never --name=one --network=flatnet {IMAGE} sleep 1000; podman exec one true")
    assert "10.87.1.2" == fresh.sh(f"podman inspect --format '{ADDRESS}' one").strip()
    refused = fresh.space.attempt(DIRECT, "network", "remove")
    words = "flatnet-bot: 1 containers are on the network flatnet, so it stays\n"
    assert (6, words, ("ready", True, 1)) == (refused.returncode, refused.stderr, show_network(fresh))
    fresh.sh("podman rm --force --time=0 one")
    assert [absent, absent] == [show_network(fresh, "remove") for _ in range(2)]
    assert "" == fresh.sh("podman network ls --quiet --filter name=flatnet; ip link show flatnet-br0 2>/dev/null || :")


async def test_the_network_of_people_stays(managed: Distribution, login: asyncssh.SSHClientConnection) -> None:
    (seen,) = await read(login, "network show")
    used = len(list_containers(managed))
    assert ("netavark", "ready", False, used) == tuple(seen[key] for key in ("backend", "state", "own", "containers"))
    assert [seen] == await read(login, "network create")
    words = "flatnet-bot: this helper did not make the network flatnet as it is now, so it stays\n"
    assert (6, b"", words) == await call(login, "network remove")


async def test_containers_are_listed_with_their_addresses_and_without_secrets(
    managed: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    managed.sh(f"podman create --replace --name=quiet --network=flatnet --env=PASSWORD={SECRET} {IMAGE} sleep 9")
    try:
        code, output, _ = await call(login, "containers list")
        found = {each["name"]: each for each in map(json.loads, output.splitlines())}
        inspected = json.loads(managed.sh("podman inspect web"))[0]
        assert (0, set(list_containers(managed))) == (code, set(found))
        assert found["web"] == found["web"] | {
            "id": inspected["Id"],
            "name": "web",
            "image": IMAGE,
            "image_id": inspected["Image"],
            "state": "running",
            "exit_code": 0,
            "restarts": 0,
            "address": inspected["NetworkSettings"]["Networks"]["flatnet"]["IPAddress"],
        }
        assert (3, "", False) == (found["dead"]["exit_code"], found["dead"]["address"], SECRET in output.decode())
    finally:
        managed.sh("podman rm quiet")


async def test_a_container_is_stopped_started_and_restarted_by_its_id(
    managed: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    polite = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    made = managed.sh(f'podman create --name=polite --network=flatnet {IMAGE} sh -c "{polite}"').strip()
    try:
        seen = [(await read(login, f"containers {verb} {made}"))[0] for verb in ("start", "restart", "stop")]
        assert ["running", "running", "exited"] == [each["state"] for each in seen]
        assert [True, True, False] == [each["address"].startswith("10.87.1.") for each in seen]
        assert seen[0]["started_at"] < seen[1]["started_at"]
    finally:
        managed.sh("podman rm --force --time=0 polite")


async def test_other_containers_are_not_touched(managed: Distribution, login: asyncssh.SSHClientConnection) -> None:
    """One of another network, and one that does not exist."""
    foreign = managed.sh(f"podman inspect --format '{{{{.Id}}}}' {FOREIGN}").strip()
    for each in (foreign, "0" * 64):
        code, output, error = await call(login, f"containers stop {each}")
        words = "flatnet-bot: no container of the network flatnet has this ID\n"
        assert (6, b"", words) == (code, output, error)
    assert "running\n" == managed.sh(f"podman inspect --format '{{{{.State.Status}}}}' {FOREIGN}")


async def test_addresses_and_a_backup_come_as_they_lie_there(
    managed: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    """A link is kept as a link: the key that it leads to does not travel."""
    allocations = '{"subnet":"10.87.1.0/24","allocations":{"abc":"10.87.1.10"}}'
    managed.space.write("/var/lib/flatnet/ipam/allocations.json", allocations)
    managed.space.write("/opt/cni/bin/flatnet", bytes(range(256)) * 2500)
    managed.space.write("/etc/cni/net.d/10-flatnet.conflist", "{}")
    managed.sh("ln -s /etc/shadow /var/lib/flatnet/ipam/more")
    try:
        assert allocations == (await call(login, "ipam list"))[1].decode()
        code, tar, _ = await call(login, "backup write")
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            names = [member.name for member in archive.getmembers()]
            program = archive.extractfile("./opt/cni/bin/flatnet")
            assert program is not None
            assert (0, bytes(range(256)) * 2500) == (code, program.read())
            assert archive.getmember("./var/lib/flatnet/ipam/more").issym()
        assert names == [
            "./var/lib/flatnet/ipam", "./var/lib/flatnet/ipam/allocations.json", "./var/lib/flatnet/ipam/more",
            "./opt/cni/bin/flatnet", "./etc/cni/net.d/10-flatnet.conflist", "./etc/containers/networks/flatnet.json",
        ]  # fmt: skip
        assert tar == await read_in_pieces(managed)
        managed.sh("chown flatnet /opt/cni/bin/flatnet")
        assert (4, b"") == (await call(login, "backup write"))[:2]
    finally:
        managed.sh("rm -rf /var/lib/flatnet/ipam /opt/cni/bin/flatnet /etc/cni/net.d/10-flatnet.conflist")


async def test_after_taking_it_away_nothing_of_it_can_be_run(
    managed: Distribution, login: asyncssh.SSHClientConnection
) -> None:
    """Reads go on as before."""
    assert 0 == managed.prepare("--manage", "none").returncode
    try:
        left = managed.sh("find /etc/flatnet-bot /usr/local/libexec/flatnet-bot /etc/sudoers.d/*manage 2>/dev/null || :")
        assert "" == left
        assert (1, b"") == (await call(login, "version"))[:2]
        given = await login.run("sudo -n podman ps -a --filter network=flatnet --format json")
        assert 0 == given.exit_status
    finally:
        assert 0 == managed.prepare(*MANAGED).returncode


@pytest.fixture
async def managing(managed: Distribution, tmp_path: Path) -> AsyncIterator[Ask]:
    """The real bot, which may change everything that the helper can."""
    file = write_configuration(tmp_path, managed)
    areas = json.dumps(ALL.split(","))
    file.write_text(f"{file.read_text()}manage = {areas}\n")
    async with open_application(read_settings(file)) as house:
        yield ask_as_administrator(house)


async def test_doctor_shows_the_version_and_misses_nothing(managing: Ask) -> None:
    report = await managing("doctor")
    assert [] == [finding for finding in report.findings if finding.host == HOST]
    (seen,) = [str(row.cells[1].text) for row in report.rows if row.host == HOST]
    assert f"helper in WSL2 version {HELPER_VERSION}" in seen


async def test_the_way_into_the_containers_is_read_from_the_real_programs(managing: Ask, managed: Distribution) -> None:
    """WSL2's own address is that of the interface with the default route. There is no Windows here to have a route."""
    managed.sh(
        "ip link add eth0 type veth peer name eth0-peer; ip addr add 172.28.0.2/20 dev eth0; "
        "ip link set eth0-peer up; ip link set eth0 up; ip route add default via 172.28.0.1"
    )
    try:
        cells = (await managing("forwarding --details")).cells_by_host[HOST]
        seen = {key: cells[key].value for key in ("bridge", "forwarding", "route", "address", "boot")}
        assert {"bridge": "up", "forwarding": "on", "route": None, "address": "172.28.0.2", "boot": False} == seen
    finally:
        managed.sh("ip link del eth0")
