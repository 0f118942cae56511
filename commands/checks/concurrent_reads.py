"""Reads many hosts concurrently, and reports progress: the hosts that are still awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from commands.model.operation import FleetView

ReadValue = TypeVar("ReadValue")


async def read_all_hosts(
    hosts: Iterable[Host], look: Callable[[Host], Awaitable[ReadValue]], view: FleetView
) -> tuple[ReadValue, ...]:
    """Calls `look` for every host concurrently, and returns the results in order. `look` returns failures as values."""
    hosts = tuple(hosts)
    awaited = [host.name for host in hosts]

    async def look_and_report(host: Host) -> ReadValue:
        result = await look(host)
        awaited.remove(host.name)
        view.progress(tuple(awaited))
        return result

    view.progress(tuple(awaited))
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(look_and_report(host)) for host in hosts]
    return tuple(look.result() for look in looks)


async def read_side(host: Host, action: Action[Answer] | None, view: FleetView) -> Answer | HostError | None:
    """Reads one side of a host; None without an action."""
    if action is None:
        return None
    seen: ReadResult[Answer] = await view.fleet.read(host, action)
    return seen.outcome
