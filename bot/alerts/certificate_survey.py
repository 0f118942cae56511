"""Certificates of the whole fleet, collected from a report of `cert`. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commands.certificates.rotation.column import does_sign, is_replaced
from commands.certificates.rotation.states import PROGRESS_KEY
from commands.model.report import Cell, Mark, Report, Row

CA_EXPIRY_MARGIN = timedelta(seconds=1)
"""Time before the end of its CA at which a certificate with the longest lifetime expires (`nebula-cert sign`)."""

Cells = Mapping[str, Cell]


@dataclass(frozen=True)
class ObservedCertificate:
    """One certificate as it was read: `name` is the host's or the CA's, `host` "" for a CA.

    `bound`: the CA that signs ends no later, so that a new certificate would not live longer. `rotating`: the CA is being
    changed; `replaced`: this is the CA that is about to be removed.
    """

    name: str
    host: str
    authority: bool
    fingerprint: str
    begins_at: datetime
    ends_at: datetime
    bound: bool = False
    rotating: bool = False
    replaced: bool = False


@dataclass(frozen=True)
class CertificateSurvey:
    """Certificates of the whole fleet: by fingerprint, and by the host that has them.

    `hosts` are those of the inventory, by name. `trust_known`: the trusted CAs of every host were read, or the host has no
    certificates at all.
    """

    certificates: Mapping[str, ObservedCertificate]
    by_host: Mapping[str, ObservedCertificate]
    hosts: frozenset[str]
    trust_known: bool

    @classmethod
    def from_report(cls, report: Report, hosts: Collection[str]) -> "CertificateSurvey":
        """Collect the certificates of a report of `cert`. Hosts that the report leaves out count as unread."""
        found = list_certificates(report)
        known_hosts = {row.host for row in report.rows if row.host and _has_trust(_map_cells(report, row))}
        return cls(
            certificates={each.fingerprint: each for each in reversed(found)},
            by_host={each.host: each for each in found if each.host},
            hosts=frozenset(hosts),
            trust_known=known_hosts.issuperset(hosts),
        )


def list_certificates(report: Report) -> tuple[ObservedCertificate, ...]:
    """List the certificates that a report of `cert` could read, CAs first; one on several hosts is there for each of them.

    A CA's certificate in the place of a host's own does not count as the host's.
    """
    read = [found for row in report.rows if (found := _read_certificate(row, _map_cells(report, row))) is not None]
    authorities = {each.fingerprint: each for each in read if each.authority}
    hosts = [each for each in read if each.fingerprint not in authorities]
    if not authorities:
        return tuple(hosts)
    signing = _list_signing(report) & authorities.keys() or authorities.keys()
    last = max(authorities[fingerprint].ends_at for fingerprint in signing) - CA_EXPIRY_MARGIN
    return (*authorities.values(), *(replace(each, bound=each.ends_at >= last) for each in hosts))


def _map_cells(report: Report, row: Row) -> Cells:
    return {column.key: cell for column, cell in zip(report.columns, row.cells, strict=True)}


def _read_certificate(row: Row, cells: Cells) -> ObservedCertificate | None:
    fingerprint = cells["whole_fingerprint"]
    if fingerprint.mark in (Mark.UNKNOWN, Mark.ABSENT) or cells["kind"].value not in ("ca", "host"):
        return None
    return ObservedCertificate(
        name=str(cells["host"].value),
        host=row.host,
        authority=cells["kind"].value == "ca",
        fingerprint=str(fingerprint.value),
        begins_at=datetime.fromisoformat(str(cells["begins_at"].value)),
        ends_at=datetime.fromisoformat(str(cells["ends_at"].value)),
        rotating=PROGRESS_KEY in cells,
        replaced=is_replaced(cells),
    )


def _list_signing(report: Report) -> frozenset[str]:
    """Lists the fingerprints of the CA that signs while the CA is being changed; none at other times."""
    rows = [_map_cells(report, row) for row in report.rows]
    return frozenset(str(cells["whole_fingerprint"].value) for cells in rows if does_sign(cells))


def _has_trust(cells: Cells) -> bool:
    """Return whether the trusted CAs are known. A host whose CA file is missing or could not be read shows none."""
    trusted = cells["trusted"]
    return trusted.mark is Mark.ABSENT or (trusted.mark is not Mark.UNKNOWN and bool(trusted.value))
