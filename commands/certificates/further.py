"""Certificates beyond those of hosts and CAs, for `cert --all`: WinRM, the bot's own, members outside, abandoned ones.

ledger, and what is read now ─▶ FurtherCertificate ─▶ a row of `cert`, with its remarks
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.nebula.certificate_file import CertificateFile, read_certificate_file
from adapters.nebula.certificates import Certificate, is_signed_by
from adapters.phrase import Moment, Phrase
from adapters.windows.tls_certificate import ReadServerCertificate, ServerCertificate
from commands.certificates.assessment import HOST_EXPIRY_LIMITS, judge_time_left
from commands.certificates.outsiders import (
    NO_REFUSALS,
    Outsider,
    RefusedPeers,
    list_abandoned,
    list_outsiders,
    merge_reading,
)
from commands.certificates.reading import FleetCertificates, shorten_fingerprint
from commands.certificates.table import CELL_KEYS, format_days_left
from commands.health.assessment import Judgment, Remark
from commands.health.fleet_report import read_all_hosts
from commands.model.certificates import Identity, IdentityKind, KnownIdentities, Sighting, Way
from commands.model.finding import Severity, list_some, relate_moment
from commands.model.operation import FleetView
from commands.model.report import Cell, Mark
from commands.values.arguments import shorten_argument


class CertificateKind(StrEnum):
    """Kinds of rows in `cert`. The values are in exports."""

    HOST = "host"
    CA = "ca"
    WINRM = "winrm"
    BOT = "bot"
    MEMBER = "member"
    STRANGER = "stranger"
    ABANDONED = "abandoned"


KIND_NAMES: Mapping[CertificateKind, Phrase] = {
    CertificateKind.HOST: Phrase("host"),
    CertificateKind.CA: Phrase("CA"),
    CertificateKind.WINRM: Phrase("WinRM"),
    CertificateKind.BOT: Phrase("this bot"),
    CertificateKind.MEMBER: Phrase("other member"),
    CertificateKind.STRANGER: Phrase("not in the configuration"),
    CertificateKind.ABANDONED: Phrase("signed, not in use"),
}


OWN_NAME = "flatnet-bot (bot)"


@dataclass(frozen=True)
class FurtherCertificate:
    """One certificate, and its judgment. `name` has brackets, so that it is never the name of a host."""

    kind: CertificateKind
    name: str
    judgment: Judgment
    time_left: timedelta | None


@dataclass(frozen=True)
class FurtherReading:
    """Answers beside the certificates of hosts: servers by host, and the own file, None where none is configured.

    `refused` are the peers that hosts refused, as far as their logs were read for this.
    """

    servers: Mapping[str, ServerCertificate | HostError]
    own: CertificateFile | None
    refused: RefusedPeers = NO_REFUSALS


async def read_further(hosts: Sequence[Host], view: FleetView) -> FurtherReading:
    """Reads the certificates of WinRM, and the bot's own."""
    tls = [host for host in hosts if ReadServerCertificate.applies_to(host.windows)]

    async def look(host: Host) -> ServerCertificate | HostError:
        seen: ReadResult[ServerCertificate] = await view.fleet.read(host, ReadServerCertificate())
        return seen.outcome

    answers = await read_all_hosts(tls, look, view)
    path = view.certificates.bot_certificate
    own = None if path is None else await read_certificate_file(path)
    return FurtherReading({host.name: answer for host, answer in zip(tls, answers, strict=True)}, own)


def build_further(seen: FleetCertificates, reading: FurtherReading, view: FleetView) -> Iterator[FurtherCertificate]:
    """Builds the certificates beyond those of hosts and CAs."""
    known = merge_reading(view.identities, _list_sightings(seen))
    for host, answer in reading.servers.items():
        if isinstance(answer, ServerCertificate):  # that a host does not answer is a finding already
            yield _build_server(host, answer, seen.now)
    if reading.own is not None:
        yield _build_own(reading.own, seen)
    files = {reading.own.certificate if reading.own is not None else None, *(held.certificate for held in seen.per_host)}
    read = {certificate.fingerprint for certificate in files if certificate is not None}
    for outsider in list_outsiders(known, view.fleet.inventory.hosts, seen.rules.members, seen.now):
        if outsider.identity.fingerprint not in read:
            yield _build_outsider(outsider, seen)
    for identity in list_abandoned(known, seen.now):
        yield _build_abandoned(identity, seen)


def _list_sightings(seen: FleetCertificates) -> Iterator[tuple[Identity, Sighting]]:
    """Lists the handshakes that were read together with the certificates, as the ledger would have them."""
    for host, logged in seen.logged_handshakes.values():
        try:
            identity = Identity(
                fingerprint=logged.fingerprint,
                kind=IdentityKind.NEBULA,
                name=logged.name,
                address=logged.address,
                issuer=logged.issuer,
            )
        except ValueError:  # a line that Nebula does not write
            continue
        yield identity, Sighting(place=host.name, way=Way.HANDSHAKE, at=min(logged.at or seen.now, seen.now))


def _build_server(host: str, answer: ServerCertificate, now: datetime) -> FurtherCertificate:
    left = answer.ends_at - now
    facts = {
        **_build_dates(answer.begins_at, answer.ends_at, now),
        "issuer": Cell.of(shorten_argument(answer.issuer)),
        "name": Cell.of(shorten_argument(answer.name)),
        **_build_fingerprint(answer.fingerprint),
    }
    fix = Phrase("renew it with {script}", script="winrm-certificate.sh")
    remarks = _list_expiry_remarks("winrm-expiry", left, answer.ends_at, fix)
    return FurtherCertificate(CertificateKind.WINRM, f"{host} (WinRM)", _judge(facts, remarks), left)


def _build_own(own: CertificateFile, seen: FleetCertificates) -> FurtherCertificate:
    path = str(seen.rules.bot_certificate)
    certificate = own.certificate
    if certificate is None:
        why = Phrase(
            "the bot's own certificate {path} could not be read: {why}. Fix bot_certificate under [certificates]",
            path=path,
            why=own.why or Phrase("not readable"),
        )
        remark = Remark("bot-certificate", Severity.MEDIUM, Phrase("the bot's own certificate unreadable"), why)
        facts = {
            "days": Cell(text=Phrase("not readable"), mark=Mark.BAD),
            "file": Cell(text=shorten_argument(path), value=path),
        }
        return FurtherCertificate(CertificateKind.BOT, OWN_NAME, _judge(facts, [remark]), None)
    left = seen.compute_time_left(certificate)
    facts = {
        **_build_dates(certificate.not_before, certificate.not_after, seen.now),
        "name": Cell.of(shorten_argument(certificate.name)),
        "address": Cell.of(list_some([str(network) for network in certificate.networks])),
        "issuer": _build_issuer(certificate.issuer, seen),
        "file": Cell(text=shorten_argument(path), value=path),
        **_build_fingerprint(certificate.fingerprint),
    }
    remarks = [*_judge_own(certificate, seen, path)]
    return FurtherCertificate(CertificateKind.BOT, OWN_NAME, _judge(facts, remarks), left)


def _judge_own(certificate: Certificate, seen: FleetCertificates, path: str) -> Iterator[Remark]:
    if certificate.is_ca:
        why = Phrase("{path} is a CA certificate, not a host certificate", path=path)
        yield Remark("bot-certificate", Severity.MEDIUM, Phrase("a CA certificate"), why)
        return
    authorities = [ca for ca, _ in seen.authorities]
    if authorities and not any(is_signed_by(certificate, ca) for ca in authorities):
        why = Phrase("no host trusts the CA that signed {path}, so the bot has no tunnels", path=path)
        yield Remark("bot-certificate", Severity.HIGH, Phrase("wrong CA"), why)
    fix = Phrase("sign a new one by hand, put it at {path} and restart Nebula there", path=path)
    yield from _list_expiry_remarks("bot-expiry", seen.compute_time_left(certificate), certificate.not_after, fix)


def _build_outsider(outsider: Outsider, seen: FleetCertificates) -> FurtherCertificate:
    identity = outsider.identity
    facts = {
        **_build_identity_facts(identity, seen),
        "seen": _build_seen(outsider.sightings, seen.now),
        "running": _build_seen(outsider.sightings[:1], seen.now),
    }
    kind = CertificateKind.STRANGER if outsider.is_stranger else CertificateKind.MEMBER
    left = None if identity.ends_at is None else identity.ends_at - seen.now
    remarks = [_build_stranger_remark(outsider, seen.now)] if outsider.is_stranger and outsider.is_recent(seen.now) else []
    return FurtherCertificate(kind, _make_name(identity), _judge(facts, remarks), left)


def _build_stranger_remark(outsider: Outsider, now: datetime) -> Remark:
    identity, latest = outsider.identity, next(iter(outsider.sightings), None)
    place = Phrase("the ledger") if latest is None else Phrase("{host}", host=latest.place)
    why = Phrase(
        "{place} accepted the certificate {name} ({fingerprint}), which belongs to no host of the configuration, last at "
        "{at}. If you know it, add the name to members under [certificates]",
        place=place,
        name=shorten_argument(identity.name),
        fingerprint=shorten_fingerprint(identity.fingerprint),
        at=relate_moment(identity.seen_at or now, now),
    )
    return Remark("stranger", Severity.LOW, Phrase("not in the configuration"), why)


def _build_abandoned(identity: Identity, seen: FleetCertificates) -> FurtherCertificate:
    """Builds the row of a certificate that a failed renewal left behind. Its key was removed, so it is no problem."""
    facts = {
        **_build_identity_facts(identity, seen),
        "running": Cell(
            text=Phrase("signed by {operation}, then rolled back", operation=identity.operation), value=identity.operation
        ),
    }
    left = None if identity.ends_at is None else identity.ends_at - seen.now
    return FurtherCertificate(CertificateKind.ABANDONED, _make_name(identity), _judge(facts, []), left)


def _make_name(identity: Identity) -> str:
    return f"{shorten_argument(identity.name)} ({shorten_fingerprint(identity.fingerprint)})"


def _build_identity_facts(identity: Identity, seen: FleetCertificates) -> dict[str, Cell]:
    dates: dict[str, Cell] = {"days": Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)}
    if identity.begins_at is not None and identity.ends_at is not None:
        dates = _build_dates(identity.begins_at, identity.ends_at, seen.now)
    return {
        **dates,
        "name": Cell(text=shorten_argument(identity.name), value=identity.name),
        "address": Cell.of(shorten_argument(identity.address)),
        "groups": Cell.of(list_some([shorten_argument(group) for group in identity.groups])),
        "issuer": _build_issuer(identity.issuer, seen),
        **_build_fingerprint(identity.fingerprint),
    }


def _build_seen(sightings: Sequence[Sighting], now: datetime) -> Cell:
    lines = [
        Phrase("seen by {host} {at}", host=sighting.place or "flatnet-bot", at=relate_moment(sighting.at, now))
        for sighting in sightings
    ]
    data = " ".join(f"{each.place} {each.at.astimezone(UTC).isoformat()}" for each in sightings)
    return Cell(text=list_some(lines), value=data) if lines else Cell(text=Phrase("none"), value="")


def _build_issuer(issuer: str, seen: FleetCertificates) -> Cell:
    """Builds the cell of a CA, by name if any host has that CA's certificate."""
    if not issuer:
        return Cell(text=Phrase("unknown"), mark=Mark.UNKNOWN)
    known = next((ca for ca, _ in seen.authorities if ca.fingerprint == issuer), None)
    if known is not None:
        return Cell(text=shorten_argument(known.name), value=issuer)
    short = shorten_fingerprint(issuer)
    return Cell(text=Phrase("unknown CA {fingerprint}", fingerprint=short), value=issuer, mark=Mark.BAD)


def _build_dates(begins_at: datetime, ends_at: datetime, now: datetime) -> dict[str, Cell]:
    left = ends_at - now
    return {
        "days": Cell(text=format_days_left(left), value=left.days),
        "begins_at": Cell(text=relate_moment(begins_at, now), value=begins_at.astimezone(UTC).isoformat()),
        "ends_at": Cell(text=relate_moment(ends_at, now), value=ends_at.astimezone(UTC).isoformat()),
    }


def _build_fingerprint(fingerprint: str) -> dict[str, Cell]:
    return {"fingerprint": Cell.of(shorten_fingerprint(fingerprint)), "whole_fingerprint": Cell.of(fingerprint)}


def _list_expiry_remarks(subject: str, left: timedelta, ends_at: datetime, fix: Phrase) -> list[Remark]:
    severity = judge_time_left(left, HOST_EXPIRY_LIMITS)
    if severity is None:
        return []
    why = Phrase("the certificate expires at {at}: {fix}", at=Moment(ends_at), fix=fix)
    if left <= timedelta(0):
        why = Phrase("the certificate expired at {at}: {fix}", at=Moment(ends_at), fix=fix)
    return [Remark(subject, severity, format_days_left(left), why)]


def _judge(facts: Mapping[str, Cell], remarks: Sequence[Remark]) -> Judgment:
    """Makes the judgment. What such a certificate does not have is N/A."""
    absent = Cell(text=Phrase("N/A"), mark=Mark.ABSENT)
    cells = dict.fromkeys(CELL_KEYS, absent) | dict(facts)
    if any(remark.subject in ("winrm-expiry", "bot-expiry") for remark in remarks):
        cells["days"] = cells["days"].model_copy(update={"mark": Mark.BAD})
    return Judgment(cells, tuple(remarks))


def explain_ledger(known: KnownIdentities) -> Phrase | None:
    """Explains what of the ledger could not be read; None if all of it was."""
    if not known.available:
        return Phrase("the ledger of certificates could not be read, so members outside the configuration may be missing")
    if known.damaged:
        return Phrase(
            "{n} entry of the ledger is damaged and was left out",
            plural="{n} entries of the ledger are damaged and were left out",
            n=known.damaged,
        )
    return None
