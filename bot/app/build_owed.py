"""Builds owed changes: their registry, the asker, and what performs the steps that give one up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapters.local.owed import GiveUpOwed, OwedState, ReadOwed
from bot.audit.log import AuditLog
from bot.changes.owed_requests import OwedRequests
from bot.changes.step_binding import OwnActions
from bot.owed.asker import OwedAsker
from bot.owed.registry import OwedRegistry
from bot.store.operations import OperationTable
from bot.store.owed import OwedTable

OWED_INTERVAL = 60.0
"""Seconds between two looks for hosts that answer again. A whole check of a host comes every five minutes."""


@dataclass(frozen=True)
class OwedServices:
    """Services of owed changes that handlers, the watch and the clock use."""

    registry: OwedRegistry
    requests: OwedRequests
    asker: OwedAsker


def build_owed(table: OwedTable, requests: OwedRequests, audit: AuditLog, now: Callable[[], datetime]) -> OwedServices:
    """Builds the services over an open database."""
    return OwedServices(OwedRegistry(table, audit, now), requests, OwedAsker(table, requests, audit, now))


def add_owed_actions(own: OwnActions, registry: OwedRegistry, table: OwedTable, operations: OperationTable) -> None:
    """Adds the actions on owed changes to those that the bot can do on itself."""

    async def read(action: ReadOwed) -> OwedState:
        owed = await table.find(action.number)
        return OwedState(number=action.number, settled=owed is None or not owed.is_open)

    async def give_up(action: GiveUpOwed) -> OwedState:
        owed, approved = await table.find(action.number), await operations.get(action.operation)
        if owed is not None and owed.is_open and approved is not None:
            await registry.give_up(action.operation, owed, approved.reason)
        return await read(ReadOwed(number=action.number))

    own.add(ReadOwed, read)
    own.add(GiveUpOwed, give_up)
