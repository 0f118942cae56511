"""Registrations of containers at a gateway: the list, one of them, deleting one, and the pull from peers.

Quirks of the real API that are handled here: `{}` for an empty list, and for `ports`; an id with other characters than
`ContainerId` has returns the whole list with 200; any text is taken as an address; a pull answers 200 although all peers
failed; an entry that a peer sends back is registered again.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter

from adapters.action import Effect
from adapters.errors import ActionFailed, HostError
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.answers import (
    UnusableAnswer,
    accept_empty_table,
    parse_body,
    require_answer,
    require_date,
)
from adapters.phrase import Phrase
from adapters.value import Value

ContainerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""An id that the API finds. With any other character, or if it is longer, the API returns the whole list instead."""

_FINDABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)

MAX_REGISTRATIONS = 254 * 253
"""Most registrations of a fleet: 253 addresses on each of 254 hosts."""

PULL_TIMEOUT = 5.0
"""Seconds that a gateway waits for a silent peer. It asks its peers one after another."""


class Registration(Value):
    """One registration, as the gateway has it. None of it is checked there.

    `id` is podman's full id if Flatnet's network plug-in registered it. `host_id` is None if it is absent or no host's.
    """

    id: str
    ip: str
    hostname: str = ""
    host_id: int | None = None

    @property
    def findable(self) -> bool:
        """True if the API finds and deletes it by its id."""
        return _FINDABLE_ID.fullmatch(self.id) is not None


class Registry(Value):
    """The registrations that a gateway lists.

    `counted`: its own count, which includes expired ones. `interval`: seconds between two pulls from its peers. `peers`: the
    number of its peers. They are None if they could not be read.
    """

    registrations: tuple[Registration, ...]
    counted: int | None = None
    interval: int | None = None
    peers: int | None = None

    @property
    def expired(self) -> int:
        """Registrations that are counted and no longer listed."""
        return 0 if self.counted is None else max(self.counted - len(self.registrations), 0)


class ReadRegistry(GatewayAction[Registry]):
    """Reads the list of registrations, their count, and how the gateway gets those of its peers."""

    deadline = 8.0
    output_limit = 8 * 1024 * 1024  # a registration takes 200 bytes, 16 kB at most; 30 hosts with 200 each make 1.2 MB

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return HttpRequest("/api/containers"), HttpRequest("/api/sync/status")

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> Registry:
        listed, status = responses
        registrations = _parse_list(require_answer("/api/containers", listed).text)
        sync = parse_body("/api/sync/status", status, _SyncAnswer)
        if isinstance(sync, UnusableAnswer | HostError):
            return Registry(registrations=registrations)
        return Registry(
            registrations=registrations, counted=sync.local_containers, interval=sync.sync_interval, peers=sync.peer_count
        )


class FoundContainer(Value):
    """State of one registration. `settled`: long enough after its deletion that a peer would have brought it back."""

    registered: bool
    settled: bool
    ip: str = ""


class FindContainer(GatewayAction[FoundContainer]):
    """Looks one registration up by its id, also one that no list shows.

    `since` is the time of its deletion in Unix seconds by the gateway's clock. It is settled `settling` seconds later, or at
    once if it was not there at any gateway any more (not `returned`).
    """

    deadline = 8.0
    output_limit = 64 * 1024

    id: ContainerId
    since: int = 0
    returned: bool = True
    settling: Annotated[int, Field(ge=0, le=3600)] = 0

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest(_build_path(self.id)),)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> FoundContainer:
        (answer,) = responses
        if isinstance(answer, HttpResponse) and answer.status == 404 and _is_not_found(answer.text):
            return FoundContainer(registered=False, settled=self._is_settled(answer))
        answer = require_answer(_build_path(self.id), answer)
        found = _ListedContainer.model_validate_json(answer.text)
        if found.id != self.id:
            raise ValueError("another container")
        return FoundContainer(registered=True, settled=self._is_settled(answer), ip=found.ip[:255])

    def explain_answer(self, answer: FoundContainer) -> Phrase | None:
        if answer.registered:
            return Phrase("a peer has registered it again. Run {words} to see which gateways list it", words="sync")
        if not answer.settled:
            return Phrase("{n} s have not passed by the gateway's clock", n=self.settling)
        return None

    def _is_settled(self, answer: HttpResponse) -> bool:
        return not self.returned or require_date(answer).timestamp() - self.since >= self.settling


class ForgottenContainer(Value):
    """Result of a deletion. `changed`: it was registered. `returned`: it was, here or at a gateway before this one.

    `at`: Unix seconds by the gateway's clock.
    """

    changed: bool
    returned: bool
    at: int


class ForgetContainer(GatewayAction[ForgottenContainer]):
    """Deletes a registration. Deleting it again does no harm. `returned` is what the gateways before this one found."""

    effect: ClassVar[Effect] = Effect.CHANGE
    deadline = 8.0
    output_limit = 64 * 1024

    id: ContainerId
    returned: bool = False

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest(_build_path(self.id), "DELETE"),)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> ForgottenContainer:
        (answer,) = responses
        answer = require_answer(_build_path(self.id), answer)
        said = _DeleteAnswer.model_validate_json(answer.text)
        if said.id != self.id or not said.success:
            raise ActionFailed(Phrase("the gateway did not delete the registration. Check its error.log"))
        changed = said.note != "already deleted"
        return ForgottenContainer(
            changed=changed, returned=self.returned or changed, at=int(require_date(answer).timestamp())
        )


class PulledContainers(Value):
    """Result of a pull: the number of peers that answered."""

    success_count: int


class PullContainers(GatewayAction[PulledContainers]):
    """Has the gateway read the registrations of its peers now. `peers`: the number of peers that it must reach."""

    effect: ClassVar[Effect] = Effect.CHANGE
    deadline = PULL_TIMEOUT
    output_limit = 64 * 1024

    peers: Annotated[int, Field(ge=1, le=254)]

    @property
    def time_limit(self) -> float:
        """Seconds for all peers being silent, one after another, and the answer."""
        return PULL_TIMEOUT * self.peers + PULL_TIMEOUT

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/sync/pull", "POST"),)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> PulledContainers:
        """Parses the counts. The status is 200 even if no peer answered."""
        (answer,) = responses
        said = _PullAnswer.model_validate_json(require_answer("/api/sync/pull", answer).text)
        asked = said.success_count + said.failure_count
        if asked != self.peers:
            raise ActionFailed(
                Phrase(
                    "the gateway asked {n} of its {total} peers. Check that its initialization succeeded (error.log)",
                    n=asked,
                    total=self.peers,
                )
            )
        if said.failure_count:
            raise ActionFailed(
                Phrase(
                    "{n} of {total} peers did not respond to the gateway. Run {words} to see which gateways are down",
                    n=said.failure_count,
                    total=self.peers,
                    words="health",
                )
            )
        return PulledContainers(success_count=said.success_count)


class _ListedContainer(BaseModel):
    """One registration, as far as it is read. A number may stand for a text, and anything for what is optional.

    The API checks nothing, so one strange registration must not make the whole list unreadable.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: Annotated[str, StringConstraints(max_length=16_384)]
    ip: Annotated[str, StringConstraints(max_length=16_384)]
    hostname: Any = None
    host_id: Annotated[Any, Field(alias="hostId")] = None

    def to_registration(self) -> Registration:
        """Converts it to a `Registration`, with texts of at most 255 characters."""
        hostname = self.hostname[:255] if isinstance(self.hostname, str) else ""
        return Registration(id=self.id[:255], ip=self.ip[:255], hostname=hostname, host_id=_parse_host_id(self.host_id))


_LIST = TypeAdapter(
    Annotated[list[_ListedContainer], Field(max_length=MAX_REGISTRATIONS), BeforeValidator(accept_empty_table)]
)


class _SyncAnswer(BaseModel):
    """The numbers of `/api/sync/status`."""

    local_containers: Annotated[int, Field(ge=0)]
    sync_interval: Annotated[int, Field(ge=1, le=3600)]
    peer_count: Annotated[int, Field(ge=0, le=254)]


class _NotFoundAnswer(BaseModel):
    """The body of a 404 from the API, which nginx's own page is not."""

    error: str


class _DeleteAnswer(BaseModel):
    id: str
    success: bool
    note: str = ""


class _PullAnswer(BaseModel):
    success_count: Annotated[int, Field(ge=0)]
    failure_count: Annotated[int, Field(ge=0)]


def _build_path(container: str) -> str:
    """Builds the path of one registration. The id is one that needs no quoting; it is quoted all the same."""
    return f"/api/containers/{quote(container, safe='')}"


def _parse_list(text: str) -> tuple[Registration, ...]:
    return tuple(element.to_registration() for element in _LIST.validate_json(text))


def _parse_host_id(value: Any) -> int | None:
    """Parses the id of a host: a number, or a number as text. None if it is neither, or no host can have it."""
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) and int(text) <= 254 else None


def _is_not_found(text: str) -> bool:
    try:
        return _NotFoundAnswer.model_validate_json(text).error == "container not found"
    except ValueError:
        return False
