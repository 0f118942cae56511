"""`make demo`: a fleet and a workspace in a box, the real bot on them, and the address of the workspace's page.

    python -m tests.lab ─ flatnet.toml ─▶ flatnet-bot run ─ control socket ─▶ flatnet-bot shell

Processes as they would run anywhere; only the addresses are the lab's. In a terminal it runs until Ctrl-C, and the
shell is for another terminal; words that are piped in are for the shell, which answers them and ends the demo.

`make demo DAY=1` (`--day`) plays a day in a minute: it begins with Enter, or at once where nobody can press it, and words
that are piped in are asked when it is over.
"""

import argparse
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.config.settings import read_settings
from tests.lab import day, story
from tests.lab.past import remember

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


@dataclass(frozen=True)
class Stage:
    """A demo that is ready: its processes and its time."""

    lab: subprocess.Popen[bytes]
    bot: subprocess.Popen[bytes]
    clock: day.SharedClock
    farewell: Farewell

    def goes_on(self, *more: subprocess.Popen[bytes]) -> bool:
        """Whether all parts run and nobody has told us to end."""
        return all(part.poll() is None for part in (self.lab, self.bot, *more)) and not self.farewell.number

    def play(self) -> None:
        """The day, from Enter on to its end; the time is shown in a terminal."""
        ends = day.moments(self.clock.now())[-1]
        while sys.stdin.isatty() and self.goes_on() and not select.select([sys.stdin], [], [], STEP)[0]:
            pass
        self.bot.send_signal(signal.SIGUSR1)
        while self.goes_on() and (now := self.clock.now()) < ends:
            if sys.stdout.isatty():
                print(f"\r{_shown(now)} ", end="", flush=True)
            time.sleep(STEP)
        if self.goes_on():
            print(f"\r{_shown(ends)}: the day is over; time goes at its real speed now. Press buttons, ask, look back.")


def _shown(at: datetime) -> str:
    return f"{at.astimezone(day.ZONE):%A %H:%M}"


def welcome(page: str, config: str, bot_log: Path) -> None:
    """What can be done with the demo, and where."""
    flatnet = Path(sys.executable).with_name("flatnet-bot")
    print(f"A fleet of {story.HOSTS} hosts and a lighthouse, a Slack workspace, and the bot between them. Open\n")
    print(f"    {page}\n\nin a browser and type: /flatnet health\n")
    print(f"The bot's shell on the same fleet, in another terminal:\n\n    {flatnet} shell --config {config}\n")
    print(f"Logs: {bot_log}\nCtrl-C ends it all.", flush=True)


PROGRAMME = """
A day in a minute, from Monday 08:30 to Tuesday 09:10 in Tokyo. What to watch in #ops:

    Monday  09:00   the digest with its picture
            09:05   the week's report
            09:10   one certificate has expired and two end soon; each notice has a button
            13:00   the gateway of host-a is down
            17:00   and is well again
    Tuesday 09:00   the digest says what has changed
"""


def parts(folder: Path, *, a_day: bool) -> tuple[Sequence[str], Sequence[str]]:
    """The arguments of the lab and of the bot."""
    config = str(folder / "flatnet.toml")
    usual = ["tests.lab", "--hosts", str(story.HOSTS), "--lighthouse", "--workspace", "--dir", str(folder)]
    if a_day:
        return [*usual, "--story", "day"], ["tests.lab.hurried", "--config", config]
    return [*usual, "--story", "--rtt", "20", "--powershell", "300"], ["bot", "run", "--config", config]


def main() -> None:
    """The demo, until a signal comes, a part of it ends, or what was piped in is answered."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo", description="A fleet, a workspace and the bot.")
    parser.add_argument("--day", action="store_true", help="play a day in a minute")
    a_day, farewell = parser.parse_args().day, Farewell()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flatnet-")))
        lab_log, bot_log, config = folder / "lab.log", folder / "bot.log", folder / "flatnet.toml"
        clock = day.SharedClock(folder / day.FILE)
        if a_day:
            clock.leap(day.latest(clock.now()))
        lab_part, bot_part = parts(folder, a_day=a_day)
        lab = stack.enter_context(process(*lab_part, log=lab_log))
        wait_for("ready:", lab_log, lab, farewell)
        remember(read_settings(config), story.PAST, clock.now())
        bot = stack.enter_context(process(*bot_part, log=bot_log))
        wait_for('"connected"', bot_log, bot, farewell)
        welcome(address(lab_log), str(config), bot_log)
        stage = Stage(lab, bot, clock, farewell)
        if a_day:
            print(f"{PROGRAMME}\nPress Enter to begin." if sys.stdin.isatty() else PROGRAMME, flush=True)
            stage.play()
        asked = [] if sys.stdin.isatty() else [stack.enter_context(process("bot", "shell", "--config", str(config)))]
        while stage.goes_on(*asked):
            time.sleep(STEP)
        ended = next((part.returncode for part in (lab, bot, *asked) if part.returncode is not None), 0)
    sys.exit(farewell.code or ended)


if __name__ == "__main__":
    main()
