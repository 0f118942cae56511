"""Judges the encrypted copies of the CA key: what a person must do about them. Pure.

The drill of opening the copy of a CA key: a throw-away public key, which a person signs offline. Pure.

    the bot ─ public key, its private half is discarded at once ─▶ a person opens a copy offline, signs it with the CA key
    pasted certificate ─ find_fault ─▶ None: the copy can be opened, and its key is that of the CA

The certificate is of no use to anyone: it has no groups, ends within minutes, and no private key belongs to it.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_interface

from adapters.key_backup import Recipient
from adapters.nebula import pem
from adapters.nebula.certificates import Certificate, is_signed_by, parse_pem, parse_public_key
from adapters.nebula.encoding import Curve
from adapters.phrase import Listing, Moment, Phrase
from commands.certificates.reading import shorten_fingerprint
from commands.model.backup import Drill, KeyBackup, KnownBackups
from commands.model.finding import Finding, Severity
from commands.model.rotation import Rotation
from commands.values.arguments import BadArgument, shorten_argument

DRILL_SPAN = timedelta(days=7)
"""Time for which a drill stays open: the person may have to fetch a key from a safe."""

DRILL_LIFETIME = timedelta(minutes=10)
"""Longest lifetime of a drill's certificate."""

ROUNDING = timedelta(seconds=5)
"""nebula-cert reads the clock twice, and writes full seconds."""

DRILL_ADDRESS = "10.100.255.254/16"
"""Address in a drill's certificate: in the overlay, and of no host."""

DRILL_INTERVAL = timedelta(days=365)
"""Time after which a drill proves nothing any more: people leave, and keys are lost."""

PASTED_LIMIT = 3_000

_BANNERS = {Curve.CURVE25519: "NEBULA X25519 PUBLIC KEY", Curve.P256: "NEBULA P256 PUBLIC KEY"}
_PASTED = re.compile(r"\s*-+\s*BEGIN (NEBULA CERTIFICATE(?: V2)?)\s*-+(?P<body>[A-Za-z0-9+/=\s]+?)-+\s*END \1\s*-+\s*")


def encode_public_key(curve: Curve, key: bytes) -> str:
    """Encodes a public key as nebula-cert reads it."""
    return pem.encode_block(_BANNERS[curve], key)


def name_certificate(drill: Drill) -> str:
    """Returns the name that the certificate must have. It follows from the key, so no two drills share one."""
    return f"drill-{hashlib.sha256(drill.public_key.encode()).hexdigest()[:8]}"


def choose_address(authority: Certificate) -> str:
    """Chooses the address that the certificate must have: one that the CA may sign."""
    usual = ip_interface(DRILL_ADDRESS)
    if not authority.networks or any(usual.ip in network.network for network in authority.networks):
        return DRILL_ADDRESS
    allowed = authority.networks[0].network
    return f"{allowed.network_address + max(1, allowed.num_addresses - 2)}/{allowed.prefixlen}"


def parse_pasted(words: tuple[str, ...]) -> str:
    """Parses a pasted certificate, with or without its line breaks. Raises `BadArgument`; no error repeats the text."""
    given = " ".join(words)
    phrase = Phrase("paste the whole certificate in quotes, from -----BEGIN NEBULA CERTIFICATE to END")
    found = _PASTED.fullmatch(given) if len(given) <= PASTED_LIMIT else None
    if "PRIVATE KEY" in given:
        raise BadArgument(Phrase("this is a private key. Never paste one: delete the message, and change the CA"), part="")
    if found is None:
        raise BadArgument(phrase, part="")
    try:
        text = pem.encode_block(found[1], base64.b64decode("".join(found["body"].split()), validate=True))
        parse_pem(text)
    except ValueError:
        raise BadArgument(phrase, part="") from None
    return text


def find_fault(text: str, drill: Drill, authority: Certificate) -> Phrase | None:
    """Finds what is wrong with the certificate of a drill; None if it proves that the key was used."""
    (certificate,) = parse_pem(text)
    if certificate.issuer != authority.fingerprint:
        return Phrase(
            "it is signed by another CA ({fingerprint}) than {ca}",
            fingerprint=shorten_fingerprint(certificate.issuer) if certificate.issuer else "-",
            ca=shorten_argument(authority.name),
        )
    if certificate.is_ca or not is_signed_by(certificate, authority):
        return Phrase("its signature is not valid: it was made with another key")
    if certificate.public_key != parse_public_key(drill.public_key):
        return Phrase("it is for another public key than that of this drill")
    name = name_certificate(drill)
    if certificate.name != name:
        return Phrase("its name is not {name}", name=name)
    if certificate.groups or certificate.unsafe_networks:
        return Phrase("it has groups or networks, which a drill must not have")
    if tuple(map(str, certificate.networks)) != (choose_address(authority),):
        return Phrase("its address is not {address}", address=choose_address(authority))
    if certificate.not_after - certificate.not_before > DRILL_LIFETIME + ROUNDING:
        return Phrase("it is valid for more than {n} minutes", n=DRILL_LIFETIME // timedelta(minutes=1))
    return None


def is_open(drill: Drill, now: datetime) -> bool:
    """Returns whether a drill waits for its certificate."""
    return drill.passed_at is None and now < drill.ends_at


RECIPIENT_WARNING = timedelta(days=30)
"""Time before the end of a recipient's certificate from which a new one is asked for."""


@dataclass(frozen=True)
class KeyProblem:
    """One problem of the copies. `subject` identifies it as long as it lasts."""

    subject: str
    severity: Severity
    short: Phrase
    why: Phrase
    next: str

    @property
    def finding(self) -> Finding:
        return Finding(severity=self.severity, host="", subject=self.subject, short=self.short, why=self.why, next=self.next)


def choose_key_backup(known: KnownBackups, rotation: Rotation | None) -> KeyBackup | None:
    """Chooses the copy that matters: the newest of the CA that will stay, else the newest one."""
    wanted = None if rotation is None else known.find_key(rotation.new.fingerprint)
    return wanted or next(iter(known.keys), None)


def find_passed(known: KnownBackups, authority: str) -> Drill | None:
    """Finds the drill of a CA that passed last; None if none has."""
    passed = [each for each in known.drills if each.authority == authority and each.passed_at is not None]
    return max(passed, key=lambda each: each.passed_at or each.opened_at, default=None)


def judge_key_backups(
    known: KnownBackups, recipients: Sequence[Recipient], rotation: Rotation | None, now: datetime
) -> tuple[KeyProblem, ...]:
    """Judges all copies. Without recipients and copies there is nothing to judge: the key is kept otherwise."""
    if not known.available or not (recipients or known.keys):
        return ()
    newest = choose_key_backup(known, rotation)
    return (
        *_judge_recipients(recipients, newest, now),
        *_judge_copy(newest),
        *(() if newest is None else _judge_drills(known, newest, now)),
    )


def judge_present_authority(known: KnownBackups, present: Certificate | None) -> Iterator[KeyProblem]:
    """Judges whether there is a copy of the key with which the lighthouse signs now; None: that is not known."""
    if present is not None and known.keys and known.find_key(present.fingerprint) is None:
        yield KeyProblem(
            "ca-backup/present",
            Severity.HIGH,
            Phrase("no copy of the present CA key"),
            Phrase("the Lighthouse signs with {ca}, but all copies are of other CAs", ca=shorten_argument(present.name)),
            "ca backup create",
        )


def _judge_copy(newest: KeyBackup | None) -> Iterator[KeyProblem]:
    if newest is None:
        yield KeyProblem(
            "ca-backup/copy",
            Severity.HIGH,
            Phrase("no copy of the CA key"),
            Phrase("the CA key exists once, on the lighthouse. If it is lost, every host needs a new certificate"),
            "ca backup create --new-recipients",
        )
    elif newest.fault:
        yield KeyProblem(
            "ca-backup/copy",
            Severity.HIGH,
            Phrase("copy of the CA key damaged"),
            Phrase("{id} was not whole when it was last verified. Make a new copy", id=newest.id),
            "ca backup create",
        )
    elif newest.verified_at is None:
        yield KeyProblem(
            "ca-backup/copy",
            Severity.MEDIUM,
            Phrase("copy of the CA key never verified"),
            Phrase("{id} was never found whole at both places", id=newest.id),
            "ca backup verify",
        )


def _judge_recipients(recipients: Sequence[Recipient], newest: KeyBackup | None, now: datetime) -> Iterator[KeyProblem]:
    for each in recipients:
        left = each.ends_at - now
        if left <= RECIPIENT_WARNING:
            expired = left <= timedelta(0)
            yield KeyProblem(
                f"ca-backup/recipient/{each.sha256[:12]}",
                Severity.HIGH if expired else Severity.MEDIUM,
                Phrase("recipient of the CA key expired") if expired else Phrase("recipient of the CA key expires"),
                Phrase(
                    "the certificate of {name} ends at {at}. No copy is made for an expired one. Configure a new one",
                    name=each.name,
                    at=Moment(each.ends_at),
                ),
                "ca backup create --new-recipients",
            )
    if recipients and newest is not None and {each.sha256 for each in recipients} != set(newest.recipients):
        yield KeyProblem(
            "ca-backup/recipients",
            Severity.MEDIUM,
            Phrase("recipients of the CA key differ"),
            Phrase(
                "{id} is for others than the configured {names}",
                id=newest.id,
                names=Listing(tuple(each.name for each in recipients)),
            ),
            "ca backup create --new-recipients",
        )


def _judge_drills(known: KnownBackups, newest: KeyBackup, now: datetime) -> Iterator[KeyProblem]:
    passed = find_passed(known, newest.authority)
    since = None if passed is None else passed.passed_at
    refused = next((each for each in known.drills if each.authority == newest.authority and each.refused_at), None)
    if refused is not None and refused.refused_at is not None and (since is None or since < refused.refused_at):
        yield KeyProblem(
            "ca-backup/refused",
            Severity.HIGH,
            Phrase("certificate of a restore drill refused"),
            Phrase(
                "a certificate was refused at {at}. If it was made with the key from the copy, that key is the wrong one. "
                "Make a new copy, then repeat the drill",
                at=Moment(refused.refused_at),
            ),
            "ca backup drill",
        )
    if since is None:
        yield KeyProblem(
            "ca-backup/drill",
            Severity.MEDIUM,
            Phrase("no restore drill of the CA key yet"),
            Phrase("it is not proven that anyone can open the copy {id}", id=newest.id),
            "ca backup drill",
        )
    elif now - since > DRILL_INTERVAL:
        yield KeyProblem(
            "ca-backup/drill",
            Severity.MEDIUM,
            Phrase("restore drill of the CA key is due"),
            Phrase("the last drill was at {at}, more than a year ago", at=Moment(since)),
            "ca backup drill",
        )
