"""Certificates that an operation signed, from the signed outcomes of its steps. Pure.

A step signed a certificate if its answer holds one. Where that step was rolled back, no host was left with the certificate:
it is abandoned, although it stays valid until its end.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from adapters.nebula.certificates import Certificate, parse_pem
from bot.store.chain import StoredEvent
from bot.store.ledger import Observation
from commands.model.certificates import make_identity
from commands.model.plan import Result, StepResult


@dataclass(frozen=True)
class _Outcome:
    """Outcome of a step, or of its rollback (`undo`)."""

    result: StepResult
    undo: bool


def derive_signatures(operation: str, events: Iterable[StoredEvent]) -> tuple[Observation, ...]:
    """Derives what an operation signed from its events, OUTCOME. Events of another shape are left out."""
    outcomes = list(_parse_outcomes(events))
    undone = {each.result.key for each in outcomes if each.undo and each.result.result is Result.UNDONE}
    found: dict[str, Observation] = {}
    for each in outcomes:
        certificate = None if each.undo or not each.result.result.successful else _find_certificate(each.result.product)
        if certificate is not None:
            signed = {
                "operation": operation,
                "signed_at": each.result.ended_at,
                "abandoned": each.result.key in undone,
            }
            found[certificate.fingerprint] = Observation(make_identity(certificate).model_copy(update=signed))
    return tuple(found.values())


def _parse_outcomes(events: Iterable[StoredEvent]) -> Iterator[_Outcome]:
    for event in events:
        try:
            data = json.loads(event.data)
            yield _Outcome(StepResult.model_validate(data["result"]), bool(data["undo"]))
        except (ValueError, KeyError, TypeError):  # of another version; a ValidationError is a ValueError
            continue


def _find_certificate(product: Mapping[str, Any]) -> Certificate | None:
    """Finds the certificate in the answer of a step; None if it has none."""
    match product:
        case {"certificate": str(text), "fingerprint": str(fingerprint)}:
            try:
                (certificate,) = parse_pem(text)
            except (ValueError, ValidationError):
                return None
            return certificate if certificate.fingerprint == fingerprint else None
        case _:
            return None
