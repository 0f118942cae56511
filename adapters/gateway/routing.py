"""Routes of a gateway: the way to each registered container, and how its routing is configured."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, TypeAdapter

from adapters.errors import HostError
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.answers import accept_empty_object, require_answer
from adapters.value import Value

RouteType = Literal["local", "gateway", "p2p", "unknown"]


class Route(Value):
    """The route to one container address. `target` is the next address; "" if the gateway knows none."""

    ip: str
    type: RouteType
    target: str = ""
    state: str = ""


class Routes(Value):
    """The routes of a gateway, in the order of their addresses' text, and its configuration.

    `host_id` and `subnet` are those that its routing was given. They are None or "" if they are absent.
    """

    routes: tuple[Route, ...]
    host_id: int | None
    subnet: str
    gateways: int


class ReadRoutes(GatewayAction[Routes]):
    """Reads all routes, and the configuration. Neither makes the gateway attempt another way."""

    deadline = 8.0
    output_limit = 8 * 1024 * 1024  # a route has the whole registration of its container

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return HttpRequest("/api/routing/routes"), HttpRequest("/api/routing/stats")

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> Routes:
        listed = _ROUTES.validate_json(require_answer("/api/routing/routes", responses[0]).text)
        stats = _StatsAnswer.model_validate_json(require_answer("/api/routing/stats", responses[1]).text)
        routes = (
            Route(ip=ip, type=entry.type, target=entry.target or "", state=entry.state or "")
            for ip, entry in sorted(listed.items())
        )
        return Routes(
            routes=tuple(routes),
            host_id=stats.local_host_id,
            subnet=stats.local_subnet or "",
            gateways=stats.gateway_count,
        )


_Word = Annotated[str, StringConstraints(max_length=255)]


class _RouteEntry(BaseModel):
    type: RouteType
    target: _Word | None = None
    state: _Word | None = None


_ROUTES = TypeAdapter(
    Annotated[dict[_Word, _RouteEntry], Field(max_length=254 * 253), BeforeValidator(accept_empty_object)],
)


class _StatsAnswer(BaseModel):
    """The configuration of the routing. `local_host_id` is a number; text is accepted as well."""

    local_host_id: Annotated[int, Field(ge=0, le=254)] | None = None
    local_subnet: _Word | None = None
    gateway_count: Annotated[int, Field(ge=0)] = 0
