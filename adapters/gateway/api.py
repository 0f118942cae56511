"""What the gateway API says of itself: health, synchronisation, status.

The API's quirks end here: `{}` for an empty list, HTML errors, a healthy page over a broken Lua
side, a `host_id` that is text or absent, 403 for an address outside the overlay.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

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
from adapters.phrase import Phrase
from adapters.value import Value


class Unusable(Value):
    """Why the answer of one part of the API cannot be used; `forbidden`: this address is not allowed (403)."""

    phrase: Phrase
    forbidden: bool = False


class Sync(Value):
    """`/api/sync/status`. `host_id` is None where the gateway's own start-up failed: nothing is synchronised then."""

    host_id: int | None
    peers: tuple[str, ...]


class GatewaySystem(Value):
    """The state of one gateway. `healthy` is `/api/health`; the rest shows whether the Lua side works behind it.

    Of `/api/status` it only counts that there is an answer: `status` says why there is none. A `HostError` stands for a
    part that did not answer: nothing is known of it. `answer_ms`: milliseconds until the whole health page was here, as
    the bot saw it; None where it did not answer.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    healthy: bool | Unusable | HostError
    sync: Sync | Unusable | HostError
    status: Unusable | HostError | None
    answer_ms: int | None = None

    @field_serializer("healthy", "sync", "status", mode="wrap", when_used="json")
    def _in_json(self, said: Any, usual: SerializerFunctionWrapHandler) -> Any:
        """A failure as its phrase: what a proof saw is kept in the audit log."""
        return {"phrase": said.phrase.to_json()} if isinstance(said, HostError) else usual(said)


class ReadSystem(GatewayAction[GatewaySystem]):
    """Ask for health, synchronisation and status side by side.

    The API answers from memory, within milliseconds. The deadline leaves room for a lost SYN to go out a third time (7 s),
    and no more, because whoever asks for the whole fleet waits for its dead hosts.
    """

    deadline = 8.0
    output_limit = 256 * 1024  # a peer or a container takes some hundred bytes, and there are at most 254

    def requests(self) -> tuple[HttpRequest, ...]:
        return HttpRequest("/api/health"), HttpRequest("/api/sync/status"), HttpRequest("/api/status")

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> GatewaySystem:
        health, sync, status = responses
        return GatewaySystem(
            healthy=_health(health), sync=_sync(sync), status=_status(status), answer_ms=_milliseconds(health)
        )


def _empty_list(value: Any) -> Any:
    """Lua has one empty table, and its JSON is `{}`."""
    return [] if value == {} else value


class _SyncAnswer(BaseModel):
    """The body of `/api/sync/status`, as far as we read it. `host_id` is a number, and text in the documents."""

    host_id: Annotated[int, Field(ge=0, le=254)] | None = None
    peers: Annotated[
        list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=255), BeforeValidator(_empty_list)
    ]


class _StatusAnswer(BaseModel):
    """The body of `/api/status`: any object."""


_Body = TypeVar("_Body", bound=BaseModel)


def _health(answer: HttpResponse | HostError) -> bool | Unusable | HostError:
    """`OK` says that nginx is up, and nothing about the Lua side behind it."""
    if isinstance(answer, HostError):
        return answer
    if answer.status != 200:
        return _refusal("/api/health", answer)
    return answer.text.strip() == "OK"


def _milliseconds(answer: HttpResponse | HostError) -> int | None:
    if isinstance(answer, HostError) or answer.seconds is None:
        return None
    return round(answer.seconds * 1000)


def _sync(answer: HttpResponse | HostError) -> Sync | Unusable | HostError:
    body = _body("/api/sync/status", answer, _SyncAnswer)
    if isinstance(body, Unusable | HostError):
        return body
    return Sync(host_id=body.host_id, peers=tuple(body.peers))


def _status(answer: HttpResponse | HostError) -> Unusable | HostError | None:
    body = _body("/api/status", answer, _StatusAnswer)
    return body if isinstance(body, Unusable | HostError) else None


def _body(path: str, answer: HttpResponse | HostError, kind: type[_Body]) -> _Body | Unusable | HostError:
    if isinstance(answer, HostError):
        return answer
    if answer.status != 200:
        return _refusal(path, answer)
    try:
        return kind.model_validate_json(answer.text)
    except ValueError:
        return Unusable(
            phrase=Phrase("the gateway's answer to {path} cannot be understood; is it Flatnet's gateway?", path=path)
        )


def _refusal(path: str, answer: HttpResponse) -> Unusable:
    match answer.status:
        case 403:
            return Unusable(
                phrase=Phrase(
                    "the gateway does not allow this bot's address; let the bot ask from the overlay (10.100.0.0/16)"
                ),
                forbidden=True,
            )
        case status if status >= 500:
            return Unusable(
                phrase=Phrase(
                    "the gateway answers {path} with error {status}; read its error.log", path=path, status=str(status)
                )
            )
        case status:
            return Unusable(
                phrase=Phrase(
                    "the gateway answers {path} with status {status}; is it Flatnet's gateway?",
                    path=path,
                    status=str(status),
                )
            )
