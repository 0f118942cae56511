"""When a line was written and how grave it is, by samples of what Flatnet's programs really write."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from commands.log_lines.formats import Level, LineStamp, parse_level, parse_stamp

NOW = datetime(2026, 11, 25, 18, 30)  # noqa: DTZ001 - a host's local time
JST = timezone(timedelta(hours=9))


def utc(hour: int, minute: int, second: int, micro: int = 0) -> datetime:
    return datetime(2026, 11, 25, hour, minute, second, micro, tzinfo=UTC)


def local(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - a host's local time


def seen(line: str, now: datetime = NOW) -> tuple[datetime | None, Level | None] | None:
    """Time and level; times with a zone in UTC."""
    stamp = parse_stamp(line, now)
    if stamp is None:
        return None
    at = stamp.at.astimezone(UTC) if stamp.at is not None and stamp.at.tzinfo is not None else stamp.at
    return at, stamp.level


NEBULA = [
    pytest.param(
        'time="2026-11-25T09:05:44Z" level=info msg="Handshake message sent" handshake="map[stage:1 style:ix_psk0]" '
        'initiatorIndex=7 localIndex=7 remoteIndex=0 udpAddrs="[192.0.2.1:4242]" vpnIp=10.100.0.1',
        (utc(9, 5, 44), Level.INFO),
        id="1.9 text",
    ),
    pytest.param(
        'time="2026-11-25T18:05:44+09:00" level=error msg="Could not load client cert" error="private key is not a pair"',
        (utc(9, 5, 44), Level.ERROR),
        id="1.9 text in a zone",
    ),
    pytest.param('time="2026-11-25T09:05:44Z" level=warning msg=slow', (utc(9, 5, 44), Level.WARN), id="logrus' warning"),
    pytest.param('level=fatal msg="Failed to start"', (None, Level.FATAL), id="time switched off"),
    pytest.param('time="Nov 25 09:05" level=info msg=x', (None, Level.INFO), id="a time of somebody's own making"),
    pytest.param(
        '{"certName":"lighthouse","durationNs":3947368,"level":"info","msg":"Handshake message received",'
        '"time":"2026-11-25T09:05:44Z","udpAddr":{"ip":"192.0.2.1","port":4242},"vpnIp":"10.100.0.1"}',
        (utc(9, 5, 44), Level.INFO),
        id="1.9 JSON",
    ),
    pytest.param(
        'time=2026-11-25T09:26:47.126Z level=INFO msg="Handshake message sent" vpnAddrs=[10.100.0.1]',
        (utc(9, 26, 47, 126_000), Level.INFO),
        id="1.11 slog",
    ),
    pytest.param("time=2026-11-25T09:26:47.126Z level=ERROR+2 msg=x", (utc(9, 26, 47, 126_000), Level.ERROR), id="between"),
    pytest.param(
        '{"time":"2026-11-25T09:26:47.126456789Z","level":"WARN","msg":"x"}',
        (utc(9, 26, 47, 126_456), Level.WARN),
        id="1.11 slog JSON: nanoseconds are cut",
    ),
]

GATEWAY = [
    pytest.param(
        '10.100.1.2 - - [25/Nov/2026:18:26:47 +0900] "GET /api/health HTTP/1.1" 200 3 "-" "curl/8.5"',
        (utc(9, 26, 47), Level.INFO),
        id="access",
    ),
    pytest.param(
        '10.100.1.2 - ops [25/Nov/2026:05:56:47 -0330] "GET / HTTP/1.1" 404 3 "-" "-"',
        (utc(9, 26, 47), Level.WARN),
        id="access: not found",
    ),
    pytest.param(
        '10.100.1.2 - - [25/Nov/2026:18:26:47 +0900] "GET / HTTP/1.1" 502 3 "-" "-"',
        (utc(9, 26, 47), Level.ERROR),
        id="access: the gateway fails",
    ),
    pytest.param(
        '10.100.1.2 - evil [01/Jan/2020:00:00:00 +0000] [25/Nov/2026:18:26:47 +0900] "GET / HTTP/1.1" 200 3',
        (utc(9, 26, 47), Level.INFO),
        id="access: a user called like a time",
    ),
    pytest.param(
        '10.100.1.2 - - [25/Nov/2026:18:26:47 +0900] "GET /\\x22 500 HTTP/1.1" 200 3',
        (utc(9, 26, 47), Level.INFO),
        id="access: a path called like a status",
    ),
    pytest.param('- [25/Nov/2026:18:26:47 +0900] "a format of its own"', (utc(9, 26, 47), None), id="access: no status"),
    pytest.param(
        "2026/11/25 18:26:47 [error] 1234#5678: *9 connect() failed (10061: refused) while connecting to upstream",
        (local(2026, 11, 25, 18, 26, 47), Level.ERROR),
        id="error",
    ),
    pytest.param("2026/11/25 18:26:47 [notice] 1#1: reopening logs", (local(2026, 11, 25, 18, 26, 47), Level.INFO)),
    pytest.param("2026/11/25 18:26:47 [emerg] 1#1: bind() failed", (local(2026, 11, 25, 18, 26, 47), Level.FATAL)),
    pytest.param("2026/11/25 18:26:47 Go's own log", (local(2026, 11, 25, 18, 26, 47), None), id="the same without level"),
]

JOURNAL = {
    "__REALTIME_TIMESTAMP": "1795598807126456",
    "_SYSTEMD_UNIT": "podman.service",
    "SYSLOG_IDENTIFIER": "podman",
    "PRIORITY": "6",
    "MESSAGE": "container started",
}

WSL = [
    pytest.param(
        "2026-11-25T18:26:47+0900 host-a podman[12]: container started", (utc(9, 26, 47), None), id="journal short-iso"
    ),
    pytest.param(
        "2026-11-25T18:26:47.126456+09:00 host-a podman[12]: started",
        (utc(9, 26, 47, 126_456), None),
        id="journal short-iso-precise",
    ),
    pytest.param(
        '2026-11-25T18:26:47+0900 host-a podman[12]: time="2026-11-25T18:26:46+09:00" level=warning msg="no network"',
        (utc(9, 26, 47), Level.WARN),
        id="journal: the level that the program wrote",
    ),
    pytest.param(json.dumps(JOURNAL), (utc(9, 26, 47, 126_456), Level.INFO), id="journal JSON"),
    pytest.param(
        json.dumps(JOURNAL | {"PRIORITY": "3", "MESSAGE": [104, 105, 255]}),
        (utc(9, 26, 47, 126_456), Level.ERROR),
        id="journal JSON: a message that is no text",
    ),
    pytest.param(
        json.dumps(JOURNAL | {"MESSAGE": "level=error msg=broken"}),
        (utc(9, 26, 47, 126_456), Level.ERROR),
        id="journal JSON: the program's own level is the better one",
    ),
    pytest.param(
        "Nov 25 18:26:47 host-a flatnet-cni[99]: ERROR: no address left",
        (local(2026, 11, 25, 18, 26, 47), Level.ERROR),
        id="RFC 3164",
    ),
    pytest.param(
        "Nov  5 08:06:07 host-a kernel: up", (local(2026, 11, 5, 8, 6, 7), None), id="RFC 3164: a day of one digit"
    ),
    pytest.param("<28>Nov 25 18:26:47 h p: x", (local(2026, 11, 25, 18, 26, 47), Level.WARN), id="RFC 3164: a priority"),
    pytest.param(
        "<34>1 2026-11-25T09:26:47.126Z host-a su - ID47 - 'su root' failed",
        (utc(9, 26, 47, 126_000), Level.FATAL),
        id="RFC 5424",
    ),
    pytest.param("<34>1 - host-a su - - - no time", (None, Level.FATAL), id="RFC 5424 without a time"),
    pytest.param("<999>1 - host-a su - - - x", (None, None), id="RFC 5424: no such priority"),
    pytest.param(
        "2026-11-25T18:26:47.123456789+09:00 listening on :80", (utc(9, 26, 47, 123_456), None), id="podman --timestamps"
    ),
    pytest.param("2026-11-25T18:26:47.123456789+09:00 ", (utc(9, 26, 47, 123_456), None), id="podman: an empty line"),
    pytest.param(
        '2026-11-25T18:26:47+09:00 10.87.1.10 - - [25/Nov/2026:09:26:46 +0000] "GET / HTTP/1.1" 503 0',
        (utc(9, 26, 47), Level.ERROR),
        id="podman: nginx in a container",
    ),
    pytest.param(
        "2026-11-25 18:26:47,126 ERROR app: boom", (local(2026, 11, 25, 18, 26, 47, 126_000), Level.ERROR), id="Python's"
    ),
]


@pytest.mark.parametrize(("line", "expected"), [*NEBULA, *GATEWAY, *WSL])
def test_a_line_tells_its_time_and_level(line: str, expected: tuple[datetime | None, Level | None]) -> None:
    assert expected == seen(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "panic: runtime error: index out of range",
        "    at Object.<anonymous> (/app/server.js:12:3)",
        "-- No entries --",
        "time=",
        "level=",
        "level=5 of the tank",
        "2026-11-25",
        "2026-11-25T18:26:47.1234567890Z ten digits of a second",
        "２０２６/11/25 18:26:47 [error] full-width digits",
        "Foo 25 18:26:47 host p: no month",
        '[25/Foo/2026:18:26:47 +0900] "GET / HTTP/1.1" 200 3',
        "<!channel> everything is on fire",
    ],
)
def test_other_lines_are_of_no_format(line: str) -> None:
    assert None is seen(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"level":"info","msg":"cut in the mid',
        "{" * 4000,
        '{"time":' + "9" * 3999,
        '{"time":12,"level":["error"]}',
        '{"time":"yesterday","level":"quite bad"}',
        "2026/13/45 99:99:99 [loud] x",
        "0001-01-01T00:00:00Z Go's word for never",
        "9999-12-31T23:59:59-14:00 beyond all calendars",
        "2026-02-30T00:00:00Z no such day",
        "Feb 30 18:26:47 host p: no such day",
        '[31/Nov/2026:18:26:47 +9999] "no such day',
        json.dumps({"__REALTIME_TIMESTAMP": "9" * 16, "PRIORITY": "12"}),
        json.dumps({"__REALTIME_TIMESTAMP": 1, "PRIORITY": 3}),
    ],
)
def test_what_cannot_be_is_not_known(line: str) -> None:
    assert (None, None) == seen(line)


@pytest.mark.parametrize(
    ("now", "line", "expected"),
    [
        pytest.param(local(2026, 11, 25, 18, 30), "Nov 25 18:30:00", local(2026, 11, 25, 18, 30), id="now"),
        pytest.param(local(2026, 11, 25, 18, 30), "Nov 26 18:30:00", local(2026, 11, 26, 18, 30), id="a day ahead"),
        pytest.param(local(2026, 11, 25, 18, 30), "Nov 26 18:30:01", local(2025, 11, 26, 18, 30, 1), id="more than a day"),
        pytest.param(local(2027, 1, 1, 0, 5), "Dec 31 23:59:59", local(2026, 12, 31, 23, 59, 59), id="last year's"),
        pytest.param(local(2026, 12, 31, 23, 59), "Jan  1 00:01:00", local(2027, 1, 1, 0, 1), id="next year's: its clock"),
        pytest.param(local(2027, 1, 1, 0, 5), "Feb 29 12:00:00", local(2024, 2, 29, 12), id="of the last leap year"),
        pytest.param(local(2100, 3, 1), "Feb 29 12:00:00", local(2096, 2, 29, 12), id="2100 is none"),
    ],
)
def test_a_time_without_a_year_is_the_newest_that_is_at_most_a_day_ahead(
    now: datetime, line: str, expected: datetime
) -> None:
    assert (expected, None) == seen(f"{line} host p: x", now)


@pytest.mark.parametrize(
    ("names", "level"),
    [
        ("trace debug DEBUG DEBUG-4", Level.DEBUG),
        ("info INFO notice INFO+1", Level.INFO),
        ("warn warning WARNING", Level.WARN),
        ("err error ERROR ERROR+2", Level.ERROR),
        ("fatal panic crit critical alert emerg", Level.FATAL),
    ],
)
def test_levels_go_by_many_names(names: str, level: Level) -> None:
    assert {level} == {parse_level(name) for name in names.split()}


@pytest.mark.parametrize("name", ["", "loud", "-", 3, None])
def test_other_names_are_no_level(name: object) -> None:
    assert None is parse_level(name)


def test_levels_have_their_order() -> None:
    assert [Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL] == sorted(Level, key=lambda level: level.rank)


def test_a_stamp_without_zone_is_local() -> None:
    assert LineStamp(local(2026, 11, 25, 18, 26, 47), None) == parse_stamp("2026-11-25T18:26:47 no zone", NOW)
    stamp = parse_stamp("2026-11-25T18:26:47+09:00 Tokyo", NOW)
    assert stamp is not None
    assert datetime(2026, 11, 25, 18, 26, 47, tzinfo=JST) == stamp.at
