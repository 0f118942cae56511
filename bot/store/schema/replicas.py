"""Row classes of the copies of the bot over one database (SQLModel), as those in `models`."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from bot.store.schema.base import GIVEN, STRICT, Table
from bot.store.schema.column_types import UtcText, Whole


class LeaderRow(Table, table=True):
    """The copy that leads, or led last. There is one row, `id` 1.

    `term` is the number of its lead. Version, digest of the configuration and id of the audit key are those it leads with.
    Transactions of a former leader are refused by this row (`leadership`), so it is written at takeovers and reloads
    alone.
    """

    __tablename__ = "leader"
    __table_args__ = STRICT

    id: int = Field(primary_key=True, sa_type=Whole, sa_column_kwargs=GIVEN)
    term: int = Field(sa_type=Whole)
    name: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    audit_key: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=UtcText)


class CopyRow(Table, table=True):
    """One copy of the bot, as it was seen last. `role` is "leads", "stands by" or "stopped".

    `why` is JSON of the phrase that says why it could not take over; "" if it could. `seen_at` is by the clock of the
    database, `clock_ms` is how far the machine's clock is ahead of that.
    """

    __tablename__ = "copies"
    __table_args__ = STRICT

    name: str = Field(primary_key=True, sa_type=Text)
    version: str = Field(sa_type=Text)
    revision: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    audit_key: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    why: str = Field(sa_type=Text)
    clock_ms: int = Field(sa_type=Whole)
    seen_at: datetime = Field(sa_type=UtcText)


class HostFilesRow(Table, table=True):
    """The host folder as the copy that leads has it, for the others. There is one row, `id` 1.

    `number` counts the versions. `mac` is that of number and content, by a key that is derived from an audit key.
    """

    __tablename__ = "host_files"
    __table_args__ = STRICT

    id: int = Field(primary_key=True, sa_type=Whole)
    number: int = Field(sa_type=Whole)
    content: str = Field(sa_type=Text)
    mac: str = Field(sa_type=Text)
