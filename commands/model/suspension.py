"""Suspended hosts: what was stopped there on purpose, so that a resume restores just that."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from adapters.phrase import Phrase
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
