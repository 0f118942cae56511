"""What can be wrong with one side of one lab host, switchable while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

FLOOD = 10 * 1024 * 1024
"""Bytes; above what any connection of ours reads."""

DRIP_EVERY = 0.05


class Fault(StrEnum):
    """A fault on the wire, by name. The server of each side carries it out."""

    NONE = "none"
    REFUSE = "refuse"
    """Nothing listens: the connection is refused."""
    SWALLOW = "swallow"
    """The connection is accepted and nothing is ever answered (a firewall that drops, a frozen host)."""
    HANG = "hang"
    """Log-in works; the answer to the command never comes."""
    GARBAGE = "garbage"
    """Bytes that are not the protocol."""
    FLOOD = "flood"
    """`FLOOD` bytes of output where a short answer was expected."""
    CLOSE = "close"
    """The connection is closed in the middle of the answer."""
    STALL = "stall"
    """Half of the answer, then silence on an open connection."""
    DRIP = "drip"
    """A byte every `DRIP_EVERY` seconds and no end: enough for every time-out that holds for one read."""
    IDENTITY = "identity"
    """Another host key or certificate than the one that is known."""
    AUTHENTICATION = "authentication"
    """The right credentials are refused."""


@dataclass
class Wire:
    """The line to one side of one host: its fault and its latency in seconds for each exchange.

    `served` is False where the program that listens is stopped: connections are refused, whatever the fault.
    Setting either calls the watchers, so that a listener can close its port at once.
    """

    fault: Fault = Fault.NONE
    latency: float = 0.0
    served: bool = True
    watchers: list[Callable[[], None]] = field(default_factory=list, repr=False, compare=False)

    @property
    def refuses(self) -> bool:
        """Whether nothing listens at the other end."""
        return self.fault is Fault.REFUSE or not self.served

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in ("fault", "served"):
            for watcher in getattr(self, "watchers", ()):
                watcher()
