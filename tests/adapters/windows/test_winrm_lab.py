"""The lab's WinRM is as strict as Windows: what pywinrm does wrong there, it does wrong here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError, WSManFaultError
from winrm.protocol import Protocol

from adapters.windows.powershell import build_command_line, pack_request
from adapters.windows.system import ReadSystem
from tests.adapters.windows.winrm_host import Change, Reached, winrm_host
from tests.lab.faults import Wire
from tests.lab.windows.powershell import Output, real_powershell
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.server import WinRmServer, WinRmSettings
from tests.lab.windows.state import WindowsState
from tests.lab.windows.wsman import duration


@asynccontextmanager
async def raw_pywinrm(folder: Path, **options: Any) -> AsyncIterator[tuple[Reached, Protocol]]:
    """pywinrm as it is, on a lab host without TLS."""
    async with winrm_host(folder, "ntlm over http") as host:
        log_in = {"transport": "ntlm", "username": "flatnet", "password": host.settings.password}
        no_environment = {"proxy": None, "ca_trust_path": None}
        wsman = Protocol(host.side.url, **no_environment | log_in | options)
        yield host, wsman
        wsman.transport.close_session()


async def fault_of(call: Callable[..., Any], *arguments: Any, **options: Any) -> int | None:
    """The code of the fault that the call ends with."""
    with pytest.raises(WSManFaultError) as caught:
        await asyncio.to_thread(call, *arguments, **options)
    code: int | None = caught.value.wsman_fault_code
    return code


@pytest.mark.parametrize(
    ("code_page", "shown"), [(437, "??: ok"), (850, "??: ok"), (1252, "??: ok"), (932, "警告: ok"), (65001, "警告: ok")]
)
async def test_text_leaves_in_the_code_page_of_the_shell(code_page: int, shown: str, tmp_path: Path) -> None:
    def talk() -> bytes:
        shell = wsman.open_shell(codepage=code_page)
        command = wsman.run_command(shell, build_command_line())
        wsman.send_command_input(shell, command, pack_request("ab", "", {}), end=True)
        stdout, _, _ = wsman.get_command_output(shell, command)
        wsman.close_shell(shell)
        return stdout

    async with raw_pywinrm(tmp_path) as (host, wsman):
        host.script = lambda asked: Output("警告: ok")
        stdout = await asyncio.to_thread(talk)
    assert shown == stdout.decode({932: "cp932", 65001: "utf-8"}.get(code_page, "ascii"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("powershell.exe " + "x" * 8_200, "The command line is too long."),
        ("hostname", "'hostname' is not recognized as an internal or external command."),
    ],
)
async def test_cmd_exe_refuses_a_command_line(line: str, words: str, tmp_path: Path) -> None:
    def talk() -> tuple[bytes, bytes, int]:
        shell = wsman.open_shell()
        command = wsman.run_command(shell, line)
        wsman.send_command_input(shell, command, b"\n", end=True)
        left: tuple[bytes, bytes, int] = wsman.get_command_output(shell, command)
        wsman.close_shell(shell)
        return left

    async with raw_pywinrm(tmp_path) as (_, wsman):
        assert (b"", f"{words}\r\n".encode(), 1) == await asyncio.to_thread(talk)


async def test_the_quotas_of_windows_hold(tmp_path: Path) -> None:
    async with raw_pywinrm(tmp_path) as (host, wsman):
        host.settings.max_processes = 1
        shell = await asyncio.to_thread(wsman.open_shell)
        await asyncio.to_thread(wsman.run_command, shell, build_command_line())
        assert 2150859188 == await fault_of(wsman.run_command, shell, build_command_line())
        host.settings.max_operations = 1
        assert 2150859174 == await fault_of(wsman.run_command, shell, build_command_line())
        host.settings.max_shells = 1
        assert 2150859173 == await fault_of(wsman.open_shell)
        await asyncio.to_thread(wsman.close_shell, shell)


async def test_a_request_larger_than_an_envelope_is_refused(tmp_path: Path) -> None:
    async with raw_pywinrm(tmp_path) as (_, wsman):
        shell = await asyncio.to_thread(wsman.open_shell)
        command = await asyncio.to_thread(wsman.run_command, shell, build_command_line())
        assert 2150858784 == await fault_of(wsman.send_command_input, shell, command, b"x" * 400_000)
        await asyncio.to_thread(wsman.close_shell, shell)


@pytest.mark.parametrize(
    ("shell", "command", "code"), [("no-such-shell", "x", 2150858843), (None, "no-such-command", 2150858844)]
)
async def test_what_is_not_there_is_not_found(shell: str | None, command: str, code: int, tmp_path: Path) -> None:
    async with raw_pywinrm(tmp_path) as (_, wsman):
        own = await asyncio.to_thread(wsman.open_shell)
        assert code == await fault_of(wsman.get_command_output_raw, shell or own, command)
        await asyncio.to_thread(wsman.close_shell, own)


async def test_stdin_that_was_closed_takes_no_more(tmp_path: Path) -> None:
    async with raw_pywinrm(tmp_path) as (_, wsman):
        shell = await asyncio.to_thread(wsman.open_shell)
        command = await asyncio.to_thread(wsman.run_command, shell, build_command_line())
        await asyncio.to_thread(wsman.send_command_input, shell, command, pack_request("ab", "", {"what": 1}), end=True)
        assert 995 == await fault_of(wsman.send_command_input, shell, command, b"more\n")
        await asyncio.to_thread(wsman.close_shell, shell)


async def test_an_idle_shell_ends_by_itself(tmp_path: Path) -> None:
    async with raw_pywinrm(tmp_path) as (host, wsman):
        await asyncio.to_thread(wsman.open_shell, idle_timeout="PT600S")
        host.clock.ahead += 599
        assert 1 == host.server.shells
        host.clock.ahead += 2
        assert 0 == host.server.shells


async def test_plain_http_takes_no_unsealed_message(tmp_path: Path) -> None:
    async with raw_pywinrm(tmp_path, message_encryption="never") as (_, wsman):
        with pytest.raises(WinRMTransportError):
            await asyncio.to_thread(wsman.open_shell)


async def test_plain_http_takes_no_password(tmp_path: Path) -> None:
    async with raw_pywinrm(tmp_path, transport="basic") as (_, wsman):
        with pytest.raises(InvalidCredentialsError):
            await asyncio.to_thread(wsman.open_shell)


async def test_where_basic_is_off_as_by_default_on_windows_a_password_is_refused(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "basic over https") as host:
        host.settings.basic = False
        response = await asyncio.to_thread(
            requests.post, host.side.url, auth=("flatnet", host.settings.password), verify=str(host.side.ca_file), timeout=5
        )
    assert (401, "Negotiate") == (response.status_code, response.headers["WWW-Authenticate"])


async def test_anybody_may_ask_what_speaks_there(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        headers = {"WSMANIDENTIFY": "unauthenticated"}
        response = await asyncio.to_thread(requests.post, host.side.url, headers=headers, timeout=5)
    assert "IdentifyResponse" in response.text


async def test_a_sealed_message_for_another_connection_is_a_bad_request(tmp_path: Path) -> None:
    """As real hosts do: a kept connection that broke takes the keys with it."""
    async with raw_pywinrm(tmp_path) as (host, wsman):
        host.settings.connection_idle = 0.5
        await asyncio.to_thread(wsman.open_shell)
        await asyncio.sleep(1.0)
        with pytest.raises(WinRMTransportError) as caught:
            await asyncio.to_thread(wsman.open_shell)
        assert 400 == caught.value.code
        host.server.restart()


async def test_latency_is_paid_for_each_exchange_of_three_of_a_change(tmp_path: Path) -> None:
    """The answer cannot be there before; how long a busy machine takes beyond that says nothing."""
    async with winrm_host(tmp_path, "ntlm over http") as host:
        await host.connection.perform(Change())
        while not host.server.requests["Signal"]:  # the command is given back meanwhile
            await asyncio.sleep(0.01)
        before, host.wire.latency = host.server.requests.total(), 0.1
        began = time.monotonic()
        await host.connection.perform(Change())
        assert 0.3 <= time.monotonic() - began
        assert 3 <= host.server.requests.total() - before  # and the signal that gives the command back, if it has come
        host.wire.latency = 0.0


async def test_a_hundred_hosts_start_at_once() -> None:
    servers = [WinRmServer(WindowsState.healthy(n, f"host-{n}"), Wire(), WinRmSettings()) for n in range(1, 101)]
    async with asyncio.timeout(10):
        ports = {await server.start(None) for server in servers}
    for server in servers:
        await server.stop()
    assert 100 == len(ports)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT600S", 600.0), ("PT1.5S", 1.5), ("P1DT2H3M4S", 93_784.0), ("PT20M", 1200.0), ("ten minutes", 60.0)],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert seconds == duration(text)


@pytest.mark.pwsh
async def test_the_real_powershell_answers_through_the_whole_road(pwsh: Pwsh, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.powershell = real_powershell(pwsh)
        system = await host.connection.perform(ReadSystem.of(host.side))
    assert ("Running", "Running", 2) == (system.nebula, system.gateway, system.nginx_processes)
