"""Points at which one side of a lab host holds a request: what a crash test kills the bot at."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

When = Literal["before", "after"]
"""Before a script's effect, or after it and before the answer."""


@dataclass
class Hold:
    """The next request for `script` (of a gateway: for that path) stops here until it is released."""

    script: str
    when: When
    _reached: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    async def reached(self) -> None:
        """Wait until a request stands here."""
        await self._reached.wait()

    def release(self) -> None:
        """Let it go on, or never hold it."""
        self._released.set()

    async def stand(self) -> None:
        """What the request does here."""
        self._reached.set()
        await self._released.wait()


class Holds:
    """All holds of one side; each holds one request."""

    def __init__(self) -> None:
        self._holds: list[Hold] = []

    def add(self, script: str, when: When) -> Hold:
        hold = Hold(script, when)
        self._holds.append(hold)
        return hold

    async def pass_by(self, script: str, when: When) -> None:
        """Stand at the first hold that is meant for this script, if there is one."""
        hold = next((hold for hold in self._holds if (hold.script, hold.when) == (script, when)), None)
        if hold is not None:
            self._holds.remove(hold)
            await hold.stand()
