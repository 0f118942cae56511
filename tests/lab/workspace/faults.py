"""What can be wrong with Slack, switchable while it runs.

A fault is switched on at a place: a Web API method by name, `response_url`, `upload`, `handshake` (of a WebSocket),
`delivery` (of an envelope), `pictures` and `charts` (in a message) or `sharing` (of a file); for so many times, or until
it is switched off.
"""

from dataclasses import dataclass
from typing import Any

from tests.lab.workspace.methods import METHODS


@dataclass(frozen=True)
class RateLimited:
    """429, and nothing is done."""

    retry_after: int = 1


@dataclass(frozen=True)
class ServerError:
    """An HTTP error with a page for people, and nothing is done."""

    status: int = 500


@dataclass(frozen=True)
class Slow:
    """The call waits before it is carried out."""

    seconds: float


@dataclass(frozen=True)
class DropBefore:
    """The connection is cut before anything is done."""


@dataclass(frozen=True)
class DropAfter:
    """The call is carried out and the connection is cut before the answer."""


@dataclass(frozen=True)
class Failing:
    """The answer is `{"ok": false, "error": …}`, and nothing is done."""

    error: str


@dataclass(frozen=True)
class Duplicated:
    """An envelope is sent so many times, one right after the other (place: `delivery`)."""

    copies: int


@dataclass(frozen=True)
class NotLookedAt:
    """Slack has not looked at a file, so that no message may show it (place: `pictures`)."""


@dataclass(frozen=True)
class NotShared:
    """A completed upload is not shared, although Slack said ok (place: `sharing`).

    It comes after so many `files.info` that ask for it, or never (None). `Workspace.share_late` shares what is left.
    """

    asked: int | None = None


@dataclass(frozen=True)
class NotKnown:
    """The workspace does not have Slack's chart block yet (place: `charts`)."""


WebFault = RateLimited | ServerError | Slow | DropBefore | DropAfter | Failing
Fault = WebFault | Duplicated | NotLookedAt | NotShared | NotKnown

RESPONSE_URL = "response_url"
UPLOAD = "upload"
HANDSHAKE = "handshake"
DELIVERY = "delivery"
PICTURES = "pictures"
SHARING = "sharing"
CHARTS = "charts"

_PLACES = METHODS.keys() | {RESPONSE_URL, UPLOAD, HANDSHAKE, DELIVERY, PICTURES, SHARING, CHARTS}
_KINDS: dict[str, Any] = {
    HANDSHAKE: ServerError,
    DELIVERY: Duplicated,
    PICTURES: NotLookedAt,
    SHARING: NotShared,
    CHARTS: NotKnown,
}
"""What can be wrong at places that are no web request."""


class Faults:
    """The switches."""

    def __init__(self) -> None:
        self._on: dict[str, tuple[Fault, int | None]] = {}

    def switch_on(self, place: str, fault: Fault, *, times: int | None = None) -> None:
        """From now on at this place; `times` None means until it is switched off."""
        if place not in _PLACES or not isinstance(fault, _KINDS.get(place, WebFault)):
            raise ValueError(f"{fault} makes no sense at {place}")
        self._on[place] = (fault, times)

    def switch_off(self, place: str) -> None:
        """All is well at this place again."""
        self._on.pop(place, None)

    def take(self, place: str) -> Fault | None:
        """The fault to carry out now, counted."""
        if place not in self._on:
            return None
        fault, times = self._on[place]
        if times == 1:
            del self._on[place]
        elif times is not None:
            self._on[place] = (fault, times - 1)
        return fault

    def active(self) -> dict[str, Fault]:
        """What is switched on, by place."""
        return {place: fault for place, (fault, _) in self._on.items()}
