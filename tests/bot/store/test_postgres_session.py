"""Sessions on a real server: their limits, and the servers and databases on which the lead would not hold."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.store.address import PostgresAddress
from bot.store.database import Database
from bot.store.errors import DatabaseError, DatabaseUnavailable
from bot.store.postgres_errors import make_create_command
from bot.store.postgres_session import OWNER_LIMITS, READER_LIMITS, SessionLimits, connect
from tests.postgres import USER, PostgresServer


def find_refusal(address: PostgresAddress) -> str:
    """Return the words that refuse a session of this address; "" if it is opened."""
    try:
        connect(address).close()
    except DatabaseUnavailable as error:
        return str(error)
    return ""


def test_the_server_ends_a_session_that_says_nothing_and_keeps_what_was_acked(postgres: PostgresAddress) -> None:
    def show(limits: SessionLimits) -> dict[str, str]:
        with closing(connect(postgres, limits)) as session:
            names = (
                "idle_session_timeout",
                "idle_in_transaction_session_timeout",
                "statement_timeout",
                "client_connection_check_interval",
                "synchronous_commit",
                "TimeZone",
            )
            return {name: str((session.execute(f"SHOW {name}".encode()).fetchone() or ("",))[0]) for name in names}

    common = {"client_connection_check_interval": "1s", "synchronous_commit": "on", "TimeZone": "UTC"}
    assert {
        "idle_session_timeout": "4s",
        "idle_in_transaction_session_timeout": "4s",
        "statement_timeout": "6s",
    } | common == show(OWNER_LIMITS)
    assert {
        "idle_session_timeout": "1min",
        "idle_in_transaction_session_timeout": "1min",
        "statement_timeout": "5min",
    } | common == show(READER_LIMITS)


def test_a_session_that_listens_for_a_while_in_vain_stays_open(postgres: PostgresAddress) -> None:
    with connect(postgres) as session:
        session.execute("LISTEN flatnet_inbox")
        assert ([], False) == (list(session.notifies(timeout=0)), session.closed)
        session.execute("NOTIFY flatnet_inbox")
        assert ["flatnet_inbox"] == [each.channel for each in session.notifies(timeout=5, stop_after=1)]


def test_what_the_environment_says_to_the_library_does_not_count(
    postgres: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGOPTIONS": "-c nonsense=1", "PGTARGETSESSIONATTRS": "standby"}.items():
        monkeypatch.setenv(name, value)
    assert "" == find_refusal(postgres)


def test_who_cannot_connect_is_told_what_the_server_said_and_what_to_check(
    postgres: PostgresAddress, free_port: int
) -> None:
    there = f"postgresql://flatnet@127.0.0.1:{postgres.port}"
    check = (
        "Check the user, the database and the number of connections there, the secret that database_password_secret names, "
        "and sslrootcert"
    )
    assert (
        f'the database server refused the connection to {there}/nothing (FATAL: database "nothing" does not exist). {check}'
        == find_refusal(replace(postgres, name="nothing"))
    )
    stranger = replace(postgres, user="stranger")
    assert (
        f'the database server refused the connection to {stranger} (FATAL: role "stranger" does not exist). {check}'
        == find_refusal(stranger)
    )
    unused = replace(postgres, port=free_port)
    assert (
        f"could not reach the database server of {unused} (Connection refused). Check that it runs, its address, and the "
        "network" == find_refusal(unused)
    )


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port of loopback on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize(
    "options", ["ENCODING 'LATIN1' LOCALE 'C'", "ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'ja-JP'"]
)
def test_a_database_that_sorts_or_stores_text_otherwise_is_refused_with_the_command_that_makes_a_right_one(
    postgres_server: PostgresServer, postgres: PostgresAddress, options: str
) -> None:
    postgres_server.drop(postgres)
    postgres_server.execute(f"CREATE DATABASE {postgres.name} TEMPLATE template0 {options}")
    command = make_create_command(postgres)
    assert (
        f"the database {postgres} must have the encoding UTF8 and the collation C. Create it there with: {command}"
        == find_refusal(postgres)
    )
    postgres_server.drop(postgres)
    postgres_server.execute(command)
    assert "" == find_refusal(postgres)


def test_what_others_may_make_on_the_server_comes_before_nothing_of_ours(
    postgres_server: PostgresServer, postgres: PostgresAddress
) -> None:
    """Neither by a schema that the server has look into first, nor by functions beside the tables."""
    postgres_server.execute(f"CREATE SCHEMA {postgres.user}", postgres.name)
    postgres_server.execute(f'ALTER DATABASE {postgres.name} SET search_path = other, "$user", public')
    with connect(postgres) as session:
        assert [("public",)] == session.execute("SHOW search_path").fetchall()
    postgres_server.execute("GRANT CREATE ON SCHEMA public TO PUBLIC", postgres.name)
    assert "Forbid that there with: REVOKE CREATE ON SCHEMA public FROM PUBLIC" in find_refusal(postgres)
    postgres_server.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", postgres.name)
    assert "" == find_refusal(postgres)


async def test_a_user_without_rights_is_told_the_command_that_gives_them(
    postgres_server: PostgresServer, empty_postgres: PostgresAddress
) -> None:
    role = f"role_{empty_postgres.name}"
    postgres_server.execute(f"CREATE ROLE {role} LOGIN")
    stranger = replace(empty_postgres, user=role)
    with pytest.raises(DatabaseError) as refusal:
        Database.connect(stranger)
    words, _, command = str(refusal.value).partition("owner: ")
    assert f"the user {role} lacks rights in the database {stranger}. Make it the " == words
    postgres_server.execute(command)
    await Database.connect(stranger).aclose()


def test_a_server_that_cannot_end_idle_sessions_is_refused() -> None:
    with fake_server(b"13.14") as port:
        address = PostgresAddress(USER, "127.0.0.1", port, "flatnet")
        assert f"the database server of {address} is PostgreSQL 13. Upgrade it to 14 or later" == find_refusal(address)


@contextmanager
def fake_server(version: bytes) -> Iterator[int]:
    """A server that lets anyone in, says its version, and answers nothing more. Yields its port."""

    def pack(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4, "big") + body

    def serve() -> None:
        with listener.accept()[0] as line:
            line.recv(8)
            line.sendall(b"N")  # no TLS
            line.recv(4096)
            status = pack(b"S", b"server_version\0" + version + b"\0")
            line.sendall(pack(b"R", bytes(4)) + status + pack(b"K", bytes(8)) + pack(b"Z", b"I"))
            line.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler_between_is_refused(postgres: PostgresAddress, mode: str) -> None:
    with tempfile.TemporaryDirectory() as folder, start_pooler(postgres, Path(folder), mode) as port:
        pooled = replace(postgres, port=port)
        assert (
            f"{pooled} is behind a connection pooler, which keeps sessions open after their copy is gone. Connect to the "
            "server itself" == find_refusal(pooled)
        )


@contextmanager
def start_pooler(server: PostgresAddress, folder: Path, mode: str) -> Iterator[int]:
    """A real pooler before a server. Yields its port."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    assert program is not None, "no pooler: apt-get install pgbouncer"
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    settings = (
        "[databases]",
        f"{server.name} = host={server.host} port={server.port} user={server.user}",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        f"pool_mode = {mode}",
    )
    file = folder / "pgbouncer.ini"
    file.write_text("\n".join(settings))
    folder.chmod(0o755)
    ordinary = [] if os.getuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    pooler = subprocess.Popen([*ordinary, program, str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        pooler.kill()
        pooler.wait()


def test_the_bot_waits_for_longer_than_the_server_works() -> None:
    limits = (OWNER_LIMITS, READER_LIMITS)
    assert [True] * len(limits) == [each.beat < each.idle < each.silence > each.statement for each in limits]
