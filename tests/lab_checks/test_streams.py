"""Streams of the lab's podman: an image, a volume and a container go from one host to another, or end as in real life."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from tests.lab.wsl.container import Container, Mount
from tests.lab.wsl.mishaps import Streaming, Trouble
from tests.lab.wsl.programs_helper import run_helper
from tests.lab.wsl.state import Helper, WslState
from tests.lab.wsl.storage import MB, Image, Volume

SHOP = Image.of("localhost/shop:1", size=MB)
SAVE, LOAD = ["images", "save", SHOP.id], ["images", "load", SHOP.id, "localhost/shop:1"]


@dataclass
class Pipe:
    """A stream whose input is given, and whose outputs are kept."""

    given: list[bytes] = field(default_factory=list)
    out: bytearray = field(default_factory=bytearray)
    said: str = ""

    async def read(self) -> bytes:
        return self.given.pop(0) if self.given else b""

    async def write(self, data: bytes) -> None:
        self.out += data

    async def complain(self, text: str) -> None:
        self.said += text


def build_state(number: int, *containers: Container) -> WslState:
    state = WslState.healthy(number, datetime(2026, 11, 29, 9, tzinfo=UTC))
    state.helper = Helper()
    state.containers += containers
    return state


async def run(arguments: list[str], state: WslState, given: bytes = b"") -> tuple[int, Pipe]:
    """A verb to its end: its exit code, and what it printed. Its input comes in two pieces."""
    pipe = Pipe([piece for piece in (given[: len(given) // 2], given[len(given) // 2 :]) if piece])
    ran = run_helper(arguments, state)
    if ran.stream is None:
        return ran.code, replace(pipe, said=ran.stderr)
    return await ran.stream(pipe), pipe


def count(pipe: Pipe) -> dict[str, object]:
    said = json.loads(pipe.said.splitlines()[-1])
    assert isinstance(said, dict)
    return said


async def test_an_image_arrives_with_its_id_and_the_same_count_at_both_ends() -> None:
    source, target = build_state(1), build_state(2)
    source.images.append(SHOP)
    code, saved = await run(SAVE, source)
    loaded, load = await run(LOAD, target, bytes(saved.out))
    assert (0, 0, MB) == (code, loaded, len(saved.out))
    assert count(saved) == count(load)
    assert SHOP == target.images[-1]


async def test_a_volume_arrives_with_the_same_hash() -> None:
    source, target = build_state(1), build_state(2)
    source.volumes["orders"] = Volume("orders", {"a/1.json": b"{}", "b": bytes(100_000)})
    _, exported = await run(["volumes", "export", "orders"], source)
    code, _ = await run(["volumes", "import", "orders", "op-1"], target, bytes(exported.out))
    assert (0, source.volumes["orders"].sha256) == (code, target.volumes["orders"].sha256)
    code, again = await run(["volumes", "import", "orders", "op-1"], target, bytes(exported.out))
    assert (6, True) == (code, "is there already" in again.said)


async def test_a_container_arrives_with_its_settings_under_its_new_name_and_address() -> None:
    web = Container("shop", variables={"TOKEN": "a b"}, mounts=[Mount("orders", "/data")], command=["run", "--all"])
    source, target = build_state(1, web), build_state(2)
    web.policy, web.further = "always", ["hostname shop.example"]
    _, described = await run(["containers", "describe", web.id], source)
    copy = ["containers", "copy", "op-1", "shop-2", web.image.id, "10.87.2.50"]
    code, _ = await run(copy, target, bytes(described.out))
    made = target.containers[-1]
    assert (0, "created", "shop-2", "10.87.2.50") == (code, made.state, made.name, made.address)
    expected = [line for line in web.describe() if not line.startswith("name ")]
    assert expected == [line for line in made.describe() if not line.startswith(("name ", "address "))]


async def test_one_that_cannot_be_described_is_refused() -> None:
    web = Container("shop", obstacles=["bind mount /etc"])
    code, said = await run(["containers", "describe", web.id], build_state(1, web))
    assert (6, True, b"") == (code, "no description can hold" in said.said, bytes(said.out))


TROUBLES = [
    pytest.param(Trouble.FULL, 125, "no space left on device", id="the disk is full"),
    pytest.param(Trouble.DIES, 137, "", id="it is killed"),
]


@pytest.mark.parametrize(("trouble", "code", "words"), TROUBLES)
async def test_a_stream_that_ends_in_its_middle_leaves_nothing(trouble: Trouble, code: int, words: str) -> None:
    source, target = build_state(1), build_state(2)
    source.images.append(SHOP)
    _, saved = await run(SAVE, source)
    target.streaming = Streaming(trouble, "images load", after=MB // 2)
    got, load = await run(LOAD, target, bytes(saved.out))
    assert (code, True, None) == (got, words in load.said, target.find_image(SHOP.id))
    assert target.streaming.met.is_set()


@pytest.mark.parametrize("given", [b"", b"no archive", b'{"id": "x"}\n'])
async def test_what_is_no_whole_image_is_refused(given: bytes) -> None:
    code, _ = await run(LOAD, build_state(1), given)
    assert 125 == code


async def test_another_image_than_was_asked_for_is_refused() -> None:
    code, said = await run(LOAD, build_state(2), b"".join(Image.of("localhost/other:1").read()))
    assert (6, True) == (code, "another image" in said.said)


async def test_a_stream_that_hangs_says_nothing_more() -> None:
    state = build_state(1)
    state.images.append(SHOP)
    state.streaming = Streaming(Trouble.HANGS, "images save", after=1000)
    task = asyncio.create_task(run(SAVE, state))
    await state.streaming.met.wait()
    assert not task.done()
    task.cancel()
