"""Encodes values as text for the database: points in time, JSON, identities, phrases, untrusted text. No SQL.

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
from bot.model.request import BotIdentity, Identity, Membership, SlackIdentity, SystemIdentity
from bot.store.errors import TooLarge

MAX_JSON_BYTES = 65_536
"""Maximum bytes of one JSON value. A message within Slack's limits is far smaller."""

MAX_REASON_LENGTH = 2000
"""Characters that are stored of a too long reason."""


def encode_time(at: datetime) -> str:
    """Encodes an aware point in time. Raises `ValueError` for a naive one."""
    if at.tzinfo is None:
        raise ValueError("a stored point in time needs its zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def decode_time(text: str) -> datetime:
    """Decodes a point in time from `encode_time`. Raises `ValueError` for another text, also for one without its zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a stored point in time needs its zone")
    return at


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


def encode_identity(identity: Identity) -> str:
    """Encodes an identity as JSON."""
    match identity:
        case SlackIdentity(team=team, user=user, standing=standing, groups=groups):
            return encode_json({"team": team, "user": user, "standing": standing, "groups": sorted(groups)})
        case SystemIdentity(uid=uid, name=name):
            return encode_json({"uid": uid, "name": name})
        case BotIdentity(name=name):
            return encode_json({"bot": name})


def decode_identity(text: str) -> Identity:
    """Decodes an identity from `encode_identity`. Raises `ValueError` for other JSON."""
    match json.loads(text):
        case {"team": team, "user": user, "standing": standing, "groups": groups}:
            return SlackIdentity(team, user, Membership(standing), frozenset(groups))
        case {"uid": uid, "name": name}:
            return SystemIdentity(uid, name)
        case {"bot": name}:
            return BotIdentity(name)
        case _:
            raise ValueError("not an identity")


def encode_phrase(phrase: Phrase | None) -> str | None:
    """Encodes a phrase as JSON. A too long one is shortened, in English: its length must not keep a change from ending."""
    if phrase is None:
        return None
    try:
        return encode_json(phrase.to_json())
    except TooLarge:
        return encode_json(Phrase("{text}", text=str(phrase)[:MAX_REASON_LENGTH] + "…").to_json())


def decode_phrase(text: str | None) -> Phrase | None:
    """Decodes a phrase from `encode_phrase`."""
    return None if text is None else Phrase.from_json(json.loads(text))


class _EscapedText(Dumper):
    """Encoder of one text."""

    oid = types["text"].oid

    def dump(self, obj: str) -> bytes:
        return (escape_text(obj) if "\0" in obj or not obj.isascii() else obj).encode()


def escape_hostile_text(session: psycopg.Connection[Any]) -> None:
    """Makes a session escape what PostgreSQL does not store as text."""
    session.adapters.register_dumper(str, _EscapedText)
