"""Rehearsals of the hosts' guards, between the fake Slack and the lab: what is asked, proven, remembered and shown."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import PureWindowsPath

import pytest

from bot.model.change import ChangeState
from bot.rendering.slack.buttons import parse_words
from tests.lab.windows.state import WindowsState
from tests.scenarios.changing import ADMIN, FOLDER, OPERATOR, Card, Shift, shift
from tests.scenarios.conftest import Build

DONE = (ChangeState.DONE, "")
REHEARSE = "host rehearse host-a"
RESTART = "service restart openresty host-a"
UNREHEARSED = "the automatic rollback of host-a is unproven (not rehearsed yet). Run host rehearse host-a"


async def warnings(s: Shift, card: Card) -> list[str]:
    """The notes of a change for its approvers."""
    return [str(phrase) for phrase in (await s.known(card)).plan.warnings]


def buttons(card: Card) -> list[str]:
    """The commands of the buttons of a card."""
    elements = [element for block in card.message.blocks for element in block.get("elements", ())]
    values = [element["value"] for element in elements if element.get("type") == "button"]
    return [words for words in map(parse_words, values) if words is not None]


async def hosts(s: Shift) -> dict[str, str]:
    """The column of rehearsals in `host`, by host."""
    rows = (await s.shell("host")).body
    return {host: str(cells["rehearsal"].value) for host, cells in rows.cells_by_host.items()}  # type: ignore[union-attr]


async def test_a_rehearsal_is_approved_carried_out_and_remembered(town: Build) -> None:
    """Nothing is restarted, nothing is left, and the card of the next change has no note any more."""
    async with shift(town, hurry=10) as s:
        before = (s.state("host-a").services["Nebula"].pid, s.state("host-a").services["OpenResty"].pid)
        first = await s.asked(RESTART)
        assert [UNREHEARSED] == await warnings(s, first)
        assert REHEARSE in buttons(first)
        await s.press(OPERATOR, first, "run.withdraw")
        assert {"host-a": "not rehearsed yet", "host-b": "not rehearsed yet"}.items() <= (await hosts(s)).items()

        card = await s.asked(REHEARSE)
        assert ["request", "plan", "approval"] == s.trail(card)
        await s.press(ADMIN, card, "run.approve")
        assert DONE == await s.ended(card)

        assert before == (s.state("host-a").services["Nebula"].pid, s.state("host-a").services["OpenResty"].pid)
        assert ([], {}) == (s.left("host-a"), s.state("host-a").tasks)
        ends = {name.rpartition("-")[2]: change.state for name, change in s.state("host-a").changes.items()}
        assert {"keep": "confirmed", "lapse": "reverted", "abort": "reverted"} == ends
        lapsed = s.state("host-a").changes[f"{card.operation}-lapse"]
        assert "not confirmed within 20 s" == lapsed.why
        seen = await hosts(s)
        assert ("T" in seen["host-a"], "not rehearsed yet") == (True, seen["host-b"])
        shown = await s.types(OPERATOR, "host show host-a")
        assert [] == [fact for fact in ("10.0.20348", "5.1.20348.2227 Desktop", "en-US / en-US") if fact not in shown]
        again = await s.asked(RESTART)
        assert [] == await warnings(s, again)
        assert REHEARSE not in buttons(again)


async def test_a_rehearsal_that_is_outdated_says_so(town: Build) -> None:
    """The address of a host is not the one that rehearsed."""
    async with shift(town, hurry=10) as s:
        assert DONE == await s.ended(await s.approved(REHEARSE))
        port = s.fleet["host-a"].ports["windows"]
        await s.edited(f"https://127.0.0.1:{port}/wsman", f"https://localhost:{port}/wsman")
        assert "the address or identity of the host has changed since the last rehearsal" == (await hosts(s))["host-a"]


def another_account(state: WindowsState) -> None:
    state.task_account = "S-1-5-21-1-2-3-1000"


def late_clock(state: WindowsState) -> None:
    state.clock_offset = timedelta(minutes=-5)


def cut_arguments(state: WindowsState) -> None:
    state.task_limit = 4_096


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (another_account, "the scheduled task ran as S-1-5-21-1-2-3-1000 instead of SYSTEM"),
        (late_clock, "the host's clock differs from the bot's by -300 s. Synchronize it on the host: w32tm /resync"),
        (cut_arguments, 'the host reports the change as applying. Check the scheduled task "flatnet-bot change '),
    ],
)
async def test_a_host_that_fails_its_rehearsal_says_why_and_keeps_no_scratch(
    town: Build, spoil: Callable[[WindowsState], None], why: str
) -> None:
    async with shift(town, hurry=30) as s:
        spoil(s.state("host-a"))
        card = await s.approved(REHEARSE)
        state, _ = await s.ended(card)
        assert why in (await hosts(s))["host-a"]
        scratch = [path for path in s.state("host-a").files if FOLDER / card.operation in path.parents]
        assert (ChangeState.UNKNOWN, True) == (state, bool(scratch)) or (ChangeState.UNDONE, []) == (state, scratch)
        waiting = await s.asked(RESTART)
        assert any("the last rehearsal failed" in note and why in note for note in await warnings(s, waiting))


async def test_files_of_others_in_the_place_of_the_scratch_are_no_rehearsal(town: Build) -> None:
    """Somebody's program writes into the folder of the operation."""
    async with shift(town, hurry=10) as s:
        hold = s.fleet["host-a"].windows.hold("confirm-change", "after")
        card = await s.approved(REHEARSE)
        await hold.reached()
        s.state("host-a").files[PureWindowsPath(FOLDER / card.operation / "keep.txt")] = "mine"
        hold.release()
        state, told = await s.ended(card)
        assert ChangeState.UNDONE is state
        assert "the change ended as confirmed (), with the other file" in told
        assert [] == s.left("host-a")
