"""Secrets go from whatever is shown, in whatever dress, and what is none stays."""

import base64
import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.logs import LINE_READ_LIMIT
from adapters.nebula import pem
from bot.security import secret_shapes
from bot.security.redaction import Redactor
from bot.security.secret_patterns import MARK
from bot.security.secret_shapes import SHAPES, SecretShape
from commands.log_lines.lines import sanitize_line, shorten_line

SECRET = """p&s"s'wö<r>d %\\/+="""
KEY = pem.encode_block("OPENSSH PRIVATE KEY", bytes(range(200)))
HEX = "0123456789abcdef" * 4
LONG_SECRET = "Ab1" * 100
REDACTOR = Redactor([SECRET, KEY, HEX])


def marks(key: str) -> str:
    """A mark for every line."""
    return "".join(f"{MARK}\n" for _ in key.splitlines())


def write_json_of_go(text: str, *, ascii_only: bool = False) -> str:
    """JSON with the escapes of Go, which keep it from ending a script of HTML."""
    written = json.dumps(text, ensure_ascii=ascii_only)
    return written.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def capitalize_digits(written: str) -> str:
    """The escapes as .NET and Java write them."""
    return re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda found: found[0].upper(), written)


DRESSES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "within words": lambda secret: f"x{secret}x",
    "JSON": json.dumps,
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"a": secret})),
    "JSON with its own letters": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON of Go": write_json_of_go,
    "JSON of Go in JSON of Go": lambda secret: write_json_of_go(write_json_of_go(secret)),
    "JSON of PHP": lambda secret: json.dumps(secret).replace("/", r"\/"),
    "JSON with capital digits": lambda secret: capitalize_digits(write_json_of_go(secret, ascii_only=True)),
    "URL": quote,
    "form": quote_plus,
    "URL, small letters": lambda secret: re.sub("%..", lambda found: found[0].lower(), quote(secret, safe="")),
    "HTML": html.escape,
    "Slack": lambda secret: secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    "PowerShell": lambda secret: "'" + secret.replace("'", "''") + "'",
    "CSV": lambda secret: '"' + secret.replace('"', '""') + '"',
    "Python": repr,
    "hexadecimal": lambda secret: secret.encode().hex(),
    "basic authentication": lambda secret: base64.b64encode(f"ana:{secret}".encode()).decode(),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    "an encoded PowerShell command": lambda secret: base64.b64encode(f"$p = '{secret}'; exit".encode("utf-16-le")).decode(),
}
"""How a secret may be dressed inside another text."""


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
@pytest.mark.parametrize("secret", [SECRET, HEX], ids=["password", "audit key"])
def test_a_registered_secret_goes_in_every_dress(secret: str, dress: Callable[[str], str]) -> None:
    """Nothing of it stays that could be turned back."""
    dressed = dress(secret)
    cleaned = REDACTOR.redact(f"before {dressed} after")
    assert MARK in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")
    assert len(cleaned) < len("before  after") + len(MARK) + 40
    assert secret not in cleaned


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", range(4))
def test_base64_hides_nothing_wherever_the_secret_begins(before: int, after: int) -> None:
    """At most four characters at each end are decided by neighbours, too."""
    text = base64.b64encode(b"x" * before + SECRET.encode() + b"y" * after).decode()
    left = REDACTOR.redact(text).replace(MARK, "")
    assert len(left) <= 8 + 4 * ((before + 2) // 3 + (after + 2) // 3)


def test_a_line_of_a_registered_key_is_enough() -> None:
    """Hosts and logs show files line by line."""
    for line in KEY.splitlines()[1:-1]:
        assert MARK == REDACTOR.redact(line) or len(line) < 16


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (KEY, marks(KEY)),
        (f"a\n{KEY}b", f"a\n{marks(KEY)}b"),
        (KEY.replace("\n", "\r\n"), marks(KEY).replace("\n", "\r\n")),
        (KEY[:90], f"{MARK}\n{MARK}"),
        (KEY.partition("\n")[2], marks(KEY.partition("\n")[2])),
        (json.dumps(KEY), f'"{MARK}\\n"'),
        (
            pem.encode_block("NEBULA X25519 PRIVATE KEY", bytes(32)),
            marks(pem.encode_block("NEBULA X25519 PRIVATE KEY", bytes(32))),
        ),
        (
            pem.encode_block("NEBULA ED25519 PRIVATE KEY", bytes(64)),
            marks(pem.encode_block("NEBULA ED25519 PRIVATE KEY", bytes(64))),
        ),
        (
            pem.encode_block("NEBULA ED25519 ENCRYPTED PRIVATE KEY", bytes(64)),
            marks(pem.encode_block("NEBULA ED25519 ENCRYPTED PRIVATE KEY", bytes(64))),
        ),
        (
            pem.encode_block("NEBULA ECDSA P256 PRIVATE KEY", bytes(32)),
            marks(pem.encode_block("NEBULA ECDSA P256 PRIVATE KEY", bytes(32))),
        ),
        (pem.encode_block("RSA PRIVATE KEY", bytes(32)), marks(pem.encode_block("RSA PRIVATE KEY", bytes(32)))),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----", f"{MARK}\n{MARK}\n{MARK}"),
        ("token xoxb-123456789012-abcdefABCDEF.", f"token {MARK}."),
        ("\\nxoxe.xoxp-1-Mi0yLTEyMzQ1", f"\\n{MARK}"),
        ("xapp-1-A0123456789-1234-abcdef", MARK),
        ("https://hooks.slack.com/commands/T0/123/abcDEF", f"https://{MARK}"),
        ("AKIAIOSFODNN7EXAMPLE", MARK),
        ("ghp_" + "a1" * 18, MARK),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", MARK),
        ("Authorization: Basic YW5hOnB3", f"Authorization: Basic {MARK}"),
        ("authorization: NTLM TlRMTVNTUAAB\r\nHost: a", f"authorization: NTLM {MARK}\r\nHost: a"),
        ('{"Authorization": "Bearer abc", "a": 1}', f'{{"Authorization": "Bearer {MARK}", "a": 1}}'),
        ("curl -H 'Bearer abcdefghijklmnop'", f"curl -H 'Bearer {MARK}'"),
        ("https://ana:hunter2@host/path", f"https://ana:{MARK}@host/path"),
        ("password=hunter2&user=ana", f"password={MARK}&user=ana"),
        ("WINRM_PASSWORD = hunter2", f"WINRM_PASSWORD = {MARK}"),
        ('{"password":"hunter2","user":"ana"}', f'{{"password":"{MARK}","user":"ana"}}'),
        ('"{\\"passphrase\\": \\"hunter2\\"}"', f'"{{\\"passphrase\\": \\"{MARK}\\"}}"'),
        ("client_secret: 'a b'", f"client_secret: '{MARK}'"),
        ("user: ana\n  password: hunter2\nhost: a", f"user: ana\n  password: {MARK}\nhost: a"),
        ("mysql --password hunter2 -h a", f"mysql --password {MARK} -h a"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", f"aws_secret_access_key = {MARK}"),
        ("login as ana, password: hunter2 refused", f"login as ana, password: {MARK} refused"),
        ("{user: ana, password: swordfish}", f"{{user: ana, password: {MARK}}}"),
        ("Db_Password: Xy7, host: a", f"Db_Password: {MARK}, host: a"),
        ("GET /api?token=a1b2c3d4&x=1 HTTP/1.1", f"GET /api?token={MARK}&x=1 HTTP/1.1"),
        ("csrf_token=a1b2", f"csrf_token={MARK}"),
        ("secret=s3cr3t-value", f"secret={MARK}"),
        ("X-Auth-Token: 0a1b2c3d4e, ok", f"X-Auth-Token: {MARK}, ok"),
        ("got token: 0a1b2c3d4e5f from ana", f"got token: {MARK} from ana"),
        ('{"token":"a b c","user":"ana"}', f'{{"token":"{MARK}","user":"ana"}}'),
        ('{"secret": "x"}', f'{{"secret": "{MARK}"}}'),
        ("curl --token a1b2 -v", f"curl --token {MARK} -v"),
        ("Cookie: session=abc; theme=dark", f"Cookie: {MARK}"),
        ('-H "cookie: a=b; c=d" -v', f'-H "cookie: {MARK}" -v'),
        ("Set-Cookie: id=7; HttpOnly\r\nHost: a", f"Set-Cookie: {MARK}\r\nHost: a"),
        ("sent Basic YW5hOmh1bnRlcjI= to it", f"sent Basic {MARK} to it"),
        (f"key sk-{'a1B2' * 12}", f"key {MARK}"),
        (f"OPENAI=sk-proj-{'a1-_' * 20}.", f"OPENAI={MARK}."),
        (f"key=AIza{'Sy1-_' * 7}", f"key={MARK}"),
        (f"//registry/:_authToken=npm_{'a1B2' * 9}", f"//registry/:_authToken={MARK}"),
        (f"npm_{'a1B2' * 9}, next", f"{MARK}, next"),
        (f"glpat-{'a1B2' * 9}.01.0w1a2b3c4", MARK),
        (f"sk_live_{'a1B2' * 6}", MARK),
        (f"hf_{'abcdefghij' * 3}abcd", MARK),
        (f"secret abC7Q~{'a.b_' * 8}", f"secret {MARK}"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, cleaned: str) -> None:
    """Without being registered."""
    assert cleaned == Redactor().redact(text)
    assert Redactor().holds_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the password of ana was refused; write it to secrets/winrm_password",
        "wrong password: check the file",
        'password_secret = "winrm_password"',
        'bot_token_secret = "slack_bot_token"',
        "set FLATNET_WINRM_PASSWORD, or write it to a file",
        pem.encode_block("NEBULA CERTIFICATE", bytes(90)),
        pem.encode_block("NEBULA X25519 PUBLIC KEY", bytes(32)),
        "issuer a4e24309986477e7e01d9450e58efc4211a30236c36c4777bf51289d370c2233",
        'the key C:\\nebula\\host.key {"key":"9f86d081","mac":"' + "ab" * 32 + '"}',
        "https://gateway.example:8080/api/health",
        "ssh://flatnet@10.87.1.1:22",
        '{"password":"","passphrase":null}',
        "xoxb-",
        "sha256:" + "0f" * 32,
        "host-a 10.100.1.1/16 eyJ.eyJ",
        "error: wrong password: try again",
        "the token: invalid or expired",
        "unexpected token: }",
        "Basic authentication is off, Basic constraints are critical",
        "cookies: 3, cookie: none",
        'cookie "session" rejected',
        "token = 3",
        f"password: {MARK} was typed",
        "task-manager-with-a-long-name-1234567890 disk-sk-1",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Names of secrets, certificates, fingerprints, addresses."""
    assert text == Redactor([SECRET]).redact(text)
    assert not Redactor([SECRET]).holds_secret(text)


ORDINARY = f"""
time="2026-11-25T18:26:47+09:00" level=info msg="Handshake message received" certName=host-b certVersion=2 \
durationNs=1834512 \
fingerprint={"0f" * 32} handshake="map[stage:2 style:ix_psk0]" initiatorIndex=3735928559 issuer={"a4" * 32} \
remoteIndex=305419896 udpAddr="192.0.2.2:4242" vpnAddrs="[10.100.2.1]"
time="2026-11-25T18:26:47+09:00" level=error msg="Failed to load ca certificates" error="open \
/etc/nebula/ca.crt: permission denied"
level=info msg="Firewall rule added" firewallRule="map[caName: caSha: direction:incoming groups:[] host:any \
port:8080 proto:6]"
level=info msg="Firewall started" firewallHashes="SHA:{"9c" * 32},FNV:1287452339"
level=debug msg="Tunnel status" tunnelCheck="map[method:active state:alive]" vpnAddrs="[10.100.2.1]"
level=info msg="Nebula interface is active" build=1.10.3 interface=nebula1 network=10.100.1.1/16 \
udpAddr="0.0.0.0:4242"
10.1.0.9 - - [25/Nov/2026:18:26:47 +0900] "GET /api/v1/items?id=7&page=2 HTTP/1.1" 200 512 "https://a.example/" \
"Mozilla/5.0"
10.1.0.9 - ana [25/Nov/2026:18:26:47 +0900] "POST /login HTTP/2.0" 302 0 "-" "curl/8.5.0" rt=0.003 uct="0.001" \
request_id={"7e" * 16}
2026/11/25 18:26:47 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, \
client: 10.1.0.9, \
server: _, request: "GET / HTTP/1.1", upstream: "http://10.89.0.7:3000/", host: "web.example"
2026/11/25 18:26:47 [warn] 31#31: *7 an upstream response is buffered to a temporary file \
/var/cache/nginx/proxy_temp/1/00/0000000001
2026/11/25 18:26:47 [error] 31#31: *7 user "ana": password mismatch, client: 10.1.0.9
2026/11/25 18:26:47 [info] 31#31: *7 no user/password was provided for basic authentication, client: 10.1.0.9
Nov 25 18:26:47 host-a sshd[812]: Failed password for root from 192.0.2.9 port 51234 ssh2
Nov 25 18:26:47 host-a sshd[812]: Accepted publickey for flatnet from 10.100.0.9 port 51234 ssh2: ED25519 \
SHA256:{"aB3" * 14}x
Nov 25 18:26:47 host-a sudo: flatnet : TTY=pts/0 ; PWD=/home/flatnet ; USER=root ; COMMAND=/usr/bin/podman ps \
--format json
Nov 25 18:26:47 host-a systemd[1]: Started podman-7b502c3a1f48.scope - libcrun container.
Nov 25 18:26:47 host-a podman[912]: 2026-11-25 18:26:47.126 +0900 JST m=+0.05 container start {"7b50" * 16} \
(image=docker.io/library/nginx:1.27, \
name=web, health_status=, PODMAN_SYSTEMD_UNIT=web.service)
Nov 25 18:26:47 host-a podman[912]: Trying to pull docker.io/library/nginx@sha256:{"4c" * 32}...
Nov 25 18:26:47 host-a kernel: audit: type=1400 audit(1764062807.126:42): apparmor="DENIED" operation="open" \
profile="containers-default-0.57.4"
Nov 25 18:26:47 host-a systemd-logind[44]: New session c7 of user flatnet.
Nov 25 18:26:47 host-a CRON[99]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
Nov 25 18:26:47 host-a dbus-daemon[31]: [system] Activating via systemd: service \
name='org.freedesktop.hostname1' requested by ':1.7'
cni: \
{{"cniVersion":"1.0.0","name":"flatnet","interfaces":[{{"name":"eth0","mac":"0a:58:0a:64:01:02",\
"sandbox":"/run/netns/{"2a" * 16}"}}]}}
overlay {"9f" * 32} on /var/lib/containers/storage/overlay/{"9f" * 32}/merged, id 3f2504e0-4f89-41d3-9a0c-0305e82c3301
commit 5f2b7c9d1e3a4f60718293a4b5c6d7e8f9012345, Etag: "65fd2a11-264", boot id {"5d" * 16}
""".strip()
"""Lines as Nebula, nginx, sshd, the journal, podman and CNI write them."""


@pytest.mark.parametrize("line", ORDINARY.split("\n"))
def test_an_ordinary_line_of_a_log_stays(line: str) -> None:
    """Fingerprints, container ids, digests, addresses, and sentences about passwords are no secrets."""
    assert line == Redactor().redact_log(line)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.literals[0])
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_token_of_every_shape_goes_and_contains_its_literal(shape: SecretShape, data: st.DataObject) -> None:
    token = data.draw(st.from_regex(re.compile(shape.pattern, re.ASCII), fullmatch=True))
    assert any(literal in (token.lower() if shape.ignores_case else token) for literal in shape.literals)
    assert token not in Redactor().redact(f"got {token} now")


def test_the_shapes_name_their_source_and_its_license() -> None:
    told = secret_shapes.__doc__ or ""
    assert "https://github.com/gitleaks/gitleaks" in told
    assert "Copyright (c) 2019 Zachary Rice" in told
    assert "The above copyright notice and this permission notice shall be included" in told


BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
BODY = ("MIIEpAIBAAKCAQEA1234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL", "abcDEF123+/=")
ACCESS = '10.1.0.9 - - [25/Nov/2026:18:26:47 +0900] "GET / HTTP/1.1" 502 0 "-" "{agent}"'


@pytest.mark.parametrize("words", [BEGIN, END])
def test_whoever_writes_the_words_of_a_key_into_a_log_hides_nothing_but_these(words: str) -> None:
    """A client names itself so; its line and those around it are seen."""
    lines = [ACCESS.format(agent=agent) for agent in ("curl/8", words, "Mozilla/5.0", "curl/8")]
    lines[1:1] = lines[4:4] = ["connection refused", "done"]
    seen = [line.replace(words, MARK) for line in lines]
    assert seen == Redactor().redact_log("\n".join(lines)).split("\n")
    assert seen == Redactor().redact("\n".join(lines)).split("\n")


PREFIXES = {
    "bare": "",
    "indented": "    ",
    "podman": "2026-11-25T18:26:47.126000000+09:00 ",
    "podman's file": "2026-11-25T18:26:47.126000000+09:00 stdout F ",
    "journal": "2026-11-25T18:26:47.126000+0900 host-a web[12]: ",
    "syslog": "Nov 25 18:26:47 host-a web[12]: ",
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
@pytest.mark.parametrize(
    "key",
    [
        pytest.param((BEGIN, *BODY, END), id="whole"),
        pytest.param((BEGIN, "Proc-Type: 4,ENCRYPTED", "", *BODY, END), id="encrypted"),
        pytest.param((BEGIN, *BODY), id="without its end"),
        pytest.param((*BODY, END), id="without its beginning"),
        pytest.param((BODY[1], END), id="its end"),
        pytest.param(BODY, id="without its ends"),
        pytest.param(("wO5d1jQ7rZ8hT2kLmN4pXyVbC6fG9sAeJ0iUqWzRtYs=",), id="32 bytes"),
    ],
)
def test_a_part_of_a_key_goes_from_a_log_as_a_whole_one_does(prefix: str, key: tuple[str, ...]) -> None:
    """Behind what podman, the journal or syslog write before it: that stays, and as many lines as there were."""
    lines = [f"{prefix}{text}".rstrip() for text in ("before it", *key, "behind it")]
    seen = [f"{prefix}{MARK if text else ''}".rstrip() for text in key]
    cleaned = Redactor().redact_log("\n".join(lines))
    assert [lines[0], *seen, lines[-1]] == cleaned.split("\n")
    assert cleaned == Redactor().redact_log(cleaned)
    assert cleaned == Redactor().redact(cleaned)


@pytest.mark.parametrize(
    ("line", "cleaned"),
    [
        (f'{{"a": "{BEGIN}\\n{BODY[0]}\\n{END}\\n", "b": 1}}', f'{{"a": "{MARK}\\n", "b": 1}}'),
        (f'{{"a": "{BEGIN}\\n{BODY[0]}", "b": 1}}', f'{{"a": "{MARK}", "b": 1}}'),
        (f'["{BEGIN}", "{BODY[0]}", "{END}", "b"]', f'["{MARK}", "b"]'),
        (f"key {BODY[0]}#012{BODY[1]}#012{END}#012", f"key {MARK}#012"),
        (f"a {BEGIN} {BODY[0]} {END} b {BEGIN} {BODY[0]} {END} c", f"a {MARK} b {MARK} c"),
        (f"a {BEGIN} {BODY[0]}", f"a {MARK}"),
    ],
)
def test_a_key_that_was_written_on_one_line_goes(line: str, cleaned: str) -> None:
    assert cleaned == Redactor().redact(line)
    assert cleaned == Redactor().redact_log(line)


@pytest.mark.parametrize("line", ["q1Wm3tYzKk0aBcDe=", "q1Wm3tYzKk0aBcDeFgHiJkLmNo9=", "q1Wm3tYzKk0aBcDeFgHiJkLm"])
def test_the_short_last_line_of_a_key_goes_where_it_stands_alone(line: str) -> None:
    """A pattern brings it without its neighbours."""
    assert MARK == Redactor().redact_log(line)
    assert line == Redactor().redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "NebulaHandshakeTimeout",
        "HTTP2StreamRefused",
        "2026-11-25T18:26:47.126000+0900 host-a podman[1]: " + "0f" * 32,
        "0f" * 32,
        "/var/lib/containers/storage/overlay/" + "0f" * 32 + "/merged",
        "2026-11-25T18:26:47.126+09:00 pulled sha256:" + "0f" * 32,
        ACCESS.format(agent="a" * 80),
        "x" * 80,
    ],
)
def test_long_words_that_are_no_key_stay_in_a_log(line: str) -> None:
    """Ids of containers, fingerprints, paths."""
    assert line == Redactor().redact_log(line)


def test_a_registered_value_of_several_lines_leaves_as_many_marks() -> None:
    redactor = Redactor(["first line\nsecond"])
    assert f"a\n{MARK}\n{MARK} b" == redactor.redact_log("a\nfirst line\nsecond b")


@given(st.lists(st.sampled_from([BEGIN, END, *BODY, "", "a b", f'"{BEGIN}"', f"x{END}", "password=hunter2", MARK])))
def test_a_log_keeps_its_number_of_lines_and_cleaning_it_again_changes_nothing(lines: list[str]) -> None:
    """Whatever keys it has."""
    cleaned = Redactor().redact_log("\n".join(lines))
    assert max(1, len(lines)) == len(cleaned.split("\n"))
    assert cleaned == Redactor().redact_log(cleaned)
    assert cleaned == Redactor().redact(cleaned)


def test_json_keeps_its_shape() -> None:
    """Names and values, at any depth; what a secret's name stands before goes whole."""
    value = {"a": [f"x{HEX}", 1, None, True, {"password": "a b c", HEX: 1.5}], "winrm_passphrase": "", "n": ("t",)}
    cleaned = {"a": [f"x{MARK}", 1, None, True, {"password": MARK, MARK: 1.5}], "winrm_passphrase": "", "n": ["t"]}
    assert cleaned == REDACTOR.redact_json(value)
    assert REDACTOR.holds_secret(value)
    assert not REDACTOR.holds_secret(cleaned)
    assert not REDACTOR.holds_secret(json.dumps(cleaned))
    assert [True, True, True, False] == [
        REDACTOR.holds_secret(part) for part in ({"a": {"password": "x"}}, {HEX: 1}, ("a", [HEX]), {"a": ("b", ("c",), 1)})
    ]


def test_what_comes_again_in_json_is_searched_once() -> None:
    """A line of a log stands in the timeline and in the file of its log."""
    searched: list[str] = []

    class Noting(Redactor):
        def redact(self, text: str) -> str:
            searched.append(text)
            return super().redact(text)

    value = [{"text": "password=x", "host": "host-a"}] * 2
    assert [{"text": f"password={MARK}", "host": "host-a"}] * 2 == Noting().redact_json(value)
    assert ["text", "password=x", "host", "host-a"] == searched


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f"{'x' * 3_990} {LONG_SECRET} x", id="a registered value"),
        pytest.param(f"{'x' * 3_990} {LONG_SECRET.encode().hex()} x", id="in hexadecimal"),
        pytest.param(f"{'x' * 3_990} xoxb-{'Ab1-' * 300}", id="a token"),
        pytest.param(f"{'x' * 3_950} Authorization: Bearer {'Ab1.' * 300}", id="a header"),
        pytest.param(f"{'x' * 3_950} password={'Ab1.' * 300}", id="a password"),
        pytest.param(f"{'x' * 3_950} -----BEGIN EC PRIVATE KEY-----\\n{'Ab1+' * 300}", id="a key on one line"),
        pytest.param(f"Authorization: Negotiate {'Ab1+' * 2_000}", id="a header alone"),
    ],
)
def test_of_a_secret_that_reaches_over_the_end_of_a_long_line_nothing_is_shown(line: str) -> None:
    """A line of a log is cleaned with its margin and shortened then."""
    shown = shorten_line(Redactor([LONG_SECRET]).redact_log(sanitize_line(line[:LINE_READ_LIMIT])))
    assert "Ab1" not in shown
    assert "416231" not in shown


@pytest.mark.parametrize("value", ["", " ", "abcde", "abcde\n", "[redact", MARK, "redacted"])
def test_values_that_would_take_innocent_words_away_are_not_looked_for(value: str) -> None:
    """Too short, or the mark itself."""
    assert "abcde [redacted]" == Redactor([value]).redact("abcde [redacted]")


@given(st.text(max_size=40), st.text(max_size=40), st.text("abc\"'&<%\\é ", min_size=6, max_size=12))
def test_cleaning_takes_the_value_away_and_cleaning_again_changes_nothing(before: str, after: str, secret: str) -> None:
    """For any text around it."""
    redactor = Redactor([secret])
    cleaned = redactor.redact(f"{before}{secret}{after}")
    assert secret.strip() not in cleaned or len(secret.strip()) < 6
    assert cleaned == redactor.redact(cleaned)
    assert not redactor.holds_secret(cleaned)


@given(st.text("password=:\"'\\ \n-BEGINPRVATKY[redacted]xob1@/eyJ.", max_size=200))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """Whatever the patterns meet."""
    cleaned = Redactor().redact(text)
    assert cleaned == Redactor().redact(cleaned)


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ-",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        '"-----BEGIN PRIVATE KEY-----"',
        "a\n-----END PRIVATE KEY-----\n",
        "a\n",
        " ",
        "\n-----BEGIN PRIVATE KEY-----\n" + " " * 4_000 + "!",
        "\n2026-11-25T18:26:47 " + "a" * 4_000 + "!",
        'password="',
        'password=\\"',
        "password: ",
        "a://a:",
        "authorization: ",
        "bearer ",
        "xoxb-",
        "\n- - -",
        "a.",
        "--password ",
        "cookie: a=",
        "basic ",
        "sk-1",
        "token: a",
        "password: a ",
        "sc_",
        "pat.",
        "SK",
        "x",
    ],
)
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    """60,000 characters that begin a pattern again and again; more than 2 s of a processor is not linear."""
    text = piece * (60_000 // len(piece))
    began = time.process_time()
    REDACTOR.redact(text)
    REDACTOR.redact_log(text)
    assert time.process_time() - began < 2.0
