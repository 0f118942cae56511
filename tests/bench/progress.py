"""How long a person waits in Slack for the first sign and for the first verdict, where one of 100 hosts hangs.

A warm fleet at 10 ms for each exchange, in a process of its own; bot and workspace in this one. Half of the requests are
slash commands, which are answered privately, half are mentions, whose answer grows in one message.
"""

import asyncio
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tests.bench.bot_in_slack import bot_in_slack
from tests.lab.fleet import host_name
from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import RESPONSE_URL
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER

HOSTS, RTT, RUNS, HUNG = 100, 10, 40, host_name(50)

ADMIN, OPS, BOT = "U0ADMIN", "C0OPS", f"<@{BOT_USER}>"
SENDING = ("chat.postMessage", "chat.update", "chat.delete", "chat.postEphemeral", RESPONSE_URL)


@dataclass(frozen=True)
class Wait:
    """Seconds from a request to the first sign, the first verdict, the whole answer."""

    sign: float
    verdict: float
    whole: float


async def measure() -> tuple[list[Wait], list[Wait], dict[str, float]]:
    """The waits of slash commands and of mentions, and the calls per answer by method."""
    async with bot_in_slack(HOSTS, RTT) as (workspace, folder):
        await _ask(workspace, RUNS, private=False)
        switch = [sys.executable, "-m", "tests.lab.switch", "--dir", folder, HUNG, "windows", "swallow"]
        await asyncio.to_thread(subprocess.run, switch, check=True, capture_output=True)
        before = _count_calls(workspace)
        waits = await _ask_all(workspace)
        after = _count_calls(workspace)
    calls = {method: (after[method] - before[method]) / RUNS for method in SENDING}
    return [wait for wait, private in waits if private], [wait for wait, private in waits if not private], calls


async def _ask_all(workspace: Workspace) -> list[tuple[Wait, bool]]:
    """Ask one after the other: requests at the same time would share their reads of hosts."""
    return [await _ask(workspace, number, private=number % 2 == 0) for number in range(RUNS)]


async def _ask(workspace: Workspace, number: int, *, private: bool) -> tuple[Wait, bool]:
    """Ask, in words that tell the answers apart, and watch what the person sees."""
    words = f"health host-*,{host_name(number + 1)}"
    began = time.perf_counter()
    if private:
        await workspace.slash(ADMIN, OPS, words)
        seen = _watch_private(workspace, words)
    else:
        said = await workspace.say(ADMIN, OPS, f"{BOT} {words}")
        seen = _watch_thread(workspace, said.ts)
    times: list[float] = []
    for holds in (_is_sign, _is_verdict, _is_whole):
        await workspace.seen(partial(_find_any, holds, seen), timeout=120)
        times.append(time.perf_counter() - began)
    return Wait(*times), private


def _watch_private(workspace: Workspace, words: str) -> Callable[[], Sequence[Message]]:
    def look() -> list[Message]:
        return [message for message in workspace.private(ADMIN) if words in f"{message.text} {message.blocks}"]

    return look


def _watch_thread(workspace: Workspace, ts: str) -> Callable[[], Sequence[Message]]:
    def look() -> list[Message]:
        return [message for message in workspace.thread(OPS, ts) if message.user == BOT_USER]

    return look


def _find_any(holds: Callable[[Message], bool], seen: Callable[[], Sequence[Message]]) -> bool:
    return any(map(holds, seen()))


def _is_sign(message: Message) -> bool:
    return True


def _is_verdict(message: Message) -> bool:
    """Return whether a message is an answer, or a private notice with more than a line before its end."""
    return bool(message.blocks) or len(message.text.splitlines()) > 2


def _is_whole(message: Message) -> bool:
    return bool(message.blocks) and "hourglass" not in message.text


def _count_calls(workspace: Workspace) -> dict[str, int]:
    return {method: len(workspace.calls(method)) for method in SENDING}


def report() -> None:
    """Print the lines of docs/performance.md."""
    private, growing, calls = asyncio.run(measure())
    print(f"{HOSTS} hosts, one of them hangs; {RUNS} answers")
    for what, waits in (("slash command", private), ("mention", growing)):
        for name in ("sign", "verdict", "whole"):
            times = sorted(getattr(wait, name) for wait in waits)
            print(f"  {what}, {name}: p50 {_pick(times, 0.5):.2f} s, p99 {_pick(times, 0.99):.2f} s, max {times[-1]:.2f} s")
    print("  calls per answer: " + ", ".join(f"{method} {count:.2f}" for method, count in calls.items() if count))


def _pick(times: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    return times[max(0, math.ceil(share * len(times)) - 1)]
