"""A bot killed (-9) while it makes a copy of the CA key: there are two whole copies afterwards, or none at all."""

import asyncio
from pathlib import Path, PureWindowsPath

import pytest

from bot.control.client import ask
from bot.model.change import Change, ChangeState
from bot.model.request import Surface
from tests.lab.holds import When
from tests.lab.windows.mesh import PATHS
from tests.scenarios.conftest import PATIENCE, Build, Town
from tests.scenarios.crashing import Crew, crew
from tests.scenarios.test_ca_key_stories import ALICE, BOB, describe_recipients

pytestmark = pytest.mark.slow

CREATE = 'ca backup create --new-recipients --break-glass --reason "the first copy"'
FOLDER = PureWindowsPath(PATHS.backups) / "ca"


def list_copies(t: Town) -> tuple[int, int]:
    """Files of copies at the first place and at the second one."""
    first = [path for path in t.fleet["lighthouse"].windows.state.files if FOLDER in path.parents]
    second = [path for path in Path(t.settings.data_folder, "backups").rglob("*") if path.is_file()]
    return len(first), len(second)


async def request(t: Town) -> str:
    """The administrator asks for a copy, and needs no approval this time. Returns the operation."""
    answer = await ask(t.settings.control_socket, CREATE, Surface.DO)
    assert answer is not None
    assert isinstance(answer.body, Change), answer.body
    return answer.body.operation


async def settle(bots: Crew, operation: str) -> ChangeState:
    """How the change ended, once it has."""
    async with asyncio.timeout(PATIENCE):
        while not bots.rows.record(operation).state.ended:
            await asyncio.sleep(0.05)
    return bots.rows.record(operation).state


@pytest.mark.parametrize(
    ("script", "when", "expected"),
    [
        ("protect-key", "before", (ChangeState.DONE, (3, 3))),
        ("protect-key", "after", (ChangeState.DONE, (3, 3))),
        ("read-key-copy", "before", (ChangeState.UNDONE, (0, 0))),
        ("read-key-copy", "after", (ChangeState.UNDONE, (0, 0))),
    ],
)
async def test_a_copy_is_whole_at_both_places_or_gone_from_both(
    town: Build, script: str, when: When, expected: tuple[ChangeState, tuple[int, int]]
) -> None:
    async with town(hosts=1, lighthouse=True) as t:
        t.edit('\n[[hosts]]\nname = "host-a"', f'\n{describe_recipients(t, ALICE, BOB)}\n[[hosts]]\nname = "host-a"')
        async with crew(t) as bots:
            lighthouse = t.fleet["lighthouse"].windows
            hold = lighthouse.hold(script, when)
            operation = await request(t)
            await hold.reached()
            await bots.dies()
            if when == "after":
                hold.release()
            else:
                lighthouse.restart()
            await bots.begins()
            state = await settle(bots, operation)
            assert expected == (state, list_copies(t))
