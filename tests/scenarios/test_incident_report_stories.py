"""The report that an incident writes by itself: posted when it is resolved, with its picture, its files and its evidence."""

import hashlib

from tests.lab.workspace.message import Message
from tests.scenarios.conftest import PATIENCE, Build, Town
from tests.scenarios.test_slack_stories import OPERATOR, OPS, shown


def find_report(town: Town) -> Message | None:
    """The message with the report, once its files are below it."""
    reports = [each for each in town.workspace.messages(OPS) if "*インシデント 1 の報告書*" in shown(each.blocks)]
    return reports[0] if reports and len(list_files(town)) >= 3 else None


def list_files(town: Town) -> list[str]:
    return [file for message in town.workspace.messages(OPS) for file in message.files]


async def test_a_resolved_incident_leaves_a_report_with_the_hash_of_what_was_delivered(town: Build) -> None:
    async with town(hosts=2) as t, t.bot():
        await t.workspace.slash(OPERATOR, OPS, 'incident open "502" host-a --results everyone')
        await t.workspace.seen(lambda: len(t.workspace.messages(OPS)) == 1, timeout=PATIENCE)
        await t.workspace.slash(OPERATOR, OPS, "log collect")
        await t.workspace.seen(lambda: list_files(t), timeout=PATIENCE)
        await t.at_rest()
        await t.workspace.slash(OPERATOR, OPS, 'incident resolve "an expired certificate"')
        await t.workspace.seen(lambda: find_report(t), timeout=PATIENCE)
        await t.at_rest()
        report = find_report(t)
        assert report is not None
        said = shown(report.blocks)
        archive, *files = [t.workspace.file(file) or b"" for file in list_files(t)]
        assert hashlib.sha256(archive).hexdigest() in said
        assert "an expired certificate (kenji の記載)" in said
        assert "検証済み、記録時のまま" in said
        assert ["image"] == [block["type"] for block in report.blocks if block["type"] == "image"]
        assert [True, True] == [
            b"flatnet-incident-report/1" in b"".join(files),
            "# インシデント 1".encode() in b"".join(files),
        ]
        assert 1 == sum("*インシデント 1 の報告書*" in shown(each.blocks) for each in t.workspace.messages(OPS))
