"""Certificates in files of hosts, from a report of `cert`. Pure.

row of a host ─▶ its certificate, in a file there          row of a CA ─▶ the CA's, in a file of each host that trusts it

Certificates that an operation signed, from the signed outcomes of its steps. Pure.

A step signed a certificate if its answer holds one. Where that step was rolled back, no host was left with the certificate:
it is abandoned, although it stays valid until its end.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from adapters.nebula.certificates import Certificate, parse_pem
from bot.model.observation import Observation
from bot.store.audit_chain import StoredEvent
from commands.certificates.further import CertificateKind
from commands.model.certificates import (
    MAX_ADDRESSES,
    MAX_GROUPS,
    MAX_TEXT,
    Identity,
    IdentityKind,
    Sighting,
    Way,
    make_identity,
)
from commands.model.plan import Result, StepResult
from commands.model.report import Cell, Mark, Report


def list_file_sightings(report: Report, at: datetime) -> tuple[Observation, ...]:
    """Lists the certificates that a report of `cert` read in files, as of `at`. A CA in a host's place is the CA's."""
    rows = [{column.key: cell for column, cell in zip(report.columns, row.cells, strict=True)} for row in report.rows]
    read = [cells for cells in rows if cells["whole_fingerprint"].mark not in (Mark.UNKNOWN, Mark.ABSENT)]
    authorities = [cells for cells in read if cells["kind"].value == CertificateKind.CA]
    fingerprints = {cells["whole_fingerprint"].value for cells in authorities}
    hosts = [
        cells
        for cells in read
        if cells["kind"].value == CertificateKind.HOST and cells["whole_fingerprint"].value not in fingerprints
    ]
    return (
        *(found for cells in authorities for found in _observe_authority(cells, at)),
        *(found for cells in hosts for found in _observe(cells, IdentityKind.NEBULA, [str(cells["host"].value)], at)),
    )


def _observe_authority(cells: Mapping[str, Cell], at: datetime) -> Iterator[Observation]:
    places = str(cells["trusted"].value).split()
    yield from _observe(cells, IdentityKind.AUTHORITY, places, at)


def _observe(cells: Mapping[str, Cell], kind: IdentityKind, places: list[str], at: datetime) -> Iterator[Observation]:
    try:
        identity = Identity.model_validate(
            {
                "fingerprint": cells["whole_fingerprint"].value,
                "kind": kind,
                "name": str(cells["name"].value)[:MAX_TEXT],
                "address": "" if kind is IdentityKind.AUTHORITY else _join_addresses(cells["address"]),
                "groups": tuple(group[:MAX_TEXT] for group in str(cells["groups"].value or "").split()[:MAX_GROUPS]),
                "issuer": "" if kind is IdentityKind.AUTHORITY else cells["issuer"].value or "",
                "begins_at": cells["begins_at"].value,
                "ends_at": cells["ends_at"].value,
            }
        )
    except (ValidationError, KeyError):  # a row of another shape
        return
    for place in places:
        yield Observation(identity, Sighting(place=place, way=Way.FILE, at=at))


def _join_addresses(cell: Cell) -> str:
    """Joins the addresses without their prefixes."""
    return " ".join(network.partition("/")[0] for network in str(cell.value or "").split()[:MAX_ADDRESSES])


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
