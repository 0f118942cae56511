"""Nebula's certificates on a Windows host: read, make, sign and stage them, and find their handshakes on another host.

No private key leaves the host that it was made on. Work happens in a fresh folder that only SYSTEM and Administrators can
enter. Its name holds the operation's id, so that unfinished work is found again.
"""

from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address, ip_interface
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from adapters.action import Effect
from adapters.inventory import WindowsSide
from adapters.nebula.certificates import Certificate, is_signed_by, parse_pem, parse_public_key
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.nebula_log import parse_handshake

PEM_LIMIT = 64_000
"""Bytes of a certificate file. A bundle of several CAs has about two thousand."""


class NebulaFiles(Value):
    """Nebula's files on a host, unparsed: their texts are untrusted until `adapters.nebula.certificates` has read them.

    `certificate`, `ca` are the files' texts, "" if missing; `printed`, `ca_printed` the output of `nebula-cert print -json`
    for them, "" if it refuses. `configured_*` are the paths in config.yaml, "" if it names none and "inline" if it has no
    path there. `readers` are accounts beside SYSTEM and Administrators that can read the private key. `key_matches`: whether
    `nebula -test` accepts certificate and key together, None if it could not be run; `test_says` is its reason for refusing,
    in Nebula's words (also for other reasons: an expired certificate, a broken configuration). `written_at`,
    `ca_written_at`: when the certificate's and the CA's file were last written. `running_since`: when the Nebula process
    started; None if it does not run. `ca_key`: whether the CA's private key lies here, `ca_key_encrypted` whether it needs a
    passphrase, as its banner shows. `sightings`: the newest handshakes in this host's Nebula log, one for each name.
    """

    certificate: str
    printed: str
    ca: str
    ca_printed: str
    configured_certificate: str
    configured_key: str
    configured_ca: str
    key_present: bool
    readers: tuple[str, ...]
    key_matches: bool | None
    test_says: str = ""
    written_at: AwareDatetime | None
    ca_written_at: AwareDatetime | None
    running_since: AwareDatetime | None
    ca_key: bool
    ca_key_encrypted: bool = False
    clock: AwareDatetime
    sightings: tuple["LoggedHandshake", ...] = ()


class LoggedHandshake(Value):
    """A handshake that this host's Nebula logged: the peer's name, its fingerprint, the time (the host's clock).

    `issuer` is the fingerprint of its CA, `address` its addresses with spaces between; "" without any.
    `at` is None where Nebula logs no times (`disable_timestamp`), or in a format of its own (`timestamp_format`).
    """

    name: str
    fingerprint: str
    at: AwareDatetime | None
    issuer: str = ""
    address: str = ""


class ReadCertificates(WindowsAction[NebulaFiles]):
    """Reads certificate, CA, configuration and related files. Private keys stay on the host."""

    script = "read-certificates"
    deadline = 30.0
    output_limit = 512_000

    service: str
    nebula_exe: str
    nebula_cert_exe: str
    config: str
    certificate: str
    key: str
    ca: str
    ca_key: str
    log: str

    @classmethod
    def of(cls, side: WindowsSide) -> "ReadCertificates":
        """Makes the action for one host's paths."""
        paths = side.paths
        return cls(
            service=side.nebula_service,
            nebula_exe=paths.nebula_exe,
            nebula_cert_exe=paths.nebula_cert_exe,
            config=paths.nebula_config,
            certificate=paths.host_certificate,
            key=paths.host_key,
            ca=paths.ca_certificate,
            ca_key=paths.ca_key,
            log=paths.nebula_log,
        )

    def parse(self, data: Any) -> NebulaFiles:
        """Parses the object. The script returns lines of Nebula's log as they are."""
        match data:
            case {"handshakes": [*lines], **rest}:
                return NebulaFiles.model_validate({**rest, "sightings": _collect_handshakes(lines)})
            case _:
                raise ValueError("no handshakes")


def _collect_handshakes(lines: Iterable[Any]) -> tuple[LoggedHandshake, ...]:
    """Collects the last handshake of each name. Unreadable lines are skipped."""
    received = (parse_handshake(line) for line in lines if isinstance(line, str))
    newest = {
        each.name: LoggedHandshake.model_validate(each.model_dump(exclude={"underlay"}))
        for each in received
        if each is not None
    }
    return tuple(newest.values())


class KeyPair(Value):
    """Public half of a key pair whose private half stays on the host, as PEM."""

    public_key: str = Field(max_length=1_000)
    changed: bool = False


class MakeKeyPair(WindowsAction[KeyPair]):
    """Makes a key pair in a fresh folder (`host.key`, `host.pub`), or finds the one that was made there before."""

    script = "make-key-pair"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str
    nebula_cert_exe: str

    def parse(self, data: Any) -> KeyPair:
        """Rejects everything but a public key, and no error repeats the rejected text."""
        match data:
            case {"public_key": str(text), "changed": bool(changed)}:
                parse_public_key(text)
                return KeyPair(public_key=text, changed=changed)
            case _:
                raise ValueError("no public key")


class SignedCertificate(Value):
    """A certificate signed just now, or before for the same public key. `fingerprint` is in hexadecimal."""

    certificate: str = Field(max_length=PEM_LIMIT)
    fingerprint: str
    not_after: AwareDatetime
    changed: bool = False


_LIFETIME_ALLOWANCE = timedelta(minutes=2)
"""Tolerance for a certificate's lifetime. It also applies to a CA that ends that soon after the requested lifetime."""


class SignCertificate(WindowsAction[SignedCertificate]):
    """Signs a public key with the CA's private key on this host, in a fresh folder.

    `lifetime` is in hours; the CA's own end shortens it. The answer is read by `adapters.nebula.certificates` and compared
    with the request: name, networks, groups, public key, signature. Any difference is a `ProtocolError`. `ActionFailed.code`
    is "CaKeyEncrypted", "CaExpired", "CaKeyMissing", "CaDiffers" or "DiskFull" for that reason, and "SignFailed" for any
    other refusal of nebula-cert.
    """

    script = "sign-certificate"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 256_000

    folder: str
    nebula_cert_exe: str
    ca_certificate: str
    ca_key: str
    ca_fingerprint: str
    name: str
    networks: tuple[str, ...]
    unsafe_networks: tuple[str, ...] = ()
    groups: tuple[str, ...]
    public_key: str = Field(max_length=1_000)
    lifetime: int = Field(ge=1)

    def parse(self, data: Any) -> SignedCertificate:
        match data:
            case {"certificate": str(text), "ca": str(ca_text), "changed": bool(changed)}:
                (certificate,), (ca,) = parse_pem(text), parse_pem(ca_text)
            case _:
                raise ValueError("neither a certificate nor its CA")
        if differs := self._find_difference(certificate, ca):
            raise ValueError(f"the certificate has another {differs} than was asked for")
        return SignedCertificate(
            certificate=text, fingerprint=certificate.fingerprint, not_after=certificate.not_after, changed=changed
        )

    def _find_difference(self, certificate: Certificate, ca: Certificate) -> str:
        """Finds a property in which the certificate differs from the request; "" if there is none."""
        longest = timedelta(hours=self.lifetime) + _LIFETIME_ALLOWANCE
        checks = {
            "kind": not certificate.is_ca,
            "name": certificate.name == self.name,
            "address": set(certificate.networks) == set(map(ip_interface, self.networks)),
            "network behind it": set(certificate.unsafe_networks) == set(map(ip_interface, self.unsafe_networks)),
            "group": set(certificate.groups) == set(self.groups),
            "public key": certificate.public_key == parse_public_key(self.public_key),
            "CA": ca.fingerprint == self.ca_fingerprint and is_signed_by(certificate, ca),
            "lifetime": certificate.not_after - certificate.not_before <= longest and certificate.not_after < ca.not_after,
        }
        return next((what for what, right in checks.items() if not right), "")


class Staged(Value):
    """A new certificate in the folder of its key, accepted by Nebula with this host's configuration."""

    certificate_file: str
    key_file: str
    changed: bool = False


class StageCertificate(WindowsAction[Staged]):
    """Puts a signed certificate beside its key and has `nebula-cert verify` and `nebula -test` check both.

    The live configuration is tested with the new files in place of the old ones. Nothing live is changed.
    `ActionFailed.code` is "NotVerified" or "NotTaken" if they refuse, "ConfigNotKnown" if config.yaml does not name the
    files on lines of their own.
    """

    script = "stage-certificate"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str
    certificate: str
    nebula_exe: str
    nebula_cert_exe: str
    config: str
    ca: str


class Forgotten(Value):
    """Result of a removal: the folder does not exist any more."""

    changed: bool = False


class ForgetFolder(WindowsAction[Forgotten]):
    """Removes an operation's folder with the key in it.

    Fails for any other folder. Fails while the operation's change is in progress or stuck, because the old files lie there.
    """

    script = "forget-folder"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str


class LogPosition(Value):
    """Present end of a log, in bytes."""

    position: int


class NotePosition(WindowsAction[LogPosition]):
    """Reads where this host's Nebula log ends, so that only later lines count."""

    script = "note-position"
    deadline = 20.0
    output_limit = 64_000

    log: str


class HandshakeResult(Value):
    """Result of a handshake search: whether the log, beyond a position, has one with that name and certificate."""

    found: bool
    at: AwareDatetime | None = None


class FindHandshake(WindowsAction[HandshakeResult]):
    """Searches this host's Nebula log beyond a position (or a log that was started anew since) for one handshake."""

    script = "find-handshake"
    deadline = 20.0
    output_limit = 64_000

    log: str
    after: int = Field(ge=0)
    name: str
    fingerprint: str

    def parse(self, data: Any) -> HandshakeResult:
        """Parses the lines, which the script selected only because they hold both words."""
        match data:
            case {"lines": [*lines]}:
                received = [parse_handshake(line) for line in lines if isinstance(line, str)]
            case _:
                raise ValueError("no lines")
        for each in received:
            if each is not None and (each.name, each.fingerprint) == (self.name, self.fingerprint):
                return HandshakeResult(found=True, at=each.at)
        return HandshakeResult(found=False)


class Reached(Value):
    """Result of a ping."""

    reachable: bool


class ReachAddress(WindowsAction[Reached]):
    """Pings an address on the overlay from this host."""

    script = "reach-address"
    deadline = 20.0
    output_limit = 64_000

    address: Annotated[str, AfterValidator(lambda text: str(ip_address(text)))]
