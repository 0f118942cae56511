"""The fleet: every host is asked at once, and one bad host is only its own failure."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from adapters import fleet as fleet_module
from adapters.action import Action, Answer, Effect, Place, SideName
from adapters.connection import Beat, Write
from adapters.errors import DeadlineExceeded, HostError, Unreachable
from adapters.fleet import Fleet, ReadResult
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.transfer import StreamCount
from bot.app.reload import retire_fleet


class Look(Action[str]):
    side = "gateway"
    deadline = 0.05
    output_limit = 100


class LookElsewhere(Look):
    """Not the same question as `Look`."""


class LookAtWindows(Action[str]):
    side = "windows"
    deadline = 0.05
    output_limit = 100


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


def hosts(count: int, **more: Any) -> Inventory:
    return Inventory(
        hosts=tuple(
            Host.model_validate({"name": f"host-{n}", "id": n, "gateway": {"url": f"http://10.100.{n}.1:8080"}, **more})
            for n in range(1, count + 1)
        )
    )


async def look_at(fleet: Fleet, host: Host) -> str | HostError:
    seen: ReadResult[str] = await fleet.read(host, Look())
    return seen.outcome


async def look_at_all(fleet: Fleet) -> list[str | HostError]:
    return await asyncio.gather(*(look_at(fleet, host) for host in fleet.inventory.hosts))


@pytest.fixture(autouse=True)
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "DEADLINE_GRACE", 0.0)
    monkeypatch.setattr(fleet_module, "QUEUE_TIMEOUT", 0.0)


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


def timed_fleet(count: int) -> tuple[Fleet, list[float]]:
    """A fleet, and the loop's times at which its hosts are begun."""
    began: list[float] = []

    class Timed(Line):
        async def perform(self, action: Action[Answer]) -> Any:
            began.append(asyncio.get_running_loop().time())
            return self.name

    return Fleet(hosts(count), lambda host, side: Timed(host.name)), began


async def test_beginnings_are_spread_so_that_the_loop_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many hosts are not begun in one turn of the loop."""
    monkeypatch.setattr(fleet_module, "OPENING_INTERVAL", 0.0)
    monkeypatch.setitem(fleet_module.START_INTERVALS, "gateway", 0.001)
    fleet, began = timed_fleet(20)
    await look_at_all(fleet)
    began.clear()
    await look_at_all(fleet)
    assert began[-1] - began[0] > 0.016


async def test_first_looks_are_spread_wider_because_connections_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look at the same hosts takes the pace of open connections."""
    monkeypatch.setattr(fleet_module, "OPENING_INTERVAL", 0.001)
    monkeypatch.setitem(fleet_module.START_INTERVALS, "gateway", 0.0)
    fleet, began = timed_fleet(20)
    await look_at_all(fleet)
    assert began[-1] - began[0] > 0.016
    monkeypatch.setattr(fleet_module, "OPENING_INTERVAL", 60.0)
    async with asyncio.timeout(10):
        await look_at_all(fleet)


async def test_of_a_fleet_windows_is_begun_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers take the longest, so they are worked for while the other sides are asked."""
    monkeypatch.setitem(fleet_module.START_INTERVALS, "windows", 0.001)
    came: list[Place] = []

    class Noting(Line):
        async def perform(self, action: Action[Answer]) -> Any:
            came.append(action.side)
            return self.name

    windows = {"url": "https://192.0.2.1:5986/wsman", "user": "b", "ca_file": "c"}
    fleet = Fleet(hosts(20, windows=windows), lambda host, side: Noting(host.name))

    async def look_at_both(host: Host) -> None:
        await asyncio.gather(fleet.read(host, Look()), fleet.read(host, LookAtWindows()))

    await asyncio.gather(*(look_at_both(host) for host in fleet.inventory.hosts))
    assert ["windows"] * 20 + ["gateway"] * 20 == came


async def test_a_single_look_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace is between two beginnings."""
    monkeypatch.setitem(fleet_module.START_INTERVALS, "gateway", 60.0)
    monkeypatch.setattr(fleet_module, "OPENING_INTERVAL", 60.0)
    fleet = Fleet(hosts(1), lambda host, side: Line(host.name))
    async with asyncio.timeout(10):
        assert "host-1" == await look_at(fleet, fleet.inventory.hosts[0])


@dataclass
class Gate:
    """A line that counts who comes through, and lets nobody before it is opened; `raises` meets those who are let in."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    came: list[str] = field(default_factory=list)
    raises: Exception | None = None

    async def perform(self, action: Action[Answer]) -> Any:
        self.came.append(type(action).__name__)
        await self.open.wait()
        if self.raises is not None:
            raise self.raises
        return f"answer {len(self.came)}"

    async def aclose(self) -> None:
        pass


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For looks that wait for a gate."""
    monkeypatch.setattr(Look, "deadline", 10.0)


async def asked(fleet: Fleet, times: int, read: Action[str] | None = None) -> list[asyncio.Task[ReadResult[str]]]:
    """So many who ask the first host the same, all of them waiting."""
    asking = [asyncio.create_task(fleet.read(fleet.inventory.hosts[0], read or Look())) for _ in range(times)]
    await asyncio.sleep(0.01)
    return asking


@pytest.mark.usefixtures("patient")
async def test_who_asks_the_same_meanwhile_shares_the_look() -> None:
    """Sixty at once are one question to the host; who asks afterwards is answered anew."""
    gate = Gate()
    fleet = Fleet(hosts(1), lambda host, side: gate)
    asking = await asked(fleet, 60)
    gate.open.set()
    assert {"answer 1"} == {seen.outcome for seen in await asyncio.gather(*asking)}
    assert "answer 2" == await look_at(fleet, fleet.inventory.hosts[0])


@pytest.mark.usefixtures("patient")
async def test_another_question_or_another_host_is_a_look_of_its_own() -> None:
    gate = Gate()
    fleet = Fleet(hosts(2), lambda host, side: gate)
    asking = [*await asked(fleet, 1), *await asked(fleet, 1, LookElsewhere())]
    asking.append(asyncio.create_task(fleet.read(fleet.inventory.hosts[1], Look())))
    gate.open.set()
    await asyncio.gather(*asking)
    assert ["Look", "LookElsewhere", "Look"] == gate.came


@pytest.mark.usefixtures("patient")
async def test_a_failure_is_shared_as_well() -> None:
    gate = Gate(raises=Unreachable(Phrase("refused")))
    fleet = Fleet(hosts(1), lambda host, side: gate)
    asking = await asked(fleet, 3)
    gate.open.set()
    assert [gate.raises] * 3 == [seen.outcome for seen in await asyncio.gather(*asking)]
    assert 1 == len(gate.came)


@pytest.mark.usefixtures("patient")
async def test_who_stops_waiting_stops_no_other() -> None:
    """Not even the one who asked first."""
    gate = Gate()
    fleet = Fleet(hosts(1), lambda host, side: gate)
    first, second = await asked(fleet, 2)
    first.cancel()
    await asyncio.wait([first])
    gate.open.set()
    assert ("answer 1", True) == ((await second).outcome, first.cancelled())


@pytest.mark.usefixtures("patient")
async def test_who_joins_late_learns_how_old_the_answer_may_be() -> None:
    gate = Gate()
    fleet = Fleet(hosts(1), lambda host, side: gate)
    await asked(fleet, 1)
    await asyncio.sleep(0.1)
    (late,) = await asked(fleet, 1)
    gate.open.set()
    assert (await late).age >= 0.1


@pytest.mark.usefixtures("patient")
async def test_closing_ends_the_looks_that_are_under_way() -> None:
    fleet = Fleet(hosts(1), lambda host, side: Gate())
    (asking,) = await asked(fleet, 1)
    await fleet.aclose()
    await asyncio.wait([asking], timeout=5)
    assert asking.cancelled()


async def test_a_change_is_no_look() -> None:
    """Two who ask for the same change want it twice."""
    fleet = Fleet(hosts(1), lambda host, side: Gate())
    with pytest.raises(TypeError, match="Touch changes the host"):
        await fleet.read(fleet.inventory.hosts[0], Touch())


async def test_each_look_is_observed_once_however_many_asked_for_it() -> None:
    """What is counted is what hosts were asked: the side, the failure, the time it took."""
    seen: list[tuple[Place, str]] = []
    bad = {"host-2": Unreachable(Phrase("refused"))}
    fleet = Fleet(
        hosts(2),
        lambda host, side: Line(host.name, bad.get(host.name)),
        lambda side, failure, seconds: seen.append((side, "" if failure is None else failure.kind)),
    )
    await asyncio.gather(*(fleet.read(host, Look()) for host in fleet.inventory.hosts for _ in range(3)))
    assert [("gateway", ""), ("gateway", "unreachable")] == sorted(seen)


class _Pour(Action[StreamCount]):
    side = "gateway"
    deadline = 1.0
    output_limit = 100


class _StreamLine(Line):
    """A connection that streams its host's name."""

    async def read_stream(self, action: Action[StreamCount], write: Write, beat: Beat) -> StreamCount:
        await write(self.name.encode())
        return StreamCount(size=len(self.name), sha256="0" * 64)

    async def write_stream(self, action: Action[StreamCount], pieces: AsyncIterator[bytes], beat: Beat) -> StreamCount:
        size = sum([len(piece) async for piece in pieces])
        return StreamCount(size=size, sha256="0" * 64)


async def _yield_pieces() -> AsyncIterator[bytes]:
    yield b"bytes"


def _ignore_beat() -> None:
    """No beat counts."""


async def test_streams_go_to_the_connection_of_their_host() -> None:
    fleet, arrived = Fleet(hosts(2), lambda host, side: _StreamLine(host.name)), list[bytes]()

    async def write(data: bytes) -> None:
        arrived.append(data)

    await fleet.read_stream(fleet.inventory.hosts[1], _Pour(), write, _ignore_beat)
    counted = await fleet.write_stream(fleet.inventory.hosts[0], _Pour(), _yield_pieces(), _ignore_beat)
    assert ([b"host-2"], 5) == (arrived, counted.size)


async def test_a_side_without_streams_is_a_bug() -> None:
    fleet = Fleet(hosts(1), lambda host, side: Line(host.name))
    with pytest.raises(TypeError, match="no streams"):
        await fleet.write_stream(fleet.inventory.hosts[0], _Pour(), _yield_pieces(), _ignore_beat)


@dataclass
class _SlowStreamLine(_StreamLine):
    """A connection whose source waits in mid-stream, and may then fail."""

    released: asyncio.Event = field(default_factory=asyncio.Event)
    failure: HostError | None = None

    async def read_stream(self, action: Action[StreamCount], write: Write, beat: Beat) -> StreamCount:
        await self.released.wait()
        if self.failure is not None:
            raise self.failure
        return await super().read_stream(action, write, beat)


@pytest.mark.parametrize("failure", [None, Unreachable(Phrase("gone"))], ids=["ended", "failed"])
async def test_who_waits_for_streams_waits_until_the_last_one_has_ended(failure: HostError | None) -> None:
    lines = {name: _SlowStreamLine(name, failure=failure) for name in ("host-1", "host-2")}
    fleet = Fleet(hosts(2), lambda host, side: lines[host.name])
    await fleet.wait_for_streams()

    async def write(data: bytes) -> None:
        """Takes all of it."""

    streams = [asyncio.create_task(fleet.read_stream(host, _Pour(), write, _ignore_beat)) for host in fleet.inventory.hosts]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(fleet.wait_for_streams())
    for line, stream in zip(lines.values(), streams, strict=True):
        assert not waiting.done()
        line.released.set()
        await asyncio.wait([stream])
    await waiting
    assert [failure] * 2 == [stream.exception() for stream in streams]


async def test_the_fleet_of_an_earlier_configuration_is_not_closed_under_a_stream() -> None:
    """A stream may last for hours: it has no deadline after which it must have ended."""
    line = _SlowStreamLine("host-1")
    fleet = Fleet(hosts(1), lambda host, side: line)

    async def write(data: bytes) -> None:
        """Takes all of it."""

    stream = asyncio.create_task(fleet.read_stream(fleet.inventory.hosts[0], _Pour(), write, _ignore_beat))
    retiring = asyncio.create_task(retire_fleet(fleet, 0.0))
    await asyncio.wait([retiring], timeout=0.05)
    assert ([], False) == (line.closed, retiring.done())
    line.released.set()
    await retiring
    assert (["host-1"], 6) == (line.closed, stream.result().size)
