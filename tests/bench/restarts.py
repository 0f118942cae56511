"""What a rolling restart of the containers of one host costs: each restarted, healthy, registered and found elsewhere.

The lab's hosts are in the bot's own process and their podman restarts at once, so that the time is that of the exchanges
with them, of the audit log and of the steps. A real podman adds 0.2 s for each container, and what its program takes to end.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bot.app.application import Application
from bot.model.change import Change, ChangeState
from bot.model.request import Request, Surface, SystemIdentity, make_request_key
from bot.runtime.clock import read_utc_time
from tests.scenarios.conftest import built
from tests.scenarios.moving import manage, open_shop

CONTAINERS = 30

WORDS = 'container restart --all --on host-a --break-glass --reason "measured"'


def report() -> None:
    """Print the table of docs/performance.md."""
    print("\n| containers | gateways | planned | run | per container | steps |")
    print("| --: | --: | --: | --: | --: | --: |")
    for hosts in (2, 10):
        print(asyncio.run(_measure(hosts)), flush=True)


async def _measure(hosts: int) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        async with built(Path(folder), hosts=hosts) as town:
            for number in range(CONTAINERS):
                shop = open_shop(town.fleet, name=f"shop-{number}")
                shop.ports, shop.address = None, f"10.87.1.{number + 30}"
            manage(town)
            async with town.bot() as house:
                return await _restart(house, hosts)


async def _restart(house: Application, hosts: int) -> str:
    me = SystemIdentity(0, house.dispatcher.config.policy.people[0].system[0])
    began = time.perf_counter()
    answer = await house.dispatcher.handle(Request(make_request_key(), me, WORDS, Surface.DO, read_utc_time()))
    assert isinstance(answer.body, Change), answer.body
    planned, change = time.perf_counter() - began, answer.body
    while not change.state.ended:
        await asyncio.sleep(0.1)
        change = await house.wings.changes.lifecycle.find_change(change.operation)
    assert ChangeState.DONE is change.state, change.why
    took = time.perf_counter() - began - planned
    steps = len(change.plan.steps)
    return f"| {CONTAINERS} | {hosts} | {planned:.2f} s | {took:.1f} s | {took / CONTAINERS:.2f} s | {steps} |"


if __name__ == "__main__":
    report()
