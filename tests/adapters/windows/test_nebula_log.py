"""Handshakes in Nebula's log. The lines of 1.9.3 were written by the real program."""

from datetime import UTC, datetime

import pytest

from adapters.windows.nebula_log import ReceivedHandshake, parse_blocked, parse_handshake, parse_refusal

PRINT = "c413ec513eed8ef565d750eabac4ac383a312858bc633e12d96a985b9123dcdc"
ISSUER = "5c1c025d3238d2946b4d24ce10ad2fec945a39d2f2fc59a633919cdf93195b71"
SECOND = datetime(2026, 11, 25, 16, 17, 16, tzinfo=UTC)

TEXT = (
    f'time="2026-11-25T16:17:16Z" level=info msg="Handshake message received" certName="host a" fingerprint={PRINT} '
    f'handshake="map[stage:1 style:ix_psk0]" initiatorIndex=2431020999 issuer={ISSUER} remoteIndex=0 responderIndex=0 '
    'udpAddr="192.0.2.2:4242" vpnIp=10.100.1.1'
)
JSON = (
    f'{{"certName":"lighthouse","durationNs":2548746,"fingerprint":"{PRINT}","handshake":{{"stage":2,"style":"ix_psk0"}},'
    f'"initiatorIndex":2431020999,"issuer":"{ISSUER}","level":"info","msg":"Handshake message received",'
    '"remoteIndex":2431020999,"responderIndex":3462800001,"sentCachedPackets":1,"time":"2026-11-25T16:17:16Z",'
    '"udpAddr":{"ip":"192.0.2.1","port":4242},"vpnIp":"10.100.0.1"}'
)
SLOG = (
    f'time=2026-11-25T16:17:16.000Z level=INFO msg="Handshake message received" vpnAddrs=[10.100.0.1] from=192.0.2.1:4242 '
    f"certName=lighthouse certVersion=2 fingerprint={PRINT} issuer={ISSUER}"
)
SLOG_JSON = (
    f'{{"time":"2026-11-25T16:17:16.000000001Z","level":"INFO","msg":"Handshake message received",'
    f'"vpnAddrs":["10.100.0.1"],"certName":"lighthouse","fingerprint":"{PRINT}"}}'
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (TEXT, ReceivedHandshake(name="host a", fingerprint=PRINT, at=SECOND)),
        (JSON, ReceivedHandshake(name="lighthouse", fingerprint=PRINT, at=SECOND)),
        (SLOG, ReceivedHandshake(name="lighthouse", fingerprint=PRINT, at=SECOND)),
        (SLOG_JSON, ReceivedHandshake(name="lighthouse", fingerprint=PRINT, at=SECOND)),
        (
            TEXT.replace("16:17:16Z", "01:17:16+09:00").replace("-25T", "-26T"),
            ReceivedHandshake(name="host a", fingerprint=PRINT, at=SECOND),
        ),
        (
            TEXT.replace('time="2026-11-25T16:17:16Z"', 'time="25 Nov"'),
            ReceivedHandshake(name="host a", fingerprint=PRINT, at=None),
        ),
        (TEXT.replace('time="2026-11-25T16:17:16Z" ', ""), ReceivedHandshake(name="host a", fingerprint=PRINT, at=None)),
        (
            TEXT.replace("2026-11-25T16:17:16Z", "0001-01-01T00:00:00+09:00"),
            ReceivedHandshake(name="host a", fingerprint=PRINT, at=None),
        ),
        (
            TEXT.replace('"host a"', r'"a \"b\" \\ 日本"'),
            ReceivedHandshake(name='a "b" \\ 日本', fingerprint=PRINT, at=SECOND),
        ),
        (TEXT.replace('"host a"', r'"a\x00b"'), ReceivedHandshake(name=r"a\x00b", fingerprint=PRINT, at=SECOND)),
    ],
    ids=[
        "text",
        "json",
        "slog",
        "slog json",
        "own time zone",
        "own time format",
        "no time",
        "before the year 1",
        "odd name",
        "Go's own escapes",
    ],
)
def test_a_handshake_is_read_in_every_form_that_nebula_writes(line: str, expected: ReceivedHandshake) -> None:
    found = parse_handshake(line)
    assert found is not None
    assert expected == found.model_copy(update={"issuer": "", "address": "", "underlay": ""})


@pytest.mark.parametrize(
    ("line", "issuer", "address"),
    [
        (TEXT, ISSUER, "10.100.1.1"),
        (JSON, ISSUER, "10.100.0.1"),
        (SLOG, ISSUER, "10.100.0.1"),
        (SLOG_JSON, "", "10.100.0.1"),
        (TEXT.replace("vpnIp=10.100.1.1", 'vpnAddrs="[10.100.1.1 fd00::1]"'), ISSUER, "10.100.1.1 fd00::1"),
        (SLOG_JSON.replace('["10.100.0.1"]', '["10.100.0.1","fd00::1"]'), "", "10.100.0.1 fd00::1"),
        (SLOG_JSON.replace('["10.100.0.1"]', "[5]"), "", ""),
        (JSON.replace(f'"{ISSUER}"', "null").replace('"10.100.0.1"', "{}"), "", ""),
    ],
)
def test_its_ca_and_addresses_are_read_where_they_are_logged(line: str, issuer: str, address: str) -> None:
    found = parse_handshake(line)
    assert found is not None
    assert (issuer, address) == (found.issuer, found.address)


@pytest.mark.parametrize(
    ("line", "underlay"),
    [
        (TEXT, "192.0.2.2"),
        (JSON, "192.0.2.1"),
        (SLOG, "192.0.2.1"),
        (SLOG_JSON, ""),
        (SLOG.replace("192.0.2.1:4242", "[2001:db8::1]:4242"), "2001:db8::1"),
        (TEXT.replace("192.0.2.2:4242", "x"), ""),
    ],
)
def test_the_address_it_came_from_is_read_where_it_is_logged(line: str, underlay: str) -> None:
    found = parse_handshake(line)
    assert found is not None
    assert underlay == found.underlay


@pytest.mark.parametrize(
    "line",
    [
        "",
        "junk",
        TEXT.replace("received", "sent"),
        JSON.replace("received", "sent"),
        'time="2026-11-25T16:17:16Z" level=info msg="Invalid certificate from host" error="certificate validation failed: '
        'could not find ca for the certificate" handshake="map[stage:1 style:ix_psk0]" udpAddr="192.0.2.3:4242"',
        JSON[:-1],
        JSON.replace('"lighthouse"', "5"),
        "{" * 1500 + "Handshake message received",
        "[1]",
        TEXT.replace("certName", "otherName"),
        TEXT.replace(f"fingerprint={PRINT}", ""),
        TEXT + " x=" + "y" * 2000,
    ],
)
def test_every_other_line_is_none(line: str) -> None:
    assert parse_handshake(line) is None


def test_a_name_cannot_pretend_to_be_a_handshake() -> None:
    """What another host's certificate says stays inside its quotes."""
    evil = r'"x\" msg=\"Handshake message received\" certName=host-a fingerprint=f"'
    line = f'time="2026-11-25T16:17:16Z" level=info msg="Handshake message sent" certName={evil} fingerprint={PRINT}'
    assert parse_handshake(line) is None
    received = parse_handshake(line.replace("message sent", "message received"))
    assert (
        ReceivedHandshake(
            name='x" msg="Handshake message received" certName=host-a fingerprint=f', fingerprint=PRINT, at=SECOND
        )
        == received
    )


REASON = "certificate validation failed: could not find ca for the certificate"


@pytest.mark.parametrize(
    ("line", "why", "address"),
    [
        (f'level=info msg="Invalid certificate from host" error="{REASON}" udpAddr="192.0.2.2:4242"', REASON, "192.0.2.2"),
        (f'{{"error":"{REASON}","udpAddr":{{"ip":"192.0.2.2","port":4242}}}}', REASON, "192.0.2.2"),
        (f'{{"error":"{REASON}","from":{{"direct":"[2001:db8::1]:4242"}}}}', REASON, "2001:db8::1"),
        (f'time=2026-11-25T16:17:16.000Z level=INFO error="{REASON}" from=192.0.2.2:4242', REASON, "192.0.2.2"),
        ('level=info msg="Invalid certificate from host"', "", ""),
        ('{"error":5,"udpAddr":7}', "", ""),
        ("{", "", ""),
        ("", "", ""),
        (f'error="{"x" * 2000}"', "", ""),
    ],
)
def test_the_reason_of_a_refused_certificate_is_nebulas_own(line: str, why: str, address: str) -> None:
    assert (why, address) == (parse_refusal(line).why, parse_refusal(line).address)


@pytest.mark.parametrize(
    ("line", "fingerprint"),
    [
        (f'time="2026-11-25T16:17:16Z" level=info msg="Blocklisting cert" fingerprint={PRINT}', PRINT),
        (f'{{"fingerprint":"{PRINT}","level":"info","msg":"Blocklisting cert"}}', PRINT),
        (TEXT, ""),
        (f'level=info msg="Blocklisting cert {PRINT}"', ""),
        (f'level=info msg="Blocklisting cert" fingerprint={PRINT} {"x" * 2000}', ""),
    ],
)
def test_a_blocked_certificate_is_read_from_its_own_line_alone(line: str, fingerprint: str) -> None:
    assert fingerprint == parse_blocked(line)[0]
