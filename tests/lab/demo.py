"""`make demo`: a fleet and a workspace in a box, the real bot on them, and the address of the workspace's page.

    python -m tests.lab ─ flatnet.toml ─▶ flatnet-bot run ─ control socket ─▶ flatnet-bot shell

Processes as they would run anywhere; only the addresses are the lab's. In a terminal it runs until Ctrl-C, and the
shell is for another terminal; words that are piped in are for the shell, which answers them and ends the demo.
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


def address(log: Path) -> str:
    """Where the workspace's page is, as the lab's ready line says it."""
    return log.read_text(errors="replace").partition("ready:")[2].splitlines()[0].rpartition(", ")[2]


def welcome(page: str, config: str, bot_log: Path) -> None:
    """What can be done with the demo, and where."""
    flatnet = Path(sys.executable).with_name("flatnet-bot")
    print(f"A fleet of {story.HOSTS} hosts and a lighthouse, a Slack workspace, and the bot between them. Open\n")
    print(f"    {page}\n\nin a browser and type: /flatnet health\n")
    print(f"The bot's shell on the same fleet, in another terminal:\n\n    {flatnet} shell --config {config}\n")
    print(f"Logs: {bot_log}\nCtrl-C ends it all.", flush=True)


def main() -> None:
    """The demo, until a signal comes, a part of it ends, or what was piped in is answered."""
    farewell = Farewell()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flatnet-")))
        config = str(folder / "flatnet.toml")
        lab_log, bot_log = folder / "lab.log", folder / "bot.log"
        wanted = f"--hosts {story.HOSTS} --lighthouse --rtt 20 --powershell 300 --workspace --story".split()
        lab = stack.enter_context(process("tests.lab", *wanted, "--dir", str(folder), log=lab_log))
        wait_for("ready:", lab_log, lab, farewell)
        bot = stack.enter_context(process("bot", "run", "--config", config, log=bot_log))
        wait_for('"connected"', bot_log, bot, farewell)
        welcome(address(lab_log), config, bot_log)
        parts = [lab, bot]
        if not sys.stdin.isatty():
            parts = [stack.enter_context(process("bot", "shell", "--config", config))]
        while all(part.poll() is None for part in parts) and not farewell.number:
            time.sleep(STEP)
        ended = next((part.returncode for part in parts if part.returncode is not None), 0)
    sys.exit(farewell.code or ended)


if __name__ == "__main__":
    main()
