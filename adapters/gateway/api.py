"""What the gateway API says of itself: health, synchronisation, status.

The API's quirks end here: `{}` for an empty list, HTML errors, a healthy page over a broken Lua
side, a `host_id` that is text or absent, 403 for an address outside the overlay.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from adapters.errors import HostError
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.phrase import Phrase


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(_Value):
    """Why one part of the API gave no answer that can be used; `forbidden`: this address is not allowed (403)."""

    phrase: Phrase
    forbidden: bool = False


class Sync(_Value):
    """`/api/sync/status`. `host_id` is None where the gateway's own start-up failed: nothing is synchronised then."""

    host_id: int | None
    peers: tuple[str, ...]
    local_containers: int | None = None


class Status(_Value):
    """`/api/status`: the registry behind the API."""

    containers: int | None
    stage: str = ""


class GatewaySystem(_Value):
    """The state of one gateway. `healthy` is `/api/health`; the rest shows whether the Lua side works behind it."""

    healthy: bool | Problem
    sync: Sync | Problem
    status: Status | Problem


class ReadSystem(GatewayAction[GatewaySystem]):
    """Ask for health, synchronisation and status side by side.

    The API answers from memory, within milliseconds. The deadline leaves room for a lost SYN to go out a third time (7 s),
    and no more, because whoever asks for the whole fleet waits for its dead hosts.
    """

    deadline = 8.0

    def requests(self) -> tuple[HttpRequest, ...]:
        return HttpRequest("/api/health"), HttpRequest("/api/sync/status"), HttpRequest("/api/status")

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> GatewaySystem:
        health, sync, status = responses
        return GatewaySystem(healthy=_health(health), sync=_sync(sync), status=_status(status))


def _empty_list(value: Any) -> Any:
    """Lua has one empty table, and its JSON is `{}`."""
    return [] if value == {} else value


class _SyncAnswer(BaseModel):
    """The body of `/api/sync/status`, as far as we read it. `host_id` is a number, and text in the documents."""

    model_config = ConfigDict(frozen=True)

    host_id: Annotated[int, Field(ge=0, le=254)] | None = None
    peers: Annotated[
        list[Annotated[str, StringConstraints(max_length=255)]], Field(max_length=255), BeforeValidator(_empty_list)
    ]
    local_containers: int | None = None


class _Registry(BaseModel):
    count: int | None = None


class _StatusAnswer(BaseModel):
    """The body of `/api/status`, as far as we read it."""

    model_config = ConfigDict(frozen=True)

    registry: _Registry
    stage: Annotated[str, StringConstraints(max_length=32)] = ""


_Body = TypeVar("_Body", bound=BaseModel)


def _health(answer: HttpResponse | HostError) -> bool | Problem:
    """`OK` says that nginx is up, and nothing about the Lua side behind it."""
    if isinstance(answer, HostError):
        return Problem(phrase=answer.phrase)
    if answer.status != 200:
        return _refusal("/api/health", answer)
    return answer.text.strip() == "OK"


def _sync(answer: HttpResponse | HostError) -> Sync | Problem:
    body = _body("/api/sync/status", answer, _SyncAnswer)
    if isinstance(body, Problem):
        return body
    return Sync(host_id=body.host_id, peers=tuple(body.peers), local_containers=body.local_containers)


def _status(answer: HttpResponse | HostError) -> Status | Problem:
    body = _body("/api/status", answer, _StatusAnswer)
    return body if isinstance(body, Problem) else Status(containers=body.registry.count, stage=body.stage)


def _body(path: str, answer: HttpResponse | HostError, kind: type[_Body]) -> _Body | Problem:
    if isinstance(answer, HostError):
        return Problem(phrase=answer.phrase)
    if answer.status != 200:
        return _refusal(path, answer)
    try:
        return kind.model_validate_json(answer.text)
    except ValueError:
        return Problem(
            phrase=Phrase("the gateway's answer to {path} cannot be understood; is it Flatnet's gateway?", path=path)
        )


def _refusal(path: str, answer: HttpResponse) -> Problem:
    match answer.status:
        case 403:
            return Problem(
                phrase=Phrase(
                    "the gateway does not allow this bot's address; let the bot ask from the overlay (10.100.0.0/16)"
                ),
                forbidden=True,
            )
        case status if status >= 500:
            return Problem(
                phrase=Phrase(
                    "the gateway answers {path} with error {status}; read its error.log", path=path, status=str(status)
                )
            )
        case status:
            return Problem(
                phrase=Phrase(
                    "the gateway answers {path} with status {status}; is it Flatnet's gateway?",
                    path=path,
                    status=str(status),
                )
            )
