"""The place of this bot among several copies over one database."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.store.shared_inbox import SharedInbox


@dataclass(frozen=True)
class CopyPlace:
    """This copy of the bot: its rows, and whether any copy leads, as far as this one knows. `is_led` must not wait."""

    rows: SharedInbox
    is_led: Callable[[], bool]
