"""A real PowerShell packs a part of a backup while its files change, and beyond what the contract can play."""

import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.errors import ActionFailed
from adapters.windows import powershell
from adapters.windows.backups import PackBackup, PackedPart
from adapters.windows.spool import MAX_PACKED_BYTES
from tests.adapters.windows.backup_cases import FILE, FOLDER, SOURCE
from tests.adapters.windows.script_cases import NOW
from tests.lab.windows.pwsh import Machine, Pwsh
from tests.lab.windows.state import WindowsState

PACK = PackBackup(folder=str(FOLDER), name=FILE.name, source=str(SOURCE))
SIZE = 100_000


def pack(machine: Machine) -> PackedPart:
    request = powershell.pack_request("nonce", powershell.load_script(PACK.script), PACK.build_arguments())
    return PACK.parse(powershell.unpack_answer(machine.run(request), "nonce", PACK.output_limit))


def try_to_pack(machine: Machine) -> PackedPart | ActionFailed:
    try:
        return pack(machine)
    except ActionFailed as error:
        return error


@contextmanager
def keep_doing(work: Callable[[int], None]) -> Iterator[None]:
    """Does some work again and again, until left."""
    over = threading.Event()

    def run() -> None:
        number = 0
        while not over.is_set():
            work(number)
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def rewrite(file: Path) -> Callable[[int], None]:
    """Writes a file anew in its place, all of one letter."""

    def work(number: int) -> None:
        with file.open("r+b") as stream:
            stream.write(b"ab"[number % 2 : number % 2 + 1] * SIZE)

    return work


@pytest.mark.pwsh
def test_a_file_that_is_written_all_the_time_is_whole_or_ends_it(pwsh: Pwsh) -> None:
    state = WindowsState.healthy(1, "host-a")
    state.write(SOURCE / "busy.conf", "a" * SIZE, NOW)
    with pwsh.machine(state, NOW) as machine:
        with keep_doing(rewrite(machine.place(SOURCE / "busy.conf"))):
            packed = try_to_pack(machine)
        content = machine.place(FILE).read_bytes() if isinstance(packed, PackedPart) else b""
    if isinstance(packed, ActionFailed):
        assert "busy.conf changes again and again while it is read" in str(packed.phrase)
        return
    assert packed.size == len(content)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        read = archive.extractfile("busy.conf")
        assert read is not None
        assert 1 == len(set(read.read()))


@pytest.mark.pwsh
def test_a_file_that_grows_by_each_look_is_named_and_nothing_is_left(pwsh: Pwsh) -> None:
    state = WindowsState.healthy(1, "host-a")
    state.write(SOURCE / "log.conf", "a", NOW)
    with pwsh.machine(state, NOW) as machine:
        file = machine.place(SOURCE / "log.conf")

        def grow(number: int) -> None:
            with file.open("ab") as stream:
                stream.write(b"x" * 4096)
            os.utime(file, ns=(number, number))

        with keep_doing(grow), pytest.raises(ActionFailed, match="changes again and again"):
            pack(machine)
        assert not machine.place(FILE).exists()


@pytest.mark.pwsh
def test_a_part_has_at_most_64_megabytes(pwsh: Pwsh) -> None:
    state = WindowsState.healthy(1, "host-a")
    state.write(SOURCE / "large.bin", "", NOW)
    state.write(SOURCE / "nginx.conf", "user nobody;\n", NOW)
    with pwsh.machine(state, NOW) as machine:
        os.truncate(machine.place(SOURCE / "large.bin"), MAX_PACKED_BYTES + 1)
        with pytest.raises(ActionFailed, match=f"has more than {MAX_PACKED_BYTES} bytes"):
            pack(machine)
        assert not machine.place(FILE).exists()
