"""`backup` and `backup show`: what people read of backups."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from adapters.phrase import Phrase
from commands.backups.arguments import parse_backup_id
from commands.backups.listing import BackupShow, build_details, build_list
from commands.model.backup import KnownBackups, PlaceState
from commands.model.operation import CannotPlan
from commands.model.report import Mark, Report
from commands.values.arguments import BadArgument
from tests.commands.backups.made import make_backup
from tests.commands.canned import NOW, host, view
from tests.commands.cells import read_facts

HOUR = timedelta(hours=1)
A, B = make_backup("host-a", NOW - HOUR, verified_at=NOW), make_backup("host-b", NOW - 30 * HOUR)
FAULTY = B.model_copy(
    update={
        "second": PlaceState.DAMAGED,
        "fault": TypeAdapter(Phrase).dump_json(Phrase("openresty.tar has another hash")).decode(),
    }
)


def cells(report: Report, key: str) -> list[tuple[str, Mark]]:
    place = [column.key for column in report.columns].index(key)
    return [(str(row.cells[place].text), row.cells[place].mark) for row in report.rows]


def test_the_list_has_age_size_and_when_each_was_verified() -> None:
    report = build_list(KnownBackups((A, B)), [], NOW)
    assert str(report.summary).startswith("2 backups of host-a, host-b, the newest 2026-11-25 08:10")
    assert [("2.0 KB", Mark.PLAIN)] * 2 == cells(report, "size")
    assert [Mark.PLAIN, Mark.UNKNOWN] == [mark for _, mark in cells(report, "verified")]
    assert [A.id, B.id] == [text for text, _ in cells(report, "id")]
    assert [("2", Mark.PLAIN)] * 2 == cells(report, "missing")


def test_a_faulty_one_comes_first_and_is_a_finding() -> None:
    report = build_list(KnownBackups((A, FAULTY)), [], NOW)
    assert ["host-b", "host-a"] == [row.host for row in report.rows]
    assert [f"the backup {B.id} cannot be relied on: openresty.tar has another hash", "no backup yet"] == [
        str(finding.why) for finding in report.findings
    ]
    assert ("damaged", Mark.BAD) == cells(report, "second")[0]


def test_without_any_the_next_step_is_named() -> None:
    report = build_list(KnownBackups(), [], NOW)
    assert ("no backup was made yet", ("backup create all --bot",)) == (str(report.summary), report.next)


def test_one_backup_shows_its_files_and_what_it_does_not_hold() -> None:
    report = build_details(A, NOW)
    lines = [str(line) for section in report.sections for line in section.lines]
    assert any(line.startswith("config.yaml (512") for line in lines)
    assert "left out: host.key (a private key, which never leaves its host)" in lines
    facts = read_facts(report)
    assert ("not in it: WSL2 does not respond", "1.9.3") == (facts["Part cni"], facts["Version of nebula"])


async def test_a_backup_that_is_not_known_is_named() -> None:
    with pytest.raises(CannotPlan, match="no backup host-a-000000000000"):
        await BackupShow(id="host-a-000000000000").read(view(host("host-a", 1)))


@pytest.mark.parametrize("typed", ["host-a", "../host-a-000000000000", "host-a-00000000000G", ""])
def test_what_is_no_id_is_refused(typed: str) -> None:
    with pytest.raises(BadArgument, match="is not the ID of a backup"):
        parse_backup_id(typed)


def test_permission_is_asked_for_the_host_of_the_backup() -> None:
    inventory = view(host("host-a", 1), host("host-b", 2)).fleet.inventory
    assert ["host-a"] == [each.name for each in BackupShow(id="host-a-000000000000").resolve_hosts(inventory)]
    assert () == BackupShow(id="host-gone-000000000000").resolve_hosts(inventory)
