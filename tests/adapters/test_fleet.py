"""The fleet: every host is asked at once, and one bad host is only its own failure."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from adapters import fleet as fleet_module
from adapters.action import Action, Answer, Effect, SideName
from adapters.errors import DeadlineExceeded, HostError, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase


class Look(Action[str]):
    side = "gateway"
    deadline = 0.05


class Touch(Look):
    effect: ClassVar[Effect] = Effect.CHANGE


@dataclass
class Line:
    """A connection that answers with its host's name, after what `before` waits for."""

    name: str
    before: Any = None
    closed: list[str] = field(default_factory=list)

    async def perform(self, action: Action[Answer]) -> Any:
        if isinstance(self.before, HostError):
            raise self.before
        if self.before is not None:
            await self.before.wait()
        return self.name

    async def aclose(self) -> None:
        self.closed.append(self.name)


def hosts(count: int) -> Inventory:
    return Inventory(
        hosts=tuple(
            Host.model_validate({"name": f"host-{n}", "id": n, "gateway": {"url": f"http://10.100.{n}.1:8080"}})
            for n in range(1, count + 1)
        )
    )


async def look_at(fleet: Fleet, host: Host) -> str | HostError:
    answer: str | HostError = await fleet.look(host, Look())
    return answer


async def look_at_all(fleet: Fleet) -> list[str | HostError]:
    return await asyncio.gather(*(look_at(fleet, host) for host in fleet.inventory.hosts))


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "GRACE", 0.0)


async def test_one_bad_host_neither_hides_nor_delays_the_others() -> None:
    """A host that never answers is a value beside the others' answers."""
    never = asyncio.Event()
    bad = {"host-1": never, "host-2": Unreachable(Phrase("refused"))}
    fleet = Fleet(hosts(254), lambda host, side: Line(host.name, bad.get(host.name)))
    answers = dict(zip(fleet.inventory.names, await look_at_all(fleet), strict=True))
    assert isinstance(answers["host-1"], DeadlineExceeded)
    assert isinstance(answers["host-2"], Unreachable)
    assert [f"host-{n}" for n in range(3, 255)] == [answer for answer in answers.values() if isinstance(answer, str)]


@pytest.mark.parametrize(("action", "maybe_ran"), [(Look(), False), (Touch(), True)])
async def test_a_change_without_an_answer_may_have_run(action: Look, maybe_ran: bool) -> None:
    """A read that is late did nothing; of a change nobody knows."""
    fleet = Fleet(hosts(1), lambda host, side: Line(host.name, asyncio.Event()))
    with pytest.raises(DeadlineExceeded) as caught:
        await fleet.perform(fleet.inventory.hosts[0], action)
    assert maybe_ran == caught.value.maybe_ran


async def test_a_connection_is_opened_once_and_closed_with_the_fleet() -> None:
    """Two looks share one line; a line that fails to close keeps no other open."""
    opened: list[tuple[str, SideName]] = []
    closed: list[str] = []

    class Sticky(Line):
        async def aclose(self) -> None:
            await super().aclose()
            raise OSError("sticky")

    def connect(host: Host, side: SideName) -> Line:
        opened.append((host.name, side))
        return Sticky(host.name, closed=closed)

    fleet = Fleet(hosts(2), connect)
    await look_at_all(fleet)
    await look_at_all(fleet)
    await fleet.aclose()
    assert [("host-1", "gateway"), ("host-2", "gateway")] == sorted(opened)
    assert ["host-1", "host-2"] == sorted(closed)


async def test_an_absent_side_is_not_asked() -> None:
    """The lighthouse has no gateway: to ask it is a bug."""
    lighthouse = Host.model_validate(
        {"name": "lighthouse", "id": 0, "lighthouse": True, "windows": {"url": "https://l/", "user": "b", "ca_file": "c"}}
    )
    fleet = Fleet(Inventory(hosts=(lighthouse,)), lambda host, side: Line(host.name))
    with pytest.raises(KeyError, match="no gateway side"):
        await fleet.perform(lighthouse, Look())


async def test_beginnings_are_spread_so_that_the_loop_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many hosts are not begun in one turn of the loop."""
    monkeypatch.setitem(fleet_module.PACE, "gateway", 0.001)
    began: list[float] = []
    loop = asyncio.get_running_loop()

    class Timed(Line):
        async def perform(self, action: Action[Answer]) -> Any:
            began.append(loop.time())
            return self.name

    await look_at_all(Fleet(hosts(20), lambda host, side: Timed(host.name)))
    assert began[-1] - began[0] > 0.018


async def test_a_single_look_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace is between two beginnings."""
    monkeypatch.setitem(fleet_module.PACE, "gateway", 60.0)
    fleet = Fleet(hosts(1), lambda host, side: Line(host.name))
    async with asyncio.timeout(10):
        assert "host-1" == await look_at(fleet, fleet.inventory.hosts[0])
