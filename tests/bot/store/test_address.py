"""Addresses of databases: what is not verified, or not understood, is refused."""

import pytest

from bot.store.address import PostgresAddress, UnusableAddress, parse_postgres_address

VERIFY = "?sslmode=verify-full"
MALFORMED = "must be like postgresql://flatnet@db.example.jp:5432/flatnet?sslmode=verify-full"
UNVERIFIED = "must end with ?sslmode=verify-full, because the connection to another machine must be verified"


def make(host: str, port: int = 5432, *files: tuple[str, str], is_verified: bool = False) -> PostgresAddress:
    return PostgresAddress("bot", host, port, "net", files, is_verified)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"postgresql://bot@db.example.jp/net{VERIFY}", make("db.example.jp", is_verified=True)),
        (
            f"postgres://bot@192.0.2.7:6000/net{VERIFY}&sslrootcert=/etc/ca.crt",
            make("192.0.2.7", 6000, ("sslrootcert", "/etc/ca.crt"), is_verified=True),
        ),
        (f"postgresql://bot@[2001:db8::7]:6000/net{VERIFY}", make("2001:db8::7", 6000, is_verified=True)),
        ("postgresql://bot@127.0.0.1/net", make("127.0.0.1")),
        ("postgresql://bot@[::1]/net", make("::1")),
        (f"postgresql://bot@localhost/net{VERIFY}", make("localhost", is_verified=True)),
        ("postgresql://bot@%2Frun%2FPostgreSQL/net", make("/run/PostgreSQL")),
        ("", MALFORMED),
        ("mysql://bot@db/net", MALFORMED),
        ("postgresql://bot@db/", MALFORMED),
        ("postgresql://db/net", MALFORMED),
        ("postgresql:///net", MALFORMED),
        (f"postgresql://bot@one,two/net{VERIFY}", MALFORMED),
        (f"postgresql://bot@db:port/net{VERIFY}", MALFORMED),
        (f"postgresql://bot@db/net{VERIFY}#part", MALFORMED),
        ("postgresql://bot@db/n'et", MALFORMED),
        (
            f"postgresql://bot:hunter2@db/net{VERIFY}",
            "must not contain a password. Put it into the secret that database_password_secret names",
        ),
        ("postgresql://bot@db/net", UNVERIFIED),
        ("postgresql://bot@db/net?sslmode=require", UNVERIFIED),
        ("postgresql://bot@localhost/net?sslmode=disable", UNVERIFIED),
        (f"postgresql://bot@db/net{VERIFY}&options=-c", "has an unknown option options"),
        (f"postgresql://bot@db/net{VERIFY}&sslrootcert=ca.crt", "must name a file for sslrootcert by its full path"),
    ],
)
def test_an_address_is_understood_or_the_reason_says_how_to_write_it(text: str, expected: PostgresAddress | str) -> None:
    try:
        found: PostgresAddress | str = parse_postgres_address(text)
    except UnusableAddress as error:
        found = str(error)
    assert expected == found
