"""Hosts that come and go while something else happens: one id for two, and another machine."""

import asyncio

import pytest

from tests.scenarios.changing import hurried
from tests.scenarios.conftest import Build, ask
from tests.scenarios.joining import NEW, request_first, request_pins
from tests.scenarios.rotating import HURRY

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
