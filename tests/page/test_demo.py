"""`make demo` in a terminal: an address, and everything stays until Ctrl-C; and the demo's day."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.scenarios.conftest import PATIENCE
from tests.scenarios.processes import environment

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(?= JST)")


@contextmanager
def demo_in_a_terminal(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """The demo with a terminal as its input, in which Enter was pressed; in a process group of its own."""
    ours, theirs = pty.openpty()
    os.write(ours, b"\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.demo", *more],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(TMPDIR=str(folder)),
    )
    os.close(theirs)
    try:
        yield running
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        os.close(ours)


def page_of(demo: subprocess.Popen[str], until: str) -> tuple[str, str]:
    """The page's address, and all that was said until that."""
    assert demo.stdout is not None
    said = ""
    while until not in said:
        line = demo.stdout.readline()
        assert line, said
        said += line
    return next(word for word in said.split() if word.startswith("http://")), said


def fetched(address: str) -> bytes:
    """What the page's server answers."""
    with build_opener(ProxyHandler({})).open(address, timeout=PATIENCE) as answer:
        assert 200 == answer.status
        return bytes(answer.read())


def test_in_a_terminal_it_names_the_page_and_the_shell_and_stays_until_ctrl_c(tmp_path: Path) -> None:
    """The page is there; Ctrl-C reaches every process of the terminal, and nothing is left."""
    with demo_in_a_terminal(tmp_path) as demo:
        address, said = page_of(demo, until="Ctrl-C")
        assert b"<!doctype html>" in fetched(address)
        assert "flatnet-bot shell --config" in said
        assert demo.poll() is None
        os.killpg(demo.pid, signal.SIGINT)
        left = demo.communicate(timeout=PATIENCE)
        assert (0, ("", "")) == (demo.returncode, left)
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)
    assert [] == list(tmp_path.iterdir())


def in_ops(address: str) -> list[dict[str, Any]]:
    """The messages of the channel, as everybody reads them."""
    state = json.loads(fetched(f"{address}/page/state?user=U0ADMIN"))
    return [message for message in state["messages"]["C0OPS"] if message.get("blocks")]


def blocks(message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [block for block in message["blocks"] if block["type"] == kind]


def told(message: dict[str, Any]) -> str:
    return json.dumps(message["blocks"], ensure_ascii=False)


def alert_of(messages: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """The messages of alerts whose menu is there and that offer or say these words."""
    return [each for each in messages if "alert.acknowledge" in told(each) and words in told(each)]


def until_one_o_clock(address: str, ends: float) -> list[dict[str, Any]]:
    """The messages until somebody has acknowledged the alert of host-a's gateway."""
    while True:
        messages = in_ops(address)
        if any("kenji" in told(each) for each in alert_of(messages, "service start openresty host-a")):
            return messages
        assert time.monotonic() < ends, messages
        time.sleep(0.2)


@pytest.mark.slow
def test_on_the_first_day_come_alerts_a_digest_with_its_picture_and_certificates_with_buttons(tmp_path: Path) -> None:
    """At their times by the bot's clock; at one o'clock the alert of a gateway, which somebody acknowledges."""
    with demo_in_a_terminal(tmp_path, "--day") as demo:
        address, _ = page_of(demo, until="Press Enter")
        messages = until_one_o_clock(address, time.monotonic() + PATIENCE)
        (digest,) = [each for each in messages if blocks(each, "image")]
        (picture,) = blocks(digest, "image")
        assert fetched(f"{address}/page/file/{picture['slack_file']['id']}").startswith(b"\x89PNG")
        assert "host-b" in picture["alt_text"]
        *_, read = MOMENT.findall(told(digest))
        assert "Mon 09:00" == f"{datetime.fromisoformat(read):%a %H:%M}"
        for host in ("host-a", "host-b", "host-c"):
            assert alert_of(messages, f"cert renew {host}"), host
        assert any("silence" in told(each) and "host-d" in told(each) for each in messages)
        os.killpg(demo.pid, signal.SIGINT)
        demo.communicate(timeout=PATIENCE)
        assert 0 == demo.returncode
    assert [] == list(tmp_path.iterdir())
