"""Hosts that die or hang while a container moves, people who stop it, and moves that meet each other."""

import asyncio
import time

import pytest

from bot.model.change import ChangeState
from bot.runtime.clock import Clock, read_utc_time
from tests.lab.faults import Fault
from tests.lab.wsl.mishaps import Streaming, Trouble
from tests.scenarios.changing import ADMIN, OPERATOR, Card, Shift
from tests.scenarios.conftest import Build
from tests.scenarios.moving import MOVE, find, list_left, open_shop, street, wsl

pytestmark = pytest.mark.slow

DONE = (ChangeState.DONE, "")
HOME = {"host-a": "running"}
AWAY = {"host-a": "exited", "host-b": "running"}


async def stand_in_stream(s: Shift, host: str, verb: str, trouble: Trouble = Trouble.WAITS) -> Card:
    """Have a move approved, whose stream stands in its middle at a verb of a host."""
    wsl(s.fleet, host).streaming = streaming = Streaming(trouble, verb, after=100_000)
    card = await s.approved(MOVE)
    await streaming.met.wait()
    return card


DEATHS = [
    ("host-a", "images save", ChangeState.UNDONE, HOME, []),
    ("host-b", "images load", ChangeState.FAILED, HOME, []),
    ("host-b", "volumes import", ChangeState.FAILED, HOME, ["image"]),
    ("host-a", "volumes export", ChangeState.UNKNOWN, {"host-a": "exited"}, ["image"]),
]
"""The host that dies, in which stream; how the move ends, where the container is then, and what is left on host-b."""


async def test_a_host_that_dies_in_mid_stream_leaves_the_container_where_it_is_known_to_be(town: Build) -> None:
    """A dead target does not keep the source from being started again. A dead source is asked about."""
    async with street(town) as s:
        for host, verb, state, places, left in DEATHS:
            card = await stand_in_stream(s, host, verb)
            s.fleet[host].wire("wsl").fault = Fault.REFUSE
            ended, why = await s.ended(card)
            assert (host, verb, state, places) == (host, verb, ended, find(s.fleet)), why
            assert left == list_left(s.fleet)
            s.fleet[host].mend()
            wsl(s.fleet, host).streaming = Streaming()
        assert "op resolve" in why


async def test_a_stream_that_hangs_is_given_up(town: Build) -> None:
    """Its limit passes as soon as podman load hangs."""
    hangs = Streaming(Trouble.HANGS, "images load", after=100_000)
    clock = Clock(read_utc_time, lambda: time.monotonic() + 100 * hangs.met.is_set(), asyncio.sleep)
    async with street(town, clock=clock) as s:
        wsl(s.fleet, "host-b").streaming = hangs
        card = await s.approved(MOVE)
        ended, why = await s.ended(card)
        assert (ChangeState.UNDONE, True) == (ended, "host-b has not moved a byte" in why)
        assert (HOME, []) == (find(s.fleet), list_left(s.fleet))


async def test_a_stream_is_stopped_by_a_person(town: Build) -> None:
    async with street(town) as s:
        card = await stand_in_stream(s, "host-b", "volumes import")
        assert {"host-a": "exited"} == find(s.fleet)
        await s.signed(card, "shop はどのホストでも稼働していません")
        await s.press_now(OPERATOR, card, "run.stop")
        assert ChangeState.UNDONE is (await s.ended(card))[0]
        assert (HOME, []) == (find(s.fleet), list_left(s.fleet))


async def test_the_same_move_asked_for_twice_happens_once(town: Build) -> None:
    async with street(town) as s:
        cards = [await s.asked(MOVE) for _ in range(2)]
        for card in cards:
            await s.press(ADMIN, card, "run.approve")
        ends = [(await s.ended(card))[0] for card in cards]
        assert (AWAY, 1) == (find(s.fleet), ends.count(ChangeState.DONE)), ends


async def test_moves_that_cross_wait_for_each_other(town: Build) -> None:
    async with street(town) as s:
        open_shop(s.fleet, "host-b", "store")
        wsl(s.fleet, "host-b").containers[-1].ports = None
        cards = [await s.asked(words) for words in (MOVE, "container migrate store --to host-a --with-volumes")]
        for card in cards:
            await s.press(ADMIN, card, "run.approve")
        assert [DONE, DONE] == [await s.ended(card) for card in cards]
        assert (AWAY, {"host-a": "running", "host-b": "exited"}) == (find(s.fleet), find(s.fleet, "store"))
