"""A host is suspended and resumed: what stops in which order, what people see meanwhile, and what comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.model.change import ChangeState
from tests.lab.wsl.container import Container
from tests.scenarios.changing import OPERATOR, Card, Shift, hurried
from tests.scenarios.conftest import Build
from tests.scenarios.moving import HURRY, list_registered, manage, open_shop, wsl

DONE = (ChangeState.DONE, "")
SUSPEND = 'host suspend host-b --for 4h --reason "RAM swap"'
RESUME = "host resume host-b"
UP, DOWN = ("Running", "Automatic"), ("Stopped", "Manual")


@asynccontextmanager
async def street(town: Build) -> AsyncIterator[Shift]:
    """A town with a shop on host-b, whose bot may stop and start it."""
    async with town(hosts=3, lighthouse=True) as t:
        open_shop(t.fleet, "host-b")
        manage(t)
        async with t.bot(hurried(t.fleet, HURRY)) as house:
            yield Shift(t, house)


def look(s: Shift) -> tuple[set[tuple[str, str]], dict[str, tuple[str, str]]]:
    """Services of host-b with their start types, and its containers with their restart policies."""
    services: set[tuple[str, str]] = {(each.status, each.start_type) for each in s.state("host-b").services.values()}
    return services, {each.name: (each.state, each.policy) for each in wsl(s.fleet, "host-b").containers}


def find(s: Shift, name: str) -> Container:
    return next(each for each in wsl(s.fleet, "host-b").containers if each.name == name)


async def done(s: Shift, words: str) -> Card:
    card = await s.approved(words)
    assert DONE == await s.ended(card)
    return card


async def test_a_host_sleeps_through_restarts_of_windows_and_comes_back_as_it_was(town: Build) -> None:
    async with street(town) as s:
        before = look(s)
        await done(s, SUSPEND)
        asleep = look(s)
        assert ({DOWN}, {"exited"}, {"no"}) == (asleep[0], *map(set, zip(*asleep[1].values(), strict=True)))
        assert set() == list_registered(s.fleet)
        s.fleet["host-b"].restart_wsl()  # as Windows does
        assert asleep == look(s)
        assert "RAM swap" in await s.types(OPERATOR, "host")
        assert "host resume host-b" in await s.types(OPERATOR, "service restart openresty host-b")
        await done(s, RESUME)
        assert before == look(s)
        assert {("host-a", "10.87.2.20"), ("host-b", "10.87.2.20"), ("host-c", "10.87.2.20")} == list_registered(s.fleet)
        assert "RAM swap" not in await s.types(OPERATOR, "host")


async def test_a_container_that_is_gone_is_named_and_the_resume_goes_on_without_it_by_name_alone(town: Build) -> None:
    async with street(town) as s:
        await done(s, SUSPEND)
        state = wsl(s.fleet, "host-b")
        state.containers = [each for each in state.containers if each.name != "shop"]
        assert "host resume host-b --lose shop" in await s.types(OPERATOR, RESUME)
        await done(s, f"{RESUME} --lose shop")
        assert {UP} == look(s)[0]


async def test_a_suspension_that_fails_takes_all_back_and_a_resume_that_fails_keeps_what_runs(town: Build) -> None:
    async with street(town) as s:
        before, nebula = look(s), s.state("host-b").services["Nebula"]
        nebula.needed_by = ["Backup"]
        card = await s.approved(SUSPEND)
        state, why = await s.ended(card)
        assert (ChangeState.UNDONE, True) == (state, "Backup would be stopped" in why), why
        assert before == look(s)
        assert "RAM swap" not in await s.types(OPERATOR, "host")
        nebula.needed_by = []
        await done(s, SUSPEND)
        fates = wsl(s.fleet, "host-b").fates
        fates["shop"] = "unhealthy"
        card = await s.approved(RESUME)
        assert ChangeState.FAILED is (await s.ended(card))[0]
        assert {("Running", "Manual")} == look(s)[0]
        assert "一部だけ一時停止中" in await s.types(OPERATOR, "host")
        fates.clear()
        find(s, "shop").health = "healthy"
        await done(s, RESUME)
        assert before == look(s)
