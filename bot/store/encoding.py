"""Encodes values as text for the database: points in time, JSON, untrusted text. No SQL.

Points in time are text of one width, in UTC (`2026-01-31T09:00:00.000000Z`). The text sorts like the time, and is readable.
JSON is ASCII, so that no character of untrusted text (NUL, a lone surrogate) can damage a row.

Text for PostgreSQL, which stores neither NUL nor half characters: they are escaped as `bot.store.encoding` does it.

Text from elsewhere is escaped before it is stored. This is for text that is only looked for, and against what was forgotten:
one refused character would end a whole transaction.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.postgres import types

from adapters.phrase import Phrase
from bot.store.errors import TooLarge

MAX_JSON_BYTES = 65_536
"""Maximum bytes of one JSON value. A message within Slack's limits is far smaller."""


def encode_time(at: datetime) -> str:
    """Encodes an aware point in time. Raises `ValueError` for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a stored point in time needs its zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def encode_json(value: Mapping[str, Any]) -> str:
    """Encodes a value as canonical ASCII JSON. Raises `TooLarge` beyond `MAX_JSON_BYTES`."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_JSON_BYTES:
        raise TooLarge(
            Phrase(
                "too large to store: {size} bytes (limit {limit}). Narrow the range and try again",
                size=len(text),
                limit=MAX_JSON_BYTES,
            )
        )
    return text


def escape_text(text: str) -> str:
    """Escapes what SQLite cannot store as text (NUL, lone surrogates) as visible characters."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


class _EscapedText(Dumper):
    """Encoder of one text."""

    oid = types["text"].oid

    def dump(self, obj: str) -> bytes:
        return (escape_text(obj) if "\0" in obj or not obj.isascii() else obj).encode()


def escape_hostile_text(session: psycopg.Connection[Any]) -> None:
    """Makes a session escape what PostgreSQL does not store as text."""
    session.adapters.register_dumper(str, _EscapedText)
