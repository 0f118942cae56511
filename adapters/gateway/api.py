"""State of a gateway from its API: health, synchronization, status.

The API's quirks are handled here and in `adapters.gateway.answers`: a healthy page although Lua fails, a `host_id` that is
text or absent.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_serializer,
)

from adapters.errors import HostError
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.answers import UnusableAnswer, accept_empty_table, describe_refusal, parse_body
from adapters.value import Value


class SyncStatus(Value):
    """`/api/sync/status`. `host_id` is None if the gateway's own start failed; nothing is synchronized then."""

    host_id: int | None
    peers: tuple[str, ...]


class GatewaySystem(Value):
    """State of one gateway.

    `healthy` is `/api/health`, which shows that nginx answers. `status` is None if `/api/status` answered, else the reason.
    Neither was asked if `sync` names the host's own ID, because that shows more: nginx answers, and its Lua code started.
    `healthy` is then true. A `HostError` stands for a part that did not answer: its state is unknown.
    `answer_ms`: milliseconds until the whole first answer arrived, measured by the bot; None without it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    healthy: bool | UnusableAnswer | HostError
    sync: SyncStatus | UnusableAnswer | HostError
    status: UnusableAnswer | HostError | None
    answer_ms: int | None = None

    @field_serializer("healthy", "sync", "status", mode="wrap", when_used="json")
    def _serialize_failure(self, said: Any, usual: SerializerFunctionWrapHandler) -> Any:
        """Serializes a failure as its phrase, because the observed proof is stored in the audit log."""
        return {"phrase": said.phrase.to_json()} if isinstance(said, HostError) else usual(said)


class ReadSystem(GatewayAction[GatewaySystem]):
    """Reads synchronization, and health and status only if it is not well. `every_page` reads them in any case.

    One request tells of a healthy gateway what three would. The API answers from memory, within milliseconds. The deadline
    leaves room for a third attempt at a lost SYN (7 s). It is not longer, because a read of the whole fleet waits for its
    dead hosts.
    """

    deadline = 8.0
    output_limit = 256 * 1024  # a peer or a container takes a few hundred bytes, and there are at most 254

    every_page: bool = False

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (_SYNC, *_OTHER_PAGES) if self.every_page else (_SYNC,)

    def build_further_requests(self, responses: Sequence[HttpResponse | HostError | None]) -> tuple[HttpRequest, ...]:
        return () if self.every_page or _is_started(responses[0]) else _OTHER_PAGES

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> GatewaySystem:
        sync, *others = responses
        healthy, status = (_parse_health(others[0]), _parse_status(others[1])) if others else (True, None)
        answered = [response for response in responses if isinstance(response, HttpResponse)]
        return GatewaySystem(healthy=healthy, sync=parse_sync(sync), status=status, answer_ms=_get_milliseconds(answered))


_SYNC = HttpRequest("/api/sync/status")
_OTHER_PAGES = (HttpRequest("/api/health"), HttpRequest("/api/status"))


def _is_started(response: HttpResponse | HostError | None) -> bool:
    """Returns whether the answer on synchronization names the host's own ID, so that the gateway's start succeeded."""
    sync = None if response is None else parse_sync(response)
    return isinstance(sync, SyncStatus) and sync.host_id is not None


class _SyncAnswer(BaseModel):
    """The fields of `/api/sync/status` that are read. `host_id` is a number; the API's documentation shows text."""

    host_id: Annotated[int, Field(ge=0, le=254)] | None = None
    peers: Annotated[
        list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=255), BeforeValidator(accept_empty_table)
    ]


class _StatusAnswer(BaseModel):
    """The body of `/api/status`: any object."""


def _parse_health(answer: HttpResponse | HostError) -> bool | UnusableAnswer | HostError:
    """Parses `/api/health`. `OK` means that nginx runs, and nothing about Lua behind it."""
    if isinstance(answer, HostError):
        return answer
    if answer.status != 200:
        return describe_refusal("/api/health", answer)
    return answer.text.strip() == "OK"


def _get_milliseconds(answered: Sequence[HttpResponse]) -> int | None:
    """Returns the duration of the first page that answered; None if there is none, or if it was not measured."""
    seconds = answered[0].seconds if answered else None
    return None if seconds is None else round(seconds * 1000)


def parse_sync(answer: HttpResponse | HostError) -> SyncStatus | UnusableAnswer | HostError:
    """Parses `/api/sync/status`."""
    body = parse_body("/api/sync/status", answer, _SyncAnswer)
    if isinstance(body, UnusableAnswer | HostError):
        return body
    return SyncStatus(host_id=body.host_id, peers=tuple(body.peers))


def _parse_status(answer: HttpResponse | HostError) -> UnusableAnswer | HostError | None:
    body = parse_body("/api/status", answer, _StatusAnswer)
    return body if isinstance(body, UnusableAnswer | HostError) else None
