"""`make demo`: a fleet and a workspace in a box, the real bot on them, and the address of the workspace's page.

    python -m tests.lab ─ flatnet.toml ─▶ flatnet-bot run ─ control socket ─▶ flatnet-bot shell

Processes as they would run anywhere; only the addresses are the lab's. It runs until Ctrl-C or a signal, with or without a
terminal, and the shell is for another terminal; words that are piped in are for the shell, which answers them and ends the
demo.

`make demo DAY=1` (`--day`) plays a day in a minute: it begins with Enter, or at once without a terminal, and words that are
piped in are asked when it is over. `make demo DEMO_LANG=ja` (`--language ja`) speaks Japanese: the people, the bot, its
shell, and what is printed here.
"""

import argparse
import fcntl
import os
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.lab import STORY_HOSTS, day
from tests.lab.demo_words import LANGUAGES, LOCALES, WORDS, Words, shell_command, welcome
from tests.steps import step

READY = 30.0
"""Seconds that a part may take to be ready."""

STEP = 0.05
"""Seconds between two looks at what is waited for."""

STDIN = 0
"""The file descriptor of what is typed or piped in."""


class Farewell:
    """Which signal told us to end, 0 where none did; looked at between steps, so that no process is begun and forgotten.

    A signal that was ignored from the start stays so: nohup has a program outlive its terminal.
    """

    def __init__(self) -> None:
        self.number = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._told)

    def _told(self, number: int, frame: object) -> None:
        self.number = number

    @property
    def code(self) -> int:
        """As a shell would say it; 0 for Ctrl-C, which is how a person ends the demo."""
        return 128 + self.number if self.number not in (0, signal.SIGINT) else 0


@contextmanager
def process(*arguments: str, log: Path | None = None, locale: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A Python module in this terminal, or apart from it with its words in a log; ended when left. `locale` replaces the
    terminal's."""
    environment = os.environ | ({"LC_ALL": locale} if locale else {})
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb")) if log is not None else None
        given = None if output is None else subprocess.DEVNULL
        running = subprocess.Popen(
            [sys.executable, "-m", *arguments], stdin=given, stdout=output, stderr=output, env=environment
        )
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
    words: Words

    def goes_on(self, *more: subprocess.Popen[bytes]) -> bool:
        """Whether all parts run and nobody has told us to end."""
        return all(part.poll() is None for part in (self.lab, self.bot, *more)) and not self.farewell.number

    def hears_words(self) -> bool:
        """Wait for words that are piped in; False where there is a terminal instead, nothing, or the demo ends first."""
        while not has_terminal() and self.goes_on():
            if select.select([STDIN], [], [], STEP)[0]:
                return count_waiting(STDIN) > 0
        return False

    def play(self) -> None:
        """The day, from Enter on to its end; the time is shown in a terminal."""
        ends = day.moments(self.clock.now())[-1]
        while has_terminal() and self.goes_on() and not select.select([sys.stdin], [], [], STEP)[0]:
            pass
        self.bot.send_signal(signal.SIGUSR1)
        while self.goes_on() and (now := self.clock.now()) < ends:
            if sys.stdout.isatty():
                print(f"\r{self.words.time(now)} ", end="", flush=True)
            time.sleep(STEP)
        if self.goes_on():
            print(f"\r{self.words.time(ends)}: {self.words.over}")


def parts(folder: Path, language: str, *, a_day: bool) -> tuple[Sequence[str], Sequence[str]]:
    """The arguments of the lab and of the bot."""
    config = str(folder / "flatnet.toml")
    usual = ["tests.lab", "--hosts", str(STORY_HOSTS), "--lighthouse", "--workspace", "--dir", str(folder)]
    usual += ["--language", language, "--newcomers", "1"]
    if a_day:
        return [*usual, "--story", "day"], ["tests.lab.hurried", "--config", config]
    return [*usual, "--story", "--rtt", "20", "--powershell", "300"], ["bot", "run", "--config", config]


def has_terminal() -> bool:
    """Whether a person can type here."""
    return sys.stdin is not None and sys.stdin.isatty()


def count_waiting(descriptor: int) -> int:
    """How many bytes can be read at once: 0 at the end of a pipe or a file, and of what is neither."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def begin_past(config: Path, now: datetime) -> None:
    """Give the bot a fortnight to remember. What this needs takes a second or two to load, and is loaded here."""
    from bot.config.settings import read_settings
    from tests.lab.past import remember
    from tests.lab.story import PAST

    remember(read_settings(config), PAST, now)


def keep_descriptor() -> None:
    """Open nothing as standard input where it is closed, so that no other file takes its place."""
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)


def main() -> None:
    """The demo, until a signal comes, a part of it ends, or what was piped in is answered."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo", description="A fleet, a workspace and the bot.")
    parser.add_argument("--day", action="store_true", help="play a day in a minute")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="the language of everything (default en)")
    given, farewell = parser.parse_args(), Farewell()
    keep_descriptor()
    a_day, language, words = given.day, given.language, WORDS[given.language]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flatnet-")))
        bot_log, config = folder / "bot.log", folder / "flatnet.toml"
        clock = day.SharedClock(folder / day.FILE)
        if a_day:
            clock.leap(day.latest(clock.now()))
        lab_part, bot_part = parts(folder, language, a_day=a_day)
        with step(words.fleet):
            lab = stack.enter_context(process(*lab_part, log=folder / "lab.log"))
            wait_for("ready:", folder / "lab.log", lab, farewell)
        with step(words.bot):
            begin_past(config, clock.now())
            bot = stack.enter_context(process(*bot_part, log=bot_log))
            wait_for('"connected"', bot_log, bot, farewell)
        shell = shell_command(language, Path(sys.executable).with_name("flatnet-bot"), config, dict(os.environ))
        print(welcome(language, address(folder / "lab.log"), shell, bot_log), flush=True)
        stage = Stage(lab, bot, clock, farewell, words)
        if a_day:
            print(f"{words.programme}\n{words.begin}" if has_terminal() else words.programme, flush=True)
            stage.play()
        shell_part = process("bot", "shell", "--config", str(config), locale=LOCALES[language])
        asked = [stack.enter_context(shell_part)] if stage.hears_words() else []
        while stage.goes_on(*asked):
            time.sleep(STEP)
        ended = next((part.returncode for part in (lab, bot, *asked) if part.returncode is not None), 0)
        if sys.stdout.isatty():
            print(f"\r{words.ending}", flush=True)
    sys.exit(farewell.code if farewell.number else ended)


if __name__ == "__main__":
    main()
