"""Machines beside a lab fleet: they answer once they are prepared, each as itself, and can become members by hand."""

import asyncio
import hashlib
import ssl
from pathlib import Path, PureWindowsPath

import aiohttp
import asyncssh
import pytest

from tests.lab.controls import FleetControls
from tests.lab.fleet import LabFleet, LabHost, run_fleet
from tests.lab.windows.disks import PATHS, configuration
from tests.lab.windows.nebula_cert import run
from tests.lab.windows.nginx import lay_configuration


async def find_certificate(host: LabHost) -> str:
    """The fingerprint of the certificate that WinRM shows; nothing is trusted."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", host.ports["windows"], ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return hashlib.sha256(shown).hexdigest()


async def find_fingerprints(host: LabHost) -> tuple[str, str]:
    key = await asyncssh.get_server_host_key("127.0.0.1", host.ports["wsl"])
    assert key is not None
    return await find_certificate(host), key.get_fingerprint()


async def find_status(fleet: LabFleet, url: str) -> int:
    """The status of a page through the proxy on the overlay."""
    async with (
        aiohttp.ClientSession(proxy=f"http://127.0.0.1:{fleet.proxy}") as session,
        session.get(f"{url}/api/sync/status") as response,
    ):
        return response.status


def join_by_hand(fleet: LabFleet, host: LabHost) -> None:
    """Do what the guide says: a pair and its signature, both configurations, both services."""
    now, state, signer = fleet.mesh.now(), host.windows.state, fleet["lighthouse"].windows.state
    files = {PureWindowsPath(f"ca.{end}"): signer.files[PureWindowsPath(PATHS.ca_certificate).with_suffix(f".{end}")]
             for end in ("crt", "key")}  # fmt: skip
    done = run(["sign", "-name", host.name, "-ip", f"10.100.{host.id}.1/16", "-duration", "100h"], files, now)
    assert 0 == done.code, done.stderr
    texts = {
        PATHS.ca_certificate: files[PureWindowsPath("ca.crt")],
        PATHS.host_certificate: files[PureWindowsPath(f"{host.name}.crt")],
        PATHS.host_key: files[PureWindowsPath(f"{host.name}.key")],
        PATHS.nebula_config: configuration(lighthouse=False),
    }
    for path, text in texts.items():
        state.write(PureWindowsPath(path), text, now)
    lay_configuration(state, host.id, ["http://10.100.1.1:8080"], now)
    for service in ("Nebula", "OpenResty"):
        state.start_service(service, now)


async def test_a_machine_answers_as_itself_once_it_is_prepared(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 1, newcomers=2) as fleet:
        new, other = fleet.newcomers
        with pytest.raises(ConnectionRefusedError):
            await find_certificate(new)
        new.prepare()
        other.prepare()
        assert new.fingerprints == await find_fingerprints(new)
        assert 3 == len({each.fingerprints for each in (*fleet.hosts, new, other)})
        new.take_over(other)
        assert other.fingerprints == await find_fingerprints(new)


async def test_a_machine_becomes_a_member_by_hand(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 1, lighthouse=True, newcomers=1) as fleet:
        (new,), member = fleet.newcomers, fleet["host-a"]
        new.prepare(9)
        assert 200 == await find_status(fleet, f"http://127.0.0.1:{member.ports['gateway']}")
        assert 502 == await find_status(fleet, "http://10.100.9.1:8080")
        join_by_hand(fleet, new)
        assert new.gateway is not None
        assert (9, True) == (new.gateway.state.host_id, fleet.mesh.reaches("lighthouse", "10.100.9.1"))
        assert 200 == await find_status(fleet, "http://10.100.9.1:8080")
        new.windows.state.stop_service("Nebula", fleet.mesh.now())
        assert 502 == await find_status(fleet, "http://10.100.9.1:8080")


def show(controls: FleetControls, name: str) -> tuple[int, list[tuple[str, str]]]:
    """Lines on the console of a host in the panel, and its knobs with what they stand at."""
    (host,) = [each for each in controls.hosts() if each.name == name]
    return len(host.console), [(knob.kind, knob.at) for knob in host.knobs]


async def test_the_panel_runs_the_scripts_and_starts_a_removed_host_with_a_copy(tmp_path: Path) -> None:
    async with run_fleet(tmp_path, 1, lighthouse=True, newcomers=1) as fleet:
        controls, (new,) = FleetControls(fleet), fleet.newcomers
        controls.mend(new.name)
        assert (1, [("scripts", "not run")]) == show(controls, new.name)
        controls.turn(new.name, ("scripts", ""), "run")
        assert (2, [("scripts", "run")]) == show(controls, new.name)
        join_by_hand(fleet, new)
        assert (0, ("clock", "right")) == (show(controls, new.name)[0], show(controls, new.name)[1][0])
        state = new.windows.state
        state.stop_service("Nebula", fleet.mesh.now())
        state.services["Nebula"].start_type = "Disabled"
        state.remove(PureWindowsPath(PATHS.host_key))
        assert (0, [("copy", "kept")]) == show(controls, new.name)
        controls.turn(new.name, ("copy", ""), "started")
        assert fleet.mesh.reaches("lighthouse", f"10.100.{new.id}.1")
