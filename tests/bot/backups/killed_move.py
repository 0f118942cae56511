"""A move of the history that dies at a point, as by kill -9: `python -m … POINT FOLDER HOST PORT DATABASE`."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, event, inspect

from bot.backups.database import move as database_move
from bot.backups.database.restore import DatabasePlaces
from bot.store.address import PostgresAddress
from tests.bot.audit_log.files import KEY
from tests.postgres import USER


def die(*_: object) -> None:
    """Die here."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_before_commit() -> None:
    """Die with all rows in the transaction."""

    def die_on_server(connection: Connection) -> None:
        if connection.dialect.name == "postgresql" and inspect(connection).has_table("audit"):
            assert 2 == connection.exec_driver_sql("SELECT count(*) FROM audit").scalar()
            die()

    event.listen(Engine, "commit", die_on_server)


def die_after_commit() -> None:
    """Die before a file has another name."""
    vars(database_move)["empty_wal"] = die


def die_between_renames() -> None:
    """Die when the engine's file has another name, and the database does not."""

    def look(name: str, arguments: tuple[object, ...]) -> None:
        if name == "os.rename" and str(arguments[0]).endswith("flatnet.sqlite3"):
            die()

    sys.addaudithook(look)


POINTS = {"before the commit": die_before_commit, "after it": die_after_commit, "between two files": die_between_renames}


if __name__ == "__main__":
    point, folder, host, port, database = sys.argv[1:]
    POINTS[point]()
    places = DatabasePlaces(*(Path(folder) / name for name in ("flatnet.sqlite3", "audit-head.jsonl", "durable.sqlite3")))
    address = PostgresAddress(USER, host, int(port), database)
    database_move.move_database(places, address, [KEY], datetime(2026, 1, 31, 9, 0, tzinfo=UTC))
