"""What programs are told of the bot: alive, ready, numbers; never whose or where."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import insert

from adapters.inventory import InvalidSetting
from adapters.phrase import Phrase
from bot.incidents.tables.incidents import IncidentTable, encode_incident
from bot.model.incident import Incident
from bot.runtime.loopback import Loopback
from bot.store.condition import DatabaseCondition, check_writable
from bot.store.database import Database
from bot.store.errors import DatabaseError, make_full_error
from bot.store.schema.tables import ALERTS, INCIDENTS
from bot.telemetry import endpoints as status
from bot.telemetry.endpoints import (
    CHECK_INTERVAL,
    MAX_LAG,
    STALE_AFTER,
    HealthChecks,
    HealthMonitor,
    Probe,
    StatusUnusable,
    serve,
    watch_health,
)
from bot.telemetry.health_checks import (
    MAX_OUTBOX_AGE,
    make_audit_check,
    make_database_check,
    make_outbox_check,
    make_slack_checks,
    make_watch_check,
)
from bot.telemetry.metrics import Metrics
from bot.telemetry.watchdog import ServiceManager
from commands.model.finding import Severity

NOW = datetime(2026, 1, 31, tzinfo=UTC)
BLANK_INCIDENT = Incident("op-1", "", "t", "all", "ana", NOW, number=1)
ALERT = {
    **dict.fromkeys(("host", "short", "why", "cause", "acknowledged_by", "message"), ""),
    **dict.fromkeys(("version", "shown", "streak", "step"), 0),
    **dict.fromkeys(("began_at", "checked_at"), NOW),
    "condition": "nebula",
    "severity": "high",
}
ANY = Loopback("127.0.0.1", 0)


@dataclass(frozen=True)
class Slack:
    """How Slack's side may be."""

    connected: bool = True
    failure: str = ""
    revoked: str = ""
    sending: bool = True
    announcements_accepted: bool = True
    unreachable_people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watch:
    """How the watch of the hosts may be."""

    healthy: bool
    round_age: float
    overruns: int = 0


@dataclass
class Bot:
    """A bot whose parts can be taken ill, and its clock."""

    slack: Slack = Slack()
    trouble: DatabaseError | None = None
    intact: bool = True
    now: float = 100.0
    measures: Metrics = field(default_factory=lambda: Metrics("1.2.3", ("health",)))

    async def prove(self) -> DatabaseCondition:
        if self.trouble is not None:
            raise self.trouble
        return DatabaseCondition(inbox_unfinished=1, outbox_waiting=0, outbox_undeliverable=0, audit_events=7)

    async def silence(self) -> float | None:
        return 12.5

    async def health(self) -> Slack:
        return self.slack

    def vitals(self) -> HealthMonitor:
        checks = HealthChecks(
            vital={"database": make_database_check(self.prove, self.measures)},
            needed={"audit": make_audit_check(lambda: self.intact), **make_slack_checks(self.health)},
            find_silence=self.silence,
        )
        return HealthMonitor(checks, self.measures, lambda: self.now, asyncio.sleep)


@asynccontextmanager
async def asking(vitals: HealthMonitor) -> AsyncIterator[Callable[[str], Awaitable[tuple[int, Any]]]]:
    """Asks the status port: the status, and the document or text."""
    async with serve(ANY, vitals) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def ask(path: str) -> tuple[int, Any]:
            async with session.get(path) as response:
                plain = response.content_type != "application/json"
                return response.status, await response.text() if plain else await response.json()

        yield ask


async def test_a_well_bot_is_alive_and_ready() -> None:
    vitals = Bot().vitals()
    await vitals.run_checks()
    async with asking(vitals) as ask:
        alive = {"alive": True, "reasons": [], "event_loop_lag_seconds": 0.0, "slack_silent_seconds": 12.5}
        assert await ask("/healthz") == (200, alive)
        assert await ask("/readyz") == (200, {"ready": True, "reasons": []})


@pytest.mark.parametrize(
    ("bot", "reason"),
    [
        (Bot(slack=Slack(connected=False)), "not connected to Slack. Check the log and the connection to Slack"),
        (
            Bot(slack=Slack(connected=False, failure="unreachable")),
            "could not connect to Slack (unreachable), retrying. Check the connection to Slack",
        ),
        (
            Bot(slack=Slack(revoked="token_revoked")),
            "Slack rejected the token (token_revoked). Get a new one from the app settings",
        ),
        (
            Bot(slack=Slack(announcements_accepted=False)),
            "a channel does not accept the bot's posts. Invite the bot there, or fix [notices] in the configuration",
        ),
        (Bot(slack=Slack(sending=False)), "a message in the last hour could not be delivered. Check the log"),
        (
            Bot(slack=Slack(unreachable_people=("U0GONE", "W0GONE"))),
            "could not send direct messages to U0GONE, W0GONE. Check these accounts in Slack, or fix [[people]] in the "
            "configuration",
        ),
        (Bot(intact=False), "the audit log does not match its last state. Run flatnet-bot audit verify"),
    ],
)
async def test_what_keeps_people_from_answers_is_said_and_needs_no_restart(bot: Bot, reason: str) -> None:
    """Restarting helps none of these: not ready, but alive."""
    vitals = bot.vitals()
    await vitals.run_checks()
    async with asking(vitals) as ask:
        assert await ask("/readyz") == (503, {"ready": False, "reasons": [reason]})
        assert (await ask("/healthz"))[0] == 200


async def test_a_database_that_takes_no_write_is_neither_ready_nor_alive_and_its_path_is_not_told() -> None:
    bot = Bot(trouble=make_full_error(Path("/home/tanaka/flatnet.sqlite3")))
    vitals = bot.vitals()
    await vitals.run_checks()
    async with asking(vitals) as ask:
        for path in ("/healthz", "/readyz"):
            code, document = await ask(path)
            assert (503, ["the check database failed. Check the log"]) == (code, document["reasons"])


async def test_several_reasons_are_all_told() -> None:
    vitals = Bot(slack=Slack(connected=False, sending=False), intact=False).vitals()
    await vitals.run_checks()
    assert len(vitals.find_readiness_problems()) == 3


async def test_problems_are_found_by_the_names_of_their_checks() -> None:
    vitals = Bot(slack=Slack(connected=False, announcements_accepted=False), intact=False).vitals()
    await vitals.run_checks()
    found = list(map(str, vitals.find_problems(("audit", "slack", "watch"))))
    assert [
        "the audit log does not match its last state. Run flatnet-bot audit verify",
        "not connected to Slack. Check the log and the connection to Slack",
    ] == found


async def test_checks_that_do_not_run_are_a_problem_whatever_is_asked_for() -> None:
    bot = Bot()
    vitals = bot.vitals()
    bot.now += STALE_AFTER + 1
    vitals.pulse._next = bot.now
    found = list(map(str, vitals.find_problems(("audit",))))
    assert ["no checks ran for 46 s. Check the log, then restart the bot"] == found


@pytest.mark.parametrize(
    ("age", "problem"),
    [
        (None, None),
        (MAX_OUTBOX_AGE, None),
        (
            MAX_OUTBOX_AGE + timedelta(minutes=1),
            "a message has waited for Slack for 660 s. Check the log and the connection to Slack",
        ),
        (-timedelta(hours=1), None),
    ],
)
async def test_a_message_that_waits_for_long_means_that_the_outbox_stands_still(
    age: timedelta | None, problem: str | None
) -> None:
    async def find_oldest() -> datetime | None:
        return None if age is None else NOW - age

    found = await make_outbox_check(find_oldest, lambda: NOW)()
    assert problem == (None if found is None else str(found))


async def test_a_watch_that_stands_still_is_a_problem() -> None:
    measures = Metrics("1", ())
    assert await make_watch_check(Watch(healthy=True, round_age=42.0), measures)() is None
    found = await make_watch_check(Watch(healthy=False, round_age=240.0, overruns=3), measures)()
    text = measures.render().decode()
    assert ("flatnet_watch_age_seconds 240.0" in text, "flatnet_watch_overruns 3.0" in text) == (True, True)
    assert "the watch of the hosts has stopped. Check the log, then restart the bot" == str(found)


async def test_what_is_well_again_is_well_after_the_next_look() -> None:
    bot = Bot(slack=Slack(connected=False))
    vitals = bot.vitals()
    await vitals.run_checks()
    bot.slack = Slack()
    await vitals.run_checks()
    assert () == vitals.find_readiness_problems()


async def test_a_standstill_of_the_event_loop_is_told() -> None:
    bot = Bot()
    vitals = bot.vitals()
    bot.now += 1 + MAX_LAG + 2
    assert ["the event loop was blocked for 7 s. Check the log and the machine"] == list(
        map(str, vitals.find_liveness_problems())
    )


async def test_a_look_that_is_too_old_counts_as_none() -> None:
    """Whoever looks has died of something that nobody foresaw: a restart is right."""
    bot = Bot()
    vitals = bot.vitals()
    await vitals.run_checks()
    bot.now += STALE_AFTER + 1
    vitals.pulse._next = bot.now  # the pulse goes on
    assert ["no checks ran for 46 s. Check the log, then restart the bot"] == list(map(str, vitals.find_liveness_problems()))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError("host-b"), "the check odd failed. Check the log"),
        (None, "the check odd did not end within 0.01 s. Check the log"),
    ],
)
async def test_a_check_that_breaks_or_hangs_is_not_well(
    error: Exception | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "CHECK_TIMEOUT", 0.01)

    async def probe() -> Phrase | None:
        if error is not None:
            raise error
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def fine() -> Phrase | None:
        return None

    odd: dict[str, Probe] = {"odd": probe, "fine": fine}
    vitals = HealthMonitor(HealthChecks({}, odd), Metrics("1", ()), lambda: 0.0, asyncio.sleep)
    await vitals.run_checks()
    assert [said] == list(map(str, vitals.find_readiness_problems()))


async def test_the_numbers_carry_every_check_and_what_waits() -> None:
    bot = Bot(slack=Slack(connected=False))
    vitals = bot.vitals()
    await vitals.run_checks()
    async with asking(vitals) as ask:
        code, text = await ask("/metrics")
    assert code == 200
    for line in (
        'flatnet_ready{check="slack"} 0.0',
        'flatnet_ready{check="database"} 1.0',
        "flatnet_inbox_unfinished 1.0",
        "flatnet_audit_events 7.0",
    ):
        assert line in text


async def test_nothing_else_is_there_and_nothing_can_be_sent() -> None:
    vitals = Bot().vitals()
    async with serve(ANY, vitals) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for method, path, code in (("GET", "/", 404), ("GET", "/healthz/x", 404), ("POST", "/healthz", 405)):
            async with session.request(method, path, data=b"x" * 100_000 if method == "POST" else None) as response:
                assert code == response.status


async def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Loopback("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(StatusUnusable, match=r"cannot listen on 127\.0\.0\.1 port \d+ \(EADDRINUSE\)"):
            async with serve(address, Bot().vitals()):
                pass


async def test_the_service_manager_hears_ready_the_state_beats_and_the_end(tmp_path: Path) -> None:
    bot = Bot(slack=Slack(connected=False))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        manager = ServiceManager(str(tmp_path / "notify"))
        async with watch_health(bot.vitals(), manager, within=60.0):
            manager.notify_ready()
            for _ in range(20):
                await asyncio.sleep(0)
        listener.settimeout(2)
        heard = {listener.recv(4096).decode() for _ in range(4)}
    slack = "not connected to Slack. Check the log and the connection to Slack"
    assert heard == {"READY=1", "WATCHDOG=1", f"STATUS={slack}", "STOPPING=1"}


async def test_looks_go_on_at_their_interval() -> None:
    """The clock ends the story after the second pause."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise asyncio.CancelledError

    bot = Bot()
    told: list[str] = []
    vitals = HealthMonitor(bot.vitals()._checks, bot.measures, lambda: bot.now, sleep)
    with pytest.raises(asyncio.CancelledError):
        await vitals.run(told.append)
    assert ([CHECK_INTERVAL, CHECK_INTERVAL], ["ready", "ready"]) == (pauses, told)


async def test_alerts_of_a_real_database_are_counted_until_they_are_resolved(tmp_path: Path) -> None:
    rows = [
        {**ALERT, "number": number, "subject": f"s{number}", "state": state, "resolved_at": ended}
        for number, (state, ended) in enumerate([("firing", None), ("firing", None), ("resolved", NOW)], start=1)
    ]
    database = Database.open(tmp_path / "flatnet.sqlite3")
    try:
        await database.run(lambda connection: connection.execute(insert(ALERTS), rows))
        assert {("firing", "high"): 2} == (await check_writable(database)).alerts
    finally:
        await database.aclose()


async def test_only_incidents_that_everyone_may_know_of_are_counted_and_the_one_of_no_severity_too(tmp_path: Path) -> None:
    """Private ones, those of which that is not known, and those that are over are not."""
    high: dict[str, Any] = {"document": json.dumps(encode_incident(replace(BLANK_INCIDENT, severity=Severity.HIGH)))}
    given: list[dict[str, Any]] = [
        high | {"private": 0},
        {"private": 0},
        {"private": 1},
        {"private": None},
        {"private": 0, "state": "resolved"},
    ]
    usual: dict[str, Any] = {
        "channel": "",
        "title": "t",
        "target": "all",
        "opened_by": "ana",
        "opened_at": NOW,
        "resolution": "",
    }
    usual |= {"resolved_by": "", "was": "", "state": "mitigated", "version": 1, "shared": 0}
    usual |= {"document": json.dumps(encode_incident(replace(BLANK_INCIDENT, severity=None)))}
    rows = [usual | row | {"number": number, "operation": f"op-{number}"} for number, row in enumerate(given, 1)]
    database = Database.open(tmp_path / "flatnet.sqlite3")
    try:
        await database.run(lambda connection: connection.execute(insert(INCIDENTS), rows))
        assert {"high": 1, "": 1} == await IncidentTable(database).count_public()
    finally:
        await database.aclose()


async def test_a_real_database_is_proven_by_a_write(tmp_path: Path) -> None:
    """What stands in it stays as it is; a file that cannot be written is found."""
    path = tmp_path / "flatnet.sqlite3"
    database = Database.open(path, patience=0.05)
    try:
        before = (path.with_name(path.name + "-wal")).stat().st_size
        assert await check_writable(database) == DatabaseCondition(0, 0, 0, 0)
        assert (path.with_name(path.name + "-wal")).stat().st_size > before
    finally:
        await database.aclose()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9464", Loopback("127.0.0.1", 9464)),
        ("127.0.0.2:0", Loopback("127.0.0.2", 0)),
        ("[::1]:9464", Loopback("::1", 9464)),
    ],
)
def test_a_loopback_address_may_be_listened_at(text: str, address: Loopback) -> None:
    assert Loopback.parse(text) == address


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "10.100.1.1:80", "[fe80::1]:1", "[::ffff:192.0.2.1]:80"],
)
def test_an_address_that_others_can_reach_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="must be a loopback address such as"):
        Loopback.parse(text)


@pytest.mark.parametrize(
    "text", ["", "9464", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "999.0.0.1:1"]
)
def test_what_is_no_address_and_port_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="must be an address and a port"):
        Loopback.parse(text)
