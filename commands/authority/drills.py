"""The drill of opening the copy of a CA key: a throw-away public key, which a person signs offline. Pure.

    the bot ─ public key, its private half is discarded at once ─▶ a person opens a copy offline, signs it with the CA key
    pasted certificate ─ find_fault ─▶ None: the copy can be opened, and its key is that of the CA

The certificate is of no use to anyone: it has no groups, ends within minutes, and no private key belongs to it.
"""

import base64
import hashlib
import re
from datetime import datetime, timedelta
from ipaddress import ip_interface

from adapters.nebula import pem
from adapters.nebula.certificates import Certificate, is_signed_by, parse_pem, parse_public_key
from adapters.nebula.encoding import Curve
from adapters.phrase import Phrase
from commands.certs.fleet_certificates import shorten_fingerprint
from commands.model.backup import Drill
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
