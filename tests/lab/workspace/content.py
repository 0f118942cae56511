"""The content of a message out of what was sent: text and blocks."""

import json
from collections.abc import Mapping
from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.message import Content


def content_of(values: Mapping[str, Any]) -> Content:
    """Text and blocks of a message; blocks may be a JSON string, as in a query string."""
    text, blocks = values.get("text") or "", values.get("blocks") or []
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError as error:
            raise SlackError("invalid_blocks_format") from error
    if not isinstance(text, str) or not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format" if isinstance(text, str) else "invalid_arguments")
    return Content(text, tuple(blocks))
