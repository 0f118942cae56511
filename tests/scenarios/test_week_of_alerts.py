"""A week of the real bot by simulated time: what happens to hosts, Slack, clocks and people, and exactly what is said of it.

The diary beside this module is to be read by people: what it has is all that anybody is told. Minutes in which something
begins or ends are lived one by one; between them time leaps, and the watch looks once for each leap.
"""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.lab.fleet import GATEWAY_SERVICE
from tests.lab.workspace.faults import ServerError
from tests.scenarios.by_the_clock import World, world
from tests.scenarios.diary import Diary

TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=TOKYO)
OPS, OPERATOR, ADMIN = "C0OPS", "U0OPERATOR", "U0ADMIN"

ROUTINE = f"""
[notices]
channel = "{OPS}"

[alerts]
quiet_hours = {{ begin = "22:00", end = "07:00" }}

[[alerts.routes]]
severities = ["critical"]
mention = ["kenji"]
escalate = "30m"
escalate_to = ["alice"]
""" + "".join(
    f'\n[[schedules]]\nname = "{name}"\nenabled = false\n' for name in ("digest", "weekly", "monthly", "certificates")
)
"""Alerts alone: no digest, no report."""

HOSTS = ("host-a", "host-b", "host-c")

SAYING = ("chat.postMessage", "chat.update")


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_at_once")
async def test_a_week_of_alerts_is_said_once_and_as_it_goes(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with world(tmp_path_factory.mktemp("t"), MONDAY, ROUTINE) as town:
        diary = Diary(town)
        await town.begins()
        await _a_service_stops_and_another_flaps(town, diary)
        await _errors_and_a_full_disk(town, diary)
        await _hosts_are_silent(town, diary)
        await _slack_is_down(town, diary)
        await _people_hide_what_they_know_of(town, diary)
        await _clocks_jump(town, diary)
        await _the_bot_dies(town, diary)
        await _nobody_acknowledges(town, diary)
    written = Path(__file__).with_name("week_of_alerts.txt").read_text("utf-8")
    assert written == diary.page()


async def _a_service_stops_and_another_flaps(town: World, diary: Diary) -> None:
    nebula, gateway = town.fleet["host-b"].windows.state, town.fleet["host-c"].windows.state
    await diary.calmly_on(1, "10:00", "Nebula stops on host-b")
    nebula.stop_service("Nebula", town.now)
    await diary.minutes(3)
    await diary.calmly_on(1, "10:10", "kenji acknowledges it for two hours")
    await town.asks(OPERATOR, f"alert acknowledge {town.newest_alert} --for 2h")
    await diary.calmly_on(1, "11:00", "somebody starts Nebula again")
    nebula.start_service("Nebula", town.now)
    await diary.minutes(3)
    await diary.calmly_on(1, "14:00", "the gateway of host-c stops and starts every few minutes, until 14:20")
    for _ in range(4):
        gateway.stop_service(GATEWAY_SERVICE, town.now)
        await diary.minutes(3)
        gateway.start_service(GATEWAY_SERVICE, town.now)
        await diary.minutes(2)
    await diary.calmly_on(1, "16:00")


async def _errors_and_a_full_disk(town: World, diary: Diary) -> None:
    host, disk = town.fleet["host-a"], town.fleet["host-b"].windows.state.drives["F:"]
    assert disk.size is not None
    await diary.calmly_on(2, "10:00", "people use the gateway of host-a")
    host.add_requests(200)
    await diary.minutes(6)
    diary.note("a quarter of all requests fails")
    host.add_requests(200, 50)
    await diary.minutes(11)
    diary.note("no request fails any more")
    for _ in range(12):
        host.add_requests(40)
        await diary.minutes(1)
    for clock, percent in (("13:00", 85), ("14:00", 95), ("15:10", 78), ("15:40", 40)):
        await diary.calmly_on(2, clock, f"F: of host-b is {percent} % full, and kenji runs disk")
        disk.free = disk.size - disk.size * percent // 100
        await town.asks(OPERATOR, "disk host-b")
        await diary.minutes(2)


async def _hosts_are_silent(town: World, diary: Diary) -> None:
    await diary.calmly_on(3, "10:00", "host-c is switched off")
    town.switch_off("host-c")
    await diary.minutes(4)
    await diary.calmly_on(3, "10:30", "host-c is switched on")
    town.switch_on("host-c")
    await diary.minutes(2)
    await diary.calmly_on(3, "14:00", "the switch of all hosts fails, but of the lighthouse")
    for name in HOSTS:
        town.switch_off(name)
    await diary.minutes(4)
    await diary.calmly_on(3, "14:10", "the switch works again")
    for name in HOSTS:
        town.switch_on(name)
    await diary.minutes(3)


async def _slack_is_down(town: World, diary: Diary) -> None:
    host, other = town.fleet["host-b"].windows.state, town.fleet["host-a"].windows.state
    await diary.calmly_on(4, "10:00", "Slack is down. The gateway of host-b stops")
    for place in SAYING:
        town.workspace.faults.switch_on(place, ServerError(503))
    host.stop_service(GATEWAY_SERVICE, town.now)
    await diary.minutes(4)
    await diary.calmly_on(4, "10:30", "somebody starts it; the gateway of host-a stops")
    host.start_service(GATEWAY_SERVICE, town.now)
    other.stop_service(GATEWAY_SERVICE, town.now)
    await diary.minutes(4)
    await diary.calmly_on(4, "11:00", "Slack is there again")
    for place in SAYING:
        town.workspace.faults.switch_off(place)
    await diary.minutes(2)
    await diary.calmly_on(4, "12:00", "somebody starts it")
    other.start_service(GATEWAY_SERVICE, town.now)
    await diary.minutes(3)


async def _the_bot_dies(town: World, diary: Diary) -> None:
    await diary.calmly_on(6, "15:00", "Nebula of the lighthouse stops")
    town.fleet["lighthouse"].windows.state.stop_service("Nebula", town.now)
    await town.fires()
    diary.note("the bot dies before it has said so, and begins again")
    await town.dies()
    await town.begins()
    await diary.minutes(3)
    diary.note("somebody starts Nebula again")
    town.fleet["lighthouse"].windows.state.start_service("Nebula", town.now)
    await diary.minutes(3)


async def _people_hide_what_they_know_of(town: World, diary: Diary) -> None:
    nebula, gateway = town.fleet["host-c"].windows.state, town.fleet["host-a"].windows.state
    await diary.calmly_on(5, "08:30", "kenji begins maintenance of host-c for an hour, and stops Nebula there")
    await town.asks(OPERATOR, 'maintenance add host-c 1h "new disk"')
    nebula.stop_service("Nebula", town.now)
    await diary.minutes(3)
    await diary.calmly_on(5, "09:10", "kenji starts Nebula again")
    nebula.start_service("Nebula", town.now)
    await diary.minutes(3)
    await diary.calmly_on(5, "13:00", "kenji silences the gateway of host-a for two hours; it stops")
    await town.asks(OPERATOR, 'silence add host-a/gateway 2h "known"')
    gateway.stop_service(GATEWAY_SERVICE, town.now)
    await diary.minutes(3)
    await diary.calmly_on(5, "14:46")
    await diary.calmly_on(5, "15:02", "the silence is over")
    await diary.minutes(1)
    gateway.start_service(GATEWAY_SERVICE, town.now)
    diary.note("somebody starts it")
    await diary.minutes(3)
    await diary.calmly_on(5, "22:30", "somebody adds a peer to host-b's gateway that is not configured")
    peered = town.fleet["host-b"].gateway
    assert peered is not None
    peered.state.peers.append("http://10.100.77.1:8080")
    await diary.minutes(3)
    await diary.calmly_on(6, "07:01", "quiet hours are over")
    await diary.minutes(1)
    peered.state.peers.pop()
    diary.note("somebody removes it")
    await diary.minutes(3)


async def _clocks_jump(town: World, diary: Diary) -> None:
    state = town.fleet["host-b"].windows.state
    await diary.calmly_on(6, "10:00", "the gateway of host-b stops, and kenji acknowledges it for two hours")
    state.stop_service(GATEWAY_SERVICE, town.now)
    await diary.minutes(3)
    await town.asks(OPERATOR, f"alert acknowledge {town.newest_alert} --for 2h")
    diary.note("all clocks are set forward by an hour")
    await town.set_clocks(timedelta(hours=1))
    await diary.minutes(2)
    diary.note("all clocks are set back by an hour")
    await town.set_clocks(-timedelta(hours=1))
    await diary.calmly_on(6, "10:20", "somebody starts it")
    state.start_service(GATEWAY_SERVICE, town.now)
    await diary.minutes(3)


async def _nobody_acknowledges(town: World, diary: Diary) -> None:
    state = town.fleet["host-b"].windows.state
    await diary.calmly_on(7, "10:00", "Nebula stops on host-b, and nobody acknowledges it")
    state.stop_service("Nebula", town.now)
    await diary.minutes(3)
    for clock in ("10:18", "10:33", "10:48"):
        await diary.calmly_on(7, clock)
    await diary.calmly_on(7, "11:00", "somebody starts it")
    state.start_service("Nebula", town.now)
    await diary.minutes(3)
    await diary.calmly_on(7, "23:00")
