"""The lab's nebula-cert makes certificates: `ca` and `sign`, of 1.9.3 and of 1.10."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Interface

from adapters.nebula import pem
from adapters.nebula.certificates import Certificate, Curve
from adapters.nebula.encoding import Interface
from tests.lab.windows import nebula_signing as signing
from tests.lab.windows.go_flags import duration
from tests.lab.windows.nebula_cert_call import Call, parsed
from tests.lab.windows.nebula_signing import Failed, Misused

CURVES = dict.fromkeys(("25519", "X25519", "Curve25519", "CURVE25519"), Curve.CURVE25519) | {"P256": Curve.P256}

Limits = tuple[tuple[Interface, ...], tuple[Interface, ...]]
"""Networks and unsafe networks: a host's own, or those that a CA allows."""


def make_authority(call: Call) -> None:
    lifetime = duration(call.flags["duration"])
    if lifetime <= timedelta():
        raise Misused("-duration must be greater than 0")
    version = _version(call)
    if call.edition.modern:
        _rename(call.flags, {"ips": "networks", "subnets": "unsafe-networks"})
        limits = _modern_networks(call, version)
    curve = CURVES.get(call.flags["curve"])
    if curve is None:
        raise Failed(f"invalid curve: {call.flags['curve']}")
    if not call.edition.modern:
        limits = (signing.networks(_listed(call.flags["ips"]), "ip"), _subnets(call))
    public, private = signing.ca_key_pair(curve)
    unsigned = _unsigned(call, version, limits, call.now + lifetime, public, curve)
    call.keep("out-key", "CA key")
    call.keep("out-crt", "CA cert")
    call.write("out-key", pem.encode_block(signing.CA_KEYS[curve][0], private))
    call.write("out-crt", signing.encode(signing.signed(unsigned, private)))


def _version(call: Call) -> int:
    """The version that is asked for; 0 for that of the CA."""
    version = int(call.flags.get("version", "1"))
    if version > 2 or (version == 0 and "ca-crt" not in call.flags):
        raise Misused("-version must be either 1 or 2")
    return version


def _rename(flags: dict[str, str], names: Mapping[str, str]) -> None:
    """Take the values of deprecated flags for those that replace them."""
    for old, new in names.items():
        flags[new] = flags[new] or flags[old]


def _modern_networks(call: Call, version: int) -> Limits:
    found = []
    for flag in ("networks", "unsafe-networks"):
        only_v4 = version == 1 and "ca-crt" not in call.flags
        networks = signing.modern_networks(_listed(call.flags[flag]), flag, only_v4=only_v4)
        found.append(networks if version == 1 else tuple(sorted(set(networks), key=_order)))
    return found[0], found[1]


def _order(network: Interface) -> tuple[int, int, int]:
    return network.version, int(network.ip), network.network.prefixlen


def sign(call: Call) -> None:
    flags, modern = call.flags, call.edition.modern
    if flags["in-pub"] and flags["out-key"]:
        raise Misused("cannot set both -in-pub and -out-key")
    if modern:
        _rename(flags, {"ip": "networks", "subnets": "unsafe-networks"})
        if not flags["networks"]:
            raise Misused("-networks is required")
    version = _version(call)
    curve, ca_key = _ca_key(call)
    ca, _ = parsed(call.first, call.read("ca-crt", "error while reading ca-crt:"), "parsing ca-crt")
    if not signing.belongs(ca, curve, ca_key):
        raise Failed("refusing to sign, root certificate does not match private key")
    if signing.expired(ca, call.now):
        raise Failed("ca certificate is expired")
    version = version or ca.version
    lifetime = duration(flags["duration"])
    not_after = call.now + lifetime if lifetime > timedelta() else ca.not_after - timedelta(seconds=1)
    networks = _modern_networks(call, version) if modern else (signing.networks((flags["ip"],), "ip"), ())
    public, private = _host_key(call, curve)
    flags["out-key"] = flags["out-key"] or f"{flags['name']}.key"
    flags["out-crt"] = flags["out-crt"] or f"{flags['name']}.crt"
    if modern:
        call.keep("out-crt", "cert")
        _require_one_network(networks, version)
    else:
        networks = (networks[0], _subnets(call))
    unsigned = _unsigned(call, version, networks, not_after, public, curve)
    unsigned = unsigned.model_copy(update={"is_ca": False, "issuer": ca.fingerprint})
    why = signing.violated(unsigned, ca, not_after, call.edition)
    if why:
        words = "error while signing" if modern else "refusing to sign, root certificate constraints violated"
        raise Failed(f"{words}: {why}")
    call.keep("out-crt", "cert")
    if private:
        call.keep("out-key", "key")
        call.write("out-key", pem.encode_block(f"{signing.HOST_KEYS[curve]} PRIVATE KEY", private))
    call.write("out-crt", signing.encode(signing.signed(unsigned, ca_key)))


def _require_one_network(networks: Limits, version: int) -> None:
    if version == 2:
        return
    if len([each for each in networks[0] if each.version == 4]) != 1:
        raise Misused("invalid -networks definition: v1 certificates can only have a single ipv4 address")
    for flag, given in zip(("networks", "unsafe-networks"), networks, strict=True):
        if any(each.version == 6 for each in given):
            raise Misused(f"invalid -{flag} definition: v1 certificates can only contain ipv4 addresses")


def _host_key(call: Call, curve: Curve) -> tuple[bytes, bytes]:
    """The host's public key, and its private one where it is made here."""
    if not call.flags["in-pub"]:
        return signing.host_key_pair(curve)
    of, public = parsed(signing.public_key, call.read("in-pub", "error while reading in-pub:"), "parsing in-pub")
    if of is not curve:
        raise Failed("curve of in-pub does not match ca")
    return public, b""


def _ca_key(call: Call) -> tuple[Curve, bytes]:
    text = call.read("ca-key", "error while reading ca-key:")
    banner, _, _ = parsed(signing.next_block, text, "parsing ca-key")
    if banner in signing.ENCRYPTED_KEYS:
        call.said.append("Enter passphrase: ")
        raise Failed("ca-key is encrypted and must be decrypted interactively")
    return parsed(signing.signing_key, text, "parsing ca-key")


def _unsigned(call: Call, version: int, of: Limits, not_after: datetime, public: bytes, curve: Curve) -> Certificate:
    """A CA's certificate with these properties, before it is signed."""
    return Certificate(
        version=version,
        name=call.flags["name"],
        networks=of[0],
        unsafe_networks=of[1],
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
