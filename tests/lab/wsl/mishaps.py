"""What can happen to a stream of a simulated WSL2 in its middle."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum


class Trouble(StrEnum):
    """What happens to the program."""

    NONE = "none"
    FULL = "full"
    """The disk is full: podman says so and ends."""
    DIES = "dies"
    """It is killed, and says nothing."""
    HANGS = "hangs"
    """No byte and no beat any more."""
    WAITS = "waits"
    """Beats without bytes, until it is released."""


@dataclass
class Streaming:
    """How streams go on one host. `trouble` comes to a `verb` once `after` bytes are through, each time.

    `pace` are seconds for each piece of 64 KiB. `met` is set once the trouble has come, `released` ends `Trouble.WAITS`.
    """

    trouble: Trouble = Trouble.NONE
    verb: str = ""
    after: int = 0
    pace: float = 0.0
    met: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
