"""Progress of hosts, from a report of `cert` during a rotation. Pure."""

from collections.abc import Iterator
from datetime import datetime

from bot.rotation.moves import MemberReading
from commands.certificates.rotation.states import PROGRESS_KEY, Progress
from commands.model.report import Report


def list_readings(report: Report, at: datetime) -> tuple[MemberReading, ...]:
    """Lists the progress of each host that answered; none in a report without that column."""
    return tuple(_read_rows(report, at))


def _read_rows(report: Report, at: datetime) -> Iterator[MemberReading]:
    for row in report.rows:
        cells = {column.key: cell for column, cell in zip(report.columns, row.cells, strict=True)}
        cell = cells.get(PROGRESS_KEY)
        if row.host and row.reached and cell is not None and cell.value in set(Progress):
            yield MemberReading(row.host, Progress(str(cell.value)), at)
