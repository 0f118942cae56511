"""A PostgreSQL server for tests: one for all processes of a test run, with an empty database for each test.

The server runs as an ordinary user, at a socket in a temporary folder and on a port of loopback, without syncs to the disk.
A test that needs a server of its own (to stop it, to fill its disk) starts a `PostgresServer`.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_UN, flock
from functools import cache
from pathlib import Path

import psycopg

from bot.store.address import PostgresAddress

USER = "flatnet"

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""Settings that make a server fast and forgetful."""


@cache
def find_programs() -> Path | None:
    """Find the folder of the newest server's programs: those of Debian, or those on the path. None if there are none."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def _become_ordinary() -> list[str]:
    """Return the words before a command that make it run as an ordinary user: the server refuses to run as root."""
    return [] if os.getuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@dataclass(frozen=True)
class PostgresServer:
    """A server in `folder`, listening at its socket there and on `port` of loopback. Anyone on this machine may log in."""

    folder: Path
    port: int

    @classmethod
    def make(cls, folder: Path) -> "PostgresServer":
        """Make a server's files in a folder that does not exist yet. It is not started."""
        programs = find_programs()
        assert programs is not None, "no PostgreSQL: apt-get install postgresql"
        folder.mkdir(mode=0o755)
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = cls(folder, _find_free_port())
        made = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", f"--username={USER}")
        server._run("initdb", "-D", str(folder / "data"), *made)
        return server

    def take_certificate(self, certificate: Path, key: Path) -> None:
        """Copy a certificate and its key to where the server looks for them."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            target = self.folder / "data" / name
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            if os.getuid() == 0:
                shutil.chown(target, "postgres", "postgres")

    def start(self, **settings: str) -> None:
        """Start the server, and wait until it answers."""
        options = SETTINGS | settings | {"unix_socket_directories": str(self.folder), "port": str(self.port)}
        words = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", words, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server. `immediate`: as a power cut; `fast`: sessions are told."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    def address(self, name: str) -> PostgresAddress:
        """Return the address of one of its databases, over TCP."""
        return PostgresAddress(USER, "127.0.0.1", self.port, name)

    def create(self, template: str = "template0") -> PostgresAddress:
        """Create a database: an empty one, or a copy of another one, which must have no sessions."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.address(name)

    def drop(self, address: PostgresAddress) -> None:
        """Drop a database, with the sessions that are left."""
        self.execute(f"DROP DATABASE IF EXISTS {address.name} WITH (FORCE)")

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Execute one statement as the superuser. Returns its rows."""
        with psycopg.connect(host=str(self.folder), port=self.port, user=USER, dbname=name, autocommit=True) as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        programs = find_programs()
        assert programs is not None
        command = [*_become_ordinary(), str(programs / program), *arguments]
        # the server inherits what pg_ctl has, and a pipe would stay open as long as it runs
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/")
            if done.returncode:
                output.seek(0)
                raise RuntimeError(f"{program}: {output.read().decode(errors='replace')}")


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextmanager
def run_server(certificate: tuple[Path, Path] | None = None, **settings: str) -> Iterator[PostgresServer]:
    """Run a server of one test: to stop it, or with other settings. `certificate`: files of one for TLS, and of its key."""
    with tempfile.TemporaryDirectory(prefix="flatnet-pg-") as place:
        Path(place).chmod(0o755)
        server = PostgresServer.make(Path(place) / "server")  # a socket's path must be short
        if certificate is not None:
            server.take_certificate(*certificate)
            settings["ssl"] = "on"
        server.start(**settings)
        try:
            yield server
        finally:
            with suppress(RuntimeError):
                server.stop()


@contextmanager
def share_server(folder: Path) -> Iterator[PostgresServer]:
    """Share one server with the other processes that name the same folder: the first starts it, the last one stops it."""
    users = folder / "users"
    with _hold(folder / "lock"):
        server = _find_running(folder) or _start(folder)
        users.mkdir(exist_ok=True)
        mine = users / secrets.token_hex(4)
        mine.touch()
    try:
        yield server
    finally:
        with _hold(folder / "lock"):
            mine.unlink()
            if not any(users.iterdir()):
                (folder / "port").unlink()
                with suppress(RuntimeError):
                    server.stop()
                shutil.rmtree(server.folder, ignore_errors=True)


def _find_running(folder: Path) -> PostgresServer | None:
    with suppress(FileNotFoundError):
        place, port = (folder / "port").read_text().split()
        return PostgresServer(Path(place), int(port))
    return None


def _start(folder: Path) -> PostgresServer:
    place = Path(tempfile.mkdtemp(prefix="flatnet-pg-")) / "server"  # a socket's path must be short
    place.parent.chmod(0o755)
    server = PostgresServer.make(place)
    server.start()
    (folder / "port").write_text(f"{place} {server.port}")
    return server


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        flock(lock, LOCK_EX)
        try:
            yield
        finally:
            flock(lock, LOCK_UN)
