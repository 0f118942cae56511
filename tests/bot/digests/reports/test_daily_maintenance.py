"""The digest while hosts are in maintenance: their problems are left out, counted, and neither new nor resolved."""

from typing import Any

import pytest

from adapters.phrase import Phrase
from bot.alerts.reports.mutes import AlertSight, build_mute_section
from bot.digests.reports.daily import DigestInput, compose_digest
from bot.model.change import ChangeState
from commands.model.finding import Severity
from tests.bot.alerts.muting import INVENTORY, alert, maintenance
from tests.bot.digests.reports.test_daily import (
    FLEET,
    A,
    B,
    C,
    Said,
    after,
    ends,
    looks,
    lost,
    nebula,
    news,
    no_containers,
    sections,
    seen,
)
from tests.bot.rendering.changes import change
from tests.bot.rendering.examples import ENGLISH, JAPANESE
from tests.commands.canned import NOW
from tests.commands.canned_certs import authority, files
from tests.commands.hosts.suspend.canned_hosts import SUSPENSION

WORK = maintenance("host-a", 120, added_at=NOW, ends_at=NOW.replace(hour=NOW.hour + 2))
IN_MAINTENANCE: dict[str, Any] = {"maintenance": {"host-a": WORK}}


async def test_problems_of_a_host_in_maintenance_are_counted_and_those_of_others_shown() -> None:
    report = compose_digest(await seen(nebula(A) | no_containers(A) | nebula(B), **IN_MAINTENANCE))

    assert [("host-b", "nebula")] == [(finding.host, finding.subject) for finding in report.findings]
    assert "1 of 4 hosts needs attention: host-b Nebula stopped. 1 host in maintenance (2 problems muted)" == str(
        report.summary
    )
    assert ("service start nebula host-b",) == report.next


@pytest.mark.parametrize(
    ("said", "hosts", "english", "japanese"),
    [
        (
            nebula(A),
            ("host-a",),
            "All 3 other hosts are healthy. 1 host in maintenance (1 problem muted)",
            "ほかの 3 台はすべて正常です。メンテナンス中のホスト 1 台 (問題 1 件をミュート中)",
        ),
        (
            {},
            ("host-a", "host-b"),
            "All 4 hosts are healthy. 2 hosts in maintenance",
            "4 台すべて正常です。メンテナンス中のホスト 2 台",
        ),
        (
            nebula(A),
            tuple(each.name for each in FLEET),
            "All hosts are in maintenance. 4 hosts in maintenance (1 problem muted)",
            "全ホストがメンテナンス中です。メンテナンス中のホスト 4 台 (問題 1 件をミュート中)",
        ),
    ],
    ids=["one", "two that are healthy", "all"],
)
async def test_where_all_else_is_well_one_line_says_so_in_both_languages(
    said: Said, hosts: tuple[str, ...], english: str, japanese: str
) -> None:
    given = await seen(said, maintenance=dict.fromkeys(hosts, WORK), head=None)
    report = compose_digest(given)

    assert (True, ()) == (report.brief, report.findings)
    assert report.summary.render_sentence(ENGLISH).startswith(english)
    assert report.summary.render_sentence(JAPANESE).startswith(japanese)


async def test_a_host_in_maintenance_has_no_row_because_it_is_neither_healthy_nor_a_problem() -> None:
    report = compose_digest(await seen(nebula(A) | nebula(B), **IN_MAINTENANCE))

    assert [("host-b", Severity.CRITICAL), ("lighthouse", None), ("host-c", None)] == [
        (row.host, row.severity) for row in report.rows
    ]


async def test_maintenance_that_begins_resolves_nothing_and_its_end_says_what_is_new() -> None:
    before = await seen(nebula(A) | nebula(C))
    during = await after(before, no_containers(A), **IN_MAINTENANCE)
    assert ["resolved: host-c: Nebula stopped"] == news(compose_digest(during))
    assert ["new: host-a: Containers 1 of 1 with problems", "resolved: host-a: Nebula stopped"] == news(
        compose_digest(await after(during, no_containers(A)))
    )


async def test_what_failed_and_healed_during_maintenance_is_no_news() -> None:
    report = compose_digest(await after(await seen(), since={"host-a": looks("host-a", 40, nebula=8)}, **IN_MAINTENANCE))
    assert [] == news(report)


async def test_a_consequence_on_another_host_is_muted_with_its_cause() -> None:
    given = await seen(lost(A))
    caused = [finding for finding in given.health.findings if finding.cause == "host-a"]
    report = compose_digest(await after(given, lost(A), **IN_MAINTENANCE))
    assert () == report.findings
    assert f"({1 + len(caused)} problem" in str(report.summary)
    assert [] == [line for line in news(report) if "host-" in line]


NEVER_LEFT_OUT: dict[str, tuple[dict[str, Any], Said]] = {
    "an audit log in doubt": ({"trouble": Phrase("the audit log ends at event 3")}, {}),
    "an unknown result": ({"unknown": (change(ChangeState.UNKNOWN),)}, {}),
    "a CA, whichever host it was read on": ({}, {("host-a", "windows"): files(A, authority(days=5), 4)}),
}


@pytest.mark.parametrize(("given", "said"), NEVER_LEFT_OUT.values(), ids=NEVER_LEFT_OUT)
async def test_maintenance_of_every_host_never_leaves_out(given: dict[str, Any], said: Said) -> None:
    report = compose_digest(await seen(said, maintenance={each.name: WORK for each in FLEET}, **given))
    told = [*map(str, (finding.short for finding in report.findings)), *sections(report).get("Result unknown", [])]
    assert 1 == len(told)


async def test_silences_and_maintenance_have_a_section_even_where_all_is_well() -> None:
    sight = AlertSight((alert(1, "host-a", "nebula"),), INVENTORY, NOW)
    report = compose_digest(await seen(muted=build_mute_section((WORK,), sight), **IN_MAINTENANCE))
    assert {
        "Silences and maintenance": [f"host-a is in maintenance until {_end()}: cable swap (ana, 1 open alert muted)"]
    } == (sections(report))


def _end() -> str:
    return f"{WORK.ends_at:%Y-%m-%d %H:%M:%S} UTC (in 7200 s)"


async def test_without_mutes_nothing_is_said_of_them() -> None:
    given: DigestInput = await seen(ends(B, 10))
    assert "Silences and maintenance" not in sections(compose_digest(given))


async def test_a_suspended_host_is_named_and_its_problems_are_counted_beside_those_in_maintenance() -> None:
    asleep: dict[str, Any] = {"suspended": {"host-b": SUSPENSION}}
    report = compose_digest(await seen(nebula(A) | nebula(B), **IN_MAINTENANCE | asleep))

    assert (
        "all 2 other hosts are healthy. 1 host suspended (1 problem muted). 1 host in maintenance (1 problem muted)"
        in str(report.summary)
    )
    assert ["host-b: suspended since 2026-11-25 07:10:00 UTC by alice: RAM swap"] == sections(report)["Suspended hosts"]
    assert ((), ("host resume host-b",)) == (report.findings, report.next)
