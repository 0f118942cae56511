"""Secrets go from whatever is shown, in whatever dress, and what is none stays."""

import base64
import html
import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.logs import LINE_READ_LIMIT
from adapters.nebula import pem
from bot.security.redaction import MARK, Redactor
from commands.loglines.lines import sanitize_line, shorten_line

SECRET = """p&s"s'wö<r>d %\\/+="""
KEY = pem.encode_block("OPENSSH PRIVATE KEY", bytes(range(200)))
HEX = "0123456789abcdef" * 4
LONG_SECRET = "Ab1" * 100
REDACTOR = Redactor([SECRET, KEY, HEX])


def marks(key: str) -> str:
    """A mark for every line."""
    return "".join(f"{MARK}\n" for _ in key.splitlines())


DRESSES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "within words": lambda secret: f"x{secret}x",
    "JSON": json.dumps,
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"a": secret})),
    "JSON with its own letters": lambda secret: json.dumps(secret, ensure_ascii=False),
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
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Names of secrets, certificates, fingerprints, addresses."""
    assert text == Redactor([SECRET]).redact(text)
    assert not Redactor([SECRET]).holds_secret(text)


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
