"""Cells of a report by the key of their column, so that a test does not count columns."""

from commands.model.report import Cell, Report, Row


def cell(report: Report, row: Row, key: str) -> Cell:
    """Returns the cell of a row in the column with this key."""
    [found] = [cell for column, cell in zip(report.columns, row.cells, strict=True) if column.key == key]
    return found


def read_facts(report: Report) -> dict[str, str]:
    """Returns the rows of a report of facts, with their texts."""
    return {str(cell(report, row, "fact").text): str(cell(report, row, "value").text) for row in report.rows}
