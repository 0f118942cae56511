"""Notices of versions without alerts: messages on certificates that a newer message about the same one followed.

Each shows a certificate as it was at an earlier threshold, and is edited once its alert is resolved
(`bot.alerts.certificate_feed`). No row is added any more.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select

from bot.store.database import Database
from bot.store.tables import NOTICES

_ALL = select(NOTICES).order_by(NOTICES.c.message, NOTICES.c.ends_at)
_DELETE = delete(NOTICES).where(NOTICES.c.message == bindparam("of"))


@dataclass(frozen=True)
class EarlierNotice:
    """One certificate in an earlier message. `host` is "" for a CA."""

    fingerprint: str
    host: str
    message: str


class NoticeTable:
    """Table of earlier notices. Both methods may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_open(self) -> tuple[EarlierNotice, ...]:
        """Lists the certificates of all messages that are not edited yet, by message."""

        def work(connection: Connection) -> tuple[EarlierNotice, ...]:
            return tuple(EarlierNotice(row.fingerprint, row.host, row.message) for row in connection.execute(_ALL))

        return await self._database.read(work)

    async def delete(self, message: str) -> None:
        """Deletes a message that shows the end of all its certificates."""

        def work(connection: Connection) -> None:
            connection.execute(_DELETE, {"of": message})

        await self._database.run(work)
