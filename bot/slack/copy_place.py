"""The place of this bot among several copies over one database."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CopyPlace:
    """This copy of the bot: its name, and whether any copy leads, as far as this one knows. `is_led` must not wait."""

    name: str
    is_led: Callable[[], bool]
