"""The CA that follows another one: like it in all but its name and its dates. Pure.

the old CA, programs of all hosts ─▶ Successor ─▶ MakeAuthority, SignCanary

Marks by which the end of a run says what it did for a rotation. Pure.

    start   a premise has a RotationStart; the answers of the steps HOST/make and HOST/canary have the certificates
    rounds  keys of steps begin with HOST/trust, HOST/drop, HOST/take-back; HOST/sign signs; HOST/settle ends the rotation

A mark counts for a host if all steps of its part are done and none was rolled back. So the steps of a plan are the one place
that says what it does, and `bot.rotation` needs no knowledge of operations.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Literal

from pydantic import JsonValue, ValidationError

from adapters.inventory import Host
from adapters.nebula.certificates import Certificate
from adapters.nebula.encoding import VERSION_BY_BANNER, encode_certificate
from adapters.nebula.pem import encode_block
from adapters.phrase import Moment, Phrase
from adapters.value import Value
from adapters.windows.authority import CURVE_NAMES, MakeAuthority, SignCanary
from commands.certificates.reading import shorten_fingerprint
from commands.model.finding import list_some
from commands.model.plan import Part, Plan, Premise
from commands.model.rotation import Rotation, RotationAuthority
from commands.values.arguments import shorten_argument

NAME_LIMIT = 240
"""Bytes of a name that is counted up. nebula-cert of 1.10 refuses to read names of more than 253."""

_NUMBERED = re.compile(r"(.*?)([1-9][0-9]{0,3})")
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(\.|$)")
_FIRST_WITH_TWO = (1, 10)
"""Version of Nebula from which it reads certificates of version 2."""


@dataclass(frozen=True)
class Successor:
    """A CA to be made in `folder` on the lighthouse. `behind` are the hosts for which it must have version 1."""

    old: Certificate
    name: str
    version: Literal[1, 2]
    folder: str
    lighthouse: Host
    behind: tuple[str, ...] = ()

    @property
    def network(self) -> str:
        """Address of its canary."""
        return find_spare_network(self.old, self.lighthouse)

    def build_make_action(self, program: str) -> MakeAuthority:
        """Builds the action that makes it. `program` is the path of nebula-cert."""
        old = self.old
        return MakeAuthority(
            folder=self.folder,
            nebula_cert_exe=program,
            name=self.name,
            seconds=round((old.not_after - old.not_before).total_seconds()),
            curve=CURVE_NAMES[old.curve],
            version=self.version,
            groups=old.groups,
            networks=tuple(map(str, old.networks)),
            unsafe_networks=tuple(map(str, old.unsafe_networks)),
        )

    def build_canary_action(self, program: str) -> SignCanary:
        """Builds the action that signs its canary."""
        return SignCanary(
            folder=self.folder, nebula_cert_exe=program, curve=CURVE_NAMES[self.old.curve], network=self.network
        )

    def build_premise(self) -> Premise:
        """Builds the premise of its name and its version."""
        name = shorten_argument(self.name)
        if self.behind and self.version == 1:
            phrase = Phrase(
                "the new CA is {name}, version 1: {hosts} may not read version 2",
                name=name,
                hosts=list_some(self.behind),
            )
        else:
            phrase = Phrase("the new CA is {name}, version {version}", name=name, version=self.version)
        return Premise(host=self.lighthouse.name, what="successor", value=[self.name, self.version], phrase=phrase)


def find_spare_network(ca: Certificate, lighthouse: Host) -> str:
    """Finds an address that no host has and a CA may sign: the last one of its first network, or of the overlay."""
    limits = ca.networks
    within = ip_network(str(limits[0].network if limits else lighthouse.overlay.network))
    return f"{within[-2] if within.num_addresses > 2 else within[0]}/{within.prefixlen}"


def choose_version(old: Certificate, behind: Collection[str]) -> Literal[1, 2]:
    """Chooses the version of a CA: that of the old one, unless every host reads version 2."""
    return 1 if old.version == 1 and behind else 2


def find_hosts_behind(versions: Mapping[str, str]) -> tuple[str, ...]:
    """Finds the hosts whose Nebula does not read version 2, or whose version is not known, from what they print."""
    return tuple(name for name, version in versions.items() if not _reads_two(version))


def count_up(name: str, known: Iterable[str]) -> str:
    """Counts a name up: `Flatnet CA` becomes `Flatnet CA 2`, then `Flatnet CA 3`. Known names are passed over."""
    taken = {name, *known}
    found = _NUMBERED.fullmatch(name)
    stem, number = (found[1], int(found[2])) if found else (f"{_cut(name)} ", 1)
    while f"{stem}{number}" in taken or number == 1:
        number += 1
    return f"{stem}{number}"


def write_certificate(certificate: Certificate) -> str:
    """Writes a certificate as PEM, byte for byte as nebula-cert does."""
    banner = next(banner for banner, version in VERSION_BY_BANNER.items() if version == certificate.version)
    return encode_block(banner, encode_certificate(certificate))


def _cut(name: str) -> str:
    return name.encode()[:NAME_LIMIT].decode(errors="ignore")


def _reads_two(version: str) -> bool:
    found = _VERSION.match(version)
    return found is not None and (int(found[1]), int(found[2])) >= _FIRST_WITH_TWO


START_PREMISE = "rotation"
"""Subject of the premise that has the `RotationStart`."""

START_WORDS = "ca rotation start"
NEXT_WORDS = "ca rotation next"
FINISH_WORDS = "ca rotation finish"
ABORT_WORDS = "ca rotation abort"


class Mark(StrEnum):
    """First word of a step's key behind its host."""

    MAKE = "make"
    """The new CA is made. Its answer has the `certificate` (PEM)."""
    CANARY = "canary"
    """A certificate of the new CA is signed, and its private key is discarded. Its answer has the `certificate` (PEM)."""
    TRUST = "trust"
    """The new CA is added to the CAs that the host trusts."""
    SIGN = "sign"
    """A certificate is signed. Its issuer says by which CA."""
    DROP = "drop"
    """The old CA is taken out."""
    TAKE_BACK = "take-back"
    """The new CA is taken out again."""
    SETTLE = "settle"
    """The rotation is over: keys are moved and wiped."""


class RotationStart(Value):
    """Facts that a start fixes before it runs: the old CA, the files of the new one on the lighthouse, and whether the old
    one is lost.
    """

    old: RotationAuthority
    certificate_file: str
    key_file: str
    lost: bool = False

    def build_premise(self, host: str) -> Premise:
        """Builds the premise of a plan that starts a rotation. `host` is the lighthouse."""
        old = self.old
        phrase = Phrase(
            "replaces {ca} ({fingerprint}), valid until {at}",
            ca=old.name,
            fingerprint=shorten_fingerprint(old.fingerprint),
            at=Moment(old.ends_at),
        )
        return Premise(host=host, what=START_PREMISE, value=self.model_dump(mode="json"), phrase=phrase)


def make_key(host: str, mark: Mark, name: str = "") -> str:
    """Makes the key of a step that has a mark: `host-a/trust/stage`, or `host-a/sign`."""
    return "/".join(filter(None, (host, mark.value, name)))


def list_marks(part: Part) -> frozenset[Mark]:
    """Lists the marks of a part's steps."""
    words = {step.key.removeprefix(f"{part.host}/").partition("/")[0] for step in part.steps}
    return frozenset(mark for mark in Mark if mark.value in words)


def find_start(plan: Plan) -> RotationStart | None:
    """Finds what a plan that starts a rotation fixes; None in another plan."""
    value = next((premise.value for premise in plan.premises if premise.what == START_PREMISE), None)
    try:
        return None if value is None else RotationStart.model_validate(value)
    except ValidationError:
        return None


def parse_left(arguments: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Parses the hosts that a round goes on without, from the resolved arguments of `ca rotation next`."""
    match arguments.get("leave"):
        case {"parts": list(parts)} | list(parts):
            return tuple(str(name) for name in parts)
        case _:
            return ()


def is_lazy(rotation: Rotation, arguments: Mapping[str, JsonValue]) -> bool:
    """Returns whether hosts drop the old CA with their next restart, from the arguments of `ca rotation finish`."""
    return rotation.lazy or arguments.get("lazy") is True
