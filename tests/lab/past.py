"""What a bot would have seen in the fortnight before the demo: for digests and their picture."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta

from bot.config.settings import Settings
from bot.store.database import Database
from bot.store.observations import Observation, ObservationTable
from tests.lab.day import ZONE
from tests.lab.story import Trouble

STEP = timedelta(minutes=30)
"""A bot looks at all hosts so often, or keeps what it saw meanwhile as one."""

DAYS = 13
"""Before the present one: with it they fill the picture."""

SILENT = 4
"""The day on which there was no bot."""

QUICK = 12
"""Milliseconds in which a gateway answers at night; during the day it takes longer."""


def remember(settings: Settings, troubles: Iterable[Trouble], now: datetime) -> None:
    """Write it into the database, before the bot starts."""
    asyncio.run(_write(settings, tuple(looks(settings.inventory.names, tuple(troubles), now))))


async def _write(settings: Settings, seen: Iterable[Observation]) -> None:
    database = Database.open(settings.database_file)
    try:
        await ObservationTable(database).add(seen)
    finally:
        await database.aclose()


def looks(hosts: Iterable[str], troubles: tuple[Trouble, ...], now: datetime) -> Iterator[Observation]:
    """One of each host every half hour, but on the silent day."""
    first = datetime.combine(now.astimezone(ZONE).date() - timedelta(days=DAYS), time(), ZONE)
    times = [first + STEP * n for n in range((now - first) // STEP)]
    for at in times:
        if (at - first).days != SILENT:
            yield from (_look(host, at, (now - at) / timedelta(days=1), troubles) for host in hosts)


def _look(host: str, at: datetime, ago: float, troubles: Iterable[Trouble]) -> Observation:
    wrong = next((each for each in troubles if each.host == host and each.until <= ago < each.since), None)
    if wrong is not None and not wrong.check:
        return Observation(host, at, unreached=1)
    answers = host != "lighthouse" and (wrong is None or wrong.check != "gateway")
    took = QUICK + 3 * min(at.hour, 24 - at.hour)
    return Observation(
        host,
        at,
        well=int(wrong is None),
        troubled=int(wrong is not None),
        failed={} if wrong is None else {wrong.check: 1},
        answers=int(answers),
        answer_ms=took if answers else 0,
    )
