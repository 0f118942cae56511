"""Escalation at a gateway: the way by which it reaches each container address, and resetting one to the gateway.

The API takes any text as an address, answers for unknown ones, and never ends an attempt by itself.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, TypeAdapter

from adapters.action import Effect
from adapters.errors import ActionFailed, HostError
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.answers import accept_empty_object, require_answer, require_date
from adapters.phrase import Phrase
from adapters.value import Value

CONTAINER_NETWORK = ipaddress.IPv4Network("10.87.0.0/16")
"""Addresses of containers: 10.87.N.0/24 on host N."""

StateName = Literal["GATEWAY_ONLY", "P2P_ATTEMPTING", "P2P_ACTIVE", "GATEWAY_FALLBACK"]
STATE_NAMES: tuple[StateName, ...] = ("GATEWAY_ONLY", "P2P_ATTEMPTING", "P2P_ACTIVE", "GATEWAY_FALLBACK")


def is_container_address(text: str) -> bool:
    """Returns whether a text is an address of a container."""
    try:
        return ipaddress.IPv4Address(text) in CONTAINER_NETWORK
    except ValueError:
        return False


def _require_container_address(text: str) -> str:
    if not is_container_address(text):
        raise ValueError(f"not inside {CONTAINER_NETWORK}")
    return text


ContainerAddress = Annotated[str, StringConstraints(max_length=15), AfterValidator(_require_container_address)]


class Escalation(Value):
    """The escalation of one address. `attempting`: how long an attempt has lasted by its clock; None: not known."""

    ip: str
    state: StateName
    retries: int = 0
    target: str = ""
    attempting: timedelta | None = None


class Escalations(Value):
    """The escalations of a gateway, in the order of their addresses' text, and its statistics by state."""

    addresses: tuple[Escalation, ...]
    counts: Mapping[str, int]


class ReadEscalations(GatewayAction[Escalations]):
    """Reads the states of all addresses, and the statistics."""

    deadline = 8.0
    output_limit = 4 * 1024 * 1024  # the gateway lists 1,000 keys at most

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return HttpRequest("/api/escalation/states"), HttpRequest("/api/escalation/stats")

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> Escalations:
        states = require_answer("/api/escalation/states", responses[0])
        stats = require_answer("/api/escalation/stats", responses[1])
        now = require_date(states)
        parsed = _STATES.validate_json(states.text)
        addresses = tuple(entry.to_escalation(ip, now) for ip, entry in sorted(parsed.items()))
        return Escalations(addresses=addresses, counts=_StatsAnswer.model_validate_json(stats.text).states)


class OneEscalation(Value):
    """The state of one address."""

    state: StateName


class ReadEscalation(GatewayAction[OneEscalation]):
    """Reads the state of one address. An unknown address is `GATEWAY_ONLY`."""

    deadline = 8.0
    output_limit = 64 * 1024

    ip: ContainerAddress

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/escalation/state", query={"ip": self.ip}),)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> OneEscalation:
        said = _StateAnswer.model_validate_json(require_answer("/api/escalation/state", responses[0]).text)
        if said.ip != self.ip:
            raise ValueError("another address")
        return OneEscalation(state=said.state)

    def explain_answer(self, answer: OneEscalation) -> Phrase | None:
        if answer.state == "P2P_ATTEMPTING":
            return Phrase("the gateway has begun another attempt, because the address is in use")
        return None


class ResetEscalation(GatewayAction[OneEscalation]):
    """Resets one address to the gateway, and forgets its attempts. Doing it again does no harm."""

    effect: ClassVar[Effect] = Effect.CHANGE
    deadline = 8.0
    output_limit = 64 * 1024

    ip: ContainerAddress

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return (HttpRequest("/api/escalation/reset", "POST", query={"ip": self.ip}),)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> OneEscalation:
        said = _ResetAnswer.model_validate_json(require_answer("/api/escalation/reset", responses[0]).text)
        if said.ip != self.ip or not said.success:
            raise ActionFailed(Phrase("the gateway did not reset {ip}. Check its error.log", ip=self.ip))
        return OneEscalation(state=said.state)


class _Metadata(BaseModel):
    target_gateway: Annotated[str, StringConstraints(max_length=255)] | None = None
    attempt_started: Annotated[float, Field(ge=0, le=99_999_999_999)] | None = None


class _StateEntry(BaseModel):
    """The state of one address, as the list has it. Times are Unix seconds by the gateway's clock."""

    state: StateName
    retry_count: Annotated[int, Field(ge=0)] = 0
    metadata: Annotated[_Metadata, BeforeValidator(lambda value: {} if value is None else value)] = _Metadata()

    def to_escalation(self, ip: str, now: datetime) -> Escalation:
        """Converts it to an `Escalation`; `now` is the time of the answer."""
        began = self.metadata.attempt_started
        lasted = None
        if self.state == "P2P_ATTEMPTING" and began is not None:
            lasted = max(now - _EPOCH - timedelta(seconds=began), timedelta())
        return Escalation(
            ip=ip, state=self.state, retries=self.retry_count, target=self.metadata.target_gateway or "", attempting=lasted
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Ip = Annotated[str, StringConstraints(max_length=255)]
_STATES = TypeAdapter(
    Annotated[dict[_Ip, _StateEntry], Field(max_length=1000), BeforeValidator(accept_empty_object)],
)


class _StatsAnswer(BaseModel):
    states: Annotated[dict[StateName, Annotated[int, Field(ge=0)]], Field(max_length=4)]


class _StateAnswer(BaseModel):
    ip: str
    state: StateName


class _ResetAnswer(_StateAnswer):
    success: bool
