"""What people see of containers and their addresses, and orphans that are removed."""

import time
from datetime import timedelta

from bot.model.change import ChangeState
from tests.lab.shop import PASSWORD
from tests.lab.wsl.state import Helper
from tests.scenarios.changing import OPERATOR, Shift, hurried
from tests.scenarios.conftest import Build, Town
from tests.scenarios.moving import open_shop, wsl

HURRY = 60
"""How much faster the hosts live while the bot waits for them: the minute between two checks takes a second."""

GONE = "c0ffee" * 10 + "c0de"
ADDRESS = "10.87.1.99"


def manage(t: Town) -> None:
    """The bot may change containers and addresses of host-a alone."""
    host = t.fleet["host-a"]
    assert host.wsl is not None
    host.wsl.state.helper = Helper()
    port = f"port = {host.ports['wsl']}\n"
    t.edit(port, f'{port}manage = ["containers", "ipam"]\n')


async def test_containers_are_listed_and_orphan_addresses_removed(town: Build) -> None:
    async with town(hosts=2) as t:
        open_shop(t.fleet)
        manage(t)
        state = wsl(t.fleet, "host-a")
        state.orphans[GONE] = ADDRESS
        clock, began = hurried(t.fleet, HURRY), time.monotonic()
        state.now = lambda: state.booted_at + timedelta(seconds=clock.monotonic() - began)
        async with t.bot(clock) as house:
            s = Shift(t, house)
            shown = await s.types(OPERATOR, "container show shop")
            assert [True] * 4 == [part in shown for part in ("host-a/shop", "10.87.1.20", "PASSWORD", "8090:80/tcp")]
            assert PASSWORD not in shown
            listed = await s.types(OPERATOR, "container host-a,host-b")
            assert [True] * 3 == [part in listed for part in ("host-a/shop", "host-a/web", "host-b/web")]
            assert "host-b/db" in await s.types(OPERATOR, "container show db")
            assert ADDRESS in await s.types(OPERATOR, "ipam host-a")
            card = await s.approved("ipam clean host-a")
            assert ADDRESS in s.card(card)
            assert (ChangeState.DONE, "") == await s.ended(card)
            assert {} == state.orphans
            assert ADDRESS not in await s.types(OPERATOR, "ipam host-a")
