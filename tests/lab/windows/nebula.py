"""Nebula's own program on a lab host: what it makes of its configuration, certificate, key and CAs.

As 1.9.3 does; 1.10 reads certificates of version 2, too.

A bundle of CAs is read as Go reads it: CRLF is fine, and a byte order mark hides the first certificate.

`python -m tests.lab.windows.nebula -test -config FILE` is `nebula.exe -test` where a real PowerShell runs the scripts.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

from ruamel.yaml import YAML

from adapters.nebula.certificates import Certificate, Curve, is_signed_by
from tests.lab.windows import nebula_signing as signing
from tests.lab.windows.nebula_cert_usage import OLD, Edition, find_edition
from tests.lab.windows.nebula_signing import Failed

Read = Callable[[str], str | None]
"""The text of a file by its path as the configuration has it; None where there is none."""

NO_FILE = "The system cannot find the file specified."


class NotLoaded(Exception):
    """Nebula ends at once; `heading` and `error` are its log line's msg and error."""

    def __init__(self, heading: str, error: str) -> None:
        super().__init__(error)
        self.heading = heading
        self.error = error


@dataclass(frozen=True)
class Identity:
    """What a Nebula runs with; it stays in memory whatever becomes of the files."""

    certificate: Certificate
    authorities: tuple[Certificate, ...]
    blocklist: tuple[str, ...] = ()

    def refuses(self, other: Certificate, now: datetime) -> str:
        """Why a Nebula with this identity takes no handshake with that certificate; "" where it does."""
        why = self._find_fault(other, now)
        return f"certificate validation failed: {why}" if why else ""

    def _find_fault(self, other: Certificate, now: datetime) -> str:
        if other.fingerprint in self.blocklist:
            return "certificate is in the block list"
        signer = next((each for each in self.authorities if each.fingerprint == other.issuer), None)
        if signer is None:
            return "could not find ca for the certificate"
        if signing.expired(signer, now):
            return "root certificate is expired"
        if signing.expired(other, now):
            return "certificate is expired"
        if not is_signed_by(other, signer):
            return "certificate signature did not match"
        return signing.violated(other, signer, other.not_after)


@dataclass(frozen=True)
class Entry:
    """One of `ca`, `cert`, `key` in the pki block: which line it is, its indentation, its value without quotes."""

    line: int
    indent: str
    value: str


def pki_entries(config: str) -> Mapping[str, Entry]:
    """The entries of the pki block that stand on lines of their own; "inline" for a value that is no path."""
    found: dict[str, Entry] = {}
    inside, indent = False, ""
    for number, line in enumerate(config.split("\n")):
        if re.fullmatch(r"\s*(#.*)?", line):
            continue
        if not line.startswith((" ", "\t")):
            inside, indent = re.fullmatch(r"pki:\s*(#.*)?", line) is not None, ""
            continue
        space = re.match(r" *", line)
        assert space is not None
        indent = indent or space[0]
        entry = re.fullmatch(r" +(ca|cert|key):\s+([^\s#].*)", line.rstrip())
        if inside and space[0] == indent and entry is not None:
            found[entry[1]] = Entry(number, indent, _value(entry[2]))
    return found


def _value(text: str) -> str:
    if text[0] in "|>" or "-----BEGIN" in text or re.search(r"[A-Za-z0-9+/]{43,}=", text):
        return "inline"
    if quoted := re.match(r"'((?:[^']|'')*)'", text):
        return quoted[1].replace("''", "'")
    if quoted := re.match(r'"((?:[^"\\]|\\.)*)"', text):
        return re.sub(r'\\(["\\])', r"\1", quoted[1])
    return re.sub(r"\s+#.*", "", text)


def load(read: Read, config: str, now: datetime, edition: Edition = OLD) -> Identity:
    """The identity that Nebula starts with, by the configuration at that path; `NotLoaded` where it does not start."""
    text = read(config)
    if text is None:
        raise NotLoaded("", f"failed to load config: no config files found at {config}")
    paths = {name: entry.value for name, entry in pki_entries(text).items()}
    certificate = _certificate(read, paths, now, edition)
    heading = "Failed to load ca from config"
    authorities = _authorities(heading, _file(heading, read, paths, "ca"), edition)
    if all(signing.expired(authority, now) for authority in authorities):
        raise NotLoaded(heading, "no valid CA certificates present")
    return Identity(certificate, authorities, _blocklist(text))


def _certificate(read: Read, paths: Mapping[str, str], now: datetime, edition: Edition) -> Certificate:
    heading = "Could not load client cert"
    curve, key = _public_half(heading, paths, _file(heading, read, paths, "key"))
    text = _file(heading, read, paths, "cert")
    try:
        certificate, _ = signing.first_certificate(text, edition)
    except Failed as error:
        raise NotLoaded(heading, f"error while unmarshaling pki.cert {paths['cert']}: {error}") from error
    if signing.expired(certificate, now):
        raise NotLoaded(heading, "nebula certificate for this host is expired")
    if not certificate.networks:
        raise NotLoaded(heading, "no IPs encoded in certificate")
    if certificate.is_ca or (certificate.curve, certificate.public_key) != (curve, key.hex()):
        raise NotLoaded(heading, "private key is not a pair with public key in nebula cert")
    return certificate


def _file(heading: str, read: Read, paths: Mapping[str, str], name: str) -> str:
    if name not in paths:
        raise NotLoaded(heading, f"no pki.{name} path or PEM data provided")
    text = read(paths[name])
    if text is None:
        raise NotLoaded(heading, f"unable to read pki.{name} file {paths[name]}: open {paths[name]}: {NO_FILE}")
    return text


def _public_half(heading: str, paths: Mapping[str, str], text: str) -> tuple[Curve, bytes]:
    try:
        return signing.host_key(text)
    except Failed as error:
        raise NotLoaded(heading, f"error while unmarshaling pki.key {paths['key']}: {error}") from error


def _authorities(heading: str, text: str, edition: Edition) -> tuple[Certificate, ...]:
    """All CAs of a bundle, expired ones too."""
    found = dict[str, Certificate]()
    try:
        while text.strip() or not found:
            authority, text = signing.first_certificate(text, edition)
            if why := signing.not_an_authority(authority):
                raise Failed(f"{authority.name}: {why}")
            found[authority.fingerprint] = authority
    except Failed as error:
        raise NotLoaded(heading, f"error while adding CA certificate to CA trust store: {error}") from error
    return tuple(found.values())


def _blocklist(config: str) -> tuple[str, ...]:
    """As it is written: Nebula takes any text for a fingerprint."""
    if "blocklist" not in config:
        return ()
    return tuple(str(each) for each in YAML(typ="safe").load(config).get("pki", {}).get("blocklist") or ())


def says(failed: NotLoaded, now: datetime) -> str:
    """What Nebula writes before it ends."""
    if not failed.heading:
        return failed.error
    return f'time="{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" level=error msg="{failed.heading}" error="{failed.error}"'


def main(arguments: list[str]) -> int:
    """`-test -config FILE`, with the drives of the lab host that the environment names."""
    drives = Path(os.environ["FLATNET_LAB_DRIVES"])

    def read(path: str) -> str | None:
        windows = PureWindowsPath(path)
        file = drives.joinpath(windows.drive.rstrip(":"), *windows.parts[1:]) if windows.drive else Path(windows.as_posix())
        return file.read_text("utf-8") if file.is_file() else None

    version = os.environ.get("FLATNET_LAB_NEBULA", "1.9.3")
    if arguments == ["-version"]:
        print(f"Version: {version}")
        return 0
    match arguments:
        case ["-test", "-config", config]:
            now = datetime.now(UTC)
            try:
                load(read, config, now, find_edition(version))
            except NotLoaded as failed:
                print(says(failed, now))
                return 1
            return 0
        case _:
            print("unknown arguments", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
