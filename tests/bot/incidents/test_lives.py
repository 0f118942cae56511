"""Many lives of incidents, with a bot that dies and a clock that is set back: rows are always what the log says."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.errors import FlatnetError
from bot.incidents.rules import transitions as life
from bot.incidents.rules.events import IncidentAct, parse_event
from bot.model.incident import Incident, TimelineEntry
from bot.store.database import Database
from commands.model.finding import Severity
from tests.bot.clockwork import SignedLog, Time
from tests.bot.incidents.handlers.test_show import resolving
from tests.bot.incidents.services.test_registry import BEGAN, Killed, Room

PLACES = ("C0A", "C0B", "")
ACTS: dict[IncidentAct, Callable[[Incident], Incident]] = {
    IncidentAct.NOTED: lambda incident: life.judge_note(incident, BEGAN),
    IncidentAct.SEVERITY: lambda incident: life.judge_severity(incident, Severity.LOW),
    IncidentAct.LEAD: lambda incident: life.judge_lead(incident, "kim"),
    IncidentAct.FOLLOWUP: lambda incident: life.judge_followup(incident, "renew"),
    IncidentAct.MITIGATED: lambda incident: life.judge_mitigation(incident, BEGAN),
    IncidentAct.REOPENED: life.judge_reopening,
}


@pytest.fixture
def room(database: Database) -> Room:
    time = Time(BEGAN)
    return Room(database, SignedLog(time.now), time)


async def live(room: Room, chance: random.Random, turn: int) -> None:
    """Do one thing, often to an incident that is not in the state for it, and often twice."""
    operation, number = f"op-{turn}", chance.randint(1, 4)
    match chance.choice(("open", "resolve", "merge", "act", "act")):
        case "open":
            await room.open(operation, chance.choice(PLACES))
        case "resolve":
            await room.book.act(number, resolving(operation))
        case "merge":
            into = await room.book.find(chance.randint(1, 4), "")
            await room.merge(operation, number, into)
        case _:
            act = chance.choice(list(ACTS))
            await room.act(act, operation, ACTS[act], number)


async def attempt(room: Room, chance: random.Random, turn: int) -> bool:
    """Return whether it was done; what is refused, or ended by the death of the bot, was not, or not to the end."""
    try:
        await live(room, chance, turn)
    except (FlatnetError, Killed):
        return False
    return True


def fold(log: SignedLog) -> tuple[dict[int, Incident], list[TimelineEntry]]:
    """Return what the events alone say: the incidents by number, and the entries in the order of recording."""
    incidents: dict[int, Incident] = {}
    entries: list[TimelineEntry] = []
    for stored in log.stored:
        event = parse_event(stored)
        assert event is not None
        after = life.apply(incidents.get(event.number), event)
        assert after is not None, "each recorded act was applied"
        incidents[event.number] = after
        entries.append(life.make_entry(event, after))
    return incidents, entries


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_night_rows_and_timelines_are_what_the_log_says(room: Room, seed: int) -> None:
    chance = random.Random(seed)
    done = 0
    for turn in range(60):
        room.table.deaths = int(chance.random() < 0.2)
        room.time.at += timedelta(minutes=chance.choice((1, 5, -30)))
        twins = [attempt(room, random.Random(f"{seed} {turn}"), turn) for _ in range(chance.choice((1, 1, 2)))]
        done += any(await asyncio.gather(*twins))
        if chance.random() < 0.2:
            room.restart()
    room.table.deaths = 0
    await room.book.follow()
    incidents, entries = fold(room.audit)
    assert incidents == {number: await room.book.find(number, "") for number in incidents}
    for number in incidents:
        told = await room.timeline.read_after(number, 0)
        assert [each.source for each in entries if each.incident == number] == [each.source for each in told]
    acts = [event.operation for event in room.audit.stored]
    assert len(acts) == len(set(acts)) >= done > 5, "each request was recorded once"
    places = [each.channel for each in incidents.values() if each.open and each.channel]
    assert len(places) == len(set(places)), "a channel has one open incident at most"
