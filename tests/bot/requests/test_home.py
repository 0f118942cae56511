"""Home tabs: what each person sees in theirs, by their rights; and when tabs have to be published anew."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.incidents.rules.channels import IncidentChannels
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.change import ChangeState
from bot.model.home import HomeFacts
from bot.model.incident import Incident, IncidentState
from bot.model.lock import Lock
from bot.model.request import Membership, SlackIdentity
from bot.requests.dispatcher import Dispatcher
from commands.model.check import Area, StoredCheck
from commands.model.finding import Severity
from commands.model.operation import Role
from commands.model.rotation import RotationMember, RotationStage
from tests.bot.alert_examples import ACKNOWLEDGED, FIRING, change
from tests.bot.alert_registry import Alerts
from tests.bot.changes.handlers.test_owed import owed
from tests.bot.keeping import Kept, NoIncidents, RememberedMutes, RememberedOwed
from tests.bot.rendering.changes import FAILED, WAITING, approval
from tests.bot.rendering.changes import change as operation
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.canned import NOW
from tests.commands.canned_rotation import rotation
from tests.commands.hosts.suspend.canned_hosts import SUSPENSION

OPERATOR = Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR}))
VIEWER = Person(name="vic", slack=("U1VIC",), roles=frozenset({Role.VIEWER}))
PEOPLE = Policy((OPERATOR, VIEWER))
TOKYO = replace(PEOPLE, grants=(Grant(operations=("health",), roles=frozenset(Role), labels=("tokyo",)),))

ASKED = WAITING.model_copy(update={"approval": approval(roles=(Role.OPERATOR,))})
UNKNOWN = operation(ChangeState.UNKNOWN).model_copy(update={"operation": "op-unknown"})


def incident(number: int, *, private: bool) -> Incident:
    return Incident(f"op-{number}", f"C0{number}", f"outage {number}", "host-a", "boss", NOW, number=number, private=private)


class Incidents(NoIncidents):
    """Open incidents. `asked` counts how often it was asked whether their channels are private."""

    def __init__(self, *incidents: Incident) -> None:
        self.there = incidents
        self.asked = 0

    async def list_incidents(self) -> tuple[Incident, ...]:
        return self.there

    async def look_up_privacy(self, incidents: Sequence[Incident], channels: IncidentChannels) -> tuple[Incident, ...]:
        self.asked += 1
        return tuple(incidents)


class Locked(Kept):
    """One lock."""

    until = NOW + timedelta(hours=1)

    async def list_locks(self) -> tuple[Lock, ...]:
        return (Lock("op-1", "host-a", "disk swap", "boss", NOW, self.until),)


class Home:
    """Home tabs over what a bot keeps; `now` can be moved."""

    def __init__(self, kept: Kept | None = None, policy: Policy = PEOPLE) -> None:
        self.kept = kept or Kept()
        self.now = NOW
        self.policy = policy
        self._desk: Dispatcher | None = None

    @property
    def desk(self) -> Dispatcher:
        if self._desk is None:
            environment = self.kept.services(Log(), lambda: self.now)
            self._desk = Dispatcher(replace(config(), policy=self.policy), environment, reference=lambda: "7f3a")
        return self._desk

    async def seen(self, user: str = "U1ANA", standing: Membership = Membership.MEMBER) -> HomeFacts:
        return await self.desk.read_home(SlackIdentity("T1", user, standing))


def lists(facts: HomeFacts) -> Mapping[str, list[str]]:
    return {each.words: [str(line) for line in each.lines] for each in (*facts.incidents, *facts.lists)}


async def test_alerts_are_those_of_hosts_that_the_person_may_see_and_say_what_they_may_do() -> None:
    home = Home()
    home.kept.alerts = Alerts(FIRING, change(ACKNOWLEDGED, number=8, host="host-b"))
    ana, vic = await home.seen(), await home.seen("U1VIC")
    assert [(7, True, True), (8, True, True)] == [
        (each.alert.number, each.may_acknowledge, each.may_fix) for each in ana.alerts
    ]
    assert [(7, False, False), (8, False, False)] == [
        (each.alert.number, each.may_acknowledge, each.may_fix) for each in vic.alerts
    ]
    assert "1 alert needs attention: host-a: Nebula stopped (1 acknowledged)" == str(ana.alerts_summary)
    assert "2 of 2 hosts have open alerts" == str(ana.fleet)


async def test_a_grant_for_other_hosts_hides_alerts_and_the_count_of_hosts() -> None:
    home = Home(policy=TOKYO)
    home.kept.alerts = Alerts(FIRING, change(number=9, host="", next=None))
    facts = await home.seen()
    assert ([9], None) == ([each.alert.number for each in facts.alerts], facts.fleet)


async def test_muted_alerts_and_consequences_are_counted() -> None:
    home = Home()
    home.kept.alerts = Alerts(
        FIRING, change(number=8, host="host-b"), change(number=9, host="host-a", subject="x", cause="host-a/nebula")
    )
    home.kept.mutes = RememberedMutes(mute(MuteKind.SILENCE, "host-b"))
    facts = await home.seen()
    assert [7] == [each.alert.number for each in facts.alerts]
    assert "(1 follows from others, 1 muted)" in str(facts.alerts_summary)


async def test_of_254_alerts_the_worst_are_shown_and_the_others_counted() -> None:
    home = Home()
    home.kept.alerts = Alerts(*(change(number=number, subject=f"{number}") for number in range(1, 255)))
    facts = await home.seen()
    assert ([1, 2, 3, 4, 5], 249) == ([each.alert.number for each in facts.alerts], facts.alerts_left)
    assert "254 alerts need attention" == str(facts.alerts_summary)


async def test_without_alerts_nothing_is_said_of_them() -> None:
    facts = await Home().seen()
    assert (None, (), "no host has an open alert (2 hosts)") == (facts.alerts_summary, facts.alerts, str(facts.fleet))


async def test_what_waits_for_the_person_is_only_what_they_may_settle_or_report() -> None:
    home = Home(Kept(ASKED, UNKNOWN))
    ana, vic = await home.seen(), await home.seen("U1VIC")
    assert ([ASKED], [UNKNOWN]) == ([*ana.waiting], [*ana.unknown])
    assert ((), ()) == (vic.waiting, vic.unknown)


@pytest.mark.parametrize(("age", "shown"), [(timedelta(days=6), True), (timedelta(days=8), False)])
async def test_changes_that_failed_are_shown_for_a_week_to_those_who_may_continue_them(age: timedelta, shown: bool) -> None:
    ended = FAILED.model_copy(update={"ended_at": NOW - age})
    home = Home(Kept(ended))
    assert ((ended,) * shown, ()) == ((await home.seen()).ended, (await home.seen("U1VIC")).ended)


async def test_incidents_in_private_channels_are_for_their_opener_and_for_those_who_see_all() -> None:
    home = Home()
    home.kept.incidents = Incidents(incident(1, private=False), incident(2, private=True))
    assert ["#1 outage 1 (host-a): open"] == lists(await home.seen())["incident"]


async def test_incidents_have_state_severity_lead_and_the_next_update_the_worst_first() -> None:
    low = replace(incident(1, private=False), severity=Severity.LOW, state=IncidentState.MITIGATED)
    critical = replace(incident(2, private=False), severity=Severity.CRITICAL, lead="ana", next_update_at=NOW)
    home = Home()
    home.kept.incidents = Incidents(incident(3, private=False), low, critical)
    assert [
        "#2 outage 2 (host-a): open, critical, lead: ana, next update 2026-11-25 09:10:00 UTC",
        "#1 outage 1 (host-a): mitigated, low",
        "#3 outage 3 (host-a): open",
    ] == lists(await home.seen())["incident"]


async def test_many_tabs_ask_slack_once_a_minute_about_incidents() -> None:
    home, incidents = Home(), Incidents(incident(1, private=False))
    home.kept.incidents = incidents
    for seconds in (0, 10, 59):
        home.now = NOW + timedelta(seconds=seconds)
        await home.seen()
    assert 1 == incidents.asked
    home.now = NOW + timedelta(seconds=60)
    await home.seen()
    assert 2 == incidents.asked
    home.now = NOW  # the clock was set back
    await home.seen()
    assert 3 == incidents.asked


async def test_the_certificates_that_expire_first_are_three_of_hosts_that_the_person_may_see() -> None:
    home = Home()
    for number, host in enumerate(("host-b", "host-a"), start=1):
        ends = NOW + timedelta(days=number)
        check = StoredCheck(host=host, area=Area.CERTIFICATES, at=NOW, ends_at=ends)
        home.kept.checks.newest[host, Area.CERTIFICATES] = check
    assert [
        "host-b: valid until 2026-11-26 09:10:00 UTC",
        "host-a: valid until 2026-11-27 09:10:00 UTC",
    ] == lists(await home.seen())["cert"]


def mute(kind: MuteKind, what: str, ends_at: datetime = NOW + timedelta(hours=2)) -> Mute:
    return Mute(
        number=1,
        kind=kind,
        what=what,
        reason="disk swap",
        owner="ana",
        identity="{}",
        operation="op-1",
        channel="C1",
        added_at=NOW,
        ends_at=ends_at,
    )


async def test_what_is_owed_is_a_line_for_each_run_and_a_new_version_of_the_tab() -> None:
    home = Home()
    before = await home.desk.read_home_version()
    home.kept.owed = RememberedOwed(owed(1), owed(2, "host-b"), owed(3, settled_at=NOW))
    home = Home(home.kept)
    assert ["host-a, host-b: service start, owed since 2026-11-23 09:10:00 UTC"] == lists(await home.seen())["owed"]
    assert before != await home.desk.read_home_version()


async def test_the_change_of_the_ca_is_a_line_and_each_move_a_new_version_of_the_tab() -> None:
    home = Home()
    versions = [await home.desk.read_home_version()]
    for members in ((), (RotationMember(host="host-a", trusts_at=NOW),)):
        home.kept.rotations.rotation = rotation(RotationStage.TRUSTING, *members)
        versions.append(await home.desk.read_home_version())
    expected = "adding the new CA to all hosts: 1 of 2 hosts trust Flatnet CA 2, waiting for host-b"
    assert [expected] == lists(await home.seen())["ca rotation"]
    assert 3 == len(set(versions))


async def test_a_suspended_host_is_a_line_and_a_new_version_of_the_tab() -> None:
    home = Home()
    before = await home.desk.read_home_version()
    home.kept.suspensions.suspensions = {"host-b": SUSPENSION}

    assert ["host-b: suspended since 2026-11-25 07:10:00 UTC by alice: RAM swap"] == lists(await home.seen())["host"]
    assert before != await home.desk.read_home_version()


async def test_a_host_that_was_read_again_is_no_new_version_of_the_tab() -> None:
    home = Home()
    versions = set()
    for at in (NOW, NOW + timedelta(hours=1)):
        home.kept.rotations.rotation = rotation(RotationStage.TRUSTING, RotationMember(host="host-a", seen_at=at))
        versions.add(await home.desk.read_home_version())
    assert 1 == len(versions)


async def test_locks_silences_and_maintenance_are_shown_with_their_ends() -> None:
    home = Home(Locked())
    home.kept.mutes = RememberedMutes(mute(MuteKind.SILENCE, "host-b"), mute(MuteKind.MAINTENANCE, "host-a"))
    assert {
        "lock": ["boss has locked host-a until 2026-11-25 10:10:00 UTC: disk swap"],
        "silence": ["host-b until 2026-11-25 11:10:00 UTC: disk swap (ana)"],
        "maintenance": ["host-a until 2026-11-25 11:10:00 UTC: disk swap (ana)"],
    } == lists(await home.seen())


async def test_a_guest_sees_nothing() -> None:
    home = Home(Locked(ASKED))
    home.kept.alerts = Alerts(FIRING)
    assert HomeFacts() == await home.seen(standing=Membership.GUEST)


async def test_what_is_urgent_is_for_the_person() -> None:
    home = Home(Kept(ASKED))
    home.kept.alerts = Alerts(FIRING)
    urgent = [await home.desk.list_urgent(SlackIdentity("T1", user, Membership.MEMBER)) for user in ("U1ANA", "U1VIC")]
    assert [("alert", "approval"), ("alert",)] == urgent


@pytest.mark.parametrize("alert", [ACKNOWLEDGED, change(host="host-b")], ids=["acknowledged", "muted"])
async def test_alerts_that_need_no_attention_are_not_urgent(alert: Alert) -> None:
    home = Home()
    home.kept.alerts = Alerts(alert)
    home.kept.mutes = RememberedMutes(mute(MuteKind.SILENCE, "host-b"))
    assert () == await home.desk.list_urgent(SlackIdentity("T1", "U1VIC", Membership.MEMBER))


async def test_the_version_differs_whenever_a_tab_may_and_only_then() -> None:
    home = Home(Locked(ASKED))
    home.kept.alerts = Alerts(FIRING)
    home.kept.mutes = RememberedMutes(mute(MuteKind.SILENCE, "host-b"))
    incidents = Incidents(incident(1, private=False))
    home.kept.incidents = incidents
    versions = [await home.desk.read_home_version()]

    async def read() -> None:
        versions.append(await home.desk.read_home_version())

    home.now += timedelta(minutes=1)
    assert versions == [await home.desk.read_home_version()]
    home.kept.alerts.there[7] = change(version=3)
    await read()
    home.kept.changes[ASKED.operation] = ASKED.model_copy(update={"version": ASKED.version + 1})
    await read()
    incidents.there = (replace(incidents.there[0], version=2),)
    await read()
    incidents.there = ()
    await read()
    home.kept.mutes.mutes.clear()
    await read()
    home.now = Locked.until  # a lock ends by itself
    await read()
    home.kept.alerts.there.clear()
    await read()
    assert 8 == len(set(versions))
