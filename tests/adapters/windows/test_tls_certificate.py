"""The certificate that a host presents for WinRM: read without a login, verified, and known also when it has expired."""

import asyncio
import hashlib
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from adapters.errors import HostError, HostIdentityError, Unreachable
from adapters.windows.tls_certificate import ReadServerCertificate, ServerCertificate, scan_server_certificate
from adapters.windows.winrm import WinRmConnection
from tests.adapters.windows.winrm_host import ROADS, Reached, Road, Say, winrm_host
from tests.lab.faults import Fault
from tests.lab.windows.tls import LIFETIME

READ = ReadServerCertificate()


def fingerprint(host: Reached) -> str:
    pem = host.certificates.ca_file.with_name("server.crt").read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


@pytest.mark.parametrize("road", [road for road in ROADS if road != "ntlm over http"])
async def test_the_certificate_is_read_without_a_login_and_without_a_script(road: Road, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, road) as host:
        found = await host.connection.perform(READ)
        assert (fingerprint(host), "lab-host", "Flatnet lab CA") == (found.fingerprint, found.name, found.issuer)
        assert (0, []) == (host.runs, host.secrets_read)
        assert LIFETIME - timedelta(minutes=5) < found.ends_at - datetime.now(UTC) <= LIFETIME


async def test_an_expired_certificate_is_known_although_no_connection_takes_it(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, server_lifetime=timedelta(hours=-1)) as host:
        found = await host.connection.perform(READ)
        assert found.begins_at < found.ends_at < datetime.now(UTC)
        with pytest.raises(HostIdentityError, match="expired"):
            await host.connection.perform(Say())


async def fail(host: Reached) -> HostError:
    with pytest.raises(HostError) as caught:
        await host.connection.perform(READ)
    return caught.value


async def test_a_certificate_of_another_ca_is_not_taken(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.wire.fault = Fault.IDENTITY
        assert isinstance(await fail(host), HostIdentityError)


async def test_a_certificate_for_another_address_is_not_taken(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, name="127.0.0.2") as host:
        assert isinstance(await fail(host), HostError)


async def test_a_ca_file_that_is_missing_is_named(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, ca_file=tmp_path / "none.pem") as host:
        assert isinstance(await fail(host), HostIdentityError)


async def test_a_port_without_a_listener_is_a_host_that_is_not_reached(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.wire.fault = Fault.REFUSE
        assert isinstance(await fail(host), Unreachable)


async def test_it_is_read_beside_a_script_that_runs(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        script = asyncio.create_task(host.connection.perform(Say(what="x")))
        answers: tuple[Any, ServerCertificate] = await asyncio.gather(script, host.connection.perform(READ))
        assert ("x", "lab-host") == (answers[0], answers[1].name)


@pytest.mark.parametrize("action", [READ, Say(what="x")])
@pytest.mark.parametrize("pinned", [True, False])
async def test_only_the_pinned_certificate_is_accepted_whatever_its_name(tmp_path: Path, action: Any, pinned: bool) -> None:
    async with winrm_host(tmp_path, name="localhost") as host:
        with ThreadPoolExecutor(1) as pool:
            pin = fingerprint(host) if pinned else "ab" * 32
            side = host.side.model_copy(update={"certificate_sha256": pin})
            connection = WinRmConnection(side, lambda name: SecretStr(host.settings.password), pool)
            try:
                if pinned:
                    assert await connection.perform(action)
                    return
                with pytest.raises(HostIdentityError, match=r"than the pinned one.*--windows-fingerprint"):
                    await connection.perform(action)
            finally:
                await connection.aclose()
                host.may_leave_a_shell = True


async def test_a_host_that_is_not_trusted_yet_shows_its_certificate_without_a_login(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        parts = urlsplit(host.side.url)
        assert fingerprint(host) == (await scan_server_certificate(parts.hostname or "", parts.port or 0)).fingerprint
        host.wire.fault = Fault.IDENTITY
        assert fingerprint(host) != (await scan_server_certificate(parts.hostname or "", parts.port or 0)).fingerprint
        assert [] == host.secrets_read
