"""Errors of PostgreSQL: each state that is known to the library is named, or means a bug."""

import psycopg
from psycopg.pq import Ping

from bot.store.address import PostgresAddress
from bot.store.postgres_errors import map_connect_error, map_postgres_error

ADDRESS = PostgresAddress("flatnet", "db.example.jp", 5432, "flatnet")

KNOWN = {
    "DatabaseBusy": "40001 40P01 55P03 57014",
    "DatabaseDamaged": "XX001 XX002",
    "DatabaseFull": "53100",
    "DatabaseUnavailable": "08000 08001 08003 08004 08006 08007 08P01 25006 25P03 25P04 28000 28P01 3D000 40003 42501 "
    "53000 53200 53300 53400 55006 55P04 57000 57P01 57P02 57P03 57P04 57P05 "
    "58000 58030 58P01 58P02 58P03 F0000 F0001 XX000",
}


def test_every_state_that_is_no_bug_of_ours_has_a_type() -> None:
    found: dict[str, list[str]] = {}
    classes = {each for each in vars(psycopg.errors).values() if isinstance(each, type) and issubclass(each, psycopg.Error)}
    for state, each in sorted((each.sqlstate, each) for each in classes if isinstance(each.sqlstate, str)):
        mapped = map_postgres_error(each("words"), ADDRESS)
        if mapped is not None:
            found.setdefault(type(mapped).__name__, []).append(state)
    assert KNOWN == {name: " ".join(states) for name, states in sorted(found.items())}


def test_an_error_without_a_state_is_a_lost_connection_or_a_bug() -> None:
    cases = (psycopg.OperationalError("the connection is closed"), psycopg.DataError("NUL"), ValueError("bug"))
    assert ["DatabaseUnavailable", "NoneType", "NoneType"] == [
        type(map_postgres_error(each, ADDRESS)).__name__ for each in cases
    ]


def test_an_error_of_connecting_says_what_the_library_said_last() -> None:
    error = psycopg.OperationalError(
        'connection failed: connection to server at "192.0.2.1", port 5432 failed: one\n'
        'connection to server at "192.0.2.1", port 5432 failed: FATAL:  no\0way\n\tIs it running?\n'
    )
    beginnings = {
        Ping.OK: "the database server refused the connection to postgresql://flatnet@db.example.jp:5432/flatnet "
        "(FATAL: no\\x00way). ",
        Ping.REJECT: "the database server of postgresql://flatnet@db.example.jp:5432/flatnet is starting or stopping. ",
        Ping.NO_RESPONSE: "could not reach the database server of postgresql://flatnet@db.example.jp:5432/flatnet "
        "(FATAL: no\\x00way). ",
    }
    assert beginnings == {
        answer: str(map_connect_error(error, ADDRESS, answer))[: len(words)] for answer, words in beginnings.items()
    }
