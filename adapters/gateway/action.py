"""What every gateway action is: a few HTTP requests, sent side by side."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adapters.action import Action, Answer
from adapters.errors import HostError


@dataclass(frozen=True)
class HttpRequest:
    """One request to the API. Values travel as query parameters, never inside `path`."""

    path: str
    method: Literal["GET", "POST"] = "GET"
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HttpResponse:
    """What came back: any status is an answer; `text` is at most the action's `output_limit` of bytes.

    `seconds`: how long it took, connecting included where no kept connection was used; None where nobody measured.
    """

    status: int
    text: str
    seconds: float | None = None


class GatewayAction(Action[Answer]):
    """An action made of requests to the gateway API.

    `parse` gets a response or that request's own failure for each, in order. Where every request
    failed, the connection raises the first failure instead of calling `parse`. `output_limit` holds
    for the body of each response.
    """

    side = "gateway"

    @abstractmethod
    def requests(self) -> tuple[HttpRequest, ...]:
        """What is sent."""

    @abstractmethod
    def parse(self, responses: Sequence[HttpResponse | HostError]) -> Answer:
        """The answer; a `ValueError` where it cannot be understood."""
