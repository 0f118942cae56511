"""Nebula's certificates on a Windows host: read, made, signed, staged, and seen by another host.

No private key leaves the host that it was made on. Work happens in a fresh folder that only SYSTEM and
Administrators can enter; its name carries the operation's id, so that what was begun is found again.
"""

from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_address, ip_interface
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field

from adapters.action import Effect
from adapters.inventory import WindowsSide
from adapters.nebula.certificates import Certificate, public_key_of, read_pem, signed_by
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.nebula_log import read_received

PEM_LIMIT = 64_000
"""Bytes of a certificate file: a bundle of several CAs has about two thousand."""


class NebulaFiles(Value):
    """What lies on a host, as it lies there: texts are foreign until `adapters.nebula.certificates` has read them.

    `certificate`, `ca` are the files' texts, "" where there is none; `printed`, `ca_printed` what
    `nebula-cert print -json` says of them, "" where it refuses. `configured_*` are the paths in config.yaml,
    "" where it names none and "inline" where no path stands there. `readers` are accounts beside SYSTEM and
    Administrators that can read the private key. `key_matches`: whether `nebula -test` takes certificate and key
    together, None where it could not be asked; `test_says` is why not, in Nebula's words (also for other reasons: an
    expired certificate, a broken configuration). `written_at` is when the certificate's file was last written,
    `running_since` when the Nebula process started; None where it does not run. `ca_key`: whether the CA's private
    key lies here, `ca_key_encrypted`: whether only a passphrase opens it (its banner says so). `sightings`: the newest
    handshakes in this host's Nebula log, one for each name.
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
    running_since: AwareDatetime | None
    ca_key: bool
    ca_key_encrypted: bool = False
    clock: AwareDatetime
    sightings: tuple["Sighting", ...] = ()


class Sighting(Value):
    """A handshake that this host's Nebula logged: with whom, with which certificate, when (the host's clock)."""

    name: str
    fingerprint: str
    at: AwareDatetime


class ReadCertificates(WindowsAction[NebulaFiles]):
    """Read certificate, CA, configuration and what goes with them; private keys stay where they are."""

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
        """The action for one host's paths."""
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
        """The script hands over lines of Nebula's log as they are."""
        match data:
            case {"handshakes": [*lines], **rest}:
                return NebulaFiles.model_validate({**rest, "sightings": _newest(lines)})
            case _:
                raise ValueError("no handshakes")


def _newest(lines: Iterable[Any]) -> tuple[Sighting, ...]:
    """The last of each name; lines that cannot be read are none."""
    told = (read_received(line) for line in lines if isinstance(line, str))
    newest = {
        each.name: Sighting(name=each.name, fingerprint=each.fingerprint, at=each.at)
        for each in told
        if each is not None and each.at is not None
    }
    return tuple(newest.values())


class KeyPair(Value):
    """The public half of a key pair that lies on the host, as PEM."""

    public_key: str = Field(max_length=1_000)
    changed: bool = False


class MakeKeyPair(WindowsAction[KeyPair]):
    """Make a key pair in a fresh folder (`host.key`, `host.pub`), or find the one that was made there before."""

    script = "make-key-pair"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str
    nebula_cert_exe: str

    def parse(self, data: Any) -> KeyPair:
        """Whatever is no public key ends here, and no error repeats it."""
        match data:
            case {"public_key": str(text), "changed": bool(changed)}:
                public_key_of(text)
                return KeyPair(public_key=text, changed=changed)
            case _:
                raise ValueError("no public key")


class Signed(Value):
    """A certificate that was signed just now, or before for the same public key. `fingerprint` is in hexadecimal."""

    certificate: str = Field(max_length=PEM_LIMIT)
    fingerprint: str
    not_after: AwareDatetime
    changed: bool = False


_SIGNING = timedelta(minutes=2)
"""That a certificate may live longer than was asked for: less than this before the CA's end, it gets the CA's."""


class SignCertificate(WindowsAction[Signed]):
    """Sign a public key with the CA that lies on this host, in a fresh folder.

    `lifetime` is in hours; the CA's own end shortens it. The answer is read by `adapters.nebula.certificates` and held
    against what was asked for: name, networks, groups, public key, signature; anything else is a `ProtocolError`.
    `ActionFailed.code` is "CaKeyEncrypted", "CaExpired", "CaKeyMissing", "CaDiffers", "DiskFull" where that is why, and
    "SignFailed" for what else nebula-cert refuses.
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

    def parse(self, data: Any) -> Signed:
        match data:
            case {"certificate": str(text), "ca": str(ca_text), "changed": bool(changed)}:
                (certificate,), (ca,) = read_pem(text), read_pem(ca_text)
            case _:
                raise ValueError("neither a certificate nor its CA")
        if differs := self._differs(certificate, ca):
            raise ValueError(f"the certificate has another {differs} than was asked for")
        return Signed(
            certificate=text, fingerprint=certificate.fingerprint, not_after=certificate.not_after, changed=changed
        )

    def _differs(self, certificate: Certificate, ca: Certificate) -> str:
        """What of the certificate is not as it was asked for; "" where all is."""
        longest = timedelta(hours=self.lifetime) + _SIGNING
        wanted = {
            "kind": not certificate.is_ca,
            "name": certificate.name == self.name,
            "address": set(certificate.networks) == set(map(ip_interface, self.networks)),
            "network behind it": set(certificate.unsafe_networks) == set(map(ip_interface, self.unsafe_networks)),
            "group": set(certificate.groups) == set(self.groups),
            "public key": certificate.public_key == public_key_of(self.public_key),
            "CA": ca.fingerprint == self.ca_fingerprint and signed_by(certificate, ca),
            "lifetime": certificate.not_after - certificate.not_before <= longest and certificate.not_after < ca.not_after,
        }
        return next((what for what, right in wanted.items() if not right), "")


class Staged(Value):
    """A new certificate that lies beside its key, and that Nebula takes with this host's configuration."""

    certificate_file: str
    key_file: str
    changed: bool = False


class StageCertificate(WindowsAction[Staged]):
    """Lay a signed certificate beside its key and have `nebula-cert verify` and `nebula -test` try both.

    The live configuration is tried with the new files in place of the old ones; nothing live is touched.
    `ActionFailed.code` is "NotVerified" or "NotTaken" where they refuse, "ConfigNotKnown" where config.yaml does not name
    the files on lines of their own.
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

    def parse(self, data: Any) -> Staged:
        return Staged.model_validate(data)


class Forgotten(Value):
    """Nothing is left of a folder."""

    changed: bool = False


class ForgetFolder(WindowsAction[Forgotten]):
    """Remove an operation's folder with the key in it.

    Refused for a folder that is not one of ours, and while the operation's change is under way or stuck: then the old
    files lie there.
    """

    script = "forget-folder"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str

    def parse(self, data: Any) -> Forgotten:
        return Forgotten.model_validate(data)


class LogPosition(Value):
    """Where a log ends now, in bytes."""

    position: int


class NotePosition(WindowsAction[LogPosition]):
    """Note where this host's Nebula log ends, so that only what comes after it counts."""

    script = "note-position"
    deadline = 20.0
    output_limit = 64_000

    log: str

    def parse(self, data: Any) -> LogPosition:
        return LogPosition.model_validate(data)


class Handshake(Value):
    """Whether the log, beyond a position, has a handshake with that name and certificate."""

    found: bool
    at: AwareDatetime | None = None


class FindHandshake(WindowsAction[Handshake]):
    """Look in this host's Nebula log beyond a position (or in a log that was begun anew since) for one handshake."""

    script = "find-handshake"
    deadline = 20.0
    output_limit = 64_000

    log: str
    after: int = Field(ge=0)
    name: str
    fingerprint: str

    def parse(self, data: Any) -> Handshake:
        """The script looks for lines that hold both words; here they are read."""
        match data:
            case {"lines": [*lines]}:
                told = [read_received(line) for line in lines if isinstance(line, str)]
            case _:
                raise ValueError("no lines")
        for each in told:
            if each is not None and (each.name, each.fingerprint) == (self.name, self.fingerprint):
                return Handshake(found=True, at=each.at)
        return Handshake(found=False)


class Reached(Value):
    """Whether an address answered."""

    reachable: bool


class ReachAddress(WindowsAction[Reached]):
    """Ping an address on the overlay from this host."""

    script = "reach-address"
    deadline = 20.0
    output_limit = 64_000

    address: Annotated[str, AfterValidator(lambda text: str(ip_address(text)))]

    def parse(self, data: Any) -> Reached:
        return Reached.model_validate(data)
