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

from adapters import pem
from bot.redaction import MARK, Redactor

SECRET = """p&s"s'wö<r>d %\\/+="""
KEY = pem.block("OPENSSH PRIVATE KEY", bytes(range(200)))
HEX = "0123456789abcdef" * 4
REDACTOR = Redactor([SECRET, KEY, HEX])

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
    cleaned = REDACTOR.clean(f"before {dressed} after")
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
    left = REDACTOR.clean(text).replace(MARK, "")
    assert len(left) <= 8 + 4 * ((before + 2) // 3 + (after + 2) // 3)


def test_a_line_of_a_registered_key_is_enough() -> None:
    """Hosts and logs show files line by line."""
    for line in KEY.splitlines()[1:-1]:
        assert MARK == REDACTOR.clean(line) or len(line) < 16


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (KEY, f"{MARK}\n"),
        (f"a\n{KEY}b", f"a\n{MARK}\nb"),
        (KEY[:90], MARK),
        (json.dumps(KEY), f'"{MARK}\\n"'),
        (pem.block("NEBULA X25519 PRIVATE KEY", bytes(32)), f"{MARK}\n"),
        (pem.block("NEBULA ED25519 PRIVATE KEY", bytes(64)), f"{MARK}\n"),
        (pem.block("NEBULA ED25519 ENCRYPTED PRIVATE KEY", bytes(64)), f"{MARK}\n"),
        (pem.block("NEBULA ECDSA P256 PRIVATE KEY", bytes(32)), f"{MARK}\n"),
        (pem.block("RSA PRIVATE KEY", bytes(32)), f"{MARK}\n"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----", MARK),
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
    assert cleaned == Redactor().clean(text)
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
        pem.block("NEBULA CERTIFICATE", bytes(90)),
        pem.block("NEBULA X25519 PUBLIC KEY", bytes(32)),
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
    assert text == Redactor([SECRET]).clean(text)
    assert not Redactor([SECRET]).holds_secret(text)


def test_json_keeps_its_shape() -> None:
    """Names and values, at any depth; what a secret's name stands before goes whole."""
    value = {"a": [f"x{HEX}", 1, None, True, {"password": "a b c", HEX: 1.5}], "winrm_passphrase": "", "n": ("t",)}
    cleaned = {"a": [f"x{MARK}", 1, None, True, {"password": MARK, MARK: 1.5}], "winrm_passphrase": "", "n": ["t"]}
    assert cleaned == REDACTOR.clean_json(value)
    assert REDACTOR.holds_secret(value)
    assert not REDACTOR.holds_secret(cleaned)
    assert not REDACTOR.holds_secret(json.dumps(cleaned))
    assert [True, True, True, False] == [
        REDACTOR.holds_secret(part) for part in ({"a": {"password": "x"}}, {HEX: 1}, ("a", [HEX]), {"a": ("b", ("c",), 1)})
    ]


@pytest.mark.parametrize("value", ["", " ", "abcde", "abcde\n", "[redact", MARK, "redacted"])
def test_values_that_would_take_innocent_words_away_are_not_looked_for(value: str) -> None:
    """Too short, or the mark itself."""
    assert "abcde [redacted]" == Redactor([value]).clean("abcde [redacted]")


@given(st.text(max_size=40), st.text(max_size=40), st.text("abc\"'&<%\\é ", min_size=6, max_size=12))
def test_cleaning_takes_the_value_away_and_cleaning_again_changes_nothing(before: str, after: str, secret: str) -> None:
    """For any text around it."""
    redactor = Redactor([secret])
    cleaned = redactor.clean(f"{before}{secret}{after}")
    assert secret.strip() not in cleaned or len(secret.strip()) < 6
    assert cleaned == redactor.clean(cleaned)
    assert not redactor.holds_secret(cleaned)


@given(st.text("password=:\"'\\ \n-BEGINPRVATKY[redacted]xob1@/eyJ.", max_size=200))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """Whatever the patterns meet."""
    cleaned = Redactor().clean(text)
    assert cleaned == Redactor().clean(cleaned)


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ-",
        "-----BEGIN PRIVATE KEY-----",
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
    """60,000 characters that begin a pattern again and again; 30 ms here, a second means that it is not linear."""
    text = piece * (60_000 // len(piece))
    began = time.perf_counter()
    REDACTOR.clean(text)
    assert time.perf_counter() - began < 1.0
