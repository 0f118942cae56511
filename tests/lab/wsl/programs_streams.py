"""The helper's verbs that stream, in a simulated WSL2, and what can happen to them in mid-stream.

    source   beats ─▶ bytes on standard output ─▶ their count
    sink     bytes on standard input ─▶ their effect ─▶ beats ─▶ their count

`tests/fleet/test_images.py` and `tests/fleet/test_containers.py` have the real ones.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from tests.lab.wsl.mishaps import Trouble
from tests.lab.wsl.programs_containers import ID, KEY, NO_CONTAINER, OPERATION, create, find
from tests.lab.wsl.programs_images import NAME, add_image
from tests.lab.wsl.ran import Ran
from tests.lab.wsl.state import WslState
from tests.lab.wsl.storage import PIECE, Volume, read_archive
from tests.lab.wsl.streams import BEAT, Stream, StreamProgram

KEPT = 64 * 1024 * 1024
"""Bytes of an input that are kept. Only volumes and descriptions need them, and those of the lab are small."""


@dataclass
class _Count:
    """What came through so far. `kept` are its first bytes."""

    verb: str
    size: int = 0
    hashed: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    kept: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self.hashed.update(data)
        self.kept += data[: max(KEPT - self.size, 0)]

    @property
    def line(self) -> str:
        return json.dumps({"size": self.size, "sha256": self.hashed.hexdigest()}) + "\n"


class _Failure(Exception):
    """The end of a program before its time."""

    def __init__(self, code: int, words: str = "") -> None:
        super().__init__(words)
        self.code = code


def run_stream(arguments: list[str], state: WslState) -> Ran | None:
    """The program of a verb that streams; None where there is none of that kind."""
    program = _find_source(arguments, state) or _find_sink(arguments, state)
    return program if program is None or isinstance(program, Ran) else Ran(stream=program)


def _find_source(arguments: list[str], state: WslState) -> StreamProgram | Ran | None:
    match arguments:
        case ["images", "save", key] if re.fullmatch(ID, key):
            image = state.find_image(key)
            return _fail("podman has no such image") if image is None else _yield_bytes("images save", image.read(), state)
        case ["volumes", "export", name] if re.fullmatch(KEY, name):
            volume = state.volumes.get(name)
            if volume is None:
                return _fail(f"podman has no volume {name}")
            return _yield_bytes("volumes export", _cut(volume.pack()), state)
        case ["containers", "describe", key] if re.fullmatch(ID, key):
            container = find(key, state)
            if container is None:
                return _fail(NO_CONTAINER)
            if container.obstacles:
                return _fail("it has settings that no description can hold")
            lines = "\n".join(container.describe()) + "\n"
            return _yield_bytes("containers describe", [lines.encode()], state)
        case _:
            return None


def _find_sink(arguments: list[str], state: WslState) -> StreamProgram | Ran | None:
    match arguments:
        case ["images", "load", key, name] if re.fullmatch(ID, key) and re.fullmatch(NAME, name):
            return _take_bytes("images load", lambda count: _load(count, key, name, state), state)
        case ["volumes", "import", name, operation] if re.fullmatch(KEY, name) and re.fullmatch(OPERATION, operation):
            if name in state.volumes:
                return _fail(f"the volume {name} is there already")
            return _take_bytes(
                "volumes import", lambda count: _import(count, Volume(name, operation=operation), state), state
            )
        case ["containers", "copy", operation, name, image, address]:
            return _take_bytes(
                "containers copy", lambda count: _copy(count, [operation, name, image, address], state), state
            )
        case _:
            return None


def _yield_bytes(verb: str, pieces: Iterable[bytes], state: WslState) -> StreamProgram:
    async def run(stream: Stream) -> int:
        count = _Count(verb)

        async def work() -> None:
            for piece in pieces:
                await _pass(count, len(piece), stream, state)
                await stream.write(piece)
                count.add(piece)

        return await _run(count, work, stream)

    return run


def _take_bytes(verb: str, effect: Callable[[_Count], None], state: WslState) -> StreamProgram:
    async def run(stream: Stream) -> int:
        count = _Count(verb)

        async def work() -> None:
            async for piece in _read(stream):
                await _pass(count, len(piece), stream, state)
                count.add(piece)
            await stream.complain(BEAT)
            effect(count)

        return await _run(count, work, stream)

    return run


async def _read(stream: Stream) -> AsyncIterator[bytes]:
    while piece := await stream.read():
        yield piece


async def _run(count: _Count, work: Callable[[], Awaitable[None]], stream: Stream) -> int:
    await stream.complain(BEAT)
    try:
        await work()
    except _Failure as failure:
        await stream.complain(f"{failure}\n" if str(failure) else "")
        return failure.code
    await stream.complain(count.line)
    return 0


async def _pass(count: _Count, more: int, stream: Stream, state: WslState) -> None:
    """Let the next bytes through, unless the trouble that waits in mid-stream comes now."""
    streaming = state.streaming
    if streaming.pace:
        await asyncio.sleep(streaming.pace)
        await stream.complain(BEAT)
    if streaming.trouble is Trouble.NONE or streaming.verb != count.verb or count.size + more <= streaming.after:
        return
    streaming.met.set()
    match streaming.trouble:
        case Trouble.FULL:
            raise _Failure(125, "Error: write /var/lib/containers/storage: no space left on device")
        case Trouble.DIES:
            raise _Failure(137)
        case Trouble.HANGS:
            await asyncio.Event().wait()
        case Trouble.WAITS:
            while not streaming.released.is_set():
                await stream.complain(BEAT)
                await asyncio.sleep(0.05)


def _load(count: _Count, key: str, name: str, state: WslState) -> None:
    image = read_archive(bytes(count.kept).partition(b"\n")[0], count.size)
    if image is None:
        raise _Failure(125, "Error: payload does not match any of the supported image formats:")
    if image.id != key:
        raise _Failure(6, "flatnet-bot: the archive holds another image")
    if image.size > state.free:
        raise _Failure(125, "Error: write /var/lib/containers/storage: no space left on device")
    add_image(image, name, state)


def _import(count: _Count, volume: Volume, state: WslState) -> None:
    if not volume.unpack(bytes(count.kept)):
        raise _Failure(2, "tar: Unexpected EOF in archive")
    state.volumes[volume.name] = volume


def _copy(count: _Count, given: list[str], state: WslState) -> None:
    operation, name, image, address = given
    if not (re.fullmatch(OPERATION, operation) and re.fullmatch(KEY, name)):
        raise _Failure(2, "flatnet-bot: no such verb or argument")
    kept = [
        line for line in bytes(count.kept).decode().splitlines() if line.split(" ")[0] not in ("name", "image", "address")
    ]
    pinned = [] if address == "-" else [f"address {address}"]
    for volume in (state.volumes.get(line.split(" ")[1]) for line in kept if line.startswith("volume ")):
        if volume is not None and volume.files and volume.operation != operation:
            raise _Failure(6, f"flatnet-bot: there is a volume with the name {volume.name}")
    made = create([f"name {name}", f"image {image}", *pinned, *kept], operation, state)
    if made.code:
        raise _Failure(made.code, made.stderr.rstrip())


def _fail(words: str) -> Ran:
    return Ran(6, stderr=f"flatnet-bot: {words}\n")


def _cut(whole: bytes) -> Iterable[bytes]:
    return (whole[start : start + PIECE] for start in range(0, len(whole), PIECE))
