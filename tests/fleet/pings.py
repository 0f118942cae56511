"""Pings between all nodes of an overlay, all the time: whether tunnels were lost while neither end was restarted."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations
from pathlib import Path

from tests.fleet.overlay import Overlay
from tests.fleet.space import wait_until

EVERY = 0.1
"""Seconds between two pings of a pair."""

STEADY = 5
"""Echoes without a gap, by which a tunnel stands."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Pings:
    """Running pings by pair. A ping ends with the network device of its node, so each start of that has a log of its own.

    `blips` are the numbers of echoes that may be lost, because one end was restarted and its tunnels were not settled yet.
    """

    overlay: Overlay
    pairs: tuple[Pair, ...]
    starts: dict[Pair, int] = field(default_factory=dict)
    blips: dict[Path, set[int]] = field(default_factory=dict)

    def start(self, pair: Pair) -> None:
        """Starts the ping of a pair, once it has a tunnel."""
        name, other = pair
        wait_until(partial(self.overlay.reaches, name, other), f"a tunnel from {name} to {other}")
        self.starts[pair] = self.starts.get(pair, 0) + 1
        program = f"exec busybox ping -i {EVERY} {self.overlay.nodes[other].inside}"
        words = f"ip netns exec {name} setsid sh -c '{program}' >'{self._find_log(pair)}' 2>&1 &"
        self.overlay.space.run("sh", "-euc", words)

    def settle(self, pairs: Iterable[Pair]) -> None:
        """Waits until each pair has new echoes without a gap: the first may come over a tunnel that is replaced."""
        before = {pair: len(read_echoes(self._find_log(pair))) for pair in pairs}
        for pair, count in before.items():
            wait_until(partial(self._is_steady, pair, count), f"echoes from {pair}")

    @contextmanager
    def blip(self, name: str) -> Iterator[None]:
        """Lets the tunnels of one node end, and waits until all of them are back."""
        mine, theirs = ([pair for pair in self.pairs if pair[end] == name] for end in (0, 1))
        last = {pair: max(read_echoes(self._find_log(pair))) for pair in theirs}
        yield
        for pair in mine:
            self.start(pair)
        self.settle((*mine, *theirs))
        for pair in (*mine, *theirs):
            log = self._find_log(pair)
            self.blips.setdefault(log, set()).update(range(last.get(pair, -1) + 1, max(read_echoes(log))))

    def find_gaps(self) -> dict[str, list[int]]:
        """Finds echoes that were lost in a row although neither end was restarted, by log.

        A single one may be lost when Nebula closes one of two tunnels that both ends have made at the same time.
        """
        found = {}
        for log in self.overlay.folder.glob("*/ping-*.log"):
            echoes = set(read_echoes(log))
            lost = set(range(max(echoes) + 1)) - echoes - self.blips.get(log, set())
            if gaps := sorted(number for number in lost if number + 1 in lost):
                found[f"{log.parent.name}/{log.name}"] = gaps
        return found

    def _find_log(self, pair: Pair) -> Path:
        return self.overlay.folder / pair[0] / f"ping-{pair[1]}-{self.starts[pair]}.log"

    def _is_steady(self, pair: Pair, count: int) -> bool:
        newest = sorted(read_echoes(self._find_log(pair))[count:])[-STEADY:]
        return len(newest) == STEADY and newest[-1] - newest[0] == STEADY - 1


def read_echoes(log: Path) -> list[int]:
    """Returns the numbers of the echoes that have come."""
    return [int(number) for number in re.findall(r" seq=(\d+) ", log.read_text())]


def ping_all(overlay: Overlay, *names: str) -> Pings:
    """Pings from each of these nodes to each other one, until the overlay ends."""
    pings = Pings(overlay, tuple(permutations(names, 2)))
    for pair in pings.pairs:
        pings.start(pair)
    pings.settle(pings.pairs)
    return pings
