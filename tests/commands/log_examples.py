"""Lines of logs for tests of what is made of them."""

from datetime import UTC, datetime, timedelta

from commands.log_lines.excerpt import Excerpt
from commands.log_lines.formats import Level
from commands.log_lines.lines import LogLine

BEGAN = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


def line(
    order: int, text: str = "", *, host: str = "host-a", level: Level | None = Level.INFO, timeless: bool = False
) -> LogLine:
    """One line, a second later than the one before it. A number in a name keeps it apart from others."""
    return LogLine(
        host=host,
        source="nebula",
        at=None if timeless else BEGAN + timedelta(seconds=order),
        level=level,
        text=text or f"line-{order}",
        order=order,
    )


def excerpt(count: int, errors: int = 0) -> Excerpt:
    """So many lines; the last ones are errors."""
    lines = (line(order, level=Level.ERROR if order >= count - errors else Level.INFO) for order in range(count))
    return Excerpt(lines=tuple(lines))
