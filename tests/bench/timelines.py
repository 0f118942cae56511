"""Cost of collecting timelines: an idle round, 10,000 audit events, and 254 alerts that join at once."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from adapters.inventory import Host, Inventory
from bot.audit_log.log import AuditLog, EventKind
from bot.incidents.rules.reads import LookReader
from bot.incidents.services.collector import CollectorSources, TimelineCollector
from bot.incidents.services.proof import TimelineVerifier
from bot.incidents.tables.incidents import IncidentTable
from bot.store import audit as table
from bot.store.audit_chain import AuditKeys
from bot.store.database import Database
from bot.store.encoding import encode_time
from tests.bot.audit_log.files import KEY, Files
from tests.bot.incidents.house import House
from tests.bot.incidents.recorded import NOW, incident, look, plan, stored

HOSTS, EVENTS, IDLE_ROUNDS = 254, 10_000, 200


def make_inventory() -> Inventory:
    """Hosts with a Windows side each; the first is the lighthouse."""
    windows = {"user": "flatnet", "allow_http": True}
    return Inventory(
        hosts=tuple(
            Host.model_validate(
                {
                    "name": f"host-{number:03}",
                    "id": number,
                    "lighthouse": number == 0,
                    "windows": {"url": f"http://192.0.2.{number + 1}:5985/wsman", **windows},
                }
            )
            for number in range(HOSTS)
        )
    )


def add_events(connection: Connection) -> None:
    """Adds events as a busy night has them: of ten, four are looks and six belong to a change."""
    for number in range(EVENTS):
        host, change = f"host-{number % HOSTS:03}", f"op-{number // 10}"
        kind, data, operation = {
            4: (EventKind.PLAN, plan(host), change),
            5: (EventKind.RUN, {"digest": "01"}, change),
            9: (EventKind.END, {"state": "done", "why": ""}, change),
        }.get(number % 10, (EventKind.INTENT, {"step": "1", "undo": False, "host": host, "action": "x"}, change))
        if number % 10 < 4:
            kind, data, operation = EventKind.REQUEST, look(f"disk {host}"), f"op-look-{number}"
        event = stored(kind, data, operation=operation)._replace(at=encode_time(NOW))
        table.append(connection, event, KEY.seal)


async def measure(work: Callable[[], Awaitable[object]]) -> str:
    """CPU time of all threads of this process, and the time that passes."""
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return f"{(time.process_time() - cpu) * 1000:.1f} ms CPU, {(time.perf_counter() - wall) * 1000:.0f} ms"


async def compare() -> list[str]:
    """The lines of docs/performance.md."""
    with tempfile.TemporaryDirectory(prefix="b") as name:
        files = Files(Path(name))
        database = Database.open(files.database)
        audit = await AuditLog.open(database, AuditKeys(KEY), files.heads, lambda: NOW)
        house = House(files, database, audit, [])
        house.fleet = make_inventory()
        sources = CollectorSources(IncidentTable(database), audit, house.alerts, LookReader(()), lambda: house.fleet)
        idle = TimelineCollector(sources, house.timeline, lambda: NOW)
        lines = [f"{IDLE_ROUNDS} rounds without an incident: {await measure(lambda: repeat(idle))}"]
        await database.run(add_events)
        house.incidents = [incident("all")]
        lines.append(f"{EVENTS} events, an incident on {HOSTS} hosts: {await measure(house.collector.collect)}")
        lines.append(f"{IDLE_ROUNDS} rounds with it: {await measure(lambda: repeat(house.collector))}")
        await house.fire(*house.fleet.names, minutes=1)
        lines.append(f"{HOSTS} alerts join at once: {await measure(house.collector.collect)}")
        entries = await house.timeline.read(1)
        verifier = TimelineVerifier(audit, house.alerts, lambda: house.at + timedelta(minutes=1))
        lines.append(f"{len(entries)} entries verified: {await measure(lambda: verifier.verify(entries))}")
        await audit.aclose()
        await database.aclose()
    return lines


async def repeat(collector: TimelineCollector) -> None:
    """Collect again and again."""
    for _ in range(IDLE_ROUNDS):
        await collector.collect()


def report() -> None:
    """Print the lines of docs/performance.md."""
    for line in asyncio.run(compare()):
        print(f"timelines, {line}")


if __name__ == "__main__":
    report()
