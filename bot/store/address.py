"""Addresses of databases: a file for SQLite, or a server for PostgreSQL. A password is never a part of them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from adapters.errors import FlatnetError
from adapters.phrase import Phrase

SCHEMES = ("postgresql", "postgres")

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
"""Hosts that are reached without TLS: nothing leaves the machine."""

DEFAULT_PORT = 5432

SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
"""Certificates of authorities that the machine trusts, for an address without `sslrootcert`."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+|/[^\0,\n]+", re.ASCII)
"""A name, an address, or the folder of a socket. A comma would separate several hosts."""

_FILES = ("sslrootcert", "sslcert", "sslkey")


class UnusableAddress(FlatnetError):
    """The address of a database cannot be used."""


@dataclass(frozen=True)
class PostgresAddress:
    """Address of a database on a PostgreSQL server. `files` are libpq's settings that name files, such as `sslrootcert`.

    `is_verified`: its certificate is verified though it is on this machine. `password` is never shown; None: the server asks
    for none (a client certificate, or a socket on this machine).
    """

    user: str
    host: str
    port: int
    name: str
    files: tuple[tuple[str, str], ...] = ()
    is_verified: bool = False
    password: SecretStr | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{self.user}@{host}:{self.port}/{self.name}"

    @property
    def is_local(self) -> bool:
        """True if the server is on this machine: nothing leaves it, so no TLS is needed."""
        return self.host in LOCAL_HOSTS or self.host.startswith("/")

    @property
    def sslmode(self) -> str:
        """The mode of TLS, by libpq's name."""
        return "verify-full" if self.is_verified or not self.is_local else "prefer"


DatabaseAddress = Path | PostgresAddress
"""Address of a database: a file of SQLite, or a server."""


def parse_postgres_address(text: str) -> PostgresAddress:
    """Parses `postgresql://USER@HOST[:PORT]/NAME?sslmode=verify-full[&sslrootcert=FILE]`. Raises `UnusableAddress`.

    The host of a socket is its folder, escaped: `postgresql://flatnet@%2Frun%2Fpostgresql/flatnet`.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or DEFAULT_PORT
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise UnusableAddress(_MALFORMED) from error
    host, user, name = _find_host(parts.netloc), unquote(parts.username or ""), parts.path.removeprefix("/")
    if parts.scheme not in SCHEMES or parts.fragment or not _HOST.fullmatch(host) or not _NAME.fullmatch(name):
        raise UnusableAddress(_MALFORMED)
    if parts.password is not None:
        raise UnusableAddress(
            Phrase("must not contain a password. Put it into the secret that database_password_secret names")
        )
    if not _NAME.fullmatch(user):
        raise UnusableAddress(_MALFORMED)
    sslmode = options.pop("sslmode", "")
    if unknown := sorted(options.keys() - set(_FILES)):
        raise UnusableAddress(Phrase("has an unknown option {name}", name=unknown[0]))
    if relative := sorted(each for each, file in options.items() if not file.startswith("/")):
        raise UnusableAddress(Phrase("must name a file for {name} by its full path", name=relative[0]))
    address = PostgresAddress(user, host, port, name, tuple(sorted(options.items())), is_verified=bool(sslmode))
    if sslmode != "verify-full" and not (address.is_local and not sslmode):
        raise UnusableAddress(
            Phrase("must end with ?sslmode=verify-full, because the connection to another machine must be verified")
        )
    return address


def _find_host(netloc: str) -> str:
    """Finds the host as it is written: the folder of a socket may have capital letters."""
    place = netloc.rpartition("@")[2]
    host = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    return unquote(host)


_MALFORMED = Phrase("must be like {example}", example="postgresql://flatnet@db.example.jp:5432/flatnet?sslmode=verify-full")
