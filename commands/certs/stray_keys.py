"""Private keys of Nebula that lie where none belongs: read on the hosts, and judged.

old pairs        in the folders of operations: what a renewal replaced, or one that was cut off left behind
copies           anywhere else in Flatnet's folders, such as the host-new.key that was made by hand, or an old backup
keys of CAs      beside the one that signs

Whoever has such a key and its certificate is that host for all others, until the certificate has ended or is blocked.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import PureWindowsPath

from adapters.error_text import clean_line
from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Moment, Phrase
from adapters.windows.key_files import FindStrayKeys, StrayKey, StrayKeys
from commands.certs.fleet_certificates import (
    FleetCertificates,
    HostCertificates,
    add_lighthouse,
    read_certificates,
    shorten_fingerprint,
)
from commands.checks.assessment import Remark
from commands.checks.concurrent_reads import read_side
from commands.model.finding import Severity
from commands.model.operation import FleetView
from commands.model.phrases import relate_moment
from commands.model.report import Section
from commands.values.arguments import shorten_argument

UNDER_WAY = timedelta(hours=1)
"""Age up to which a key in the folder of an operation is taken for one that is needed there."""

MAX_LISTED_KEYS = 20


async def read_with_stray_keys(hosts: Sequence[Host], view: FleetView) -> FleetCertificates:
    """Reads the certificates of these hosts and of the lighthouse, and looks for stray keys on these hosts."""
    async with asyncio.TaskGroup() as group:
        seen = group.create_task(read_certificates(add_lighthouse(hosts, view.fleet.inventory), view))
        found = group.create_task(_find_keys(hosts, view))
    keys = found.result()
    per_host = tuple(replace(held, stray_keys=keys.get(held.host.name)) for held in seen.result().per_host)
    return replace(seen.result(), per_host=per_host)


async def _find_keys(hosts: Sequence[Host], view: FleetView) -> Mapping[str, StrayKeys | HostError | None]:
    """Finds the keys on each host, by its name."""
    answers = await asyncio.gather(*(_find_host_keys(host, view) for host in hosts))
    return {host.name: answer for host, answer in zip(hosts, answers, strict=True)}


async def _find_host_keys(host: Host, view: FleetView) -> StrayKeys | HostError | None:
    action = None if host.windows is None else FindStrayKeys.of(host.windows)
    return await read_side(host, action, view)


def judge_stray_keys(held: HostCertificates) -> Iterator[Remark]:
    """Judges the stray keys of a host whose certificates were read."""
    name, found = held.host.name, held.stray_keys
    if isinstance(found, HostError):
        why = Phrase("could not check for private keys that were left behind: {why}", why=found.phrase)
        yield Remark("stray-keys", Severity.LOW, Phrase("stray keys not checked"), why)
        return
    keys = () if found is None else list_strays(found)
    authorities = [key for key in keys if key.kind == "authority"]
    old = [key for key in keys if key.kind == "host" and is_of_operation(key)]
    copies = [key for key in keys if key.kind == "host" and not is_of_operation(key)]
    if authorities:
        why = Phrase(
            "the private key of a CA is also in {file}. Move it to a safe place, then remove it there",
            file=_shorten(authorities[0]),
        )
        yield Remark("stray-ca-key", Severity.HIGH, Phrase("stray CA key"), why, next=f"cert show {name}")
    if copies:
        why = Phrase(
            "{n} private key was left behind: {file}. Remove it on the host, unless a person still needs it",
            plural="{n} private keys were left behind, the first is {file}. Remove them on the host, unless a person "
            "still needs them",
            n=len(copies),
            file=_shorten(copies[0]),
        )
        yield Remark("stray-key", Severity.MEDIUM, Phrase("stray private keys"), why, next=f"cert show {name}")
    if old:
        why = Phrase(
            "{n} private key of an earlier renewal is left: {file}. The next renewal wipes it. Remove it on the host if "
            "that is too late",
            plural="{n} private keys of earlier renewals are left, the first is {file}. The next renewal wipes them. Remove "
            "them on the host if that is too late",
            n=len(old),
            file=_shorten(old[0]),
        )
        yield Remark("old-key", Severity.MEDIUM, Phrase("old private keys left"), why, next=f"cert show {name}")


def list_strays(found: StrayKeys) -> tuple[StrayKey, ...]:
    """Lists the keys without those of an operation that may be under way."""
    return tuple(key for key in found.keys if not (is_of_operation(key) and found.clock - key.written_at < UNDER_WAY))


def is_of_operation(key: StrayKey) -> bool:
    """Returns whether a key lies in the folder of an operation."""
    return any(folder.parent.name.lower() == "operations" for folder in PureWindowsPath(key.file).parents)


def build_stray_section(held: HostCertificates, seen: FleetCertificates) -> tuple[Section, ...]:
    """Builds the section that names each stray key, for the person who removes them."""
    found = held.stray_keys
    if not isinstance(found, StrayKeys):
        return ()
    keys = list_strays(found)
    lines = [_describe(key, seen) for key in keys[:MAX_LISTED_KEYS]]
    if len(keys) > MAX_LISTED_KEYS:
        lines.append(Phrase("and {n} more", n=len(keys) - MAX_LISTED_KEYS))
    if not found.complete:
        lines.append(Phrase("not all folders were searched"))
    return (Section(heading=Phrase("Private keys to remove"), lines=tuple(lines)),) if lines else ()


def _describe(key: StrayKey, seen: FleetCertificates) -> Phrase:
    written, certificate = relate_moment(key.written_at, seen.now), key.certificate
    if key.kind == "authority":
        return Phrase("{file}: the key of a CA, written {at}", file=_shorten(key), at=written)
    if certificate is None:
        return Phrase("{file}: written {at}, no certificate beside it", file=_shorten(key), at=written)
    return Phrase(
        "{file}: written {at}, certificate {fingerprint} of {name}, valid until {until}",
        file=_shorten(key),
        at=written,
        fingerprint=shorten_fingerprint(certificate.fingerprint),
        name=shorten_argument(certificate.name),
        until=Moment(certificate.not_after),
    )


def _shorten(key: StrayKey) -> str:
    """Returns a path from the host for a sentence."""
    return clean_line(key.file)
