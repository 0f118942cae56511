"""Row classes of what the next copy that leads needs beside the operations (SQLModel), as those in `models`."""

from sqlalchemy import Text
from sqlmodel import Field

from bot.store.column_types import Whole
from bot.store.models import STRICT, Table


class StepStartRow(Table, table=True):
    """Number of times that a step of an interrupted run was started again without an outcome."""

    __tablename__ = "step_starts"
    __table_args__ = STRICT

    operation: str = Field(primary_key=True, sa_type=Text)
    step: str = Field(primary_key=True, sa_type=Text)
    starts: int = Field(sa_type=Whole)


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
