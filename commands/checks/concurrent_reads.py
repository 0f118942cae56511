"""Reads many hosts concurrently, and reports progress: the hosts that are still awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from adapters.action import Action, Answer
from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from commands.model.operation import FleetView, ReadProgress
from commands.model.report import Report

ReadValue = TypeVar("ReadValue")


async def read_all_hosts(
    hosts: Iterable[Host],
    look: Callable[[Host], Awaitable[ReadValue]],
    view: FleetView,
    report: Callable[[Sequence[ReadValue]], Report] | None = None,
) -> tuple[ReadValue, ...]:
    """Calls `look` for every host concurrently, and returns the results in order. `look` returns failures as values.

    `report` builds the report on some of the results, which progress offers before all hosts have answered.
    """
    hosts = tuple(hosts)
    awaited = [host.name for host in hosts]
    results: list[ReadValue] = []

    def report_progress() -> None:
        count = len(results)  # the list only grows, so its beginning is a snapshot that costs nothing for each host
        build = None if report is None or not count else lambda: report(results[:count])
        view.progress(ReadProgress(len(hosts), tuple(awaited), build))

    async def look_and_report(host: Host) -> ReadValue:
        result = await look(host)
        awaited.remove(host.name)
        results.append(result)
        report_progress()
        return result

    if hosts:
        report_progress()
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(look_and_report(host)) for host in hosts]
    return tuple(look.result() for look in looks)


async def read_side(host: Host, action: Action[Answer] | None, view: FleetView) -> Answer | HostError | None:
    """Reads one side of a host; None without an action."""
    if action is None:
        return None
    seen: ReadResult[Answer] = await view.fleet.read(host, action)
    return seen.outcome
