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


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module in the background, ended when left."""
    with log.open("wb") as output:
        running = subprocess.Popen([sys.executable, "-m", *arguments], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def wait_for(text: str, log: Path, running: subprocess.Popen[bytes]) -> None:
    """Until `text` stands in the log; ends the demo with the log's last lines where it does not come."""
    ends = time.monotonic() + READY
    while text not in (said := log.read_text(errors="replace")):
        if running.poll() is not None or time.monotonic() > ends:
            sys.exit(f"did not start; {log} ends with:\n" + "\n".join(said.splitlines()[-20:]))
        time.sleep(0.05)


def main() -> None:
    """The demo, until the shell ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flatnet-demo-")))
        config = str(folder / "flatnet.toml")
        lab_log, bot_log = folder / "lab.log", folder / "bot.log"
        wanted = f"--hosts {story.HOSTS} --lighthouse --rtt 20 --powershell 300 --workspace --story".split()
        lab = stack.enter_context(process("tests.lab", *wanted, "--dir", str(folder), log=lab_log))
        wait_for("ready:", lab_log, lab)
        bot = stack.enter_context(process("bot", "run", "--config", config, log=bot_log))
        wait_for("connected", bot_log, bot)
        print(f"A fleet of {story.HOSTS} hosts and a lighthouse, and the bot on it. Type: health")
        print(f"From another terminal: flatnet-bot do health --config {config}")
        print(f"Logs: {bot_log}\n", flush=True)
        subprocess.run([sys.executable, "-m", "bot", "shell", "--config", config], check=False)


def leave(number: int, frame: object) -> None:
    """End, and with us the processes in the background, as a shell would say it."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    main()
