"""What one answer has found is part of the next: stored without secrets, shown to who may ask for it, gone with its host."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.digests.services import CheckRegistry
from bot.requests.dispatcher import Dispatcher
from bot.security.redaction import Redactor
from bot.store.checks import CheckTable
from bot.store.database import Database
from bot.store.errors import DatabaseUnavailable
from commands.model.check import Area, StoredCheck
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.keeping import CANARY, Kept
from tests.bot.requests.test_dispatcher import ANA, Log, config, report, request
from tests.commands.canned import NOW, windows
from tests.commands.canned_certs import Said, host, view
from tests.commands.health import test_disk_operation as disks

A, B = host("host-a", 1), host("host-b", 2)
RULES = Policy((ANA,))
FULL: Said = {("host-b", "windows disks"): disks.drives(C=97)}
LOST: Said = {("host-b", side): Unreachable(Phrase("no connection")) for side in ("windows", "wsl", "gateway")}
UNCHECKED = "Unknown: no full check in the last 26 h, or since the last change"


@dataclass
class Desk:
    """A dispatcher over a real table of checks."""

    table: CheckTable
    policy: Policy = RULES

    async def ask(self, text: str, *hosts: Host, said: Said | None = None, at: datetime = NOW) -> Report:
        kept = Kept()
        environment = replace(
            kept.services(Log(), lambda: at), checks=CheckRegistry(self.table, Redactor([CANARY]).redact_json)
        )
        ground = replace(config(), fleet=view(*(hosts or (A, B)), said=said).fleet, policy=self.policy)
        return report(await Dispatcher(ground, environment, reference=lambda: "7f3a").handle(request(text)))

    async def known(self, *hosts: str) -> dict[tuple[str, Area], StoredCheck]:
        return dict(await self.table.find_by_host(hosts))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    yield Desk(CheckTable(database))
    await database.aclose()


def unchecked(answer: Report) -> list[str]:
    return [str(line) for part in answer.sections if str(part.heading) == UNCHECKED for line in part.lines]


async def test_every_read_of_a_fleet_leaves_its_checks(desk: Desk) -> None:
    for words in ("health", "disk", "update", "cert host-a", "host"):
        await desk.ask(words)

    known = await desk.known("host-a", "host-b")
    every = {("host-a", area) for area in Area} | {("host-b", area) for area in Area if area is not Area.CERTIFICATES}
    assert every == set(known)


async def test_health_no_longer_calls_a_host_healthy_whose_disk_is_full(desk: Desk) -> None:
    before = await desk.ask("health")
    await desk.ask("disk", said=FULL)
    after = await desk.ask("health", at=NOW + timedelta(seconds=20))

    assert ("all 2 hosts are healthy", ["disks, certificates, updates"]) == (str(before.summary), unchecked(before))
    assert "1 of 2 hosts needs attention: host-b C: 97% full" == str(after.summary)
    assert ["certificates, updates"] == unchecked(after)


async def test_a_dead_host_keeps_its_full_disk_and_its_age(desk: Desk) -> None:
    await desk.ask("disk", said=FULL, at=NOW - timedelta(hours=3))
    for words in ("disk", "health"):
        answer = await desk.ask(words, said=LOST)

    assert "1 of 2 hosts needs attention: host-b unreachable, C: 97% full (checked 10800 s ago)" == str(answer.summary)


async def test_who_may_not_ask_for_disks_is_not_told_of_them(desk: Desk) -> None:
    await desk.ask("disk", said=FULL)
    reserved = Grant(operations=("disk",), roles=frozenset({Role.SECURITY}))
    answer = await replace(desk, policy=Policy((ANA,), grants=(reserved,))).ask("health")

    assert ("all 2 hosts are healthy", ["certificates, updates"]) == (str(answer.summary), unchecked(answer))


async def test_a_host_that_left_the_configuration_has_no_checks_and_its_name_begins_anew(desk: Desk) -> None:
    await desk.ask("disk", said=FULL)
    await desk.ask("disk", A)

    assert {"host-a"} == {name for name, _ in await desk.known("host-a", "host-b")}
    assert ["disks: host-b"] == [line for line in unchecked(await desk.ask("health")) if "disks" in line]


async def test_a_secret_in_a_finding_is_not_stored(desk: Desk) -> None:
    assert A.windows is not None
    telling = A.model_copy(update={"windows": A.windows.model_copy(update={"nebula_service": CANARY})})
    answer = await desk.ask("health", telling, said={("host-a", "windows"): windows(nebula="Stopped")})

    (check,) = (await desk.known("host-a")).values()
    assert CANARY in str(answer.findings[0].why)
    assert ("nebula", False) == (check.findings[0].subject, CANARY in check.model_dump_json())


async def test_an_answer_is_given_although_its_checks_cannot_be_stored(desk: Desk) -> None:
    class Full(CheckTable):
        async def store(self, checks: object) -> None:
            raise DatabaseUnavailable(Phrase("the disk is full"))

    with capture_logs() as logs:
        answer = await Desk(Full(desk.table._database)).ask("disk", said=FULL)

    assert "1 of 2 hosts needs attention: host-b C: 97% full" == str(answer.summary)
    assert ["the checks of hosts could not be stored"] == [each["event"] for each in logs]
