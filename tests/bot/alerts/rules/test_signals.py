"""Signals from hosts that lie: secrets, hostile and endless names, and more problems than anybody can read."""

from adapters.phrase import Phrase
from bot.alerts.rules.signals import MAX_COMMAND_LENGTH, MAX_PHRASE_BYTES, MAX_SIGNALS, MAX_SUBJECT_LENGTH
from bot.store.database import Database
from commands.model.finding import Severity
from tests.bot.alerts.living import CANARY, House, container, nebula

HOSTILE = "<!channel> *x* \x00 \ud800 '; DROP TABLE alerts; -- \u202e{why} {0}"


async def test_secrets_are_removed_before_a_row_or_an_event_has_them(house: House, database: Database) -> None:
    dirty = Phrase("the program says {text}", text=f"password={CANARY}")
    for _ in range(2):
        await house.check(container(CANARY, short=dirty, why=dirty, next=f"log {CANARY}", cause=f"host-b/{CANARY}"))
    assert ["firing"] == [state for _, state in await house.read_states()]
    assert CANARY not in repr(house.log.events)
    assert CANARY.encode() not in b"".join(file.read_bytes() for file in database.path.parent.iterdir())


async def test_an_alert_of_a_hostile_name_lives_as_any_other(house: House) -> None:
    for _ in range(2):
        await house.check(container(HOSTILE.replace("\ud800", ""), why=Phrase("{text}", text=HOSTILE)))
    (alert,) = await house.registry.list_open()
    assert HOSTILE == str(alert.why)
    await house.check()
    await house.check()
    assert () == await house.registry.list_open()


async def test_texts_are_bounded(house: House) -> None:
    long = Phrase("{text}", text="ä" * 100_000)
    endless = container("x", short=long, why=long, next="log " + "x" * 10_000, cause="c" * 10_000)
    for _ in range(2):
        await house.check(endless.model_copy(update={"subject": "container/" + "\x00" * 190}))
    (alert,) = await house.registry.list_open()
    assert MAX_SUBJECT_LENGTH == len(alert.subject)
    assert (None, True) == (alert.next, len(alert.cause) <= 2 * MAX_SUBJECT_LENGTH)
    assert len(str(alert.why)) + len(str(alert.short)) < MAX_PHRASE_BYTES


async def test_a_command_of_the_longest_length_stays(house: House) -> None:
    command = "x" * MAX_COMMAND_LENGTH
    await house.check(container("db", next=command))
    assert [command] == [alert.next for alert in await house.table.list_unresolved()]


async def test_of_too_many_problems_the_worst_are_alerts_and_the_others_are_not_well(house: House) -> None:
    for _ in range(2):
        await house.check(container("first"))
    many = [container(f"{number:04}", severity=Severity.HIGH) for number in range(MAX_SIGNALS)]
    for _ in range(3):
        await house.check(container("first"), *many, nebula())
    found = [key for key, state in await house.read_states() if state == "firing"]
    assert MAX_SIGNALS + 1 == len(found)
    assert {"host-a/nebula", "host-a/container/first"} <= set(found)


async def test_two_problems_of_one_key_are_the_worse_one(house: House) -> None:
    twice = [nebula(Severity.LOW), nebula(Severity.HIGH), nebula(Severity.CRITICAL, hovering=True)]
    for _ in range(2):
        await house.check(*twice)
    assert [Severity.HIGH] == [alert.severity for alert in await house.registry.list_open()]
