"""The CA that follows another one: like it in all but its name and its dates. Pure.

the old CA, programs of all hosts ─▶ Successor ─▶ MakeAuthority, SignCanary
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from adapters.inventory import Host
from adapters.nebula.certificates import Certificate
from adapters.nebula.encoding import VERSION_BY_BANNER, encode_certificate
from adapters.nebula.pem import encode_block
from adapters.phrase import Phrase
from adapters.windows.authority import CURVE_NAMES, MakeAuthority, SignCanary
from commands.model.finding import list_some
from commands.model.plan import Premise
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
