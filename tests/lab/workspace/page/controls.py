"""What the page needs of a fleet whose hosts can be broken. Whoever has a fleet implements it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Side:
    """One side of a host, and what is wrong with the line to it."""

    name: str
    fault: str


@dataclass(frozen=True)
class Program:
    """A service of a host, which can be stopped and started. `starts`: it would start again."""

    name: str
    runs: bool
    starts: bool = True


@dataclass(frozen=True)
class Knob:
    """Something else of a host that is at one of several positions, of which the first one is well: a disk, its clock.

    `name` tells knobs of one kind apart; "" where a host has only one.
    """

    kind: Literal[
        "clock",
        "disk",
        "certificate",
        "api",
        "peers",
        "reload",
        "configuration",
        "container",
        "registration",
        "escalation",
        "scripts",
        "copy",
    ]
    name: str
    at: str
    positions: tuple[str, ...]


@dataclass(frozen=True)
class Host:
    """A host with the sides, the programs and the knobs that it has; `cut` where its cable is pulled.

    `console` is what a person reads on a machine that no configuration knows yet, line by line.
    """

    name: str
    sides: tuple[Side, ...]
    programs: tuple[Program, ...]
    cut: bool
    knobs: tuple[Knob, ...] = ()
    console: tuple[str, ...] = ()


class Controls(Protocol):
    """The switches of the fleet. Unknown names are a `KeyError` or a `ValueError`."""

    @property
    def faults(self) -> Sequence[str]:
        """What can be wrong with a side; the first one means that nothing is."""

    def hosts(self) -> Sequence[Host]:
        """The hosts as they are now."""

    def switch(self, host: str, side: str, fault: str) -> None:
        """From now on this is wrong with one side."""

    def run(self, host: str, name: str, *, runs: bool) -> None:
        """Start or stop a service. One that is started here starts by itself, too."""

    def spoil(self, host: str, name: str) -> None:
        """Have a service not start again once it is stopped."""

    def turn(self, host: str, knob: tuple[str, str], to: str) -> None:
        """Turn a knob, named by its kind and its name, to one of its positions."""

    def burst(self, host: str) -> None:
        """Have people send many requests to a host's gateway at once, of which a fifth fails."""

    def cut(self, host: str) -> None:
        """Pull the cable: no side answers."""

    def mend(self, host: str) -> None:
        """Nothing is wrong with any side any more."""


class NoControls:
    """A workspace without a fleet."""

    faults: Sequence[str] = ()

    def hosts(self) -> Sequence[Host]:
        return ()

    def switch(self, host: str, side: str, fault: str) -> None:
        raise KeyError(f"there is no host {host}")

    def run(self, host: str, name: str, *, runs: bool) -> None:
        raise KeyError(f"there is no host {host}")

    def spoil(self, host: str, name: str) -> None:
        raise KeyError(f"there is no host {host}")

    def turn(self, host: str, knob: tuple[str, str], to: str) -> None:
        raise KeyError(f"there is no host {host}")

    def burst(self, host: str) -> None:
        raise KeyError(f"there is no host {host}")

    def cut(self, host: str) -> None:
        raise KeyError(f"there is no host {host}")

    def mend(self, host: str) -> None:
        raise KeyError(f"there is no host {host}")
