"""Table of certificates: columns, and the cells of one host or one CA. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from adapters.inventory import Host
from adapters.nebula.certificates import Certificate, is_signed_by
from adapters.phrase import Phrase
from adapters.windows.nebula import LoggedHandshake
from commands.certificates.reading import FleetCertificates, HostCertificates, shorten_fingerprint
from commands.health.operation import build_clock_cell
from commands.model.finding import list_some, relate_moment
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shorten_argument

CERTIFICATE_COLUMNS = (
    Column(key="days", heading=Phrase("Certificate")),
    Column(key="running", heading=Phrase("In use")),
    Column(key="issuer", heading=Phrase("Issuer")),
    Column(key="name", heading=Phrase("Name"), detail=True),
    Column(key="address", heading=Phrase("Address"), detail=True),
    Column(key="groups", heading=Phrase("Groups"), detail=True),
    Column(key="fingerprint", heading=Phrase("Fingerprint"), detail=True),
    Column(key="ends_at", heading=Phrase("Valid until"), detail=True),
    Column(key="begins_at", heading=Phrase("Valid from"), detail=True),
    Column(key="whole_fingerprint", heading=Phrase("Full fingerprint"), detail=True),
    Column(key="version", heading=Phrase("Version"), detail=True),
    Column(key="routes", heading=Phrase("Unsafe networks (subnets)"), detail=True),
    Column(key="trusted", heading=Phrase("Trusted CAs"), detail=True),
    Column(key="file", heading=Phrase("File"), detail=True),
    Column(key="written_at", heading=Phrase("Modified"), detail=True),
    Column(key="running_since", heading=Phrase("Nebula started"), detail=True),
    Column(key="seen", heading=Phrase("Seen by other hosts"), detail=True),
    Column(key="key", heading=Phrase("Private key"), detail=True),
    Column(key="key_readers", heading=Phrase("Key also readable by"), detail=True),
    Column(key="clock", heading=Phrase("Clock"), detail=True),
)
CELL_KEYS = tuple(column.key for column in CERTIFICATE_COLUMNS)

MAX_TRUSTING_HOSTS = 30
"""Maximum hosts named as trusting a CA; more are counted."""


def format_days_left(left: timedelta) -> Phrase:
    """Formats the time left of a certificate in whole days."""
    if left <= timedelta(0):
        return Phrase("expired")
    if left < timedelta(days=1):
        return Phrase("less than a day left")
    return Phrase("{n} day left", plural="{n} days left", n=left.days)


def find_running_mismatch(held: HostCertificates, mesh: FleetCertificates) -> Literal["seen", "older", ""]:
    """Finds signs that Nebula runs with another certificate than the file; "" if there is none.

    "seen": another host saw a different one after the file was written.
    "older": the file was written after the process started.
    """
    files, certificate, sighted = held.files, held.certificate, mesh.find_logged_handshake(held)
    if files is None or certificate is None or files.running_since is None or files.written_at is None:
        return ""
    if sighted is not None and sighted[1].fingerprint == certificate.fingerprint:
        return ""
    at = None if sighted is None else sighted[1].at
    if at is not None and at > files.written_at:
        return "seen"
    return "older" if files.written_at > files.running_since else ""


def build_certificate_cells(held: HostCertificates, mesh: FleetCertificates) -> Mapping[str, Cell]:
    """Builds the cells of a host that answered."""
    if held.certificate is None:
        nothing = Cell(text=Phrase("not readable") if held.read_error else Phrase("none"), mark=Mark.BAD)
        cells = dict.fromkeys(CELL_KEYS, Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)) | {"days": nothing}
    else:
        cells = _build_content_cells(held.certificate, mesh) | {
            "running": _build_running_cell(held, mesh),
            "issuer": _build_issuer_cell(held, mesh),
        }
    return cells | _build_surrounding_cells(held, mesh)


def build_authority_cells(
    ca: Certificate, holders: Sequence[HostCertificates], mesh: FleetCertificates
) -> Mapping[str, Cell]:
    """Builds the cells of a CA, with the hosts that trust it."""
    names = [held.host.name for held in holders]
    absent = Cell(text=Phrase("N/A"), mark=Mark.ABSENT)
    trusted = Cell(text=list_some(names, MAX_TRUSTING_HOSTS), value=" ".join(names))
    return dict.fromkeys(CELL_KEYS, absent) | _build_content_cells(ca, mesh) | {"trusted": trusted}


def _build_content_cells(certificate: Certificate, mesh: FleetCertificates) -> dict[str, Cell]:
    """Builds the cells of the certificate's content."""
    left = mesh.compute_time_left(certificate)
    return {
        "days": Cell(text=format_days_left(left), value=left.days),
        "name": _build_text_cell(certificate.name),
        "address": _build_list_cell([str(network) for network in certificate.networks]),
        "groups": _build_list_cell(certificate.groups),
        "fingerprint": Cell(
            text=shorten_fingerprint(certificate.fingerprint), value=shorten_fingerprint(certificate.fingerprint)
        ),
        "ends_at": _build_moment_cell(certificate.not_after, mesh),
        "begins_at": _build_moment_cell(certificate.not_before, mesh),
        "whole_fingerprint": Cell.of(certificate.fingerprint),
        "version": Cell(text=str(certificate.version), value=certificate.version),
        "routes": _build_list_cell([str(network) for network in certificate.unsafe_networks]),
    }


def _build_surrounding_cells(held: HostCertificates, mesh: FleetCertificates) -> dict[str, Cell]:
    """Builds the cells of the related files, and of the newest handshake that another host logged."""
    files = held.files
    assert files is not None
    sighted = mesh.find_logged_handshake(held)
    return {
        "trusted": _build_list_cell([f"{ca.name} {shorten_fingerprint(ca.fingerprint)}" for ca in held.authorities]),
        "file": _build_text_cell(held.paths.host_certificate),
        "written_at": _build_moment_cell(files.written_at, mesh),
        "running_since": _build_moment_cell(files.running_since, mesh),
        "seen": _build_empty_cell() if sighted is None else _build_sighting_cell(*sighted, mesh),
        "key": _build_key_cell(held),
        "key_readers": _build_list_cell(files.readers),
        "clock": build_clock_cell(held.ahead),
    }


def _build_sighting_cell(host: Host, sighting: LoggedHandshake, mesh: FleetCertificates) -> Cell:
    fingerprint = shorten_argument(shorten_fingerprint(sighting.fingerprint))
    if sighting.at is None:
        text = Phrase("{witness}, time unknown: {fingerprint}", witness=host.name, fingerprint=fingerprint)
        return Cell(text=text, value=f"{host.name} - {sighting.fingerprint}")
    at = relate_moment(sighting.at, mesh.now)
    text = Phrase("{witness}, {at}: {fingerprint}", witness=host.name, at=at, fingerprint=fingerprint)
    return Cell(text=text, value=f"{host.name} {sighting.at.astimezone(UTC).isoformat()} {sighting.fingerprint}")


def _build_running_cell(held: HostCertificates, mesh: FleetCertificates) -> Cell:
    """Builds the cell that shows if Nebula runs with the certificate on disk."""
    files = held.files
    if files is None or files.running_since is None:
        return Cell(text=Phrase("not running"), mark=Mark.UNKNOWN)
    match find_running_mismatch(held, mesh):
        case "seen":
            return Cell(text=Phrase("different certificate"), value="another", mark=Mark.BAD)
        case "older":
            return Cell(text=Phrase("older certificate"), value="older", mark=Mark.BAD)
        case _:
            return Cell(text=Phrase("same as file"), value="same", mark=Mark.WELL)


def _build_issuer_cell(held: HostCertificates, mesh: FleetCertificates) -> Cell:
    """Builds the cell of the CA that signed the certificate, by name if any host has that CA's certificate."""
    assert held.certificate is not None
    known = next((ca for ca, _ in mesh.authorities if is_signed_by(held.certificate, ca)), None)
    issuer = held.certificate.issuer
    if known is None:
        text = Phrase("unknown CA {fingerprint}", fingerprint=shorten_fingerprint(issuer))
        return Cell(text=text, value=issuer, mark=Mark.BAD)
    mark = Mark.WELL if held.trusts_own_certificate else Mark.BAD
    return Cell(text=shorten_argument(known.name), value=issuer, mark=mark)


def _build_key_cell(held: HostCertificates) -> Cell:
    files = held.files
    if files is None or not files.key_present:
        return Cell(text=Phrase("none"), value="absent", mark=Mark.BAD)
    match files.key_matches:
        case True:
            return Cell(text=Phrase("matches"), value="matches", mark=Mark.WELL)
        case False:
            return Cell(text=Phrase("does not match"), value="differs", mark=Mark.BAD)
        case None:
            return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)


def _build_text_cell(text: str) -> Cell:
    return Cell(text=shorten_argument(text), value=text) if text else _build_empty_cell()


def _build_list_cell(items: Sequence[str]) -> Cell:
    return (
        Cell(text=list_some([shorten_argument(item) for item in items]), value=" ".join(items))
        if items
        else _build_empty_cell()
    )


def _build_moment_cell(at: datetime | None, mesh: FleetCertificates) -> Cell:
    if at is None:
        return _build_empty_cell()
    return Cell(text=relate_moment(at, mesh.now), value=at.astimezone(UTC).isoformat())


def _build_empty_cell() -> Cell:
    return Cell(text=Phrase("none"), value="")
