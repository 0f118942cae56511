"""A secret that a person types reaches no file, whatever brings it, and is refused all the same."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace

import pytest

from bot.model.request import Answer, Request
from bot.slack.inbound.typed_secrets import redact_typed_text
from tests.bot.slack.conftest import CANARY, INCIDENT, House, cleaned, well

Way = Callable[[House, str], Awaitable[object]]


async def by_command(house: House, text: str) -> None:
    await house.workspace.slash("U0ADMIN", "C0OPS", f"incident resolve '{text}'")


async def by_mention(house: House, text: str) -> None:
    await house.workspace.say("U0ADMIN", "C0OPS", f"<@U0FLATNET> incident resolve '{text}'")


async def by_direct_message(house: House, text: str) -> None:
    await house.workspace.open_home("U0ADMIN", "messages")
    await house.workspace.say("U0ADMIN", "D0ADMIN", f"incident resolve '{text}'")


async def by_form(house: House, text: str) -> None:
    await house.workspace.slash("U0ADMIN", "C0OPS", "incident resolve")
    await house.workspace.seen(lambda: house.workspace.view("U0ADMIN"))
    await house.workspace.submit("U0ADMIN", {"incident-resolve.was": text})


async def by_shortcut(house: House, text: str) -> None:
    house.desk.incidents = (INCIDENT,)
    await house.workspace.shortcut("U0ADMIN", "flatnet_note", await house.workspace.say("U0MEMBER", "C0OPS", text))


WAYS = [by_command, by_mention, by_direct_message, by_form, by_shortcut]


def written(house: House) -> bytes:
    """All bytes of the database's files."""
    path = house.database.path
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


async def _stuck(request: Request) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError(request)


@pytest.mark.parametrize("way", WAYS)
async def test_a_typed_secret_is_never_written_not_even_while_its_request_is_handled(house: House, way: Way) -> None:
    house.desk.answer = _stuck
    async with house.bot():
        await way(house, f"because {CANARY}")
        await house.until(lambda: house.desk.requests)
        await house.until(lambda: b"because [redacted]" in written(house))  # erasing moves it from one file to the other
        assert CANARY.encode() not in written(house)
    assert "because [redacted]" in house.desk.requests[0].text


@pytest.mark.parametrize("way", WAYS)
async def test_other_text_is_erased_once_its_request_is_answered(house: House, way: Way) -> None:
    """The answer of this desk does not repeat the request."""
    house.desk.answer = lambda request: well(replace(request, text="repeated"))
    async with house.bot():
        await way(house, "because Zq7")
        await house.until(lambda: house.desk.requests)
        await house.settled()
        await house.moving(lambda: b"because Zq7" not in written(house))
    assert b"repeated" in written(house)


async def test_text_that_another_program_still_reads_is_erased_once_it_has_read(house: House) -> None:
    house.desk.answer = lambda request: well(replace(request, text="repeated"))
    async with house.bot():
        with closing(sqlite3.connect(house.database.path, isolation_level=None)) as reader:
            reader.execute("begin")
            reader.execute("select count(*) from inbox").fetchone()
            await by_command(house, "because Zq7")
            await house.settled()
            await house.time.asleep()
            assert b"because Zq7" in written(house)
        await house.moving(lambda: b"because Zq7" not in written(house))


async def test_a_secret_opens_no_form(house: House) -> None:
    """It is refused there and then, as in a whole command."""
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", f"incident resolve {CANARY}=")
        await house.workspace.slash("U0ADMIN", "C0OPS", f"lock add {CANARY}")
        await house.private("U0ADMIN", 2)
    assert ["incident resolve [redacted]=", "lock add [redacted]"] == [request.text for request in house.desk.requests]
    assert house.workspace.view("U0ADMIN") is None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("health --details", "health --details"),
        (f"health {CANARY}", "health [redacted]"),
        (f"health “{CANARY}”", "health “[redacted]”"),
        ("health c4n4ry-s3\u200bcr3t", "health [redacted]"),
        ("ｃ4n4ry-s3cr3t", "[redacted]"),
        ("because “ｃ4n4ry‐s3cr3t”", 'because "[redacted]"'),
        ('because "１００％"', 'because "１００％"'),
        (f"<@U0BOT> {CANARY}", "<@U0BOT> [redacted]"),
        (f"{'x' * 5_000} {CANARY}", f"{'x' * 5_000} [redacted]"),
    ],
)
def test_a_secret_is_found_as_typed_and_as_understood(typed: str, kept: str) -> None:
    assert kept == redact_typed_text(typed, cleaned)
