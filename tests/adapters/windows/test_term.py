"""The term on Windows: what carries it, and what a host that keeps a higher one does."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.action import Action
from adapters.errors import ActionFailed, Unreachable
from adapters.phrase import Phrase
from adapters.term import FindTerm, KeptTerm
from adapters.windows import powershell
from adapters.windows.commit_confirm import BeginChange
from adapters.windows.resident import Pause
from adapters.windows.services import ReadServices, SetStartTypes, StartSetting
from adapters.windows.session import ShellSession
from adapters.windows.term import KeepTerm, build_request
from adapters.windows.winrm import RequestForm, WinRmConnection
from tests.adapters.windows.script_cases import NOW
from tests.adapters.windows.test_session import FakeWire
from tests.adapters.windows.winrm_host import Reached, winrm_host
from tests.lab.windows.powershell import Asked
from tests.lab.windows.pwsh import Pwsh
from tests.lab.windows.state import WindowsState
from tests.lab.windows.twin import fail
from tests.lab.windows.twins_term import find_terms

SET = SetStartTypes(services=(StartSetting(name="Nebula", start_type="Manual"),))
READ = ReadServices(nebula_service="Nebula", gateway_service="OpenResty")
BEGIN = BeginChange(operation="op-0123456789ab")

OLDER = "the host refused this: a later leader (term 18) has already acted there, and this copy has term 17"


def test_the_term_goes_with_a_change_and_nowhere_else() -> None:
    """Without a term everything is sent as ever."""
    for action, term in ((SET, 0), (BEGIN, 0), (READ, 17), (KeepTerm(term=18), 17)):
        assert (action.load_script(), action.build_arguments()) == build_request(action, term)
    script, arguments = build_request(SET, 17)
    assert powershell.load_script("with-term") == script
    assert {"term": 17, "script": SET.load_script(), "args": SET.build_arguments()} == arguments


@pytest.mark.parametrize(("lost", "maybe_ran"), [(0, False), (1, True)])
def test_what_a_first_request_did_is_unknown_where_only_the_second_one_is_refused(lost: int, maybe_ran: bool) -> None:
    """The answer to the first one was lost, and another copy began to lead before the second one."""

    def refuse(asked: Asked) -> bytes:
        return asked.failed(fail("OlderTerm", "term 18 is kept here, and this is of term 17")).stdout.encode()

    broken = [Unreachable(Phrase("broken")) for _ in range(lost)]
    session = ShellSession(FakeWire(failures={"receive": [*broken]}, answers=refuse), lambda: 0.0, Pause(lambda: 0.0))
    with pytest.raises(ActionFailed) as caught:
        session.perform(SET, "nonce", 10.0, 17)
    assert ("OlderTerm", maybe_ran) == (caught.value.code, caught.value.maybe_ran)
    assert str(caught.value).startswith(OLDER)


def lead(term: int) -> FindTerm:
    return lambda: term


@asynccontextmanager
async def connect(host: Reached, *terms: int) -> AsyncIterator[list[WinRmConnection]]:
    """A connection for each term, to the same host."""
    with ThreadPoolExecutor(len(terms)) as pool:
        connections = [
            WinRmConnection(host.side, lambda name: SecretStr(host.settings.password), pool, form=RequestForm(lead(term)))
            for term in terms
        ]
        try:
            yield connections
        finally:
            await asyncio.gather(*(each.aclose() for each in connections))


async def refuse(connection: WinRmConnection, action: Action[Any]) -> tuple[str, bool, str]:
    with pytest.raises(ActionFailed) as caught:
        await connection.perform(action)
    return caught.value.code, caught.value.maybe_ran, str(caught.value).partition(". ")[0]


async def test_what_waited_until_another_copy_leads_is_refused_when_it_arrives(tmp_path: Path) -> None:
    """The machine of the old lead was stopped after it had sent the request."""
    async with winrm_host(tmp_path) as host, connect(host, 17, 18, 0) as (old, new, alone):
        host.play_twins()
        hold = host.server.hold("set-start-types", "before")
        waiting = asyncio.create_task(refuse(old, SET))
        await hold.reached()
        assert KeptTerm(term=18) == await new.perform(KeepTerm(term=18))
        hold.release()
        assert ("OlderTerm", False, OLDER) == await waiting
        assert "Automatic" == (await old.perform(READ)).nebula.start_type
        assert ("OlderTerm", False, OLDER) == await refuse(old, KeepTerm(term=17))
        assert [True, False] == [(await each.perform(SET)).changed for each in (new, alone)]


@pytest.mark.pwsh
async def test_of_several_terms_at_once_the_highest_stays(pwsh: Pwsh) -> None:
    """What an older one leaves beside it, because it came in between, counts for nothing."""
    state = WindowsState.healthy(1, "host-a")
    with pwsh.machine(state, NOW) as machine:
        requests = [powershell.pack_request(f"n{term}", *build_request(KeepTerm(term=term), 0)) for term in (3, 9, 5, 7)]
        answers = await asyncio.gather(*(asyncio.to_thread(machine.run, request) for request in requests))
    assert 9 == max(find_terms(state))
    assert {"term": 9} == powershell.unpack_answer(answers[1], "n9", 1000)
