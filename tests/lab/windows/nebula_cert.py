"""nebula-cert on a simulated host's files: keygen, ca, sign, print and verify, with the real program's texts.

Of version 1.9.3, or of 1.10, which reads and makes certificates of version 2, too. There is never a terminal, so an
encrypted key cannot be used. Not copied from the real program: QR codes, encrypting a key, PKCS#11, and certificates with
the address zero, which newer programs refuse too.
As a program it works on the current folder: `python -m tests.lab.windows.nebula_cert print -json -path ca.crt`.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

from adapters.nebula import pem
from adapters.nebula.certificates import Certificate, is_signed_by
from tests.lab.windows import nebula_signing as signing
from tests.lab.windows.go_flags import FlagsError, HelpAsked, is_true, parse, usage
from tests.lab.windows.nebula_cert_call import Call, Files, parsed
from tests.lab.windows.nebula_cert_making import CURVES, make_authority, sign
from tests.lab.windows.nebula_cert_usage import HELP, find_edition
from tests.lab.windows.nebula_signing import Failed, Misused


@dataclass(frozen=True)
class Completed:
    """How the program ended and what it said."""

    code: int
    stdout: str
    stderr: str


def run(arguments: Sequence[str], files: Files, now: datetime, version: str = "1.9.3") -> Completed:
    """Run `nebula-cert` with these arguments; paths are looked up in `files`, and what it writes appears there."""
    edition = find_edition(version)
    if not arguments:
        return Completed(1, "", f"Error: No mode was provided\n\n{HELP}")
    if arguments[0] in ("-version", "--version"):
        return Completed(0, f"Version: {version}\n", "")
    mode = edition.modes.get(arguments[0])
    if mode is None:
        return Completed(1, "", f"Error: unknown mode: {arguments[0]}\n")
    help_text = f"Usage of nebula-cert {mode.summary}\n{usage(mode.flags)}"
    said: list[str] = []
    try:
        flags = parse(mode.flags, arguments[1:])
        for name in mode.required:
            if not flags[name]:
                raise Misused(f"-{name} is required")
        _WORK[arguments[0]](Call(flags, files, now, edition, said))
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


def _print(call: Call) -> None:
    left = call.read("path", "unable to read cert;")
    found, json = list[Certificate](), is_true(call.flags["json"])
    while left.strip() or not found:
        certificate, left = parsed(call.first, left, "unmarshaling cert")
        found.append(certificate)
        if not call.edition.modern:
            call.said.append(f"{signing.as_json(certificate) if json else signing.as_text(certificate)}\n")
        elif not json:
            call.said.append(f"{signing.write_json(signing.as_modern_table(certificate), indent=chr(9))}\n")
    if call.edition.modern and json:
        tables = [signing.as_modern_table(each) for each in found]
        call.said.append(f"{signing.write_json(tables, separators=(',', ':'))}\n")


def _verify(call: Call) -> None:
    left, pool = call.read("ca", "error while reading ca:"), dict[str, Certificate]()
    while left.strip() or not pool:
        ca, left = parsed(call.first, left, "adding ca cert to pool")
        why = signing.not_an_authority(ca) or ("certificate is expired" if signing.expired(ca, call.now) else "")
        if why:
            raise Failed(f"error while adding ca cert to pool: {ca.name}: {why}")
        pool[ca.fingerprint] = ca
    words = "unable to read crt:" if call.edition.modern else "unable to read crt;"
    certificate, _ = parsed(call.first, call.read("crt", words), "parsing crt")
    if not call.edition.modern:
        _check(certificate, pool, call)
        return
    try:
        _check(certificate, pool, call)
    except Failed as failed:
        of = f"v{certificate.version} {certificate.name} with issuer {certificate.issuer}"
        raise Failed(f"error while verifying certificate {of}: {failed}") from None


def _check(certificate: Certificate, pool: Mapping[str, Certificate], call: Call) -> None:
    if not certificate.issuer:
        raise Failed("no issuer in certificate")
    signer = pool.get(certificate.issuer)
    if signer is None:
        raise Failed("could not find ca for the certificate")
    if signing.expired(certificate, call.now):
        raise Failed("certificate is expired")
    if not is_signed_by(certificate, signer):
        raise Failed("certificate signature did not match")
    why = signing.violated(certificate, signer, certificate.not_after, call.edition)
    if why:
        raise Failed(why)


_WORK: Mapping[str, Callable[[Call], None]] = {
    "ca": make_authority,
    "keygen": _keygen,
    "sign": sign,
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
    """The program on the disk; its version is in the environment."""
    done = run(sys.argv[1:], Disk(), datetime.now(UTC), os.environ.get("FLATNET_LAB_NEBULA", "1.9.3"))
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.code)


if __name__ == "__main__":
    main()
