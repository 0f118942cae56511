"""The one seam between the house and a host."""

from typing import Protocol

from adapters.action import Action, Answer

PATIENCE = 10.0
"""Seconds that an action may wait here for the bot's own means (its turn, a thread) before its deadline begins."""


class Connection(Protocol):
    """An open line to one side of one host. Opened by its first use, and again when it was lost."""

    async def perform(self, action: Action[Answer]) -> Answer:
        """Carry out one action within its deadline; every failure is a `HostError`.

        Where no means to ask come free within `PATIENCE`, that is `NotAsked`: the bot's trouble, not the host's.
        """

    async def aclose(self) -> None:
        """Give back what is held on the host and here. Never raises a `HostError`."""
