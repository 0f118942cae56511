"""What of a line matters to a reader: in every format that Flatnet's programs write, and in lines made to deceive."""

import pytest

from commands.log_lines.pieces import find_pieces

NGINX = (
    "2026/11/25 18:26:47 [error] 2404#4120: *1180 connect() failed (111: Connection refused) while connecting to upstream, "
    'client: 10.87.1.11, server: , request: "GET /orders/17 HTTP/1.1", upstream: "http://10.100.2.1:8080/orders/17", '
    'host: "shop:8080"'
)
WINDOWS_REASON = "10060: A connection attempt failed because the connected party did not properly respond after a time"
ACCESS = '10.100.1.2 - - [25/Nov/2026:18:26:47 +0900] "GET /orders/17 HTTP/1.1" 502 157 "-" "curl/8.5"'


def shown(line: str) -> str:
    return "".join(f"{piece.lead}{line[piece.begin : piece.end]}" for piece in find_pieces(line))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(
            NGINX,
            "connect() failed (111: Connection refused) → 10.100.2.1:8080 · GET /orders/17 · client 10.87.1.11"
            " · host shop:8080",
            id="nginx, an upstream that refuses",
        ),
        pytest.param(
            NGINX.replace("111: Connection refused", WINDOWS_REASON),
            "connect() failed (10060: A connection attempt failed because the …) → 10.100.2.1:8080 · GET /orders/17"
            " · client 10.87.1.11 · host shop:8080",
            id="nginx, the long reasons of Windows",
        ),
        pytest.param(
            NGINX.replace("while connecting to upstream", "while reading response header from upstream"),
            "connect() failed (111: Connection refused) while reading response header from upstream → 10.100.2.1:8080"
            " · GET /orders/17 · client 10.87.1.11 · host shop:8080",
            id="nginx, another phase than connecting",
        ),
        pytest.param(
            "2026/11/25 18:26:47 [notice] 2404#4120: signal process started", "signal process started", id="nginx, no client"
        ),
        pytest.param(
            '2026/11/25 18:26:47 [error] 1#1: *2 open() "/x" failed (2: No such file), client: 10.87.1.11, server: _',
            'open() "/x" failed (2: No such file) · client 10.87.1.11',
            id="nginx, neither request nor upstream",
        ),
        pytest.param(
            f'{NGINX}, referrer: "https://shop/"',
            "connect() failed (111: Connection refused) → 10.100.2.1:8080 · GET /orders/17 · client 10.87.1.11"
            " · host shop:8080",
            id="nginx, with a referrer",
        ),
        pytest.param(
            "2026/11/25 18:26:47 [error] 1#1: *2 connect() failed (111: Connection refused) while connecting to upstream, "
            'client: 10.87.1.11, server: 0.0.0.0:53, upstream: "10.100.2.1:53", bytes from/to client:0/0, '
            "bytes from/to upstream:0/0",
            "connect() failed (111: Connection refused) → 10.100.2.1:53 · client 10.87.1.11",
            id="nginx, a connection without HTTP",
        ),
        pytest.param(ACCESS, "GET /orders/17 502 · client 10.100.1.2", id="access log"),
        pytest.param(
            f"{ACCESS} rt=0.123", "GET /orders/17 502 · client 10.100.1.2 · request_time=0.123", id="access log with time"
        ),
        pytest.param(
            ACCESS.replace("GET /orders/17 HTTP/1.1", r"\x16\x03\x01"),
            r"\x16\x03\x01 502 · client 10.100.1.2",
            id="access log, TLS on a port of HTTP",
        ),
        pytest.param(
            'time="2026-11-25T09:05:44Z" level=info msg="Handshake timed out" certName=host-b durationNs=66349 '
            'fingerprint=f7 handshake="map[stage:1 style:ix_psk0]" udpAddrs="[192.0.2.12:4242]" vpnIp=10.100.2.1',
            "Handshake timed out · certName=host-b · udpAddrs=[192.0.2.12:4242] · vpnIp=10.100.2.1",
            id="Nebula 1.9",
        ),
        pytest.param(
            'time="2026-11-25T09:05:44Z" level=error msg="Could not load client cert" error="open F:\\\\ca.crt: no"',
            "Could not load client cert · error=open F:\\\\ca.crt: no",
            id="Nebula, an error in quotes",
        ),
        pytest.param(
            'time=2026-11-25T09:26:47.126Z level=INFO msg="Handshake message sent" vpnAddrs=[10.100.0.1] certVersion=2',
            "Handshake message sent · vpnAddrs=[10.100.0.1]",
            id="Nebula 1.11",
        ),
        pytest.param(
            '{"certName":"lighthouse","durationNs":3947368,"level":"info","msg":"Handshake message received",'
            '"time":"2026-11-25T09:05:44Z","udpAddr":{"ip":"192.0.2.1","port":4242},"vpnIp":"10.100.0.1"}',
            'Handshake message received · certName=lighthouse · udpAddr={"ip":"192.0.2.1","port":4242} · vpnIp=10.100.0.1',
            id="Nebula as JSON",
        ),
        pytest.param(
            '2026-11-25T18:26:47.126+0900 host podman[12]: time="2026-11-25T09:26:47Z" level=info msg="start web"',
            "podman: start web",
            id="the journal, with a line of podman",
        ),
        pytest.param(
            "2026-11-25T18:26:47+0900 host podman[12]: 2026-11-25 09:26:47.1 +0000 UTC m=+0.05 container died (code 1)",
            "podman: container died (code 1)",
            id="an event of podman",
        ),
        pytest.param("Nov 25 18:26:47 host flatnet-cni[701]: CNI ADD container=web", "flatnet-cni: CNI ADD container=web"),
        pytest.param("ERROR cannot allocate 12 bytes", "cannot allocate 12 bytes", id="a level, which has its own place"),
        pytest.param("[WARN]: slow", "slow", id="a level in brackets"),
        pytest.param("GET /healthz 200", "GET /healthz 200", id="no format"),
        pytest.param("ERRORS are counted", "ERRORS are counted", id="no level"),
        pytest.param("接続に失敗しました 3 回", "接続に失敗しました 3 回", id="Japanese"),
        pytest.param("", "", id="nothing"),
        pytest.param('{"msg":"cut short by the h', '{"msg":"cut short by the h', id="JSON that was cut"),
    ],
)
def test_of_a_line_the_message_and_the_fields_that_matter_are_shown(line: str, said: str) -> None:
    assert said == shown(line)


FORGED = ', client: 10.87.1.99, server: s, request: "GET /ok HTTP/1.1", host: "shop"'
ASKED = ', client: 192.0.2.66, server: s, request: "GET /x HTTP/1.1", host: "shop"'


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(f'open() "/x{FORGED}" failed (2: No such file){ASKED}', id="in a path"),
        pytest.param(f'open() "/x{FORGED}, referrer: "" failed (2: No such file){ASKED}', id="in a path, with a last field"),
        pytest.param(f'open() "/x" failed (2: No such file){ASKED}, referrer: "x{FORGED}', id="in a referrer"),
        pytest.param(
            'open() "/x" failed (2: No such file), client: 192.0.2.66, request: "GET /x", host: "a" HTTP/1.1", host: "shop"',
            id="a host in a request",
        ),
        pytest.param(f'open() "/x" failed (2: No such file){ASKED[:-1]}', id="cut within a field"),
    ],
)
def test_a_line_of_nginx_whose_fields_a_requester_may_have_written_is_shown_whole(rest: str) -> None:
    assert rest == shown(f"2026/11/25 18:26:47 [error] 1#1: *2 {rest}")


def test_a_field_within_the_message_is_not_taken_for_one_of_the_program() -> None:
    line = r'{"level":"info","msg":"user \"error\":\"fake\"","real":1}'
    assert r"user \"error\":\"fake\" · real=1" == shown(line)


@pytest.mark.parametrize(
    "line",
    [
        "a" * 10**6,
        "a=" * 5 * 10**5,
        '{"a":' * 2 * 10**5,
        '{"msg":"' + '\\"' * 5 * 10**5,
        "time=x level=info " + 'a="\\" ' * 10**5,
        "2026/11/25 18:26:47 [error] 1#1: *2 " + ", client: (1: " * 10**5,
        f'{NGINX}, upstream: "' + "a" * 10**6,
        NGINX.replace("/orders/17", "/" + "a" * 10**6) + " ",
        NGINX.replace("/orders/17", "/" + " HTTP/1" * 10**5) + " ",
        '1 - - [x] "' + " HTTP/1" * 10**5,
        "0" * 10**6,
        "<34>1 " * 10**5,
    ],
    ids=lambda line: line[:12],
)
def test_a_line_of_a_megabyte_is_no_more_than_its_parts(line: str) -> None:
    """Quadratic time would be hours."""
    pieces = find_pieces(line)
    assert all(0 <= piece.begin <= piece.end <= len(line) for piece in pieces)
