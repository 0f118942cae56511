"""Nebula's own program on a lab host: what it makes of its configuration, certificate, key and CA (as 1.9.3 does).

`python -m tests.lab.windows.nebula -test -config FILE` is `nebula.exe -test` where a real PowerShell runs the scripts.
"""

import base64
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PureWindowsPath

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.nebula.certificates import Certificate, is_signed_by, parse_pem

Read = Callable[[str], str | None]
"""The text of a file by its path as the configuration has it; None where there is none."""

NO_FILE = "The system cannot find the file specified."
NOT_PEM = "input did not contain a valid PEM encoded block"


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

    def refuses(self, other: Certificate, now: datetime) -> str:
        """Why a Nebula with this identity takes no handshake with that certificate; "" where it does."""
        if not any(is_signed_by(other, authority) for authority in self.authorities):
            return "certificate validation failed: could not find ca for the certificate"
        if not other.not_before <= now <= other.not_after:
            return "certificate validation failed: certificate is expired"
        return ""


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


def load(read: Read, config: str, now: datetime) -> Identity:
    """The identity that Nebula starts with, by the configuration at that path; `NotLoaded` where it does not start."""
    text = read(config)
    if text is None:
        raise NotLoaded("", f"failed to load config: no config files found at {config}")
    paths = {name: entry.value for name, entry in pki_entries(text).items()}
    certificate = _certificate(read, paths, now)
    heading = "Failed to load ca from config"
    authorities = _authorities(heading, _file(heading, read, paths, "ca"))
    valid = tuple(authority for authority in authorities if authority.not_after > now)
    if not valid:
        raise NotLoaded(heading, "no valid CA certificates present")
    return Identity(certificate, valid)


def _certificate(read: Read, paths: Mapping[str, str], now: datetime) -> Certificate:
    heading = "Could not load client cert"
    key = _public_half(heading, paths, _file(heading, read, paths, "key"))
    text = _file(heading, read, paths, "cert")
    try:
        certificate = parse_pem(text)[0]
    except ValueError as error:
        raise NotLoaded(heading, f"error while unmarshaling pki.cert {paths['cert']}: {NOT_PEM}") from error
    if not certificate.not_before <= now <= certificate.not_after:
        raise NotLoaded(heading, "nebula certificate for this host is expired")
    if not certificate.networks or certificate.is_ca:
        raise NotLoaded(heading, "no IPs encoded in certificate")
    if certificate.public_key != key:
        raise NotLoaded(heading, "private key is not a pair with public key in nebula cert")
    return certificate


def _file(heading: str, read: Read, paths: Mapping[str, str], name: str) -> str:
    if name not in paths:
        raise NotLoaded(heading, f"no pki.{name} path or PEM data provided")
    text = read(paths[name])
    if text is None:
        raise NotLoaded(heading, f"unable to read pki.{name} file {paths[name]}: open {paths[name]}: {NO_FILE}")
    return text


def _public_half(heading: str, paths: Mapping[str, str], text: str) -> str:
    banner = "NEBULA X25519 PRIVATE KEY"
    found = re.search(f"-----BEGIN {banner}-----\r?\n([A-Za-z0-9+/]{{43}}=)\r?\n-----END {banner}-----", text)
    if found is None:
        raise NotLoaded(heading, f"error while unmarshaling pki.key {paths['key']}: {NOT_PEM}")
    return X25519PrivateKey.from_private_bytes(base64.b64decode(found[1])).public_key().public_bytes_raw().hex()


def _authorities(heading: str, text: str) -> tuple[Certificate, ...]:
    try:
        return parse_pem(text)
    except ValueError as error:
        raise NotLoaded(heading, f"error while adding CA certificate to CA trust store: {NOT_PEM}") from error


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

    if arguments == ["-version"]:
        print("Version: 1.9.3")
        return 0
    match arguments:
        case ["-test", "-config", config]:
            now = datetime.now(UTC)
            try:
                load(read, config, now)
            except NotLoaded as failed:
                print(says(failed, now))
                return 1
            return 0
        case _:
            print("unknown arguments", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
