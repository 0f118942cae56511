"""`silence` and `maintenance` as they are requested: what is understood, who may, and what the answer says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.inventory import Inventory
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.model.alert import Mute, MuteKind
from bot.model.request import Answer, Failure, FailureKind, Membership, Request, SlackIdentity, Surface
from bot.requests.dispatcher import Dispatcher
from bot.store.encoding import decode_identity
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.alert_registry import Alerts
from tests.bot.alerts.muting import alert, maintenance, mute
from tests.bot.keeping import Kept, RememberedMutes
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.canned import NOW
from tests.commands.canned_certs import host, view

INVENTORY = Inventory(hosts=(host("host-a", 1, labels=("tokyo",)), host("host-b", 2, labels=("osaka",))))
ANA = SlackIdentity("T1", "U1ANA", Membership.MEMBER)
OPERATOR = Policy((Person(name="ana", slack=("U1ANA",), roles=frozenset({Role.OPERATOR})),))
VIEWER = Policy((Person(name="ana", slack=("U1ANA",)),))
TOKYO = Policy(
    OPERATOR.people,
    grants=tuple(
        Grant(operations=(f"{noun} *",), roles=frozenset({Role.OPERATOR}), labels=("tokyo",))
        for noun in ("silence", "maintenance")
    ),
)


async def asked(text: str, kept: Kept, *, policy: Policy = OPERATOR, running: bool = True) -> Answer:
    ground = replace(config(), policy=policy, fleet=view(*INVENTORY.hosts).fleet)
    desk = Dispatcher(ground, kept.services(Log(), running=running), reference=lambda: "7f3a")
    return await desk.handle(Request(key="t.1", identity=ANA, text=text, surface=Surface.SLACK, at=NOW, channel="C1"))


def kept_with(*mutes: Mute) -> Kept:
    kept = Kept()
    kept.mutes, kept.alerts = RememberedMutes(*mutes), Alerts(alert(1, "host-a"), alert(2, "host-b"))
    return kept


ADDED = {
    'silence add host-a 2h "disk swap"': (MuteKind.SILENCE, "host-a", timedelta(hours=2), "disk swap"),
    "silence add host-a/nebula 2h disk swap": (MuteKind.SILENCE, "host-a/nebula", timedelta(hours=2), "disk swap"),
    "silences add label:tokyo,disk 7d why": (MuteKind.SILENCE, "label:tokyo,disk", timedelta(days=7), "why"),
    "サイレンス add host-a、disk ３０ｍ 理由": (MuteKind.SILENCE, "host-a,disk", timedelta(minutes=30), "理由"),
    "ミュート add all 1m why": (MuteKind.SILENCE, "all", timedelta(minutes=1), "why"),
    "silence add host-a/disk/windows/F: 1h why": (MuteKind.SILENCE, "host-a/disk/windows/F:", timedelta(hours=1), "why"),
    'maintenance add tokyo 1h30m "updates"': (MuteKind.MAINTENANCE, "tokyo", timedelta(minutes=90), "updates"),
    "メンテナンス add host-* 1d why": (MuteKind.MAINTENANCE, "host-*", timedelta(days=1), "why"),
    "保守 add all 1h why": (MuteKind.MAINTENANCE, "all", timedelta(hours=1), "why"),
}


@pytest.mark.parametrize("text", ADDED)
async def test_what_is_asked_for_is_added_in_the_requesters_name(text: str) -> None:
    kept = kept_with()
    answer = await asked(text, kept)

    assert isinstance(answer.body, Report), answer.body
    (added,) = kept.mutes.mutes
    assert ADDED[text] == (added.kind, added.what, added.ends_at - added.added_at, added.reason)
    assert ("ana", ANA, answer.operation, "C1", NOW) == (
        added.owner,
        decode_identity(added.identity),
        added.operation,
        added.channel,
        added.added_at,
    )


REJECTED = {
    "silence add host-a 8d why": "out of range",
    "silence add host-a 7d1m why": "out of range",
    "silence add host-a 0m why": "not a duration",
    "silence add host-a soon why": "not a duration",
    "silence add host-a 2h": "reason",
    "silence add audit 2h why": "never muted",
    "silence add tokyo 2h why": "label:tokyo",
    "silence add host-z 2h why": "no host, label or condition named host-z",
    "maintenance add host-z 2h why": "no host or label named host-z",
    "maintenance add host-a 8d why": "out of range",
    "maintenance add disk 2h why": "no host or label named disk",
    "silence remove x": "not a number",
    "silence remove 0": "not a number",
    "silence remove 9": "no silence 9",
    "maintenance remove 1": "no maintenance 1",
}


@pytest.mark.parametrize("text", REJECTED)
async def test_what_would_mute_nothing_or_for_too_long_is_rejected(text: str) -> None:
    kept = kept_with(mute("host-a"))
    answer = await asked(text, kept)

    assert isinstance(answer.body, Failure)
    assert (FailureKind.USAGE, True) == (answer.body.kind, REJECTED[text] in str(answer.body.phrase)), answer.body.phrase
    assert [mute("host-a")] == kept.mutes.mutes


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("silence add tokyo 2h why", ("silence add label:tokyo 2h why",)),
        ("silence add hots-a/nebula 2h why", ("silence add host-a/nebula 2h why", "silence add host-b/nebula 2h why")),
        ("silence add host-a/nebulla 2h why", ("silence add host-a/nebula 2h why",)),
    ],
)
async def test_close_words_are_suggested(text: str, suggestions: tuple[str, ...]) -> None:
    answer = await asked(text, kept_with())
    assert isinstance(answer.body, Failure)
    assert suggestions == answer.body.suggestions


RIGHTS = {
    "silence add host-a 2h why": (TOKYO, True),
    "silence add label:tokyo 2h why": (TOKYO, True),
    "silence add host-b 2h why": (TOKYO, False),
    "silence add host-a,host-b 2h why": (TOKYO, False),
    "silence add disk 2h why": (TOKYO, False),
    "silence add blind 2h why": (TOKYO, False),
    "silence add all 2h why": (TOKYO, False),
    "maintenance add tokyo 2h why": (TOKYO, True),
    "maintenance add host-* 2h why": (TOKYO, False),
    "silence remove 1": (TOKYO, True),
    "silence remove 2": (TOKYO, False),
    "silence remove 3": (TOKYO, False),
    "maintenance remove 4": (TOKYO, False),
    "maintenance remove 5": (TOKYO, True),
    "silence add host-b 1h why": (VIEWER, False),
    "silence add host-b 3h why": (OPERATOR, True),
}


@pytest.mark.parametrize("text", RIGHTS)
async def test_a_person_mutes_only_hosts_on_which_they_may(text: str) -> None:
    policy, allowed = RIGHTS[text]
    kept = kept_with(
        mute("host-a", 60, 1),
        mute("host-b", 60, 2),
        mute("nebula", 60, 3),
        maintenance("all", 60, 4),
        maintenance("host-a", 60, 5),
    )
    before = list(kept.mutes.mutes)
    answer = await asked(text, kept, policy=policy)

    assert allowed is isinstance(answer.body, Report)
    assert allowed is (before != kept.mutes.mutes)
    assert allowed or (isinstance(answer.body, Failure) and answer.body.kind is FailureKind.REFUSED)


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("silence", "1 silence is active. 1 open alert is muted now"),
        ("maintenance", "1 host in maintenance. 1 open alert is muted now"),
    ],
)
async def test_every_viewer_may_list_them_also_where_no_bot_runs(text: str, summary: str) -> None:
    now = {"added_at": NOW, "ends_at": NOW + timedelta(hours=1)}
    kept = kept_with(mute("host-a", 60, 1, **now), maintenance("host-b", 60, 2, **now))
    answer = await asked(text, kept, policy=VIEWER, running=False)
    assert isinstance(answer.body, Report)
    assert summary == str(answer.body.summary)
    assert 1 == len(answer.body.rows)


@pytest.mark.parametrize("text", ["silence add host-a 2h why", "silence remove 1", "maintenance add host-a 2h why"])
async def test_where_no_bot_runs_nothing_is_muted(text: str) -> None:
    kept = kept_with(mute("host-a"))
    answer = await asked(text, kept, running=False)
    assert isinstance(answer.body, Failure)
    assert "no bot is running" in str(answer.body.phrase)
    assert [mute("host-a")] == kept.mutes.mutes


async def test_health_shows_a_host_in_maintenance_as_it_is_and_says_so() -> None:
    work = maintenance("host-a", added_at=NOW, ends_at=NOW + timedelta(hours=1))
    without, within = await asked("health", kept_with()), await asked("health", kept_with(work))
    assert isinstance(without.body, Report)
    assert isinstance(within.body, Report)

    assert (without.body.findings, without.body.rows, without.body.summary) == (
        within.body.findings,
        within.body.rows,
        within.body.summary,
    )
    headings = [str(section.heading) for section in within.body.sections if section not in without.body.sections]
    assert ["In maintenance: alerts are muted"] == headings
    assert ["host-a"] == [str(line)[:6] for line in within.body.sections[0].lines]


async def test_health_of_another_host_says_nothing_of_it() -> None:
    work = maintenance("host-a", added_at=NOW, ends_at=NOW + timedelta(hours=1))
    answer = await asked("health host-b", kept_with(work))
    assert isinstance(answer.body, Report)
    assert [] == [section for section in answer.body.sections if "maintenance" in str(section.heading)]


async def test_the_weekly_report_leaves_nothing_out_and_names_the_maintenance() -> None:
    work = maintenance("host-a", added_at=NOW, ends_at=NOW + timedelta(hours=1))
    answer = await asked("report weekly", kept_with(work))
    assert isinstance(answer.body, Report)
    assert "In maintenance: alerts are muted" in [str(section.heading) for section in answer.body.sections]
