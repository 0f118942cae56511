"""A fortnight of the real bot by simulated time: what happens to hosts and people, and exactly what is said of it.

The diaries beside this module are to be read by people: what they have is all that anybody is told.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.lab.windows.disks import Expiry, renew
from tests.lab.workspace.faults import PICTURES, DropAfter, NotLookedAt, ServerError
from tests.lab.workspace.seed import Kind
from tests.scenarios.by_the_clock import World, world
from tests.scenarios.diary import Diary

TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=TOKYO)
EXPIRY = Expiry(hosts={"host-a": 31})
OPS, DEV, OPERATOR = "C0OPS", "C0DEV", "U0OPERATOR"

ROUTINE = f"""
[notices]
channel = "{OPS}"
second_channel = "{DEV}"
[alerts]
enabled = false
[[schedules]]
name = "disks"
enabled = false
"""
"""Digests, reports and notices as they are usual. Alerts are another story. Hosts are looked at whenever time goes on."""

SAYING = ("chat.postMessage", "files.getUploadURLExternal")
"""What the bot needs of Slack to say something with a picture."""


def written(name: str) -> str:
    """A diary that somebody has read and found right."""
    return Path(__file__).with_name(name).read_text("utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_at_once")
async def test_a_fortnight_of_hosts_is_said_as_it_goes(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("t"), MONDAY, ROUTINE, expiry=EXPIRY) as town:
        diary = Diary(town)
        await town.begins()
        await _a_service_and_a_host_come_and_go(town, diary)
        await _a_schedule_outlives_its_owner(town, diary)
        await diary.on(13, "20:00", "somebody renews the certificate of host-a for a year")
        _renew(town, "host-a", 365)
        await diary.on(14, "23:00")
    assert written("fortnight_of_hosts.txt") == diary.page()


async def _a_service_and_a_host_come_and_go(town: World, diary: Diary) -> None:
    nebula = town.fleet["host-b"].windows.state
    await diary.on(2, "13:00", "Nebula stops on host-b")
    nebula.stop_service("Nebula", town.now)
    await diary.on(2, "17:00", "somebody starts it again")
    nebula.start_service("Nebula", town.now)
    await diary.on(3, "10:00", "host-c is switched off")
    town.switch_off("host-c")
    await diary.on(3, "20:00", "somebody renews the certificate of host-a, for 16 days only")
    _renew(town, "host-a", 16)
    await diary.on(4, "14:00", "kenji has the health of host-b told on weekdays")
    await town.asks(OPERATOR, 'schedule add "30 9 * * 1-5" "health host-b" --name morning')
    await diary.on(6, "07:00", "host-c is switched on")
    town.switch_on("host-c")


async def _a_schedule_outlives_its_owner(town: World, diary: Diary) -> None:
    wsl = town.fleet["host-b"].wsl
    assert wsl is not None
    web, db = wsl.state.containers
    await diary.on(7, "12:00", "a container of host-b exits")
    wsl.state.containers = [web, replace(db, state="exited", exit_code=137)]
    await diary.on(8, "18:00", "it is started again")
    wsl.state.containers = [web, db]
    await diary.on(8, "20:00", "kenji leaves")
    town.workspace.change_person(replace(town.workspace.person(OPERATOR), kind=Kind.DEACTIVATED))


def _renew(town: World, host: str, days: int) -> None:
    renew(town.fleet[host].disk, town.fleet["lighthouse"].disk, timedelta(days=days), town.now)


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_at_once")
async def test_a_fortnight_of_faults_and_crashes_leaves_nothing_unsaid(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A host is down all the time; every life of the bot finds the audit log whole (`World.begins`)."""
    async with world(tmp_path_factory.mktemp("t"), MONDAY, ROUTINE, expiry=EXPIRY) as town:
        diary = Diary(town)
        town.workspace.invite_bot(DEV)
        town.switch_off("host-c")
        await town.begins()
        await _it_dies_at_work(town, diary)
        await _slack_is_down(town, diary)
        await _channels_do_not_take_it(town, diary)
        await _time_is_not_as_it_was(town, diary)
        await diary.on(13, "08:00", "Slack will not confirm the next message")
        town.workspace.faults.switch_on("chat.postMessage", DropAfter(), times=1)
        await diary.on(14, "23:00")
    assert written("fortnight_of_faults.txt") == diary.page()


async def _it_dies_at_work(town: World, diary: Diary) -> None:
    windows = town.fleet["host-a"].windows
    for before, script, what in (
        ("08:59", "read-system", "the digest"),
        ("09:09", "read-certificates", "the check of certificates"),
    ):
        await diary.on(2, before)
        await town.dies_at(town.now + timedelta(minutes=1), windows.hold(script, "before"))
        diary.note(f"the bot dies in the middle of {what}, and begins again")
        await town.begins()


async def _slack_is_down(town: World, diary: Diary) -> None:
    """The second time with a crash while the message waits."""
    for day in (3, 4):
        await diary.on(day, "08:00", "Slack is down")
        for place in SAYING:
            town.workspace.faults.switch_on(place, ServerError(503))
        if day == 4:
            await diary.on(day, "10:00", "the bot dies, and begins again")
            await town.dies()
            await town.begins()
        await diary.on(day, "11:00", "Slack is there again")
        for place in SAYING:
            town.workspace.faults.switch_off(place)


async def _channels_do_not_take_it(town: World, diary: Diary) -> None:
    await diary.on(5, "08:00", "somebody archives #ops")
    town.workspace.archive(OPS)
    await diary.on(5, "10:00")
    diary.note(f"/readyz: {await town.not_ready()}")
    await diary.on(6, "08:00", "somebody brings #ops back; Slack will not show pictures")
    town.workspace.unarchive(OPS)
    town.workspace.faults.switch_on(PICTURES, NotLookedAt())
    await diary.on(6, "10:00")
    diary.note(f"/readyz: {await town.not_ready() or 'ready'}")
    diary.note("Slack shows pictures again")
    town.workspace.faults.switch_off(PICTURES)
    await diary.on(7, "08:00", "somebody removes the bot from #ops")
    town.workspace.remove_bot(OPS)
    await diary.on(7, "10:00")
    diary.note(f"/readyz: {await town.not_ready()}")
    diary.note("somebody invites it again")
    town.workspace.invite_bot(OPS)


async def _time_is_not_as_it_was(town: World, diary: Diary) -> None:
    await diary.on(8, "09:30", "all clocks are set back by an hour")
    await town.set_clocks(-timedelta(hours=1))
    await diary.on(9, "08:30", "all clocks are set forward by two hours")
    await town.set_clocks(timedelta(hours=2))
    await diary.on(10, "12:00", "the bot is stopped")
    await town.ends()
    await diary.on(12, "20:00", "the bot is started")
    await town.begins()
