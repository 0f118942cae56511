"""nebula-cert 1.9.3 on a simulated host's files: keygen, ca, sign, print and verify, with the real program's texts.

Certificates of version 1 only. There is never a terminal, so an encrypted key cannot be used. Not copied from the real
program: QR codes, encrypting a key, and certificates with the address zero, which newer programs refuse too.
As a program it works on the current folder: `python -m tests.lab.windows.nebula_cert print -json -path ca.crt`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Interface
from pathlib import Path, PureWindowsPath
from typing import TypeVar

from adapters.nebula import pem
from adapters.nebula.certificates import Certificate, Curve, is_signed_by
from adapters.nebula.encoding import encode_certificate
from tests.lab.windows import nebula_signing as signing
from tests.lab.windows.go_flags import FlagsError, HelpAsked, duration, is_true, parse, usage
from tests.lab.windows.nebula_cert_usage import HELP, MODES
from tests.lab.windows.nebula_signing import Failed, Misused

CURVES = dict.fromkeys(("25519", "X25519", "Curve25519", "CURVE25519"), Curve.CURVE25519) | {"P256": Curve.P256}

Found = TypeVar("Found")
Files = MutableMapping[PureWindowsPath, str]


@dataclass(frozen=True)
class Completed:
    """How the program ended and what it said."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Call:
    """One call of the program in one mode; `said` is its output."""

    flags: dict[str, str]
    files: Files
    now: datetime
    said: list[str] = field(default_factory=list)

    def read(self, name: str, complaint: str) -> str:
        """A file's text."""
        path = self.flags[name]
        try:
            return self.files[PureWindowsPath(path)]
        except KeyError:
            raise Failed(f"{complaint} open {path}: no such file or directory") from None

    def write(self, name: str, text: str) -> None:
        """A file, whether or not it was there."""
        self.files[PureWindowsPath(self.flags[name])] = text

    def keep(self, name: str, what: str) -> None:
        """Refuse to write over a file."""
        if PureWindowsPath(self.flags[name]) in self.files:
            raise Failed(f"refusing to overwrite existing {what}: {self.flags[name]}")


def run(arguments: Sequence[str], files: Files, now: datetime) -> Completed:
    """Run `nebula-cert` with these arguments; paths are looked up in `files`, and what it writes appears there."""
    if not arguments:
        return Completed(1, "", f"Error: No mode was provided\n\n{HELP}")
    if arguments[0] in ("-version", "--version"):
        return Completed(0, "Version: 1.9.3\n", "")
    mode = MODES.get(arguments[0])
    if mode is None:
        return Completed(1, "", f"Error: unknown mode: {arguments[0]}\n")
    help_text = f"Usage of nebula-cert {mode.summary}\n{usage(mode.flags)}"
    said: list[str] = []
    try:
        flags = parse(mode.flags, arguments[1:])
        for name in mode.required:
            if not flags[name]:
                raise Misused(f"-{name} is required")
        _WORK[arguments[0]](Call(flags, files, now, said))
    except HelpAsked:
        return Completed(0, "", help_text)
    except FlagsError as error:
        return Completed(1, "", f"{error}\nError: {error}\n")
    except Failed as error:
        return Completed(1, "".join(said), f"Error: {error}\n{help_text if isinstance(error, Misused) else ''}")
    return Completed(0, "".join(said), "")


def _keygen(call: Call) -> None:
    curve = CURVES.get(call.flags["curve"])
    if curve is None:
        raise Failed(f"invalid curve: {call.flags['curve']}")
    public, private = signing.host_key_pair(curve)
    call.write("out-key", pem.encode_block(f"{signing.HOST_KEYS[curve]} PRIVATE KEY", private))
    call.write("out-pub", pem.encode_block(f"{signing.HOST_KEYS[curve]} PUBLIC KEY", public))


def _ca(call: Call) -> None:
    lifetime = duration(call.flags["duration"])
    if lifetime <= timedelta():
        raise Misused("-duration must be greater than 0")
    curve = CURVES[call.flags["curve"]]
    public, private = signing.ca_key_pair(curve)
    unsigned = _unsigned(call, signing.networks(_listed(call.flags["ips"]), "ip"), call.now + lifetime, public, curve)
    call.keep("out-key", "CA key")
    call.keep("out-crt", "CA cert")
    call.write("out-key", pem.encode_block(signing.CA_KEYS[curve][0], private))
    call.write("out-crt", pem.encode_block(signing.CERTIFICATE, encode_certificate(signing.signed(unsigned, private))))


def _sign(call: Call) -> None:
    flags = call.flags
    if flags["in-pub"] and flags["out-key"]:
        raise Misused("cannot set both -in-pub and -out-key")
    curve, ca_key = _ca_key(call)
    ca, _ = _parsed(signing.first_certificate, call.read("ca-crt", "error while reading ca-crt:"), "parsing ca-crt")
    if not signing.belongs(ca, curve, ca_key):
        raise Failed("refusing to sign, root certificate does not match private key")
    if signing.expired(ca, call.now):
        raise Failed("ca certificate is expired")
    lifetime = duration(flags["duration"])
    not_after = call.now + lifetime if lifetime > timedelta() else ca.not_after - timedelta(seconds=1)
    networks = signing.networks((flags["ip"],), "ip")
    if flags["in-pub"]:
        of, public = _parsed(signing.public_key, call.read("in-pub", "error while reading in-pub:"), "parsing in-pub")
        private = b""
        if of is not curve:
            raise Failed("curve of in-pub does not match ca")
    else:
        public, private = signing.host_key_pair(curve)
    unsigned = _unsigned(call, networks, not_after, public, curve).model_copy(
        update={"is_ca": False, "issuer": ca.fingerprint}
    )
    why = signing.violated(unsigned, ca, not_after)
    if why:
        raise Failed(f"refusing to sign, root certificate constraints violated: {why}")
    flags["out-key"] = flags["out-key"] or f"{flags['name']}.key"
    flags["out-crt"] = flags["out-crt"] or f"{flags['name']}.crt"
    call.keep("out-crt", "cert")
    if private:
        call.keep("out-key", "key")
        call.write("out-key", pem.encode_block(f"{signing.HOST_KEYS[curve]} PRIVATE KEY", private))
    call.write("out-crt", pem.encode_block(signing.CERTIFICATE, encode_certificate(signing.signed(unsigned, ca_key))))


def _ca_key(call: Call) -> tuple[Curve, bytes]:
    text = call.read("ca-key", "error while reading ca-key:")
    banner, _, _ = _parsed(signing.next_block, text, "parsing ca-key")
    if banner in signing.ENCRYPTED_KEYS:
        call.said.append("Enter passphrase: ")
        raise Failed("ca-key is encrypted and must be decrypted interactively")
    return _parsed(signing.signing_key, text, "parsing ca-key")


def _unsigned(
    call: Call, networks: tuple[IPv4Interface, ...], not_after: datetime, public: bytes, curve: Curve
) -> Certificate:
    """A CA's certificate with these properties, before it is signed."""
    return Certificate(
        version=1,
        name=call.flags["name"],
        networks=networks,
        unsafe_networks=_subnets(call),
        groups=tuple(_listed(call.flags["groups"])),
        is_ca=True,
        not_before=call.now.replace(microsecond=0),
        not_after=not_after.replace(microsecond=0),
        issuer="",
        public_key=public.hex(),
        curve=curve,
        fingerprint="0" * 64,
        signature="00",
    )


def _subnets(call: Call) -> tuple[IPv4Interface, ...]:
    """Unsafe networks, without the host's part."""
    given = signing.networks(_listed(call.flags["subnets"]), "subnet")
    return tuple(IPv4Interface(network.network) for network in given)


def _listed(text: str) -> Iterator[str]:
    return (word.strip() for word in text.split(",") if word.strip())


def _print(call: Call) -> None:
    left = call.read("path", "unable to read cert;")
    show = signing.as_json if is_true(call.flags["json"]) else signing.as_text
    while True:
        certificate, left = _parsed(signing.first_certificate, left, "unmarshaling cert")
        call.said.append(f"{show(certificate)}\n")
        if not left.strip():
            return


def _verify(call: Call) -> None:
    left, pool = call.read("ca", "error while reading ca:"), dict[str, Certificate]()
    while left.strip() or not pool:
        ca, left = _parsed(signing.first_certificate, left, "adding ca cert to pool")
        why = signing.not_an_authority(ca) or ("certificate is expired" if signing.expired(ca, call.now) else "")
        if why:
            raise Failed(f"error while adding ca cert to pool: {ca.name}: {why}")
        pool[ca.fingerprint] = ca
    certificate, _ = _parsed(signing.first_certificate, call.read("crt", "unable to read crt;"), "parsing crt")
    if not certificate.issuer:
        raise Failed("no issuer in certificate")
    signer = pool.get(certificate.issuer)
    if signer is None:
        raise Failed("could not find ca for the certificate")
    if signing.expired(certificate, call.now):
        raise Failed("certificate is expired")
    if not is_signed_by(certificate, signer):
        raise Failed("certificate signature did not match")
    why = signing.violated(certificate, signer, certificate.not_after)
    if why:
        raise Failed(why)


def _parsed(read: Callable[[str], Found], text: str, doing: str) -> Found:
    try:
        return read(text)
    except Failed as error:
        raise Failed(f"error while {doing}: {error}") from None


_WORK: Mapping[str, Callable[[Call], None]] = {
    "ca": _ca,
    "keygen": _keygen,
    "sign": _sign,
    "print": _print,
    "verify": _verify,
}


class Disk(Files):
    """The real files of the current folder."""

    def __getitem__(self, path: PureWindowsPath) -> str:
        try:
            return Path(path.as_posix()).read_text("utf-8", errors="replace")
        except FileNotFoundError:
            raise KeyError(path) from None

    def __setitem__(self, path: PureWindowsPath, text: str) -> None:
        Path(path.as_posix()).write_text(text, "utf-8")

    def __delitem__(self, path: PureWindowsPath) -> None:
        Path(path.as_posix()).unlink()

    def __iter__(self) -> Iterator[PureWindowsPath]:
        return (PureWindowsPath(path) for path in Path().rglob("*") if path.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def main() -> None:
    """The program on the disk."""
    done = run(sys.argv[1:], Disk(), datetime.now(UTC))
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.code)


if __name__ == "__main__":
    main()
