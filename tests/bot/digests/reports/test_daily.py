"""The digest: one line where all is well, else what changed, what is wrong and what waits, each thing once."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.action import Action
from adapters.errors import Unreachable
from adapters.inventory import Host
from adapters.phrase import Phrase, Texts
from adapters.windows.nebula import ReadCertificates
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.answers.slack import render
from bot.digests.reports.daily import DigestInput, compose_digest, make_baseline
from bot.digests.reports.replicas import find_unable_copies
from bot.digests.rules import Baseline, list_time_left
from bot.digests.services import HealthHistory
from bot.digests.tables import DigestTable
from bot.model.change import BreakGlass, ChangeState
from bot.model.request import Answer, BotIdentity, Membership, Request, SlackIdentity, Surface
from bot.rendering.slack.blocks import MAX_BLOCKS, MAX_CHARACTERS
from bot.requests.dispatcher import Dispatcher
from bot.store.audit_head_file import Head
from bot.store.database import Database
from bot.store.known_replicas import KnownCopies
from bot.store.leadership import Leader
from bot.store.observations import Observation, ObservationTable
from bot.store.replicas import LEADS, STANDS_BY
from commands.certificates.operations import CertList
from commands.health.operation import Health
from commands.model.chart import Chart, DayHealth
from commands.model.check import Area
from commands.model.finding import Severity
from commands.model.operation import Role
from commands.model.report import Report
from commands.model.rotation import RotationStage
from tests.bot.answers.slack.test_answer import shown
from tests.bot.digests.reports.test_replicas import copy
from tests.bot.keeping import Kept, lock
from tests.bot.rendering.changes import DONE, change
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.canned import NOW, container, log, windows, wsl
from tests.commands.canned_certs import authority, files, host, view
from tests.commands.canned_rotation import NEXT_CA, held, rotation, rotation_authority
from tests.commands.health import test_disk_operation as disks
from tests.commands.health import test_update_operation as updates

LIGHTHOUSE, A, B, C = host("lighthouse", 0), host("host-a", 1), host("host-b", 2), host("host-c", 3)
FLEET = (LIGHTHOUSE, A, B, C)
DAY = timedelta(days=1)
HEAD = Head(1234, "ab12cd34ef56" + "0" * 52, NOW.isoformat())
LOST = Unreachable(Phrase("no connection"))

Said = dict[tuple[str, str], object]


def lost(host: Host) -> Said:
    return {(host.name, side): LOST for side in ("windows", "wsl", "gateway")}


def nebula(host: Host, status: Any = "Stopped", **certificate: Any) -> Said:
    """Nebula is in that state; the certificate is well, or as said."""

    def answer(action: Action[Any]) -> object:
        return files(host, **certificate) if isinstance(action, ReadCertificates) else windows(status)

    return {(host.name, "windows"): answer}


def ends(host: Host, days: float) -> Said:
    """The certificate ends so many days from now."""
    return {(host.name, "windows"): files(host, days=days)}


def no_containers(host: Host) -> Said:
    return {(host.name, "wsl"): wsl(host, containers=(container("web-1", "exited", 1),))}


async def seen(said: Said | None = None, *hosts: Host, **given: Any) -> DigestInput:
    """What a digest sees of hosts that are well, but for what is said."""
    hosts = hosts or FLEET
    looked = view(*hosts, said=said)
    health, certificates = await Health().read(looked), await CertList().read(looked)
    names = tuple(each.name for each in hosts)
    return replace(DigestInput(NOW, names, health, certificates, head=HEAD), **given)


async def after(then: DigestInput, said: Said | None = None, *hosts: Host, **given: Any) -> DigestInput:
    """What is seen a day after that."""
    earlier = Baseline.from_json(make_baseline(replace(then, at=NOW - DAY)).model_dump_json())
    return await seen(said, *hosts, earlier=earlier, **given)


def news(report: Report) -> list[str]:
    return [] if report.news is None else [str(line) for line in report.news.lines]


def sections(report: Report) -> dict[str, list[str]]:
    return {str(part.heading): [str(line) for line in part.lines] for part in report.sections}


async def test_a_copy_of_the_bot_that_could_not_take_over_is_named_first_and_is_no_host_with_a_problem() -> None:
    missed = copy("bot-b", STANDS_BY, age=7200.0)
    leader = copy("bot-a", LEADS)
    known = KnownCopies((leader, missed), Leader(7, leader.report.identity, NOW))
    report = compose_digest(await after(await seen(), copies=tuple(find_unable_copies(known))))

    assert str(report.summary).startswith("bot-b cannot take over. All 4 hosts are healthy")
    assert ["bot-b has not been seen for 7200 s. Check its machine"] == [str(each.why) for each in report.findings]


async def test_all_well_is_one_line() -> None:
    report = compose_digest(await after(await seen()))

    assert (
        "all 4 hosts are healthy. The certificate of host-a expires first, in 200 days. Audit log: event 1234 (ab12cd34ef56)"
    ) == str(report.summary)
    assert (True, None, (), (), ()) == (report.brief, report.news, report.sections, report.findings, report.next)


async def test_the_first_digest_ever_says_that_there_is_nothing_to_compare_with() -> None:
    report = compose_digest(await seen(nebula(A)))

    assert ["no earlier digest to compare with"] == news(report)
    assert str(report.summary) == "1 of 4 hosts needs attention: host-a Nebula stopped"


async def test_an_empty_fleet_says_what_to_do() -> None:
    given = replace(await seen(), hosts=())
    nothing = view()
    report = compose_digest(
        replace(given, health=await Health().read(nothing), certificates=await CertList().read(nothing), head=None)
    )

    assert "no hosts configured. Add them to the configuration file" == str(report.summary)
    assert report.brief


Case = tuple[Said, Said, list[str], str]
"""What was said then, what is said now, the news, and how the summary counts them."""

CHANGES: dict[str, Case] = {
    "nothing changed": (nebula(A), nebula(A), ["no changes"], ""),
    "new": (
        {},
        nebula(A) | nebula(B) | no_containers(C),
        ["new: host-a, host-b: Nebula stopped", "new: host-c: Containers 1 of 1 with problems"],
        ". 3 new",
    ),
    "mended": (nebula(A), {}, ["resolved: host-a: Nebula stopped"], ". 1 resolved"),
    "some of each": (
        nebula(A) | no_containers(B),
        nebula(C) | no_containers(B),
        ["new: host-c: Nebula stopped", "resolved: host-a: Nebula stopped"],
        ". 1 new, 1 resolved",
    ),
    "worse": (ends(A, 29), ends(A, 6), ["worsened: host-a: certificate: 6 days left"], ". 1 worsened"),
    "better": (nebula(A), nebula(A, "StartPending"), ["improved: host-a: Nebula starting"], ""),
    "a certificate that was renewed": (ends(A, 6), {}, ["resolved: host-a: certificate: 6 days left"], ". 1 resolved"),
    "a host that is not reached now is neither mended nor bad": (
        nebula(A) | no_containers(A),
        lost(A),
        ["new: host-a: unreachable"],
        ". 1 new",
    ),
    "a certificate that nobody can look at is not renewed": (ends(A, 6), lost(A), ["new: host-a: unreachable"], ". 1 new"),
    "a side that is not reached leaves the other sides judged": (
        nebula(A) | no_containers(A),
        {("host-a", "wsl"): LOST},
        ["new: host-a: WSL2 unreachable", "resolved: host-a: Nebula stopped"],
        ". 1 new, 1 resolved",
    ),
    "a host that answers again": (lost(A), {}, ["resolved: host-a: unreachable"], ". 1 resolved"),
}


@pytest.mark.parametrize(("then", "now", "expected", "counts"), CHANGES.values(), ids=CHANGES)
async def test_what_changed_since_the_last_one(then: Said, now: Said, expected: list[str], counts: str) -> None:
    report = compose_digest(await after(await seen(then), now))

    assert expected == news(report)
    assert counts in str(report.summary)
    assert bool(counts) is bool(re.search(r"\. \d+ (new|worsened|resolved)", str(report.summary)))


async def test_what_nobody_could_look_at_is_remembered_until_somebody_can() -> None:
    """It is not new when it is seen again, and mended only when it was seen to be."""
    silent = await after(await seen(nebula(A)), lost(A))

    assert ["resolved: host-a: unreachable"] == news(compose_digest(await after(silent, nebula(A))))
    assert ["resolved: host-a: Nebula stopped", "resolved: host-a: unreachable"] == news(compose_digest(await after(silent)))


async def test_a_ca_is_told_from_the_host_that_it_was_read_on() -> None:
    old = authority(days=20)
    every: Said = {(each.name, "windows"): files(each, old, 15) for each in FLEET}
    once: Said = {("lighthouse", "windows"): files(LIGHTHOUSE, days=15)}

    report = compose_digest(await after(await seen(once), every))

    assert [
        "new: lighthouse: CA Flatnet CA: 20 days left",
        "new: host-a, host-b, host-c: certificate: 15 days left",
    ] == news(report)


async def test_a_ca_is_mended_only_where_every_host_was_read() -> None:
    """Any of them may be the last one that trusts it."""
    old = authority(days=20)
    every: Said = {(each.name, "windows"): files(each, old, 19) for each in FLEET}
    told = "CA Flatnet CA"

    then = await seen(every)

    assert [] == [line for line in news(compose_digest(await after(then, lost(A)))) if told in line]
    assert ["resolved: lighthouse: CA Flatnet CA: 20 days left"] == [
        line for line in news(compose_digest(await after(then))) if told in line
    ]


async def test_hosts_that_came_and_went_are_said_and_take_their_troubles_along() -> None:
    report = compose_digest(await after(await seen(nebula(B), LIGHTHOUSE, A, B), None, LIGHTHOUSE, A, C))

    assert ["host-c was added to the configuration", "host-b was removed from the configuration"] == news(report)


def looks(host: str, well: int, unreached: int = 0, **failed: int) -> Observation:
    return Observation(host, NOW, well, max(failed.values(), default=0), unreached, failed)


FLAPPING: list[tuple[str, Said, Said, Observation, list[str]]] = [
    (
        "and is healthy now",
        {},
        {},
        looks("host-b", 45, api=3),
        ["host-b: API unhealthy in 3 of 48 checks, now healthy"],
    ),
    (
        "and answers now",
        {},
        {},
        looks("host-b", 46, unreached=2),
        ["host-b: unreachable in 2 of 48 checks, now responding"],
    ),
    (
        "still bad: it is new, and nothing else",
        {},
        nebula(B),
        looks("host-b", 40, nebula=8),
        ["new: host-b: Nebula stopped"],
    ),
    ("known from the last digest", nebula(B), {}, looks("host-b", 40, nebula=8), ["resolved: host-b: Nebula stopped"]),
    ("not reached now: nobody knows", {}, lost(B), looks("host-b", 45, api=3), ["new: host-b: unreachable"]),
    ("a host that is gone", {}, {}, looks("host-z", 45, api=3), []),
    ("nothing", {}, {}, looks("host-b", 48), []),
]


@pytest.mark.parametrize(("then", "now", "between", "expected"), [c[1:] for c in FLAPPING], ids=[c[0] for c in FLAPPING])
async def test_what_failed_and_healed_by_itself_is_said_once(
    then: Said, now: Said, between: Observation, expected: list[str]
) -> None:
    report = compose_digest(await after(await seen(then), now, since={between.host: between}))

    assert expected == news(report)


async def test_what_is_wrong_comes_worst_first_and_each_thing_once() -> None:
    """A host that is silent is silent in its certificate, too; a certificate makes a well host's line worse."""
    report = compose_digest(await seen(nebula(A) | lost(B) | ends(C, 10)))

    assert [
        ("host-a", "nebula", Severity.CRITICAL),
        ("host-b", "host", Severity.HIGH),
        ("host-c", "expiry", Severity.MEDIUM),
    ] == [(finding.host, finding.subject, finding.severity) for finding in report.findings]
    assert [
        ("host-a", Severity.CRITICAL),
        ("host-b", Severity.HIGH),
        ("host-c", Severity.MEDIUM),
        ("lighthouse", None),
    ] == [(row.host, row.severity) for row in report.rows]
    assert (
        "3 of 4 hosts need attention: host-a Nebula stopped, host-b unreachable, host-c certificate: 10 days left"
    ) == str(report.summary)
    assert ("service start nebula host-a", "health host-b --details", "cert renew host-c") == report.next


async def test_certificates_come_by_days_left_and_what_is_not_known_is_said() -> None:
    ca = authority(days=12)
    said: Said = {("lighthouse", "windows"): files(LIGHTHOUSE, ca, 11), ("host-a", "windows"): files(A, ca, -1)} | lost(B)
    given = await seen(said)

    assert [
        "host-a: expired",
        "lighthouse: 11 days left",
        "CA Flatnet CA: 12 days left",
        "host-c: 200 days left",
        "CA Flatnet CA: 265 days left",
        "unknown: host-b",
    ] == sections(compose_digest(given))["Next certificates to expire"]
    assert [("host-a", False, -1), ("lighthouse", False, 11), ("Flatnet CA", True, 12)] == [
        (each.name, each.authority, round(each.days)) for each in list_time_left(given.certificates, NOW)[:3]
    ]


async def test_what_waits_is_said_with_its_words_and_age_even_where_all_is_well() -> None:
    asked_at = NOW - timedelta(hours=2)
    broken = DONE.model_copy(update={"break_glass": BreakGlass(), "asked_at": asked_at})
    report = compose_digest(
        await after(
            await seen(),
            locks=(lock("host-a"), lock("host-b", NOW - DAY)),
            waiting=(change(asked_at=asked_at), broken),
            unknown=(change(ChangeState.UNKNOWN),),
        )
    )

    assert {
        "Locks": ["ana has locked host-a until 2026-11-25 11:10:00 UTC: disk swap"],
        "Pending": [
            "cert renew host-a, op-0123456789ab: waiting for approval (requested by alice 7200 s ago)",
            (
                "cert renew host-a, op-0123456789ab: ran without approval and is waiting for review (requested by alice "
                "7200 s ago)"
            ),
        ],
        "Result unknown": ["cert renew host-a, op-0123456789ab: check the hosts, then report the result"],
    } == sections(report)
    assert ("op show op-0123456789ab", "approval") == report.next
    assert report.brief


async def test_an_audit_log_in_doubt_is_the_worst_of_all_and_no_hosts_fault() -> None:
    report = compose_digest(await after(await seen(), trouble=Phrase("the audit log ends at event 3")))

    assert str(report.summary).startswith("audit log inconsistent. All 4 hosts are healthy")
    assert ["the audit log ends at event 3"] == [str(finding.why) for finding in report.findings]
    assert ("audit verify",) == report.next
    assert not report.brief


async def test_a_fleet_that_is_all_silent_points_at_the_bots_own_network() -> None:
    everything = {key: value for each in FLEET for key, value in lost(each).items()}
    report = compose_digest(await seen(everything))

    assert "none of the 4 hosts respond. Check the bot's own network first" == str(report.summary)


MANY = tuple(host(f"host-{n:03}", n) for n in range(1, 255))


def stopped(action: Action[Any]) -> object:
    """Nebula is stopped, and nobody gets to the certificate."""
    return LOST if isinstance(action, ReadCertificates) else windows("Stopped")


BAD: dict[str, Said] = {
    "silent": {key: value for each in MANY for key, value in lost(each).items()},
    "stopped": {(each.name, "windows"): stopped for each in MANY},
}


@pytest.mark.slow
@pytest.mark.parametrize("texts", [ENGLISH, JAPANESE], ids=["en", "ja"])
@pytest.mark.parametrize("said", BAD.values(), ids=BAD)
async def test_254_bad_hosts_are_one_message_that_counts_them(said: Said, texts: Texts) -> None:
    names = tuple(each.name for each in MANY)
    earlier = Baseline(at=NOW - DAY, hosts=names, known=())
    since = {name: looks(name, 40, bridge=8) for name in names}
    waiting = tuple(change() for _ in range(50))
    report = compose_digest(await seen(said, *MANY, earlier=earlier, since=since, waiting=waiting))
    message = render(Answer(operation="op-1", understood="digest", body=report), texts)

    assert len(message.blocks) <= MAX_BLOCKS
    assert sum(map(len, shown(message))) <= MAX_CHARACTERS
    assert "254" in message.text.splitlines()[0]


BOSS = Person(name="boss", slack=("U1BOSS",), roles=frozenset({Role.OPERATOR, Role.ADMINISTRATOR}))
VIEWER = Person(name="vi", slack=("U1VI",), roles=frozenset({Role.VIEWER}))
RULES = Policy((BOSS, VIEWER), grants=(Grant(operations=("approval",), roles=frozenset({Role.OPERATOR})),))

SOON = timedelta(seconds=10)
"""Between two digests: the clocks of hosts stand."""


@dataclass(frozen=True)
class House:
    """A desk over a real memory, at some time, before a fleet of which things may be said."""

    kept: Kept
    history: HealthHistory
    rules: Policy = RULES

    async def ask(self, key: str, at: datetime, said: Said | None = None, **given: Any) -> Report:
        """What `digest` answers to boss, or to `user`, typed or when its time had come."""
        fleet = view(*FLEET, said=said).fleet
        self.kept.history = self.history
        ground = replace(config(), fleet=fleet, policy=self.rules)
        desk = Dispatcher(ground, self.kept.services(Log(), lambda: at), lambda: "7f3a")
        user, surface = given.get("user"), given.get("surface", Surface.SCHEDULE)
        asks = surface is not Surface.SCHEDULE or user is not None
        who = SlackIdentity("T1", user or "U1BOSS", Membership.MEMBER) if asks else BotIdentity("digest")
        answer = await desk.handle(
            Request(key=key, identity=who, text="digest", surface=surface, at=at, channel=given.get("channel", ""))
        )
        assert isinstance(answer.body, Report)
        return answer.body


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database.open(tmp_path / "flatnet.sqlite3")
    yield House(Kept(change()), HealthHistory(ObservationTable(database), DigestTable(database), ZoneInfo("Asia/Tokyo")))
    await database.aclose()


async def test_a_scheduled_digest_is_what_the_next_ones_compare_themselves_with(house: House) -> None:
    await house.ask("1", NOW - 2 * SOON)
    await house.ask("2", NOW - SOON, nebula(A))

    assert ["resolved: host-a: Nebula stopped"] == news(await house.ask("3", NOW))


async def test_one_that_a_person_asks_for_moves_nothing(house: House) -> None:
    await house.ask("1", NOW - 2 * SOON)
    for key in ("2", "3"):
        asked = await house.ask(key, NOW - SOON, nebula(A), surface=Surface.SLACK)
        assert ["new: host-a: Nebula stopped"] == news(asked)

    assert 1 == (await house.history.sum_by_host(NOW - 3 * SOON, NOW))["host-a"].observation_count
    assert ["new: host-a: Nebula stopped"] == news(await house.ask("4", NOW, nebula(A)))


async def test_one_that_a_person_has_added_as_a_schedule_moves_nothing_either(house: House) -> None:
    """A morning of theirs must not take the news from the digest that everybody reads."""
    await house.ask("1", NOW - 2 * SOON)
    await house.ask("2", NOW - SOON, nebula(A), user="U1BOSS")

    assert ["new: host-a: Nebula stopped"] == news(await house.ask("3", NOW, nebula(A)))


async def test_one_that_is_worked_again_after_a_crash_says_the_same(house: House) -> None:
    """It is not its own predecessor."""
    await house.ask("1", NOW - SOON)
    first = await house.ask("2", NOW, nebula(A))
    again = await house.ask("2", NOW + timedelta(seconds=1), nebula(A))

    assert first.news == again.news
    assert ["no changes"] == news(await house.ask("3", NOW + SOON, nebula(A)))


async def test_what_was_seen_in_between_is_told_and_is_in_the_picture(house: House) -> None:
    await house.ask("1", NOW - SOON)
    ill = await Health().read(view(*FLEET, said=no_containers(B)))
    for ago in range(1, 4):
        await house.history.record(ill, NOW - timedelta(seconds=ago))

    report = await house.ask("2", NOW)

    assert ["host-b: Containers unhealthy in 3 of 3 checks, now healthy"] == news(report)
    assert isinstance(report.chart, Chart)
    assert (14, NOW.date()) == (len(report.chart.days), report.chart.days[-1])
    days = {each.host: each.days for each in report.chart.hosts}
    assert (*[None] * 13, DayHealth(well=2, troubled=3, unreached=0)) == days["host-b"]
    assert {"lighthouse", "host-a", "host-b", "host-c", "Flatnet CA"} == {each.name for each in report.chart.certificates}


async def test_a_digest_that_cannot_be_read_any_more_is_none(house: House) -> None:
    await house.history.store_digest("op-1", NOW - SOON, '{"from": "another version"}')

    assert ["no earlier digest to compare with"] == news(await house.ask("1", NOW, nebula(A)))


async def test_somebody_learns_only_of_what_they_may_ask_for_by_itself(house: House) -> None:
    """Everybody may have a digest; what waits for approval is for those who may look at approvals."""
    theirs = await house.ask("1", NOW, nebula(A) | ends(B, 5), user="U1VI", surface=Surface.SLACK)
    mine = await house.ask("2", NOW, nebula(A) | ends(B, 5), surface=Surface.SLACK)

    assert ["Next certificates to expire", "Locks", "Audit log"] == list(sections(theirs))
    assert ["Next certificates to expire", "Locks", "Pending", "Audit log"] == list(sections(mine))
    assert [None, "cert renew host-b"] == [
        next(finding.next for finding in report.findings if finding.subject == "expiry") for report in (theirs, mine)
    ]


async def test_what_is_for_one_channel_alone_is_told_there_alone_and_to_the_bots_own(house: House) -> None:
    narrowed = Grant(operations=("approval", "op", "lock"), roles=frozenset({Role.VIEWER}), channels=("C0OPS",))
    vi = replace(house, rules=Policy((VIEWER,), grants=(narrowed,)))

    async def told(key: str, **given: Any) -> list[str]:
        parts = sections(await vi.ask(key, NOW, **given))
        return [heading for heading in parts if heading in ("Locks", "Pending")]

    assert [] == await told("1", user="U1VI", surface=Surface.SLACK, channel="D0VI")
    assert [] == await told("2", user="U1VI", channel="C0DEV")
    everything = ["Locks", "Pending"]
    assert everything == await told("3", user="U1VI", surface=Surface.SLACK, channel="C0OPS")
    assert everything == await told("4", user="U1VI", channel="C0OPS")
    assert everything == await told("5", channel="C0DEV")


FULL: Said = {("host-b", "windows disks"): disks.drives(C=97)}
LACKS: Said = {("host-c", "windows updates"): updates.windows(updates.update("5030211", "Critical"))}


@pytest.fixture
def verdict(house: House) -> House:
    """A digest that takes disks and updates from what was checked."""
    house.kept.checks.areas = (Area.DISKS, Area.UPDATES)
    return house


def grow_old(house: House, age: timedelta) -> None:
    """Nothing was checked for that long."""
    known = house.kept.checks.newest
    house.kept.checks.newest = {key: each.model_copy(update={"at": each.at - age}) for key, each in known.items()}


async def test_the_bots_own_digest_checks_disks_and_updates_and_a_person_s_takes_what_is_known(verdict: House) -> None:
    own = await verdict.ask("1", NOW - SOON, FULL | LACKS)
    grow_old(verdict, timedelta(hours=3))
    asked = await verdict.ask("2", NOW, surface=Surface.SLACK)

    assert "2 of 4 hosts need attention: host-b C: 97% full, host-c 1 security update (Windows)" in str(own.summary)
    assert [("host-b", "drive"), ("host-c", "update-windows")] == [(each.host, each.subject) for each in asked.findings]
    assert (
        "2 of 4 hosts need attention: host-b C: 97% full (checked 10800 s ago), host-c 1 security update (Windows) "
        "(checked 10800 s ago)"
    ) in str(asked.summary)
    assert ["host-b", "host-c"] == [row.host for row in asked.rows[:2]]
    assert [] == [name for name in sections(asked) if name.startswith("Not checked")]


async def test_a_person_s_digest_of_a_fleet_that_was_never_checked_says_so_in_one_line(verdict: House) -> None:
    asked = await verdict.ask("1", NOW, surface=Surface.SLACK)

    assert ["disks, updates"] == sections(asked)["Unknown: no full check in the last 26 h, or since the last change"]
    assert ((), True, ("disk", "update")) == (asked.findings, asked.brief, asked.next[-2:])


async def test_a_dead_host_keeps_its_full_disk_until_the_check_is_too_old(verdict: House) -> None:
    await verdict.ask("1", NOW - 2 * SOON, FULL)
    grow_old(verdict, DAY)
    dead = await verdict.ask("2", NOW - SOON, lost(B))
    grow_old(verdict, timedelta(hours=3))
    later = await verdict.ask("3", NOW, lost(B))

    assert [("drive", True), ("host", False)] == [(each.subject, each.reached) for each in dead.findings]
    assert ["new: host-b: unreachable"] == news(dead)
    assert ["host"] == [each.subject for each in later.findings]
    assert [] == [name for name in sections(later) if name.startswith("Not checked")]
    assert ["no changes"] == news(later)


async def test_a_disk_that_was_cleaned_up_is_resolved_once_it_was_read(verdict: House) -> None:
    await verdict.ask("1", NOW - SOON, FULL)

    assert ["resolved: host-b: C: 97% full"] == news(await verdict.ask("2", NOW))


async def test_a_log_is_not_resolved_while_its_host_is_silent(verdict: House) -> None:
    def large(action: Action[Any]) -> object:
        return files(A) if isinstance(action, ReadCertificates) else windows(logs=(log("nebula", size=200 * 2**20),))

    await verdict.ask("1", NOW - 2 * SOON, {("host-a", "windows"): large})
    gone, back = await verdict.ask("2", NOW - SOON, lost(A)), await verdict.ask("3", NOW)

    assert ["new: host-a: unreachable"] == news(gone)
    assert {"resolved: host-a: nebula.log too large", "resolved: host-a: unreachable"} == set(news(back))


async def test_the_change_of_the_ca_is_a_line_also_where_all_is_well() -> None:
    line = Phrase("replacing the certificates: {n} of 4", n=2)
    report = compose_digest(await after(await seen(), rotation=line))

    assert {"CA rotation": ["replacing the certificates: 2 of 4"]} == sections(report)
    assert report.brief


async def test_a_ca_that_is_being_replaced_does_not_expire_first() -> None:
    ending = authority("Ending CA", days=20)
    changing = rotation(RotationStage.SIGNING, old=rotation_authority(ending, "ca"))
    said = {(each.name, "windows"): held(each, ending, NEXT_CA, signed=NEXT_CA) for each in FLEET}
    looked = replace(view(*FLEET, said=said), rotation=changing)
    names = {each.name for each in list_time_left(await CertList().read(looked), NOW)}

    assert {"Flatnet CA 2", *(each.name for each in FLEET)} == names
