"""Reports of copies as they are read: a row may be anyone's."""

import pytest
from sqlalchemy import Connection, insert

from bot.store.database import Database
from bot.store.replicas import list_copies
from bot.store.schema.tables import COPIES
from tests.bot.clockwork import at


@pytest.mark.parametrize("why", ["{", "3", '{"template": "{x:>9999999999}", "values": {"x": "1"}}'])
async def test_a_report_that_is_none_hides_no_other(database: Database, why: str) -> None:
    def fill(connection: Connection) -> None:
        for name, said in (("bot-a", ""), ("bot-b", why)):
            texts = dict.fromkeys(("version", "revision", "digest", "audit_key", "role"), "1")
            row = texts | {"name": name, "why": said, "clock_ms": 0, "seen_at": at("2026-01-30T03:00")}
            connection.execute(insert(COPIES), row)

    await database.run(fill)
    said = [each.report.why for each in await database.read(list_copies)]
    assert ["None", "its report cannot be read. Check the log of that copy"] == list(map(str, said))
