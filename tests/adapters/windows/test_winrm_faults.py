"""WinRM at hosts that refuse, swallow, hang, drip, flood, lie or lose the answer: in time, and never a false word."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from adapters.errors import (
    ActionFailed,
    AuthenticationFailed,
    DeadlineExceeded,
    HostError,
    HostIdentityError,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)
from adapters.windows.serial_executor import CLOSE_TIMEOUT
from tests.adapters.windows.winrm_host import (
    Change,
    ChangeOnce,
    HurriedChange,
    HurriedSay,
    Reached,
    Road,
    Say,
    impostor,
    winrm_host,
)
from tests.lab.faults import Fault
from tests.lab.windows.powershell import Asked, Output
from tests.lab.windows.server import Drop

FAULTS = [
    (Fault.REFUSE, Unreachable),
    (Fault.SWALLOW, DeadlineExceeded),
    (Fault.HANG, DeadlineExceeded),
    (Fault.GARBAGE, ProtocolError),
    (Fault.CLOSE, Unreachable),
    (Fault.STALL, DeadlineExceeded),
    (Fault.DRIP, DeadlineExceeded),
    (Fault.AUTHENTICATION, AuthenticationFailed),
]


async def failure_of(host: Reached, action: Say) -> HostError:
    """The error that the action ends with."""
    with pytest.raises(HostError) as caught:
        await host.connection.perform(action)
    return caught.value


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
async def test_each_fault_is_told_by_its_kind_within_the_deadline(
    fault: Fault, kind: type[HostError], warm: bool, tmp_path: Path
) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        if warm:
            await host.connection.perform(Say())
        host.may_leave_a_shell = fault in (Fault.REFUSE, Fault.SWALLOW, Fault.GARBAGE, Fault.AUTHENTICATION)
        host.wire.fault = fault
        async with asyncio.timeout(10):
            assert kind is type(await failure_of(host, HurriedSay() if kind is DeadlineExceeded else Say()))
        host.wire.fault = Fault.NONE  # so that the shell can be given back


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
async def test_another_certificate_is_another_host_and_gets_nothing(warm: bool, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        if warm:
            await host.connection.perform(Say())
        host.may_leave_a_shell = warm
        host.wire.fault = Fault.IDENTITY
        before = host.server.requests.total()
        assert HostIdentityError is type(await failure_of(host, Say()))
        assert before == host.server.requests.total()


async def test_a_host_that_swallows_tls_is_late(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.wire.fault = Fault.SWALLOW
        assert DeadlineExceeded is type(await failure_of(host, HurriedSay()))


async def test_bytes_that_are_no_tls_are_not_our_host(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.wire.fault = Fault.GARBAGE
        assert HostIdentityError is type(await failure_of(host, Say()))


@pytest.mark.parametrize("fault", [fault for fault, _ in FAULTS])
async def test_when_the_fault_is_gone_the_host_answers_again(fault: Fault, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        host.wire.fault = fault
        await failure_of(host, HurriedSay())
        host.wire.fault = Fault.NONE
        assert 1 == await host.connection.perform(Say(what=1))


async def test_a_flood_is_cut_off_at_once_and_its_command_ended(tmp_path: Path) -> None:
    """Each piece of it costs the bot's processor: no more of them are read than the action's limit takes."""

    class SayLittle(Say):
        output_limit = 64_000

    async with winrm_host(tmp_path) as host:
        host.wire.fault = Fault.FLOOD
        assert ProtocolError is type(await failure_of(host, SayLittle()))
        assert 1 == host.server.requests["Receive"]
        await host.connection.aclose()
        assert 0 == host.server.shells


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"])
async def test_a_host_that_drips_holds_nobody_beyond_the_deadline(drip: bytes, tmp_path: Path) -> None:
    """A byte now and then satisfies every time-out of a socket; the connection is cut, and the thread is free again."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(drip)
        while not reader.at_eof():
            writer.write(b"H")
            await asyncio.sleep(0.05)
        cut.set()

    cut = asyncio.Event()
    async with impostor(trickle) as url, winrm_host(tmp_path, "ntlm over http", url=url) as host:
        async with asyncio.timeout(10):
            assert DeadlineExceeded is type(await failure_of(host, HurriedSay()))
            await cut.wait()


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>",
        b"HTTP/1.1 500 \r\nContent-Length: 4\r\n\r\n\xff\xfe\xfd\xfc",
        b"HTTP/1.1 401 \r\nWWW-Authenticate: NTLM !!!\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
async def test_what_is_not_winrm_is_told_at_once(response: bytes, tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(response)

    async with impostor(answer) as url, winrm_host(tmp_path, "ntlm over http", url=url) as host:
        assert (await failure_of(host, Say())).kind in ("protocol", "authentication")


@pytest.mark.parametrize("road", ["ntlm over http", "ntlm over https", "basic over https"])
async def test_a_connection_that_the_host_closed_meanwhile_is_made_anew(road: Road, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, road) as host:
        host.settings.connection_idle = 0.5
        await host.connection.perform(Say())
        await asyncio.sleep(1.0)
        assert 1 == await host.connection.perform(Say(what=1))
        assert 2 == host.runs


async def test_a_connection_idle_for_a_minute_is_not_trusted_but_the_shell_is_kept(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        await host.connection.perform(Say())
        host.clock.ahead += 90
        await host.connection.perform(Say())
        assert (2, 1) == (host.server.connections, host.server.requests["Create"])


@pytest.mark.parametrize("seconds", [1_000, 4_000])
async def test_a_shell_that_the_host_may_have_ended_is_not_asked_for(seconds: float, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await host.connection.perform(Say())
        host.clock.ahead += seconds
        await host.connection.perform(Say())
        assert (2, 1) == (host.server.requests["Create"], host.server.shells)


@pytest.mark.parametrize("idle", [0, 90])
async def test_a_shell_that_is_gone_is_opened_anew(idle: float, tmp_path: Path) -> None:
    """As when the host was started anew, over the kept connection or a new one."""
    async with winrm_host(tmp_path, "ntlm over http") as host:
        await host.connection.perform(Say())
        host.server.restart()
        host.clock.ahead += idle
        assert 1 == await host.connection.perform(ChangeOnce(what=1))
        assert 2 == host.runs


async def test_a_used_up_quota_of_operations_is_answered_by_a_new_shell(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.max_operations = 5
        for n in range(12):
            assert n == await host.connection.perform(ChangeOnce(what=n))
        assert (3, 1) == (host.server.requests["Create"], host.server.shells)


async def test_without_a_free_shell_the_quota_is_named(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.max_shells = 0
        failure = await failure_of(host, Change())
        assert isinstance(failure, ActionFailed)
        assert ("quota-shells", False) == (failure.code, failure.maybe_ran)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("road", ["ntlm over http", "ntlm over https"])
async def test_what_broke_before_the_script_could_begin_is_done_once_all_the_same(
    when: Literal["before", "after"], road: Road, tmp_path: Path
) -> None:
    """PowerShell was started, perhaps, but waits for its line of stdin."""
    async with winrm_host(tmp_path, road) as host:
        host.settings.drops.append(Drop("Command", when))
        assert 1 == await host.connection.perform(ChangeOnce(what=1))
        assert 1 == host.runs


DOUBTFUL = [Drop("Send", "before"), Drop("Send", "after"), Drop("Receive", "before"), Drop("Receive", "after")]


@pytest.mark.parametrize("drop", DOUBTFUL)
async def test_a_lost_answer_is_never_taken_for_a_failure(drop: Drop, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        host.settings.drops.append(drop)
        failure = await failure_of(host, ChangeOnce())
        assert (OutcomeUnknown, True) == (type(failure), failure.maybe_ran)
        assert host.runs <= 1


@pytest.mark.parametrize("drop", DOUBTFUL)
@pytest.mark.parametrize("action", [Say(what=1), Change(what=1)], ids=["read", "repeatable change"])
async def test_what_may_be_repeated_is_asked_for_again(drop: Drop, action: Say, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        host.settings.drops.append(drop)
        assert 1 == await host.connection.perform(action)


async def test_it_is_asked_for_again_only_once(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        host.settings.drops += [Drop("Receive", "before")] * 3
        assert Unreachable is type(await failure_of(host, Say()))
        assert 1 == len(host.settings.drops)


async def test_a_change_is_not_repeated_while_the_first_may_still_run(tmp_path: Path) -> None:
    """The shell of the lost one is deleted first; where that cannot be done, nothing is repeated."""
    async with winrm_host(tmp_path, "ntlm over http") as host:
        host.settings.drops += [Drop("Receive", "before"), Drop("Delete", "before")]
        host.may_leave_a_shell = True
        assert OutcomeUnknown is type(await failure_of(host, Change()))


@pytest.mark.parametrize(("action", "maybe_ran"), [(HurriedSay(), False), (HurriedChange(), True)])
async def test_a_change_that_hangs_may_have_run(action: Say, maybe_ran: bool, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await host.connection.perform(Say())
        host.wire.fault = Fault.HANG
        assert maybe_ran == (await failure_of(host, action)).maybe_ran


async def test_what_runs_beyond_the_deadline_is_ended_on_the_host(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.powershell_start = 60.0
        assert DeadlineExceeded is type(await failure_of(host, HurriedSay()))
        host.settings.powershell_start = 0.0
        assert 1 == await host.connection.perform(Say(what=1))
        assert (1, 1) == (host.server.shells, host.runs)


async def test_a_slow_powershell_is_waited_for(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.powershell_start = 1.0
        host.settings.max_timeout = 0.1
        assert 1 == await host.connection.perform(Say(what=1))
        assert host.server.requests["Receive"] > 2


async def test_each_script_that_works_for_a_while_is_waited_for(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.script_time = 0.3
        host.settings.max_timeout = 0.1
        for what in (1, 2):
            before = host.server.requests["Receive"]
            assert what == await host.connection.perform(Say(what=what))
            assert host.server.requests["Receive"] - before > 2


async def test_an_action_given_up_by_its_caller_leaves_the_host_usable(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.wire.fault = Fault.HANG
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await host.connection.perform(Say())
        host.wire.fault = Fault.NONE
        assert 1 == await host.connection.perform(Say(what=1))


async def test_closing_does_not_wait_for_a_host_that_is_gone(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await host.connection.perform(Say())
        host.wire.fault = Fault.REFUSE
        host.may_leave_a_shell = True
        async with asyncio.timeout(CLOSE_TIMEOUT - 1):
            await host.connection.aclose()


async def test_wrong_output_of_one_call_does_not_reach_the_next(tmp_path: Path) -> None:
    def late_answer(asked: Asked) -> Output:
        return seen[0].returned("old") if seen else remember(asked)

    def remember(asked: Asked) -> Output:
        seen.append(asked)
        return asked.returned("new")

    seen: list[Asked] = []
    async with winrm_host(tmp_path) as host:
        host.script = late_answer
        assert "new" == await host.connection.perform(Say())
        assert ProtocolError is type(await failure_of(host, Say()))
