"""`make demo`: a fleet and a workspace in a box, the real bot on them, and its shell in this terminal.

    python -m tests.lab ─ flatnet.toml ─▶ flatnet-bot run ─ control socket ─▶ flatnet-bot shell

Three processes as they would run anywhere; only the addresses are the lab's.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.lab import story

READY = 30.0
"""Seconds that a part may take to be ready."""

STEP = 0.05
"""Seconds between two looks at what is waited for."""


class Farewell:
    """Which signal told us to end, 0 where none did; looked at between steps, so that no process is begun and forgotten."""

    def __init__(self) -> None:
        self.number = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._told)

    def _told(self, number: int, frame: object) -> None:
        self.number = number

    @property
    def code(self) -> int:
        """As a shell would say it."""
        return 128 + self.number if self.number else 0


@contextmanager
def process(*arguments: str, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module, in this terminal or with its words in a log; ended when left."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log is not None else None
        running = subprocess.Popen([sys.executable, "-m", *arguments], stdout=output, stderr=output)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def wait_for(text: str, log: Path, running: subprocess.Popen[bytes], farewell: Farewell) -> None:
    """Until `text` stands in the log; ends the demo with the log's last lines where it does not come."""
    ends = time.monotonic() + READY
    while text not in (said := log.read_text(errors="replace")):
        if farewell.number:
            sys.exit(farewell.code)
        if running.poll() is not None or time.monotonic() > ends:
            sys.exit(f"did not start; {log.name} ends with:\n" + "\n".join(said.splitlines()[-20:]))
        time.sleep(STEP)


def main() -> None:
    """The demo, until its shell ends or a signal comes."""
    farewell = Farewell()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flatnet-demo-")))
        config = str(folder / "flatnet.toml")
        lab_log, bot_log = folder / "lab.log", folder / "bot.log"
        wanted = f"--hosts {story.HOSTS} --lighthouse --rtt 20 --powershell 300 --workspace --story".split()
        lab = stack.enter_context(process("tests.lab", *wanted, "--dir", str(folder), log=lab_log))
        wait_for("ready:", lab_log, lab, farewell)
        bot = stack.enter_context(process("bot", "run", "--config", config, log=bot_log))
        wait_for('"connected"', bot_log, bot, farewell)
        print(f"A fleet of {story.HOSTS} hosts and a lighthouse, and the bot on it. Type: health")
        print(f"From another terminal: flatnet-bot do health --config {config}")
        print(f"Logs: {bot_log}\n", flush=True)
        shell = stack.enter_context(process("bot", "shell", "--config", config))
        while shell.poll() is None and not farewell.number:
            time.sleep(STEP)
    sys.exit(farewell.code)


if __name__ == "__main__":
    main()
