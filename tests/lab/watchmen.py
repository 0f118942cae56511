"""People of the demo's day who deal with alerts: each does what anybody in #ops could do."""

import json
from collections.abc import Iterator
from typing import Any

from tests.lab.workspace.seed import BOT_USER
from tests.lab.workspace.workspace import Workspace

OPS, OPERATOR = "C0OPS", "U0OPERATOR"

ACKNOWLEDGE = "alert.acknowledge"
"""The menu below an alert."""


class Watchmen:
    """Kenji, who reads every message of #ops once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read: set[str] = set()

    async def silence(self, host: str, what: str, reason: str) -> None:
        """Ask where everybody reads it that some of a host is silenced; `what` has its time. Its messages are read then."""
        self._read |= {each.ts for each in self._workspace.messages(OPS) if host in json.dumps(each.blocks)}
        await self._workspace.say(OPERATOR, OPS, f'<@{BOT_USER}> silence add {host}/{what} "{reason}"')

    async def acknowledge_news(self, end: str) -> None:
        """Acknowledge every alert of which a message was not read before, until that end, as the command has it."""
        for message in self._workspace.messages(OPS):
            if message.ts not in self._read and (choices := list(_find_choices(message.blocks, end))):
                await self._workspace.click(OPERATOR, message, ACKNOWLEDGE, value=choices[0])
            self._read.add(message.ts)


def _find_choices(blocks: Any, end: str) -> Iterator[str]:
    """The choices of the menu below an alert that acknowledge until then."""
    for block in blocks:
        for element in block.get("elements", ()):
            if element.get("action_id") == ACKNOWLEDGE:
                yield from (option["value"] for option in element["options"] if end in json.dumps(option["value"]))
