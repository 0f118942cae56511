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


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "GRACE", 0.0)


async def test_one_bad_host_neither_hides_nor_delays_the_others() -> None:
    """A host that never answers is a value beside the others' answers."""
    never = asyncio.Event()
    bad = {"host-1": never, "host-2": Unreachable(Phrase("refused"))}
    fleet = Fleet(hosts(254), lambda host, side: Line(host.name, bad.get(host.name)))
    answers = await fleet.look_at_all(fleet.inventory.hosts, Look())
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
    await fleet.look_at_all(fleet.inventory.hosts, Look())
    await fleet.look_at_all(fleet.inventory.hosts, Look())
    await fleet.aclose()
    assert [("host-1", "gateway"), ("host-2", "gateway")] == sorted(opened)
    assert ["host-1", "host-2"] == sorted(closed)


async def test_an_absent_side_is_not_asked() -> None:
    """The lighthouse has no gateway: it is left out, and asking it by name is a bug."""
    lighthouse = Host.model_validate(
        {"name": "lighthouse", "id": 0, "lighthouse": True, "windows": {"url": "https://l/", "user": "b", "ca_file": "c"}}
    )
    fleet = Fleet(Inventory(hosts=(lighthouse,)), lambda host, side: Line(host.name))
    assert {} == await fleet.look_at_all((lighthouse,), Look())
    with pytest.raises(KeyError, match="no gateway side"):
        await fleet.perform(lighthouse, Look())
