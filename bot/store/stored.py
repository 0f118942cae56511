"""How values are stored as text: points in time, JSON, foreign words. No SQL here.

Points in time are text of one width, in UTC (`2026-01-31T09:00:00.000000Z`): it sorts as time does,
and a person can read it. JSON is ASCII, so that no character of a foreign text (NUL, a lone
surrogate) can hurt a row.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.phrase import Phrase
from bot.store.errors import TooLarge

MAX_JSON = 65_536
"""Bytes of one JSON value; a message within Slack's own limits is far smaller."""


def utc_text(at: datetime) -> str:
    """An aware point in time as it is stored."""
    if at.tzinfo is None:
        raise ValueError("a stored point in time needs its zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def json_text(value: Mapping[str, Any]) -> str:
    """A JSON value as it is stored: canonical, ASCII; `TooLarge` beyond `MAX_JSON`."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_JSON:
        raise TooLarge(
            Phrase("too large to keep: {size} bytes, at most {limit}; ask for less", size=len(text), limit=MAX_JSON)
        )
    return text


def safe_text(text: str) -> str:
    """A foreign text as it can be stored: what is no character (NUL, a lone surrogate) becomes a visible escape."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
