"""Table of certificates: columns, and the cells of one host or one CA. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from adapters.inventory import Host
from adapters.nebula.certificates import Certificate, signed_by
from adapters.phrase import Moment, Phrase
from adapters.windows.nebula import Sighting
from commands.certs.inventory import Held, Mesh, short
from commands.checks.host_details import clock_cell
from commands.model.phrases import some
from commands.model.report import Cell, Column, Mark
from commands.values.arguments import shown

COLUMNS = (
    Column(key="days", heading=Phrase("Certificate")),
    Column(key="running", heading=Phrase("In use")),
    Column(key="issuer", heading=Phrase("Issuer")),
    Column(key="name", heading=Phrase("Name"), detail=True),
    Column(key="address", heading=Phrase("Address"), detail=True),
    Column(key="groups", heading=Phrase("Groups"), detail=True),
    Column(key="fingerprint", heading=Phrase("Fingerprint"), detail=True),
    Column(key="ends_at", heading=Phrase("Valid until"), detail=True),
    Column(key="begins_at", heading=Phrase("Valid from"), detail=True),
    Column(key="whole_fingerprint", heading=Phrase("Whole fingerprint"), detail=True),
    Column(key="version", heading=Phrase("Version"), detail=True),
    Column(key="routes", heading=Phrase("Networks behind it"), detail=True),
    Column(key="trusted", heading=Phrase("Trusted CAs"), detail=True),
    Column(key="file", heading=Phrase("File"), detail=True),
    Column(key="written_at", heading=Phrase("Written"), detail=True),
    Column(key="running_since", heading=Phrase("Nebula runs since"), detail=True),
    Column(key="seen", heading=Phrase("Seen by others"), detail=True),
    Column(key="key", heading=Phrase("Private key"), detail=True),
    Column(key="key_readers", heading=Phrase("Key also readable by"), detail=True),
    Column(key="clock", heading=Phrase("Clock"), detail=True),
)
CELLS = tuple(column.key for column in COLUMNS)

TRUSTING = 30
"""Maximum hosts named as trusting a CA; more are counted."""


def days(left: timedelta) -> Phrase:
    """Formats the time left of a certificate in whole days."""
    if left <= timedelta(0):
        return Phrase("expired")
    if left < timedelta(days=1):
        return Phrase("less than a day left")
    return Phrase("{n} day left", plural="{n} days left", n=left.days)


def runs_another(held: Held, mesh: Mesh) -> Literal["seen", "older", ""]:
    """Finds signs that Nebula runs with another certificate than the file; "" if there is none.

    "seen": another host saw a different one after the file was written. "older": the file is younger than the process.
    """
    files, certificate, sighted = held.files, held.certificate, mesh.sighted(held)
    if files is None or certificate is None or files.running_since is None or files.written_at is None:
        return ""
    if sighted is not None and sighted[1].fingerprint == certificate.fingerprint:
        return ""
    if sighted is not None and sighted[1].at > files.written_at:
        return "seen"
    return "older" if files.written_at > files.running_since else ""


def certificate_cells(held: Held, mesh: Mesh) -> Mapping[str, Cell]:
    """Builds the cells of a host that answered."""
    if held.certificate is None:
        nothing = Cell(text=Phrase("not readable") if held.broken else Phrase("none"), mark=Mark.BAD)
        cells = dict.fromkeys(CELLS, Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)) | {"days": nothing}
    else:
        cells = _of(held.certificate, mesh) | {"running": _running(held, mesh), "issuer": _issuer(held, mesh)}
    return cells | _around(held, mesh)


def authority_cells(ca: Certificate, holders: Sequence[Held], mesh: Mesh) -> Mapping[str, Cell]:
    """Builds the cells of a CA, with the hosts that trust it."""
    names = [held.host.name for held in holders]
    absent = Cell(text=Phrase("n/a"), mark=Mark.ABSENT)
    trusted = Cell(text=some(names, TRUSTING), value=" ".join(names))
    return dict.fromkeys(CELLS, absent) | _of(ca, mesh) | {"trusted": trusted}


def _of(certificate: Certificate, mesh: Mesh) -> dict[str, Cell]:
    """Builds the cells of the certificate's content."""
    left = mesh.left(certificate)
    return {
        "days": Cell(text=days(left), value=left.days),
        "name": _text(certificate.name),
        "address": _listed([str(network) for network in certificate.networks]),
        "groups": _listed(certificate.groups),
        "fingerprint": Cell(text=short(certificate.fingerprint), value=short(certificate.fingerprint)),
        "ends_at": _moment(certificate.not_after),
        "begins_at": _moment(certificate.not_before),
        "whole_fingerprint": Cell.of(certificate.fingerprint),
        "version": Cell(text=str(certificate.version), value=certificate.version),
        "routes": _listed([str(network) for network in certificate.unsafe_networks]),
    }


def _around(held: Held, mesh: Mesh) -> dict[str, Cell]:
    """Builds the cells of the files beside the certificate, and of other hosts' sightings."""
    files = held.files
    assert files is not None
    sighted = mesh.sighted(held)
    return {
        "trusted": _listed([f"{ca.name} {short(ca.fingerprint)}" for ca in held.authorities]),
        "file": _text(held.paths.host_certificate),
        "written_at": _moment(files.written_at),
        "running_since": _moment(files.running_since),
        "seen": _none() if sighted is None else _sighted(*sighted),
        "key": _key(held),
        "key_readers": _listed(files.readers),
        "clock": clock_cell(held.ahead),
    }


def _sighted(host: Host, sighting: Sighting) -> Cell:
    text = Phrase(
        "{witness}, {at}: {fingerprint}",
        witness=host.name,
        at=Moment(sighting.at),
        fingerprint=shown(short(sighting.fingerprint)),
    )
    return Cell(text=text, value=f"{host.name} {sighting.at.astimezone(UTC).isoformat()} {sighting.fingerprint}")


def _running(held: Held, mesh: Mesh) -> Cell:
    """Builds the cell that shows if Nebula runs with the certificate on disk."""
    files = held.files
    if files is None or files.running_since is None:
        return Cell(text=Phrase("not running"), mark=Mark.UNKNOWN)
    match runs_another(held, mesh):
        case "seen":
            return Cell(text=Phrase("another one"), value="another", mark=Mark.BAD)
        case "older":
            return Cell(text=Phrase("an older one"), value="older", mark=Mark.BAD)
        case _:
            return Cell(text=Phrase("as on disk"), value="same", mark=Mark.WELL)


def _issuer(held: Held, mesh: Mesh) -> Cell:
    """Builds the cell of the CA that signed the certificate, by name if any host has that CA's certificate."""
    assert held.certificate is not None
    known = next((ca for ca, _ in mesh.authorities if signed_by(held.certificate, ca)), None)
    issuer = short(held.certificate.issuer)
    if known is None:
        return Cell(text=Phrase("unknown CA {fingerprint}", fingerprint=issuer), value=issuer, mark=Mark.BAD)
    mark = Mark.WELL if held.trusts_itself else Mark.BAD
    return Cell(text=shown(known.name), value=issuer, mark=mark)


def _key(held: Held) -> Cell:
    files = held.files
    if files is None or not files.key_present:
        return Cell(text=Phrase("none"), value="absent", mark=Mark.BAD)
    match files.key_matches:
        case True:
            return Cell(text=Phrase("matches"), value="matches", mark=Mark.WELL)
        case False:
            return Cell(text=Phrase("does not match"), value="differs", mark=Mark.BAD)
        case None:
            return Cell(text=Phrase("not known"), mark=Mark.UNKNOWN)


def _text(text: str) -> Cell:
    return Cell(text=shown(text), value=text) if text else _none()


def _listed(items: Sequence[str]) -> Cell:
    return Cell(text=some([shown(item) for item in items]), value=" ".join(items)) if items else _none()


def _moment(at: datetime | None) -> Cell:
    if at is None:
        return _none()
    return Cell(text=Phrase("{at}", at=Moment(at)), value=at.astimezone(UTC).isoformat())


def _none() -> Cell:
    return Cell(text=Phrase("none"), value="")
