"""What becomes of changes when something fails on the bot's own side: Slack, its process, its database."""

import asyncio
import re
import shutil
import time

import pytest

from bot.model.change import ChangeState
from bot.runtime.clock import Clock, read_utc_time
from tests.lab.workspace.faults import HANDSHAKE, ServerError
from tests.scenarios.changing import ADMIN, OPERATOR, Shift, shift
from tests.scenarios.conftest import Build

RENEW, RESTART = "cert renew host-a", "service restart openresty host-a"

DONE = (ChangeState.DONE, "")

SLACK = ("chat.postMessage", "chat.postEphemeral", "chat.update", "users.info", "conversations.open", HANDSHAKE)


@pytest.mark.slow
async def test_slack_that_is_down_during_the_run_learns_of_it_right_afterwards(town: Build) -> None:
    """The run itself does not mind; nothing is said twice."""
    async with shift(town) as s:
        old = s.lies("host-a")
        hold = s.fleet["host-a"].windows.hold("begin-change", "before")
        card = await s.approved(RENEW)
        await hold.reached()
        await s.says(card, "alice")
        for place in SLACK:
            s.workspace.faults.switch_on(place, ServerError(503))
        s.workspace.abort_connections()
        hold.release()
        assert DONE == await s.ended(card)
        assert old != s.lies("host-a") == s.runs("host-a")
        for place in SLACK:
            s.workspace.faults.switch_off(place)
        await s.shows(card, ChangeState.DONE)
        await s.says(card, f"<@{OPERATOR}>")
        assert (1, 2) == (len(s.cards()), len(s.thread(card)))


async def test_a_change_that_waits_outlives_the_bot(town: Build) -> None:
    async with town(hosts=1, lighthouse=True) as t:
        async with t.bot() as house:
            card = await Shift(t, house).asked(RESTART)
        async with t.bot() as house:
            s = Shift(t, house)
            await s.press(ADMIN, card, "run.approve")
            assert DONE == await s.ended(card)


@pytest.mark.slow
async def test_a_bot_that_is_stopped_in_the_middle_goes_on_after_its_next_start(town: Build) -> None:
    """From the step that it was at: no key is made and nothing is signed twice."""
    async with town(hosts=1, lighthouse=True) as t:
        async with t.bot() as house:
            s = Shift(t, house)
            old = s.lies("host-a")
            hold = s.fleet["lighthouse"].windows.hold("sign-certificate", "after")
            card = await s.approved(RENEW)
            await hold.reached()
            hold.release()
        async with t.bot() as house:
            s = Shift(t, house)
            assert DONE == await s.ended(card)
            assert old != s.lies("host-a") == s.runs("host-a")
            assert {"done"} == set(s.outcomes(card).values())
            assert 1 == s.trail(card).count("run")
            assert 1 == sum(event["data"].get("step") == "host-a/sign" for event in s.events(card))
            await s.shows(card, ChangeState.DONE)


async def test_a_database_from_an_hour_ago_changes_nothing_until_an_administrator_accepts_it_by_name(town: Build) -> None:
    """What was asked since is gone, and what waits there is in doubt: both must be asked for again."""
    async with town(hosts=1, lighthouse=True) as t:
        file = t.settings.database_file
        async with t.bot() as house:
            s = Shift(t, house)
            early = await s.asked(RESTART)
        shutil.copy(file, file.with_suffix(".copy"))
        async with t.bot() as house:
            late = await Shift(t, house).asked(RENEW)
        shutil.copy(file.with_suffix(".copy"), file)
        async with t.bot(ticking()) as house:
            s = Shift(t, house)
            refused = await s.types(ADMIN, RENEW)
            found = re.search(r"audit accept (audit-[0-9]+-[0-9a-f]+)", refused)
            assert found is not None, refused
            assert "Changes are blocked while the audit log is inconsistent" in await s.press(ADMIN, late, "run.approve")
            assert "administrator" in await s.types(OPERATOR, f"audit accept {found[1]}")
            assert "No loss named audit-1-00000000." in await s.types(ADMIN, "audit accept audit-1-00000000")
            assert ChangeState.CLOSED is (await s.ended(early))[0]
            await s.press(ADMIN, early, "run.approve")
            assert 2400 == s.state("host-a").services["OpenResty"].pid
            assert "changes are possible again." in await s.types(ADMIN, f"audit accept {found[1]}")
            assert f"Change {late.operation} not found." in await s.press(ADMIN, late, "run.approve")
            assert DONE == await s.ended(await s.approved(RENEW))
            assert ["alice"] == [event["actor"] for event in t.events() if event["kind"] == "accepted"]
            assert (await house.audit.verify("test", "")).intact


def ticking() -> Clock:
    """A clock that looks at everything ten times a second."""
    return Clock(read_utc_time, time.monotonic, lambda seconds: asyncio.sleep(min(seconds, 0.1)))
