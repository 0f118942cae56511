"""flatnet-bot beside Ansible and pyinfra: one lab, one run, each command a process of its own as a person would type it.

`do health` ─▶ running bot ─▶ Windows, WSL2 and gateway of each host
`ansible -m raw`, `pyinfra exec` ─▶ WSL2 of each host: one of the programs that `health` runs there

Each round runs each command once, one after the other, so that whatever else loads the machine hits all alike.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from adapters.inventory import Host
from bot.config.settings import read_settings
from tests.bench.lab import lab
from tests.bench.peer_programs import (
    ANSIBLE,
    PYINFRA,
    NotRun,
    build_ansible,
    build_pyinfra,
    build_read,
    end_masters,
    install,
    list_sides,
    run,
    write_files,
)
from tests.bench.starts import run_bot, time_command

HOSTS, RTT, ROUNDS = 100, 50, 5

FEW_FORKS = 25
"""Forks of Ansible that suit few processors better than one for each host."""

GOALS = {"pyinfra": 1.5, "Ansible": 5.0}
"""How many times faster the bot's `health` of the whole fleet is to be than the best run of each."""


@dataclass(frozen=True)
class Run:
    """One command: its program, what it does in which state, and how many hosts it reads."""

    program: str
    text: str
    hosts: int


ALONE = Run("flatnet-bot", "`do health`, no bot running", HOSTS)
COLD = Run("flatnet-bot", "`do health`, the first one of a running bot", HOSTS)
WARM = Run("flatnet-bot", "`do health`, a running bot, warm", HOSTS)
ONE = Run("flatnet-bot", "`do health` of one host, a running bot, warm", 1)

Times = Mapping[Run, Sequence[float]]
"""Seconds of each round."""


def list_runs(folder: Path, config: Path, hosts: Sequence[Host]) -> dict[Run, Callable[[], float]]:
    """The commands of one round beside a bot that was just started, in their order; each gives its seconds."""
    name, side = list_sides(hosts)[0]
    read, size = build_read(side), len(hosts)

    def ask(words: str) -> Callable[[], float]:
        return partial(time_command, [sys.executable, "-m", "bot", "do", words, "--config", str(config)])

    def ansible(target: str, forks: int) -> Callable[[], float]:
        return partial(run, build_ansible(target, read, forks), folder, size if target == "all" else 1)

    def pyinfra(target: str) -> Callable[[], float]:
        return partial(run, build_pyinfra(target, read, size), folder, size if target == "all" else 1)

    return {
        COLD: ask("health"),
        Run("Ansible", f"`raw`, {size} forks, new connections", size): ansible("all", size),
        Run("pyinfra", "`exec`", size): pyinfra("all"),
        WARM: ask("health"),
        Run("Ansible", f"`raw`, {size} forks, open connections", size): ansible("all", size),
        Run("Ansible", f"`raw`, {FEW_FORKS} forks, open connections", size): ansible("all", FEW_FORKS),
        ONE: ask(f"health {name}"),
        Run("Ansible", "`raw` on one host, open connection", 1): ansible(name, 1),
        Run("pyinfra", "`exec` on one host", 1): pyinfra(name),
    }


def find_absent(runs: Mapping[Run, Callable[[], float]]) -> dict[str, str]:
    """The peers that cannot be measured here, and why. A run on one host also compiles what the others import."""
    absent = {}
    for each, measure in runs.items():
        if each.program in GOALS and each.hosts == 1:
            try:
                measure()
            except NotRun as reason:
                absent[each.program] = str(reason)
    return absent


def find_best(times: Times, program: str, hosts: int) -> float | None:
    """The shortest median of a program's runs on so many hosts; None where it was not measured."""
    medians = [statistics.median(took) for each, took in times.items() if (each.program, each.hosts) == (program, hosts)]
    return min(medians, default=None)


def build_table(times: Times) -> Iterator[str]:
    """Lines of the table of all runs; the ratios are those of our medians to the best median of each peer."""
    yield f"| program | command | hosts | median | min–max | {' | '.join(f'to {peer}' for peer in GOALS)} |"
    yield f"| --- | --- | --: | --: | --: |{' --: |' * len(GOALS)}"
    for each, took in times.items():
        median = statistics.median(took)
        bests = [None if each.program in GOALS else find_best(times, peer, each.hosts) for peer in GOALS]
        ratios = " | ".join("" if best is None else f"{median / best:.2f}" for best in bests)
        figures = f"{median:.2f} s | {min(took):.2f}–{max(took):.2f} s"
        yield f"| {each.program} | {each.text} | {each.hosts} | {figures} | {ratios} |"


def build_goals(times: Times) -> Iterator[str]:
    """Lines of the table of goals."""
    yield "| goal | measured | met |"
    yield "| --- | --: | --- |"
    for peer, factor in GOALS.items():
        best = find_best(times, peer, HOSTS)
        measured = None if best is None else best / statistics.median(times[WARM])
        verdict = "not measured | " if measured is None else f"{measured:.1f} × | {'yes' if measured >= factor else 'no'}"
        yield f"| `health` of {HOSTS} hosts at least {factor:g} × faster than {peer} | {verdict} |"


def report(missing: str) -> None:
    """Print both tables of docs/performance.md. `missing`: why no peer could be installed, or ""."""
    print(f"\n{HOSTS} hosts: flatnet-bot reads three sides of each; the others run one program on one side")
    print(f"ansible-core {ANSIBLE}, pyinfra {PYINFRA}\n")
    with tempfile.TemporaryDirectory(prefix="b") as name, lab(Path(name), HOSTS, rtt=RTT, workspace=True) as far:
        folder, hosts = Path(name), read_settings(far.config).inventory.hosts
        write_files(folder, hosts)
        runs = list_runs(folder, far.config, hosts)
        absent = dict.fromkeys(GOALS, missing) if missing else find_absent(runs)
        for peer, reason in absent.items():
            print(f"{peer}: not measured: {reason}\n")
        before = os.getloadavg()[0]
        present = {each: measure for each, measure in runs.items() if each.program not in absent}
        rounds = [_play_round(folder, far.config, present) for _ in range(ROUNDS)]
        end_masters(folder)
    times = {each: [played[each] for played in rounds] for each in rounds[0]}
    print("\n".join([*build_table(times), "", *build_goals(times)]))
    print(f"\nload of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after", flush=True)


def _play_round(folder: Path, config: Path, runs: Mapping[Run, Callable[[], float]]) -> dict[Run, float]:
    """Seconds of each command: first without a bot, then beside one that has no connection yet."""
    end_masters(folder)
    bot = [sys.executable, "-m", "bot"]
    alone = time_command([*bot, "do", "health", "--config", str(config)])
    with run_bot([*bot, "run", "--config", str(config)]):
        return {ALONE: alone} | {each: measure() for each, measure in runs.items()}


if __name__ == "__main__":
    report(install())
