"""Certificates in files of hosts, from a report of `cert`. Pure.

row of a host ─▶ its certificate, in a file there          row of a CA ─▶ the CA's, in a file of each host that trusts it
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import ValidationError

from bot.store.ledger import Observation
from commands.certificates.further import CertificateKind
from commands.model.certificates import MAX_ADDRESSES, MAX_GROUPS, MAX_TEXT, Identity, IdentityKind, Sighting, Way
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
