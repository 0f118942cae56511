"""Text for PostgreSQL, which stores neither NUL nor half characters: they are escaped as `bot.store.encoding` does it.

Text from elsewhere is escaped before it is stored. This is for text that is only looked for, and against what was forgotten:
one refused character would end a whole transaction.
"""

from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.postgres import types

from bot.store.encoding import escape_text


class _EscapedText(Dumper):
    """Encoder of one text."""

    oid = types["text"].oid

    def dump(self, obj: str) -> bytes:
        return (escape_text(obj) if "\0" in obj or not obj.isascii() else obj).encode()


def escape_hostile_text(session: psycopg.Connection[Any]) -> None:
    """Makes a session escape what PostgreSQL does not store as text."""
    session.adapters.register_dumper(str, _EscapedText)
