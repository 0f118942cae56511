"""`make demo` in a terminal: an address, and everything stays until Ctrl-C."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.scenarios.conftest import PATIENCE
from tests.scenarios.processes import environment


@contextmanager
def demo_in_a_terminal(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo with a terminal as its input, in a process group of its own."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.demo"],
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
            running.kill()
        running.communicate()
        os.close(ours)


def test_in_a_terminal_it_names_the_page_and_the_shell_and_stays_until_ctrl_c(tmp_path: Path) -> None:
    """The page is there; Ctrl-C reaches every process of the terminal, and nothing is left."""
    with demo_in_a_terminal(tmp_path) as demo:
        assert demo.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = demo.stdout.readline()
            assert line, said
            said += line
        address = next(word for word in said.split() if word.startswith("http://"))
        with build_opener(ProxyHandler({})).open(address, timeout=PATIENCE) as page:
            assert 200 == page.status
        assert "flatnet-bot shell --config" in said
        assert demo.poll() is None
        os.killpg(demo.pid, signal.SIGINT)
        left = demo.communicate(timeout=PATIENCE)
        assert (128 + signal.SIGINT, ("", "")) == (demo.returncode, left)
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.pid, 0)
    assert [] == list(tmp_path.iterdir())
