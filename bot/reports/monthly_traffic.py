"""Requests of gateways in the monthly report, as their access logs count them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from adapters.phrase import Phrase
from commands.alerts.traffic import TrafficCount
from commands.model.finding import list_some
from commands.model.report import Cell, Column, Mark, Section

TRAFFIC_COLUMNS = (
    Column(key="requests", heading=Phrase("Requests")),
    Column(key="errors_percent", heading=Phrase("Server errors (5xx)")),
    Column(key="request_ms", heading=Phrase("Request time (mean)")),
    Column(key="slowest_ms", heading=Phrase("Slowest request")),
)

MAX_NAMED = 10
"""Maximum number of gateways that the section names. The table has all."""

NO_DATA = Cell(text=Phrase("no data"), mark=Mark.UNKNOWN)
ABSENT = Cell(text=Phrase("N/A"), mark=Mark.ABSENT)


def add_traffic(days: Iterable[Mapping[str, TrafficCount]]) -> Mapping[str, TrafficCount]:
    """Adds the counts of several days, by host."""
    total: dict[str, TrafficCount] = {}
    for day in days:
        for host, count in day.items():
            total[host] = _add(total[host], count) if host in total else count
    return total


def build_traffic_cells(count: TrafficCount | None, *, gateway: bool) -> tuple[Cell, ...]:
    """Builds the cells of one host. Without any count nothing is known of its gateway."""
    if count is None:
        return (NO_DATA if gateway else ABSENT,) * len(TRAFFIC_COLUMNS)
    return (
        _build_requests_cell(count),
        _build_errors_cell(count),
        _build_time_cell(None if count.mean_ms is None else round(count.mean_ms)),
        _build_time_cell(count.slowest_ms if count.timed else None),
    )


def build_traffic_section(found: Mapping[str, TrafficCount], gateways: Mapping[str, bool]) -> Section:
    """Builds the section of gateways, those with the largest share of 5xx first."""
    counted = sorted(found.items(), key=lambda each: (-each[1].share, -each[1].requests, each[0]))
    lines = [_describe_traffic(host, count) for host, count in counted[:MAX_NAMED]]
    if len(counted) > MAX_NAMED:
        lines.append(Phrase("… and {n} more", n=len(counted) - MAX_NAMED))
    unknown = [host for host, gateway in gateways.items() if gateway and host not in found]
    if unknown:
        lines.append(Phrase("no data: {hosts}", hosts=list_some(unknown)))
    return Section(heading=Phrase("Traffic of gateways"), lines=tuple(lines) or (Phrase("none"),))


def compute_error_percent(count: TrafficCount) -> int | float:
    """Computes the share of 5xx in percent with two decimals, rounded up: only a gateway without any has 0."""
    percent = -(-count.errors * 10_000 // count.requests) / 100
    return int(percent) if percent.is_integer() else percent


def _describe_traffic(host: str, count: TrafficCount) -> Phrase:
    if not count.requests:
        return Phrase("{host}: {what}", host=host, what=Phrase("no requests"))
    counts = Phrase(
        "{host}: {n} requests, {percent}% with server errors (5xx)",
        host=host,
        n=_describe_number(count),
        percent=compute_error_percent(count),
    )
    if count.mean_ms is None:
        return counts
    mean, slowest = round(count.mean_ms), count.slowest_ms
    return Phrase("{counts}, {mean} ms on average, {slowest} ms at most", counts=counts, mean=mean, slowest=slowest)


def _describe_number(count: TrafficCount) -> Phrase:
    """Describes the number of requests. Where a part of the log was skipped, there were more."""
    return Phrase("at least {n}", n=count.requests) if count.partial else Phrase("{n}", n=count.requests)


def _build_requests_cell(count: TrafficCount) -> Cell:
    return Cell(text=_describe_number(count), value=count.requests)


def _build_errors_cell(count: TrafficCount) -> Cell:
    if not count.requests:
        return Cell(text=Phrase("no requests"))
    percent = compute_error_percent(count)
    text = Phrase("{percent}% ({n})", percent=percent, n=count.errors) if count.errors else Phrase("0%")
    return Cell(text=text, value=percent)


def _build_time_cell(milliseconds: int | None) -> Cell:
    """Builds the cell of a time; the log may have none."""
    return NO_DATA if milliseconds is None else Cell(text=Phrase("{n} ms", n=milliseconds), value=milliseconds)


def _add(one: TrafficCount, other: TrafficCount) -> TrafficCount:
    return replace(
        one,
        ends=other.ends,
        requests=one.requests + other.requests,
        errors=one.errors + other.errors,
        timed=one.timed + other.timed,
        time_ms=one.time_ms + other.time_ms,
        slowest_ms=max(one.slowest_ms, other.slowest_ms),
        partial=one.partial or other.partial,
    )
