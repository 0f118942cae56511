"""`python -m tests.chaos --rounds N [--seed N] [--sqlite] [--only HARM]`: rounds at random until something is wrong.

It prints a line for each round, a table at the end, and where the evidence of a failed round lies.
"""

import asyncio
import random
import sys
import time
import traceback
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM, signal
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp

from tests.chaos.copies import NAMES
from tests.chaos.harms import ALONE, SHARED, Do
from tests.chaos.judges import Verdict
from tests.chaos.rounds import Result, World, build_world, list_harms
from tests.postgres import PostgresServer

ROUNDS_OF_WORLD = 10
"""Rounds in one world. A new one begins with an empty database and an empty Slack, so that looking at them stays quick."""

LONGEST_SECONDS = 400.0
"""Seconds after which a round is broken off."""

SETTLING_SECONDS = 10.0
"""Seconds after which a start is over."""


def read_arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--copies", type=int, default=len(NAMES), choices=range(1, len(NAMES) + 1))
    parser.add_argument("--sqlite", action="store_true", help="one copy over a file")
    parser.add_argument("--only", choices=sorted({*ALONE, *SHARED}), help="the same harm in each round")
    parser.add_argument("--idle", type=float, metavar="SECONDS", help="first measure what copies use while nobody works")
    parser.add_argument("--keep-going", action="store_true", help="go on after a failed round, in a new world")
    parser.add_argument("--evidence", type=Path, help="where the evidence of failed rounds is left (default: a new folder)")
    return parser.parse_args()


@contextmanager
def run_server(folder: Path) -> Iterator[PostgresServer]:
    """A server that keeps what it has confirmed when it is stopped at once."""
    server = PostgresServer.make(folder)
    server.start(synchronous_commit="on")
    try:
        yield server
    finally:
        server.stop()


async def run_world(given: Namespace, folder: Path, numbers: range, server: PostgresServer | None) -> list[Result]:
    """Rounds in one world, the last of them a failed one or the last of all."""
    results: list[Result] = []
    logs = given.evidence / f"logs-{numbers[0]}"
    async with build_world(folder, 1 if server is None else given.copies, server, logs) as world:
        harms = list_harms(world)
        if given.idle and numbers[0] == 1:
            print(*[line async for line in measure_idle(world, given.idle)], sep="\n", flush=True)
        for number in numbers:
            dice = random.Random(f"{given.seed} {number}")
            name = given.only or dice.choice(sorted(harms))
            result = await play(world, (name, harms[name]), dice)
            results.append(result)
            print(f"round {number}: {describe(result)}", flush=True)
            if result.verdict.wrong:
                place = given.evidence / f"round-{number}"
                world.keep_evidence(place, result)
                print(*result.verdict.wrong, f"evidence: {place}", sep="\n", flush=True)
                break
    return results


async def play(world: World, harm: tuple[str, Do], dice: random.Random) -> Result:
    """Play a round. One that breaks off counts as wrong, so that the table and the evidence of the others are not lost."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return await world.round(harm, dice)
    except Exception:  # whatever it was: it is told
        told = f"the round broke off: {traceback.format_exc()}"
        return Result(harm[0], None, None, Verdict([told]), time.monotonic() - begun)


async def measure_idle(world: World, seconds: float) -> AsyncIterator[str]:
    """Lines that say what each copy uses while nobody works."""
    await asyncio.sleep(SETTLING_SECONDS)
    leader = world.find_leader().name
    for name, part in (await world.measure_idle(seconds)).items():
        yield f"{name} {'leads' if name == leader else 'stands by'}, idle: {part:.1%} of a processor"


def describe(result: Result) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in sorted(result.verdict.counts.items()))
    led = "" if result.lead is None else f", led after {result.lead:.1f} s"
    answered = "" if result.gap is None else f", {result.gap:.1f} s without an answer"
    return f"{result.harm}{led}{answered}: {counts} ({result.seconds:.0f} s)"


def summarize(results: list[Result]) -> Iterator[str]:
    """The table of what happened how often, how soon another lead began, and how long people went without an answer."""
    yield f"{'harm':16} {'rounds':>6} {'wrong':>6}  {'led after':>14}  {'no answer for':>14}"
    for name in sorted({result.harm for result in results}):
        mine = [result for result in results if result.harm == name]
        wrong = sum(bool(result.verdict.wrong) for result in mine)
        leads, gaps = summarize_times([each.lead for each in mine]), summarize_times([each.gap for each in mine])
        yield f"{name:16} {len(mine):6} {wrong:6}  {leads}  {gaps}"
    total = sum((result.verdict.counts for result in results), Counter[str]())
    yield ", ".join(f"{count} {name}" for name, count in sorted(total.items()))


def summarize_times(times: list[float | None]) -> str:
    """Median and maximum."""
    known = [time for time in times if time is not None]
    return f"{median(known):5.1f} ≤ {max(known):4.1f} s" if known else f"{'-':>14}"


async def main(given: Namespace, folder: Path, server: PostgresServer | None) -> int:
    """All rounds, in one world after the other; the exit code."""
    results: list[Result] = []
    while len(results) < given.rounds:
        done = len(results)
        numbers = range(done + 1, min(done + ROUNDS_OF_WORLD, given.rounds) + 1)
        results += await run_world(given, folder / f"w{done}", numbers, server)
        if results[-1].verdict.wrong and not given.keep_going:
            break
    print(*summarize(results), f"seed {given.seed}", sep="\n")
    return int(any(result.verdict.wrong for result in results))


def end_as_by_a_key(number: int, frame: object) -> None:
    """End what runs as Ctrl-C does, so that no server stays."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal(SIGTERM, end_as_by_a_key)
    chosen = read_arguments()
    chosen.evidence = chosen.evidence or Path(mkdtemp(prefix="chaos-"))
    print(f"seed {chosen.seed}")
    with TemporaryDirectory(prefix="c") as name:
        place = Path(name)
        place.chmod(0o755)
        if chosen.sqlite:
            sys.exit(asyncio.run(main(chosen, place, None)))
        with run_server(place / "pg") as started:
            sys.exit(asyncio.run(main(chosen, place, started)))
