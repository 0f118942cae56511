"""Row class of what recovered runs need beside the operations (SQLModel), as those in `models`."""

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
