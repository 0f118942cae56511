"""What proves at a gateway that a container serves."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.errors import ActionFailed, DeadlineExceeded, HostError
from adapters.gateway.action import HttpResponse
from adapters.gateway.serving import FindServing, ServedContainer
from adapters.phrase import Phrase
from tests.adapters.gateway.conftest import Connect
from tests.lab.gateway.server import GatewayServer

AT = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)
FIND = FindServing(id="web-1", address="10.87.1.10", since=int(AT.timestamp()), settling=10)


def page(said: Any, status: int = 200, seconds: float = 0) -> HttpResponse:
    return HttpResponse(status, json.dumps(said) + "\n", date=AT + timedelta(seconds=seconds))


WEB = {"id": "web-1", "ip": "10.87.1.10", "hostname": "web-1"}
NO_ID = page({"id": "web-1", "error": "container not found"}, 404)
NO_ADDRESS = page({"ip": "10.87.1.10", "error": "not found"}, 404)


@pytest.mark.parametrize(
    ("by_id", "by_address", "registered", "found", "why"),
    [
        pytest.param(page(WEB), page(WEB), True, True, "10 s have not passed", id="it serves"),
        pytest.param(NO_ID, NO_ADDRESS, False, False, "does not list it", id="nothing"),
        pytest.param(
            page(WEB | {"ip": "10.87.1.9"}), NO_ADDRESS, False, False, "registered with 10.87.1.9", id="an older address"
        ),
        pytest.param(page(WEB), NO_ADDRESS, True, False, "does not lead to it", id="the address leads nowhere"),
        pytest.param(page(WEB), page(WEB | {"id": "b"}), True, False, "does not lead to it", id="the address is another's"),
        pytest.param(page([WEB]), page(WEB), None, None, "", id="a list"),
        pytest.param(HttpResponse(404, "<html>404</html>", date=AT), NO_ADDRESS, None, None, "", id="nginx's own 404"),
        pytest.param(HttpResponse(200, json.dumps(WEB)), HttpResponse(200, json.dumps(WEB)), None, None, "", id="no clock"),
    ],
)
def test_both_ways_to_it_count(
    by_id: HttpResponse, by_address: HttpResponse, registered: bool | None, found: bool, why: str
) -> None:
    if registered is None:
        with pytest.raises(ValueError):  # noqa: PT011  (of any parser)
            FIND.parse((by_id, by_address))
        return
    answer = FIND.parse((by_id, by_address))
    assert (registered, found) == (answer.registered, answer.found)
    assert why in str(FIND.explain_answer(answer))


@pytest.mark.parametrize(("seconds", "settled"), [(9, False), (10, True)])
def test_the_wait_is_by_the_gateways_clock(seconds: float, settled: bool) -> None:
    answer = FIND.parse((page(WEB, seconds=0), page(WEB, seconds=seconds)))
    assert (settled, int(AT.timestamp() + seconds)) == (answer.settled, answer.at)
    assert settled == (FIND.explain_answer(answer) is None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(DeadlineExceeded(Phrase("too late")), DeadlineExceeded, id="too late"),
        pytest.param(HttpResponse(403, "<html>403</html>", date=AT), ActionFailed, id="not allowed"),
    ],
)
def test_what_was_not_answered_is_a_failure(answer: HttpResponse | HostError, error: type[HostError]) -> None:
    with pytest.raises(error):
        FIND.parse((page(WEB), answer))


async def test_the_labs_gateway_answers_as_the_real_one(connect: Connect, server: GatewayServer) -> None:
    find = FindServing(id="web-1", address="10.87.1.10")
    missing = await connect().perform(find)
    assert missing == ServedContainer(registered=False, found=False, settled=True, at=missing.at)
    server.state.registrations.register({"id": "web-1", "ip": "10.87.1.10", "hostId": 1})
    there = await connect().perform(find)
    assert there == ServedContainer(registered=True, found=True, settled=True, at=there.at, address="10.87.1.10", id="web-1")
