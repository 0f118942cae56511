"""The proof after a reload: what a gateway says of itself, compared with its configuration."""

import json
from typing import Any

import pytest

from adapters.errors import DeadlineExceeded, HostError
from adapters.gateway.action import HttpResponse
from adapters.gateway.reload import ProveSync, SyncProof
from adapters.phrase import Phrase
from tests.adapters.gateway.conftest import Connect, StandIn
from tests.lab.gateway.server import GatewayServer
from tests.lab.gateway.state import Lua

TWO, THREE = "http://10.100.2.1:8080", "http://10.100.3.1:8080"
PROOF = ProveSync(host_id=1, peers=(TWO, THREE))
WELL = SyncProof(state="as configured", host_id=1)


def body(**fields: Any) -> HttpResponse:
    return HttpResponse(200, json.dumps({"peers": [TWO, THREE]} | fields))


@pytest.mark.parametrize(
    ("answer", "expected", "why"),
    [
        pytest.param(body(host_id=1), WELL, None, id="as configured"),
        pytest.param(body(host_id="1", peers=[THREE, TWO]), WELL, None, id="text as ID, another order"),
        pytest.param(
            body(peers={}, peer_count=0),
            SyncProof(state="not started"),
            "the gateway responds, but its Lua code did not start (no host_id). See error.log on the host",
            id="the Lua side ended",
        ),
        pytest.param(
            body(host_id=2),
            SyncProof(state="other host", host_id=2),
            "the gateway reports host ID 2 instead of 1",
            id="another host answers",
        ),
        pytest.param(
            body(host_id=1, peers=[TWO, "http://10.100.9.1:8080"]),
            SyncProof(state="other peers", host_id=1, missing=(THREE,), extra=("http://10.100.9.1:8080",)),
            "the gateway does not run with the peers of its configuration "
            "(missing: http://10.100.3.1:8080, extra: http://10.100.9.1:8080)",
            id="other peers",
        ),
        pytest.param(
            body(host_id=1, peers={}),
            SyncProof(state="other peers", host_id=1, missing=(TWO, THREE)),
            "the gateway does not run with the peers of its configuration "
            "(missing: http://10.100.2.1:8080, http://10.100.3.1:8080, extra: none)",
            id="no peers",
        ),
    ],
)
def test_an_answer_proves_the_configuration_or_says_why_not(
    answer: HttpResponse, expected: SyncProof, why: str | None
) -> None:
    proof = PROOF.parse((answer,))
    said = PROOF.explain_answer(proof)
    assert (expected, why) == (proof, None if said is None else str(said))


def test_an_error_page_proves_nothing_and_says_which_error() -> None:
    proof = PROOF.parse((HttpResponse(500, "<html>"),))
    assert ("unusable", "the gateway returned error 500 for /api/sync/status. Check its error.log") == (
        proof.state,
        str(PROOF.explain_answer(proof)),
    )


def test_a_gateway_that_does_not_answer_is_a_failure() -> None:
    with pytest.raises(HostError):
        PROOF.parse((DeadlineExceeded(Phrase("too late")),))


def test_without_known_peers_the_id_alone_is_compared() -> None:
    assert WELL == ProveSync(host_id=1, peers=None).parse((body(host_id=1, peers=["http://192.0.2.1:1"]),))


async def test_workers_from_before_the_reload_prove_nothing(connect: Connect, server: GatewayServer) -> None:
    """They answer until they have ended, which takes some 50 ms."""
    server.state.renew(1, [TWO], Lua.WORKS)
    proof, connection = ProveSync(host_id=1, peers=(TWO,)), connect()
    assert "other peers" == (await connection.perform(proof)).state
    server.state.old = None
    assert "as configured" == (await connection.perform(proof)).state


async def test_every_proof_has_a_connection_of_its_own(connect: Connect, stand_in: StandIn) -> None:
    """A kept one may lead to workers from before the reload."""
    numbers: list[int] = []

    def answer(_: bytes, number: int) -> bytes:
        numbers.append(number)
        text = json.dumps({"host_id": 1, "peers": [TWO, THREE]})
        return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()

    connection = connect(url=stand_in(answer))
    assert [WELL, WELL] == [await connection.perform(PROOF) for _ in range(2)]
    assert [1, 1] == numbers
