"""Hosts that are added while something else happens: one id for two, another machine, a change of the CA."""

import asyncio
from functools import partial

import pytest

from tests.scenarios.changing import hurried
from tests.scenarios.conftest import Build, ask
from tests.scenarios.joining import NEW, equip, prepare_alone, request_first, request_pins
from tests.scenarios.rotating import HURRY, OLD, Trust, add_recipients, describe, must_run, pass_drill
from tests.scenarios.rotating import NEW as NEW_CA

pytestmark = pytest.mark.slow

OTHER = "host-d"


async def test_two_requests_at_once_get_one_id_once_and_another_machine_gets_no_password(town: Build) -> None:
    async with town(hosts=2, lighthouse=True, newcomers=2) as t, t.bot(hurried(t.fleet, HURRY)) as house:
        new, other = t.fleet[NEW], t.fleet[OTHER]
        await asyncio.gather(*(ask(house, request_first(each, "--id 9")) for each in (new, other)))
        (joining,) = house.dispatcher.config.inventory.joining
        assert 9 == joining.id
        chosen = t.fleet[joining.name]
        chosen.prepare(9)
        await ask(house, request_pins(chosen))
        logins = sum(chosen.windows.requests.values())
        assert logins
        chosen.take_over(other if chosen is new else new)
        await ask(house, f"host add {chosen.name}")
        assert logins == sum(chosen.windows.requests.values())


async def test_a_host_that_is_added_while_the_ca_is_changed_is_signed_by_the_new_one(town: Build) -> None:
    async with town(hosts=2, lighthouse=True, newcomers=1) as t:
        equip(t)
        add_recipients(t.config)
        async with t.bot(hurried(t.fleet, HURRY)) as house:
            await must_run(house, "host rehearse all", *(f"ca rotation {each}" for each in ("start", "next", "next")))
            await prepare_alone(house, t.fleet[NEW])
            await must_run(house, f"host add {NEW}")
            assert {Trust((OLD, NEW_CA), NEW_CA)} == set(describe(t.fleet, (NEW, "host-a")).values())
            await pass_drill(partial(ask, house), t)
            await must_run(house, "ca rotation finish")
            assert {Trust((NEW_CA,), NEW_CA)} == set(describe(t.fleet, (NEW, "host-a", "lighthouse")).values())
