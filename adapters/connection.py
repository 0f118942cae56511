"""Connection protocol: the only interface between the bot and a host."""

from typing import Protocol

from adapters.action import Action, Answer

QUEUE_TIMEOUT = 10.0
"""Seconds that an action may wait for the bot's own resources (its turn, a thread) before its deadline starts."""


class Connection(Protocol):
    """An open connection to one side of one host. Opened on first use, and reopened after it was lost."""

    async def perform(self, action: Action[Answer]) -> Answer:
        """Carries out one action within its deadline. Every failure is a `HostError`.

        Raises `NotAsked` if no resource of the bot becomes free within `QUEUE_TIMEOUT`: the bot's fault, not the host's.
        """

    async def aclose(self) -> None:
        """Releases what is held on the host and here. Never raises a `HostError`."""
