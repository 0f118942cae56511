"""The modes and flags of nebula-cert, in its own words: of 1.9.3 as Debian has it, and of 1.10 without PKCS#11."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.lab.windows.go_flags import Flag


@dataclass(frozen=True)
class Mode:
    """One of the program's modes; `required` flags are asked for in this order."""

    summary: str
    required: tuple[str, ...]
    flags: tuple[Flag, ...]


_UNITS = 'Valid time units are seconds: "s", minutes: "m", hours: "h"'
_CIDR = "ipv4 address and network in CIDR notation"
_ARGON = "parameter{} used for encrypted private key passphrase"
_QR = Flag("out-qr", "string", "Optional: output a qr code image (png) of the certificate")
_LIMITS = (
    f"Optional: comma separated list of {_CIDR}. This will limit which ipv4 addresses and networks subordinate certs can use"
)
MODES = {
    "ca": Mode(
        "ca <flags>: create a self signed certificate authority",
        ("name", "out-key", "out-crt"),
        (
            Flag("name", "string", "Required: name of the certificate authority"),
            Flag(
                "duration",
                "duration",
                f"Optional: amount of time the certificate should be valid for. {_UNITS}",
                "8760h0m0s",
            ),
            Flag("out-key", "string", "Optional: path to write the private key to", "ca.key"),
            Flag("out-crt", "string", "Optional: path to write the certificate to", "ca.crt"),
            _QR,
            Flag(
                "groups",
                "string",
                "Optional: comma separated list of groups. This will limit which groups subordinate certs can use",
            ),
            Flag("ips", "string", f"{_LIMITS} for ip addresses"),
            Flag("subnets", "string", f"{_LIMITS} in subnets"),
            Flag("argon-memory", "uint", f"Optional: Argon2 memory {_ARGON.format(' (in KiB)')}", "65536"),
            Flag("argon-parallelism", "uint", f"Optional: Argon2 parallelism {_ARGON.format('')}", "4"),
            Flag("argon-iterations", "uint", f"Optional: Argon2 iterations {_ARGON.format('')}", "3"),
            Flag("encrypt", "bool", "Optional: prompt for passphrase and write out-key in an encrypted format", "false"),
            Flag("curve", "string", "EdDSA/ECDSA Curve (25519, P256)", "25519"),
        ),
    ),
    "keygen": Mode(
        "keygen <flags>: create a public/private key pair. the public key can be passed to `nebula-cert sign`",
        ("out-key", "out-pub"),
        (
            Flag("out-pub", "string", "Required: path to write the public key to"),
            Flag("out-key", "string", "Required: path to write the private key to"),
            Flag("curve", "string", "ECDH Curve (25519, P256)", "25519"),
        ),
    ),
    "sign": Mode(
        "sign <flags>: create and sign a certificate",
        ("ca-key", "ca-crt", "name", "ip"),
        (
            Flag("ca-key", "string", "Optional: path to the signing CA key", "ca.key"),
            Flag("ca-crt", "string", "Optional: path to the signing CA cert", "ca.crt"),
            Flag("name", "string", "Required: name of the cert, usually a hostname"),
            Flag("ip", "string", f"Required: {_CIDR} to assign the cert"),
            Flag(
                "duration",
                "duration",
                "Optional: how long the cert should be valid for. The default is 1 second before the signing cert expires. "
                f"{_UNITS}",
                "0s",
            ),
            Flag("in-pub", "string", "Optional (if out-key not set): path to read a previously generated public key"),
            Flag("out-key", "string", "Optional (if in-pub not set): path to write the private key to"),
            Flag("out-crt", "string", "Optional: path to write the certificate to"),
            _QR,
            Flag("groups", "string", "Optional: comma separated list of groups"),
            Flag("subnets", "string", f"Optional: comma separated list of {_CIDR}. Subnets this cert can serve for"),
        ),
    ),
    "print": Mode(
        "print <flags>: prints details about a certificate",
        ("path",),
        (
            Flag("json", "bool", "Optional: outputs certificates in json format", "false"),
            _QR,
            Flag("path", "string", "Required: path to the certificate"),
        ),
    ),
    "verify": Mode(
        "verify <flags>: verifies a certificate isn't expired and was signed by a trusted authority.",
        ("ca", "crt"),
        (
            Flag("ca", "string", "Required: path to a file containing one or more ca certificates"),
            Flag("crt", "string", "Required: path to a file containing a single certificate"),
        ),
    ),
}
HELP = "\n".join(
    (
        "Usage of nebula-cert <global flags> <mode>:",
        "  Global flags:",
        "    -version: Prints the version",
        "    -h, -help: Prints this help message",
        "",
        "  Modes:",
        *(f"    {mode.summary}" for mode in MODES.values()),
        "",
        "  To see usage for a given mode, use nebula-cert <mode> -h",
        "",
    )
)

_RANGE = "comma separated list of ip address and network in CIDR notation"
_LIMITS_110 = f"Optional: {_RANGE}. This will limit which ip addresses and networks subordinate certs can use in"
_VERSION = "Optional: version of the certificate format to use"
_FLAGS_110: Mapping[str, tuple[Flag, ...]] = {
    "ca": (
        Flag("version", "uint", _VERSION, "2"),
        Flag("networks", "string", f"{_LIMITS_110} networks"),
        Flag("unsafe-networks", "string", f"{_LIMITS_110} unsafe networks"),
        Flag("argon-memory", "uint", f"Optional: Argon2 memory {_ARGON.format(' (in KiB)')}", "2097152"),
        Flag("argon-iterations", "uint", f"Optional: Argon2 iterations {_ARGON.format('')}", "1"),
        Flag("ips", "string", "Deprecated, see -networks"),
        Flag("subnets", "string", "Deprecated, see -unsafe-networks"),
    ),
    "sign": (
        Flag("version", "uint", f"{_VERSION}. The default is to match the version of the signing CA", "0"),
        Flag("networks", "string", f"Required: {_RANGE} to assign to this cert"),
        Flag("unsafe-networks", "string", f"Optional: {_RANGE}. Unsafe networks this cert can route for"),
        Flag("ip", "string", "Deprecated, see -networks"),
        Flag("subnets", "string", "Deprecated, see -unsafe-networks"),
    ),
}
"""Flags that 1.10 has beside the others, or has otherwise."""


def _renew(name: str, mode: Mode) -> Mode:
    flags = {flag.name: flag for flag in (*mode.flags, *_FLAGS_110.get(name, ()))}
    return replace(mode, required=tuple(each for each in mode.required if each != "ip"), flags=tuple(flags.values()))


@dataclass(frozen=True)
class Edition:
    """Versions of Nebula's programs that speak alike: their modes, and which certificates they read, by banner."""

    modes: Mapping[str, Mode]
    banners: Mapping[str, int]
    modern: bool


OLD = Edition(MODES, {"NEBULA CERTIFICATE": 1}, modern=False)

MODERN = Edition(
    {name: _renew(name, mode) for name, mode in MODES.items()},
    {"NEBULA CERTIFICATE": 1, "NEBULA CERTIFICATE V2": 2},
    modern=True,
)


def find_edition(version: str) -> Edition:
    """Which programs speak like the one of that version: `1.10.3`, or `Version: 1.10.3`."""
    numbers = re.search(r"(\d+)\.(\d+)", version)
    return MODERN if numbers is not None and (int(numbers[1]), int(numbers[2])) >= (1, 10) else OLD
