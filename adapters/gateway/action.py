"""Base class of gateway actions: a few HTTP requests, sent concurrently, and further ones if their answers ask for it."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from adapters.action import Action, Answer
from adapters.errors import HostError


@dataclass(frozen=True)
class HttpRequest:
    """One request to the API. Values travel as query parameters. An id inside `path` is one that `ContainerId` accepts."""

    path: str
    method: Literal["GET", "POST", "DELETE"] = "GET"
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HttpResponse:
    """One response, of any status. `text` is at most the action's `output_limit` of bytes.

    `seconds`: its duration, including connecting if no kept connection was used; None if not measured. `date`: the time of
    the response by the gateway's own clock, in whole seconds; None without such a header.
    """

    status: int
    text: str
    seconds: float | None = None
    date: datetime | None = None


class GatewayAction(Action[Answer]):
    """An action made of requests to the gateway API.

    `parse` gets, in order, the response to each request or that request's failure. If every request failed, the connection
    raises the first failure instead of calling `parse`. `output_limit` applies to the body of each response.
    `fresh_connection`: its requests use no kept connection, because workers from before a reload may still hold that one.
    """

    side = "gateway"

    fresh_connection: ClassVar[bool] = False

    @abstractmethod
    def build_requests(self) -> tuple[HttpRequest, ...]:
        """Returns the requests to send."""

    def build_further_requests(self, responses: Sequence[HttpResponse | HostError | None]) -> tuple[HttpRequest, ...]:
        """Returns the requests to send after the first ones, whose responses are given. Default: none.

        None stands for a response that has not arrived within `adapters.gateway.client.PATIENCE`. `parse` gets the
        responses to these requests behind those to the first.
        """
        return ()

    @abstractmethod
    def parse(self, responses: Sequence[HttpResponse | HostError]) -> Answer:
        """Parses the responses into the answer. Raises `ValueError` if they could not be read, or a `HostError`."""
