"""Reads over one PowerShell that stays on a lab host: what they cost, what ends it, and hosts on which none can stay."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.errors import AuthenticationFailed, DeadlineExceeded, HostError, ProtocolError
from adapters.windows.powershell import HOST_IDLE_SECONDS
from adapters.windows.resident import IDLE_LIMIT, PAUSE_SECONDS
from adapters.windows.system import ReadSystem
from adapters.windows.winrm import WinRmConnection
from tests.adapters.windows.winrm_host import Change, HurriedChange, HurriedSay, Reached, Say, winrm_host
from tests.lab.faults import Fault
from tests.lab.windows.powershell import Asked, Output, real_powershell
from tests.lab.windows.pwsh import Pwsh


async def ask(host: Reached, *actions: Say) -> list[object]:
    """The answers of actions, one after another."""
    return [await host.connection.perform(action) for action in actions]


async def fail(host: Reached, kind: type[HostError], action: Say) -> None:
    with pytest.raises(kind):
        await host.connection.perform(action)


async def test_ten_reads_start_one_process_and_take_two_exchanges_each(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        assert list(range(10)) == await ask(host, *(Say(what=n) for n in range(10)))
        assert {"Create": 1, "Command": 1, "Send": 10, "Receive": 10} == host.server.requests
        assert (1, 1) == (host.server.processes, host.server.running)


async def test_reads_of_a_long_life_use_up_no_quota_of_operations(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.max_operations = 1
        await ask(host, *(Say() for _ in range(12)))
        assert 1 == host.server.requests["Create"]


async def test_a_change_beside_it_has_a_process_of_its_own(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        assert [1, 2, 3, 4] == await ask(host, Say(what=1), Change(what=2), Say(what=3), Change(what=4))
        assert 3 == host.server.processes


async def test_closing_the_connection_ends_the_process(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await ask(host, Say())
        await host.connection.aclose()
        assert (0, 0) == (host.server.shells, host.server.running)


async def test_it_ends_by_itself_when_the_bot_is_gone(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await ask(host, Say())
        host.clock.ahead += HOST_IDLE_SECONDS + 1
        assert (1, 0) == (host.server.shells, host.server.running)


async def test_one_that_may_end_by_itself_is_replaced(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await ask(host, Say())
        host.clock.ahead += IDLE_LIMIT + 1
        await ask(host, Say())
        assert (1, 1, 2) == (host.server.shells, host.server.running, host.server.processes)


async def test_one_that_died_between_two_reads_is_not_missed(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await ask(host, Say())
        host.server.end_processes()
        assert [1, 2] == await ask(host, Say(what=1), Say(what=2))
        assert (3, 1) == (host.runs, host.server.requests["Create"])


async def test_where_a_policy_ends_it_at_once_every_read_is_answered_all_the_same(tmp_path: Path) -> None:
    """By a process of its own each, and only now and then one that stays is tried."""
    async with winrm_host(tmp_path) as host:
        host.settings.ends_residents = True
        assert [0, 1, 2] == await ask(host, *(Say(what=n) for n in range(3)))
        assert (4, 3) == (host.server.requests["Command"], host.runs)
        host.clock.ahead += PAUSE_SECONDS + 1
        await ask(host, Say(), Say())
        assert 7 == host.server.requests["Command"]


async def test_a_late_answer_to_a_read_that_was_given_up_is_not_that_of_the_next(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await ask(host, Say())
        held = host.server.hold("read-system", "after")
        await fail(host, DeadlineExceeded, HurriedSay(what="old"))
        held.release()
        assert ["new"] == await ask(host, Say(what="new"))
        assert (1, 1) == (host.server.shells, host.server.running)


@pytest.mark.parametrize("fault", [Fault.CLOSE, Fault.STALL, Fault.DRIP, Fault.HANG, Fault.FLOOD])
async def test_after_a_fault_in_the_middle_of_an_answer_another_process_answers(fault: Fault, tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "ntlm over http") as host:
        await ask(host, Say())
        host.wire.fault = fault
        await fail(host, HostError, HurriedSay() if fault is not Fault.FLOOD else Say())
        host.wire.fault = Fault.NONE
        before = host.server.processes
        assert ["new"] == await ask(host, Say(what="new"))
        assert (1, 1, 1) == (host.server.shells, host.server.running, host.server.processes - before)


async def test_a_crash_of_it_costs_the_read_a_process_of_its_own(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        crashes = [Output("", "Stack overflow", code=0xC00000FD)]
        host.script = lambda asked: crashes.pop() if crashes else asked.returned(asked.arguments["what"])
        assert [1, 2] == await ask(host, Say(what=1), Say(what=2))


async def test_output_behind_an_answer_ends_it(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.script = lambda asked: Output(asked.returned(1).stdout + "bye\r\n")
        assert [1, 1] == await ask(host, Say(), Say())
        assert 2 == host.server.processes


@pytest.mark.parametrize("quota", ["max_shells", "max_processes"])
async def test_a_quota_of_one_is_enough(quota: str, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        setattr(host.settings, quota, 1)
        actions = [Say(what=1), Change(what=2), Say(what=3), Change(what=4), Say(what=5)]
        assert [1, 2, 3, 4, 5] == await ask(host, *actions)
        assert 5 == host.runs


async def test_a_change_that_hangs_ends_what_stays_with_it(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await ask(host, Say())
        held = host.server.hold("read-system", "before")
        await fail(host, DeadlineExceeded, HurriedChange())
        held.release()
        assert [1] == await ask(host, Say(what=1))
        assert (1, 1) == (host.server.shells, host.server.running)


async def test_a_login_that_expired_between_two_reads_is_tried_once(tmp_path: Path) -> None:
    async with winrm_host(tmp_path, "basic over https") as host:
        await ask(host, Say())
        host.may_leave_a_shell = True
        host.wire.fault = Fault.AUTHENTICATION
        before = host.server.requests.total()
        await fail(host, AuthenticationFailed, Say())
        assert before == host.server.requests.total()
        host.wire.fault = Fault.NONE
        assert [1] == await ask(host, Say(what=1))
        host.clock.ahead += HOST_IDLE_SECONDS + 1
        assert 0 == host.server.running


async def test_an_odd_answer_is_asked_for_anew_by_another_process(tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        await ask(host, Say())
        host.script = lambda asked: Output(f"<<FLATNET:{asked.nonce}:AAAA:END>>")
        await fail(host, ProtocolError, Say())
        await fail(host, ProtocolError, Say())
        assert 2 == host.server.processes


async def test_after_a_reload_the_new_connection_has_its_own_process_and_the_old_one_ends(tmp_path: Path) -> None:
    """The folders of a host are arguments of each request, so no process remembers old ones."""
    async with winrm_host(tmp_path) as host:
        seen: list[str] = []

        def note(asked: Asked) -> Output:
            seen.append(asked.arguments["nebula_log"])
            return asked.returned(None)

        host.script = note
        paths = host.side.paths.model_copy(update={"nebula_log": r"D:\new\nebula.log"})
        changed = host.side.model_copy(update={"paths": paths})
        with ThreadPoolExecutor(2) as pool:
            fresh = WinRmConnection(changed, lambda name: SecretStr(host.settings.password), pool, monotonic=host.clock)
            for connection, side in ((host.connection, host.side), (fresh, changed)):
                with pytest.raises(ProtocolError):  # null is no system
                    await connection.perform(ReadSystem.of(side))
            assert ([host.side.paths.nebula_log, r"D:\new\nebula.log"], 2) == (seen, host.server.running)
            await host.connection.aclose()
            assert (1, 1) == (host.server.shells, host.server.running)
            await fresh.aclose()


@pytest.mark.pwsh
async def test_the_real_powershell_answers_every_request(pwsh: Pwsh, tmp_path: Path) -> None:
    async with winrm_host(tmp_path) as host:
        host.settings.powershell = real_powershell(pwsh)
        systems = [await host.connection.perform(ReadSystem.of(host.side)) for _ in range(2)]
        assert (["Running"] * 2, 1) == ([system.nebula for system in systems], host.server.processes)
