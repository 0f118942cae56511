"""Scans of a host that is not trusted yet, over real connections."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters.errors import Unreachable
from bot.hosts.services.joining import compare, scan_windows, scan_wsl
from tests.adapters.windows.winrm_host import winrm_host
from tests.lab.faults import Fault, Wire
from tests.lab.wsl.server import Keys, SshServer
from tests.lab.wsl.state import WslState


async def test_windows_is_pinned_by_the_fingerprint_from_its_console_alone(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        address = urlsplit(host.side.url).netloc
        (seen,) = await scan_windows(address)
        right = await compare(scan_windows, address, seen.fingerprint, "--windows-fingerprint HEX")
        assert (seen.fingerprint, None) == (right.pin, right.waits_for)
        host.wire.fault = Fault.IDENTITY
        wrong = await compare(scan_windows, address, seen.fingerprint, "--windows-fingerprint HEX")
        assert ("", True) == (wrong.pin, wrong.mismatch)
        assert [] == host.secrets_read


async def test_wsl_is_pinned_to_the_key_whose_fingerprint_is_given() -> None:
    server = SshServer(WslState.healthy(1), Wire(), Keys.generate())
    await server.start()
    try:
        address = f"127.0.0.1:{server.port}"
        (seen,) = await scan_wsl(address)
        assert seen.pin == (await compare(scan_wsl, address, seen.fingerprint, "--wsl-fingerprint")).pin
        assert "" == (await compare(scan_wsl, address, "", "--wsl-fingerprint")).pin
    finally:
        await server.stop()


async def test_a_port_without_a_listener_is_named(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        address = urlsplit(host.side.url).netloc
        host.wire.fault = Fault.REFUSE
        with pytest.raises(Unreachable, match=f"could not read the certificate of {address}"):
            await scan_windows(address)
