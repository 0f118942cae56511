"""Proof at a gateway that a container serves: registered under its id with its address, which leads to it and no other."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.errors import HostError
from adapters.gateway.action import GatewayAction, HttpRequest, HttpResponse
from adapters.gateway.answers import require_answer, require_date
from adapters.gateway.containers import ContainerId
from adapters.phrase import Phrase
from adapters.value import Value

ContainerAddress = Annotated[str, StringConstraints(pattern=r"^10\.87\.[0-9]{1,3}\.[0-9]{1,3}$")]


class ServedContainer(Value):
    """A container as a gateway knows it. `at`: Unix seconds by the gateway's clock.

    `registered`: its id has this address. `found`: a lookup of the address yields this id. `settled`: enough time has
    passed. `address` and `id` are what the gateway has, "" for nothing.
    """

    registered: bool
    found: bool
    settled: bool
    at: int
    address: str = ""
    id: str = ""


class FindServing(GatewayAction[ServedContainer]):
    """Looks a container up by its id, and by its address.

    It is settled `settling` seconds after `since`, which is in Unix seconds by the gateway's clock.
    """

    deadline = 8.0
    output_limit = 64 * 1024

    id: ContainerId
    address: ContainerAddress
    since: int = 0
    settling: Annotated[int, Field(ge=0, le=600)] = 0

    def build_requests(self) -> tuple[HttpRequest, ...]:
        return HttpRequest(self._id_path), HttpRequest(self._address_path)

    def parse(self, responses: Sequence[HttpResponse | HostError]) -> ServedContainer:
        by_id = _read_entry(self._id_path, responses[0])
        by_address = _read_entry(self._address_path, responses[1])
        at = int(max(require_date(answer).timestamp() for answer in responses if isinstance(answer, HttpResponse)))
        return ServedContainer(
            registered=(by_id.id, by_id.ip) == (self.id, self.address),
            found=(by_address.id, by_address.ip) == (self.id, self.address),
            settled=at - self.since >= self.settling,
            at=at,
            address=by_id.ip[:255],
            id=by_address.id[:255],
        )

    def explain_answer(self, answer: ServedContainer) -> Phrase | None:
        if not answer.registered and not answer.address:
            return Phrase("the gateway does not list it. Run {words} to compare the gateways with podman", words="sync")
        if not answer.registered:
            return Phrase("it is registered with {other}, not with {address}", other=answer.address, address=self.address)
        if not answer.found:
            return Phrase("{address} does not lead to it at this gateway. Run {words}", address=self.address, words="sync")
        if not answer.settled:
            return Phrase("{n} s have not passed by the gateway's clock", n=self.settling)
        return None

    @property
    def _id_path(self) -> str:
        return f"/api/containers/{self.id}"

    @property
    def _address_path(self) -> str:
        return f"/api/lookup/ip/{self.address}"


class _Entry(BaseModel):
    """An entry of the registry, as far as it is compared. One that is absent has empty texts."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: Annotated[str, StringConstraints(max_length=16_384)] = ""
    ip: Annotated[str, StringConstraints(max_length=16_384)] = ""


class _NotFound(BaseModel):
    """The body of a 404 from the API, which nginx's own page is not."""

    error: str


def _read_entry(path: str, answer: HttpResponse | HostError) -> _Entry:
    """Reads one entry. Raises `ValueError` for an answer that is no answer of the API."""
    if isinstance(answer, HttpResponse) and answer.status == 404:
        _NotFound.model_validate_json(answer.text)
        return _Entry()
    return _Entry.model_validate_json(require_answer(path, answer).text)
