"""Sessions of PostgreSQL as psycopg opens them: verified, and checked for what the lead and the tables rest on.

The server ends a session that says nothing for a while, or whose answers do not arrive. So a machine that hangs or is cut
off loses what its session holds, whatever its own clock says.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from bot.store.address import SYSTEM_CERTIFICATES, PostgresAddress
from bot.store.encoding import escape_hostile_text
from bot.store.postgres_errors import (
    OLDEST_VERSION,
    make_old_server_error,
    make_open_schema_error,
    make_pooler_error,
    make_wrong_text_error,
    map_connect_error,
    map_postgres_error,
)

CONNECT_SECONDS = 5
"""Seconds for connecting."""

NETWORK_SECONDS = 4
"""Seconds after which a machine that confirms nothing of what was sent to it counts as gone, whatever it may be doing."""

CHECK_SECONDS = 1
"""Seconds after which the server notices that the machine of a waiting statement is gone."""


AUTHENTICATION_CHOICE = 160_000
"""Oldest version of libpq that knows `require_auth`."""


@dataclass(frozen=True)
class SessionLimits:
    """Limits of a session, in seconds.

    `idle`: the server ends a session that says nothing for so long. `statement`: the server ends a statement.
    `beat`: a statement is sent at least so often. `silence`: a session without any answer for so long counts as lost; more
    than `statement`, after which the server answers in any case.
    """

    idle: float = 4
    statement: float = 6
    beat: float = 1
    silence: float = 8


OWNER_LIMITS = SessionLimits()
"""Limits of a session that leads or stands by. A statement may wait for a transaction of a former leader, which the server
ends sooner."""

READER_LIMITS = SessionLimits(idle=60, statement=300, silence=310)
"""Limits of a session that holds nothing: it reads, and what it read is worked on meanwhile."""

PATIENT_LIMITS = SessionLimits(idle=3600, statement=3600, silence=3700)
"""Limits of a session in which a command of an administrator moves a whole history, and verifies it between statements."""


class Session(psycopg.Connection[Any]):
    """One session. `answered` is when the server answered last, by `read_clock`. `silence` is as in `SessionLimits`.

    `on_lost` is called in the thread that saw the loss, before anything else learns of it.
    """

    answered = 0.0
    silence: float | None = None
    on_lost: Callable[[], NoReturn] | None = None

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Waits for the server, as psycopg does for each statement. A session whose server stays silent is closed.

        A caller with a `timeout` of its own asks nothing: it listens for a while, and silence is usual then.
        """
        if "timeout" in options:
            return super().wait(*arguments, **options)
        options["timeout"] = self.silence
        try:
            value = super().wait(*arguments, **options)
        except BaseException as error:
            if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
                self.close()  # nothing that the server said: its answer may still come, and would be taken for another one
            if self.closed and self.on_lost is not None:
                self.on_lost()
            raise
        self.answered = read_clock()
        return value


def read_clock() -> float:
    """Reads a clock in seconds that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def connect(address: PostgresAddress, limits: SessionLimits = OWNER_LIMITS) -> Session:
    """Opens a session in which only our statements begin transactions. Raises `DatabaseError`."""
    parameters = _list_parameters(address)
    try:
        session = Session.connect(autocommit=True, **parameters)  # only `Transactions` begins transactions
    except psycopg.Error as error:
        raise map_connect_error(error, address, _ping(error, parameters)) from None  # the cause holds the password
    try:
        session.silence = limits.silence
        escape_hostile_text(session)
        _check_server(session, address)
        _set_limits(session, limits)
    except BaseException as error:
        session.close()
        mapped = map_postgres_error(error, address)
        raise (mapped or error) from error
    return session


def _ping(error: psycopg.Error, parameters: dict[str, Any]) -> Ping:
    """Asks the server whether it accepts connections, unless it did not answer in time just now."""
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Ping.NO_RESPONSE
    return Ping(PGconn.ping(make_conninfo(**parameters).encode()))


def _list_parameters(address: PostgresAddress) -> dict[str, Any]:
    """Lists libpq's parameters. All that could come from the environment or a file of the user is named."""
    files = dict(address.files)
    if address.sslmode == "verify-full":
        files.setdefault("sslrootcert", SYSTEM_CERTIFICATES)
    elif psycopg.pq.version() >= AUTHENTICATION_CHOICE:
        files["require_auth"] = "!password"  # whatever program listens there while the server is down must not get it
    return {
        "host": address.host,
        "hostaddr": "",
        "port": address.port,
        "user": address.user,
        "dbname": address.name,
        "password": "" if address.password is None else address.password.get_secret_value(),
        "passfile": f"{os.devnull}/none",  # libpq warns of a file that is none, but not of one that is missing
        "sslmode": address.sslmode,
        "gssencmode": "disable",  # it would take the place of TLS
        "application_name": "flatnet-bot",
        "client_encoding": "UTF8",
        "options": "",
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 1,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "tcp_user_timeout": NETWORK_SECONDS * 1000,
        "target_session_attrs": "any",
        **files,
    }


_CHOOSE_SCHEMA = "SELECT pg_catalog.set_config('search_path', 'public', false)"
"""Nothing else, whatever the server has for this user: another schema's tables and functions could come first."""

_CHECKS = (
    "SELECT pg_backend_pid(), current_setting('server_encoding'), 'a' > 'B', "
    "has_schema_privilege('public', 'public', 'CREATE')"
)
"""The last: whether each user of the server may make objects beside the tables, as in databases of version 14."""


def _check_server(session: Session, address: PostgresAddress) -> None:
    """Raises `DatabaseUnavailable` for a server on which a lead or an order would not hold."""
    if session.info.server_version < OLDEST_VERSION * 10_000:
        raise make_old_server_error(address, session.info.server_version // 10_000)
    session.execute(_CHOOSE_SCHEMA)
    process, encoding, orders_bytes, is_open = session.execute(_CHECKS).fetchone() or (0, "", False, True)
    if process != session.info.backend_pid:
        # the session of a pooler outlives its client, and so would the lock
        raise make_pooler_error(address)
    if encoding != "UTF8" or not orders_bytes:
        raise make_wrong_text_error(address)
    if is_open:
        # a function or an operator that fits a statement better than the server's own would run with the bot's rights
        raise make_open_schema_error(address)


_KEEP_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"


def _set_limits(session: Session, limits: SessionLimits) -> None:
    settings = {
        "idle_session_timeout": int(limits.idle * 1000),
        "idle_in_transaction_session_timeout": int(limits.idle * 1000),
        "tcp_user_timeout": NETWORK_SECONDS * 1000,
        "tcp_keepalives_idle": 1,
        "tcp_keepalives_interval": 1,
        "tcp_keepalives_count": 3,
        "statement_timeout": int(limits.statement * 1000),
        "default_transaction_isolation": "read committed",
        "jit": "off",
        "TimeZone": "UTC",
    }
    chosen = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
    session.execute(f"SELECT {chosen}".encode())
    session.execute(_KEEP_DURABLE)  # what is acked must be on the server's disk
    with suppress(psycopg.errors.InvalidParameterValue):  # a server on Windows cannot check
        session.execute(f"SET client_connection_check_interval = {CHECK_SECONDS * 1000}".encode())
