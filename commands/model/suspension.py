"""Suspended hosts: what was stopped there on purpose, so that a resume restores just that."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from adapters.errors import NotAsked
from adapters.phrase import Moment, Phrase
from adapters.value import Value


class RememberedContainer(Value):
    """A container that a suspension stopped, with the restart policy that it had ("": it was left as it was)."""

    id: str
    name: str
    restart_policy: str = ""


class RememberedService(Value):
    """A service that a suspension stopped or set to start by hand, as it was before."""

    service: Literal["nebula", "openresty"]
    running: bool
    start_type: str


class Suspension(Value):
    """One suspended host. `containers` are in the order in which they start.

    `complete` is False while only a part of it was stopped, or only a part was started again. `remind_at` is when its owner
    is reminded, None without a time.
    """

    number: int
    host: str
    reason: str
    owner: str
    operation: str
    since: AwareDatetime
    remind_at: AwareDatetime | None = None
    containers: Annotated[tuple[RememberedContainer, ...], Field(max_length=5000)] = ()
    services: tuple[RememberedService, ...] = ()
    complete: bool = True
    note: Phrase | None = None
    """State of one that is not complete: "2 of 3 containers are started"."""

    @property
    def phrase(self) -> Phrase:
        """Describes since when, by whom and why its host is suspended, without the host."""
        values: dict[str, Any] = {"at": Moment(self.since), "owner": self.owner, "reason": self.reason}
        if not self.complete and self.note is not None:
            return Phrase("only partly suspended since {at} by {owner}: {reason} ({note})", **values, note=self.note)
        return Phrase("suspended since {at} by {owner}: {reason}", **values)


class HostSuspended(NotAsked):
    """A suspended host is asked nothing for a change: it counts as one that does not answer, until it is resumed."""

    @classmethod
    def of(cls, suspension: Suspension) -> "HostSuspended":
        command = f"host resume {suspension.host}"
        return cls(Phrase("{state}. Run {command} first", state=suspension.phrase, command=command))
