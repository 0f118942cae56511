"""Private keys and known hosts: read once, whoever asks, until the file changes."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.wsl.key_cache import KeyCache


class Reader:
    """Reads a file's text as its key, slowly; refuses any passphrase but "right"."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, file: str, passphrase: str | None) -> str:
        self.reads += 1
        time.sleep(0.01)
        if passphrase not in (None, "right"):
            raise ValueError("wrong passphrase")
        return Path(file).read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("one")
    return path


def test_a_key_is_read_once_however_many_ask(file: Path) -> None:
    """All at the same time, too."""
    keys, read, together = KeyCache[str](), Reader(), threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait()
        return keys.read(file, SecretStr("right"), read)

    with ThreadPoolExecutor(8) as pool:
        assert ["one"] * 8 == list(pool.map(ask, range(8)))
    assert 1 == read.reads


@pytest.mark.parametrize("text", ["two", "three"])
def test_a_file_that_was_changed_is_read_again(file: Path, text: str) -> None:
    """A key that was exchanged counts from the next connection on, even where its length is the same."""
    keys, read = KeyCache[str](), Reader()
    keys.read(file, None, read)
    file.write_text(text)
    os.utime(file, ns=(0, 1))
    assert (text, 2) == (keys.read(file, None, read), read.reads)


def test_a_wrong_passphrase_is_tried_once_and_never_gets_the_key(file: Path) -> None:
    """Another host may have the right one for the same file."""
    keys, read = KeyCache[str](), Reader()
    assert "one" == keys.read(file, SecretStr("right"), read)
    for _ in range(3):
        with pytest.raises(ValueError, match="wrong passphrase"):
            keys.read(file, SecretStr("wrong"), read)
    assert 2 == read.reads


def test_a_missing_file_is_looked_for_each_time(file: Path) -> None:
    keys, read = KeyCache[str](), Reader()
    text = file.read_text()
    file.unlink()
    with pytest.raises(FileNotFoundError) as caught:
        keys.read(file, None, read)
    assert str(file) == caught.value.filename
    file.write_text(text)
    assert "one" == keys.read(file, None, read)


@pytest.mark.parametrize("text", ["two", "three"])
def test_known_hosts_are_read_once_until_their_file_changes(file: Path, text: str) -> None:
    """A host key that was taken out of the file is not trusted by the next connection."""
    keys, read = KeyCache[str](), []

    def parse(name: str) -> str:
        read.append(name)
        return Path(name).read_text()

    assert ["one"] * 3 == [keys.read_known_hosts(file, parse) for _ in range(3)]
    file.write_text(text)
    os.utime(file, ns=(0, 1))
    assert text == keys.read_known_hosts(file, parse)
    assert [str(file)] * 2 == read


def test_one_file_as_key_and_as_known_hosts_stays_two_things(file: Path) -> None:
    keys = KeyCache[str]()
    assert "one" == keys.read(file, None, Reader())
    assert ["one"] == keys.read_known_hosts(file, lambda name: Path(name).read_text().split())
