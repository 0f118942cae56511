"""A machine is added over several days, works as a member, and is removed for good: whatever it once had is refused."""

import pytest

from bot.model.change import ChangeState
from tests.lab.fleet import Conditions
from tests.scenarios.changing import ADMIN, OPERATOR, Card, Shift
from tests.scenarios.conftest import Build
from tests.scenarios.joining import MEMBER, NEW, NOTHING, Calendar, equip, look, request_first, request_pins, try_copies
from tests.scenarios.rotating import must_run
from tests.scenarios.test_critical_stories import ONE_APPROVER

pytestmark = pytest.mark.slow

DONE = (ChangeState.DONE, "")

ADD = f'host add {NEW} --reason "third site"'
REMOVE = f'host remove {NEW} --reason "the site is closed"'


async def approved(s: Shift, words: str) -> Card:
    """alice requests it in Slack, and the administrator at the terminal types its name there."""
    card = await s.asked(words, ADMIN)
    await s.shell(f"op show {card.operation}")
    await s.shell(f"approve {card.operation} --name {NEW}")
    return card


async def test_a_host_is_added_over_days_and_removed_for_good(town: Build) -> None:
    """The bot is restarted on each day, and each day something else is waited for."""
    calendar = Calendar()
    async with town(hosts=2, lighthouse=True, newcomers=1, conditions=Conditions(now=calendar.now)) as t:
        new = t.fleet[NEW]
        equip(t)
        async with t.bot(calendar.hurry(t.fleet)) as house:
            s = Shift(t, house)
            await s.ruled(ONE_APPROVER)
            await must_run(house, "host rehearse all")
            reserved = await s.types(ADMIN, request_first(new, "--label", "tokyo"))
            assert all(script in reserved for script in ("prepare-windows.ps1", "prepare-wsl.sh")), reserved
            assert "3 台すべて正常です" in await s.types(OPERATOR, "health all")

        calendar.pass_days(1)
        new.prepare()
        async with t.bot(calendar.hurry(t.fleet)) as house:
            s = Shift(t, house)
            assert NEW in await s.types(OPERATOR, "host")
            assert new.fingerprints[0] not in await s.types(ADMIN, ADD)
            await s.types(ADMIN, request_pins(new, shown_by=t.fleet["host-a"]))
            assert not new.windows.requests
            assert f"host rehearse {NEW}" in await s.types(ADMIN, request_pins(new))

        calendar.pass_days(1)
        async with t.bot(calendar.hurry(t.fleet)) as house:
            s = Shift(t, house)
            assert DONE == await s.ended(await s.approved(f"host rehearse {NEW}"))
            assert NOTHING == look(t.fleet, new)
            assert DONE == await s.ended(await approved(s, ADD))
            assert MEMBER == look(t.fleet, new)
            assert "4 台すべて正常です" in await s.types(OPERATOR, "health all")
            await must_run(house, f"cert renew {NEW}")

        calendar.pass_days(5)
        async with t.bot(calendar.hurry(t.fleet)) as house:
            s = Shift(t, house)
            assert DONE == await s.ended(await approved(s, REMOVE))
            assert (NOTHING, 2) == (look(t.fleet, new), len(t.fleet.mesh.members[NEW].copies))
            assert set() == try_copies(t.fleet, new)
            assert "3 台すべて正常です" in await s.types(OPERATOR, "health all")
