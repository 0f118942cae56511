"""What the signed outcomes of an operation prove of the certificates that it signed."""

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.nebula.certificates import parse_pem
from bot.audit_log.log import EventKind
from bot.certificates.rules.ledger import derive_signatures
from bot.certificates.services.ledger import IdentityLedger
from bot.store.audit_chain import StoredEvent
from commands.model.certificates import Identity, make_identity
from commands.model.plan import Result, StepResult
from tests.bot.changes.workflow_team import Log
from tests.commands.canned import NOW
from tests.commands.canned_certs import CA

PEM, _ = CA.sign("host-a", "10.100.1.1/16")
(CERTIFICATE,) = parse_pem(PEM)
PRODUCT = {"certificate": PEM, "fingerprint": CERTIFICATE.fingerprint, "not_after": "x", "changed": True}


def outcome(
    product: dict[str, Any] = PRODUCT, result: Result = Result.DONE, undo: bool = False, key: str = "host-a/sign"
) -> dict[str, Any]:
    ended = NOW + timedelta(seconds=1)
    step = StepResult(key=key, result=result, product=product, began_at=NOW, ended_at=ended)
    return {"undo": undo, "touched": True, "result": step.model_dump(mode="json")}


BACK = outcome({}, Result.UNDONE, undo=True)


def derive(*datas: Any) -> list[Identity]:
    events = [StoredEvent(1, "", EventKind.OUTCOME, "ana", "op-1", json.dumps(data), "", "", "") for data in datas]
    return [each.identity for each in derive_signatures("op-1", events)]


def signed(**given: Any) -> Identity:
    known = {"operation": "op-1", "signed_at": NOW + timedelta(seconds=1)}
    return make_identity(CERTIFICATE).model_copy(update=known | given)


def test_a_certificate_that_was_signed_is_known_with_its_operation_and_time() -> None:
    assert [signed()] == derive(outcome({}, key="host-a/keys"), outcome())


def test_one_that_was_signed_again_after_a_crash_is_the_same() -> None:
    assert [signed()] == derive(outcome(), outcome(result=Result.UNCHANGED))


def test_one_whose_step_was_rolled_back_is_abandoned() -> None:
    assert [signed(abandoned=True)] == derive(outcome(), BACK)


def test_the_rollback_of_another_step_abandons_nothing() -> None:
    assert [signed()] == derive(outcome(), outcome({}, Result.UNDONE, undo=True, key="host-a/stage"))


def test_a_rollback_in_doubt_abandons_nothing() -> None:
    assert [signed()] == derive(outcome(), outcome({}, Result.UNKNOWN, undo=True))


NOTHING: dict[str, Any] = {
    "a step that failed": outcome(result=Result.FAILED),
    "one in doubt": outcome(result=Result.UNKNOWN),
    "a rollback": outcome(undo=True),
    "another answer": outcome({"public_key": "x"}),
    "no certificate": outcome(PRODUCT | {"certificate": "x"}),
    "another fingerprint": outcome(PRODUCT | {"fingerprint": "0" * 64}),
    "several certificates": outcome(PRODUCT | {"certificate": PEM * 2}),
    "a result of another version": {"undo": False, "result": {"state": "new"}},
    "no result": {"undo": False},
    "no object": [1],
}


@pytest.mark.parametrize("story", NOTHING)
def test_nothing_else_proves_a_signature(story: str) -> None:
    assert [] == derive(NOTHING[story])
    assert [signed()] == derive(NOTHING[story], outcome())


async def test_the_end_of_a_run_records_what_it_signed(ledger: IdentityLedger, log: Log) -> None:
    await log.record(EventKind.OUTCOME, "ana", "op-1", outcome())
    await ledger.follow_end("op-1")
    await ledger.follow_end("op-1")
    assert (signed(),) == (await ledger.read_known()).identities
