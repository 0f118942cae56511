"""Nebula's CAs on a Windows host: made in a folder of their own, tried, put in their usual place, wiped.

    MakeAuthority ─▶ SignCanary ─┬▶ InstallAuthority   the key takes the place of the old one, which is wiped
                                 └▶ WipeAuthority      the key is wiped

A CA's folder is named after the operation that made it (`locate_authority`). SYSTEM and Administrators alone can enter it.
The key never leaves the host in clear. All actions find what was done before, so that each may be repeated.
"""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_interface
from pathlib import PureWindowsPath
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from adapters.action import Effect
from adapters.nebula.certificates import Certificate, Curve, is_signed_by, parse_pem
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.nebula import PEM_LIMIT, Forgotten

CurveName = Literal["25519", "P256"]
"""Name of a curve as nebula-cert has it."""

CURVE_NAMES: dict[Curve, CurveName] = {Curve.CURVE25519: "25519", Curve.P256: "P256"}

CANARY_NAME = "canary"
"""Name in the certificate of a canary. Its private key was discarded, so no machine can take part with it."""

_LIFETIME_ALLOWANCE = timedelta(minutes=2)
"""Tolerance for the lifetime of a CA."""


def locate_authority(base: str, operation: str) -> str:
    """Returns the folder of the CA that an operation makes, in Flatnet's folder on the host."""
    return str(PureWindowsPath(base) / "authorities" / operation)


def locate_authority_key(folder: str) -> str:
    """Returns the path of the key in a CA's folder."""
    return str(PureWindowsPath(folder) / "ca.key")


def locate_authority_certificate(folder: str) -> str:
    """Returns the path of the certificate in a CA's folder."""
    return str(PureWindowsPath(folder) / "ca.crt")


class MadeAuthority(Value):
    """A CA that was made just now, or before by the same operation: its certificate (PEM), and where its files are."""

    certificate: str = Field(max_length=PEM_LIMIT)
    fingerprint: str
    name: str
    not_after: AwareDatetime
    certificate_file: str
    key_file: str
    changed: bool = False


class MakeAuthority(WindowsAction[MadeAuthority]):
    """Makes a CA in a fresh folder.

    `networks`, `unsafe_networks` and `groups` limit what it may sign; without any it may sign all. The answer is compared
    with the request, and any difference is a `ProtocolError`. `ActionFailed.code` is "VersionUnknown" if the host's
    nebula-cert cannot make that version, "KeyNotSafe", "DiskFull", or "CaFailed" for any other refusal of nebula-cert.
    """

    script = "make-authority"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 256_000

    folder: str
    nebula_cert_exe: str
    name: str = Field(min_length=1, max_length=253)
    seconds: int = Field(ge=1)
    curve: CurveName
    version: Literal[1, 2]
    groups: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    unsafe_networks: tuple[str, ...] = ()

    def parse(self, data: Any) -> MadeAuthority:
        match data:
            case {"certificate": str(text), "changed": bool(changed)}:
                (made,) = parse_pem(text)
            case _:
                raise ValueError("no certificate")
        if differs := self._find_difference(made):
            raise ValueError(f"the CA has another {differs} than was asked for")
        return MadeAuthority(
            certificate=text,
            fingerprint=made.fingerprint,
            name=made.name,
            not_after=made.not_after,
            certificate_file=locate_authority_certificate(self.folder),
            key_file=locate_authority_key(self.folder),
            changed=changed,
        )

    def _find_difference(self, made: Certificate) -> str:
        """Finds a property in which the CA differs from the request; "" if there is none."""
        lifetime = made.not_after - made.not_before
        checks = {
            "kind": made.is_ca and is_signed_by(made, made),
            "name": made.name == self.name,
            "curve": CURVE_NAMES[made.curve] == self.curve,
            "version": made.version == self.version,
            "group": set(made.groups) == set(self.groups),
            "network": _are_same(made.networks, self.networks),
            "network behind hosts": _are_same(made.unsafe_networks, self.unsafe_networks),
            "lifetime": abs(lifetime - timedelta(seconds=self.seconds)) <= _LIFETIME_ALLOWANCE,
        }
        return next((what for what, right in checks.items() if not right), "")


class SignedCanary(Value):
    """A certificate of a CA whose private key was discarded. `fingerprint` is its own."""

    certificate: str = Field(max_length=PEM_LIMIT)
    fingerprint: str
    changed: bool = False


class SignCanary(WindowsAction[SignedCanary]):
    """Signs a canary with the CA in `folder`, for a key pair whose private half is overwritten before the signature.

    It ends with its CA. `network` is its address, which the CA must allow. `ActionFailed.code` is "CaKeyMissing",
    "DiskFull", or "SignFailed".
    """

    script = "sign-canary"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 256_000

    folder: str
    nebula_cert_exe: str
    curve: CurveName
    network: str

    def parse(self, data: Any) -> SignedCanary:
        match data:
            case {"certificate": str(text), "ca": str(ca_text), "changed": bool(changed)}:
                (canary,), (ca,) = parse_pem(text), parse_pem(ca_text)
            case _:
                raise ValueError("neither a certificate nor its CA")
        expected = (CANARY_NAME, (), (ip_interface(self.network),))
        if canary.is_ca or not is_signed_by(canary, ca) or expected != (canary.name, canary.groups, canary.networks):
            raise ValueError("the certificate is another one than was asked for")
        return SignedCanary(certificate=text, fingerprint=canary.fingerprint, changed=changed)


class InstalledAuthority(Value):
    """A CA's key in its usual place. The one that was there is wiped."""

    changed: bool = False


class InstallAuthority(WindowsAction[InstalledAuthority]):
    """Puts the key from a CA's folder in its usual place, and wipes the one that was there. There is no way back.

    The key is tried first: it must sign for the CA of `fingerprint`, which must be in the file `ca`. `ActionFailed.code` is
    "CaDiffers", "CaKeyMissing", "KeyNotSafe", "DiskFull", or "SignFailed" for a key of another CA.
    """

    script = "install-authority"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str
    nebula_cert_exe: str
    ca_key: str
    ca: str
    fingerprint: str
    curve: CurveName
    network: str


class WipeAuthority(WindowsAction[Forgotten]):
    """Overwrites the key in a CA's folder, and removes the folder. Fails for any other folder."""

    script = "wipe-authority"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str


def _are_same(found: Sequence[Any], asked: Sequence[str]) -> bool:
    """Returns whether two lists of networks are the same. nebula-cert may cut the host's part of those behind hosts."""
    return {each.network for each in found} == {ip_interface(each).network for each in asked}
