"""The configuration of a gateway on its host, as plans read it: its files, what runs, and the last good copy.

services, files, kept copy ─▶ contents of the copies that differ ─▶ GatewayFiles

Reads the configuration of a gateway on its host: nginx.conf, and the files that it includes.

Difference between a gateway's last good configuration and the present one, as approvers see it. Pure.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import Configuration, ConfigurationFile, HashedFile, ListConfiguration, ReadConfiguration
from adapters.windows.good_configuration import GoodConfiguration, ReadGood
from adapters.windows.services import ReadServices, Services
from commands.changes.commit_confirm import get_windows_side
from commands.configuration.diff import diff_splices
from commands.configuration.peer_table import FoundPeers, find_peers
from commands.configuration.splice import Splice, UnsuitableText
from commands.health.fleet_report import read_side
from commands.model.operation import FleetView
from commands.model.plan import FileEdit
from commands.model.proven_configuration import ProvenConfiguration

Contents = Mapping[str, bytes]
"""Contents of files by their full paths."""


@dataclass(frozen=True)
class ConfigurationFiles:
    """The files of a gateway's configuration and their contents. `main` is the path of nginx.conf."""

    main: str
    configuration: Configuration
    contents: Contents

    async def find_peers(self) -> FoundPeers:
        """Finds the table of peers, in a thread: a large file takes seconds. Raises `UnsuitableText`."""
        return await asyncio.to_thread(find_peers, self.contents, self.main)


async def read_configuration_files(host: Host, view: FleetView) -> ConfigurationFiles | HostError:
    """Reads the configuration of a gateway whose host has a Windows side. It returns the first failure."""
    main = get_windows_side(host).paths.gateway_config
    seen: ReadResult[Configuration] = await view.fleet.read(host, ListConfiguration.of(main))
    listed = seen.outcome
    if isinstance(listed, HostError):
        return listed
    contents = await read_contents(host, listed.base, (each.file for each in listed.present), view)
    return contents if isinstance(contents, HostError) else ConfigurationFiles(main, listed, contents)


async def read_contents(host: Host, base: str, files: Iterable[str], view: FleetView) -> Contents | HostError:
    """Reads files of a folder by their paths. It returns the first failure."""
    paths = tuple(files)
    contents = dict[str, bytes]()
    for file, read in zip(paths, await asyncio.gather(*(_read_file(host, base, file, view) for file in paths)), strict=True):
        if isinstance(read, HostError):
            return read
        contents[file] = read.content
    return contents


async def _read_file(host: Host, base: str, file: str, view: FleetView) -> ConfigurationFile | HostError:
    seen: ReadResult[ConfigurationFile] = await view.fleet.read(host, ReadConfiguration(base=base, file=file))
    return seen.outcome


@dataclass(frozen=True)
class GatewayFiles:
    """A gateway's present configuration, and `good`, the last good one, or the reason for which there is none to go back to.

    `good_contents` has the copies of those files that differ now, or are not there any more.
    """

    host: Host
    services: Services
    present: ConfigurationFiles
    good: GoodConfiguration | Phrase
    good_contents: Contents

    @property
    def configuration(self) -> Configuration:
        return self.present.configuration

    @property
    def unchanged(self) -> bool:
        """True if the present configuration is the last good one."""
        return isinstance(self.good, GoodConfiguration) and self.good.sha256 == self.configuration.sha256

    @property
    def added(self) -> tuple[str, ...]:
        """Files that the last good configuration does not have."""
        if not isinstance(self.good, GoodConfiguration):
            return ()
        known = {each.file for each in self.good.files}
        return tuple(each.file for each in self.configuration.present if each.file not in known)

    @property
    def replaced(self) -> tuple[HashedFile, ...]:
        """Files of the last good configuration that differ now, or are not there any more."""
        return find_changed(self.good, self.configuration) if isinstance(self.good, GoodConfiguration) else ()

    @property
    def unread(self) -> tuple[str, ...]:
        """Files that nginx includes and that are not kept: they lie elsewhere, or cannot be read."""
        return tuple(each.file for each in self.configuration.files if each.state in ("outside", "unreadable"))

    def find_peers(self) -> tuple[str, ...] | Phrase:
        """Finds the peers that the present files name, or the reason for which they are unknown."""
        return _find_peers(self.present.contents, self.present.main)

    def find_good_peers(self) -> tuple[str, ...] | None:
        """Finds the peers that the last good files name; None if they are unknown."""
        if not isinstance(self.good, GoodConfiguration):
            return None
        known = {**self.present.contents, **self.good_contents}
        found = _find_peers({each.file: known[each.file] for each in self.good.files}, self.present.main)
        return None if isinstance(found, Phrase) else found


async def read_gateway_files(host: Host, view: FleetView) -> GatewayFiles | HostError:
    """Reads a gateway's configuration on its host, which has a Windows side. It returns the first failure."""
    ask_services, ask_good = (
        read_side(host, ReadServices.of(get_windows_side(host)), view),
        read_side(host, ReadGood(), view),
    )
    answers = await asyncio.gather(ask_services, read_configuration_files(host, view), ask_good)
    match answers:
        case [Services() as services, ConfigurationFiles() as present, GoodConfiguration() as kept]:
            good = judge_kept(view.good_configurations.get(host.name), kept)
        case _:
            return next(answer for answer in answers if isinstance(answer, HostError))
    changed = find_changed(good, present.configuration) if isinstance(good, GoodConfiguration) else ()
    copies = await read_contents(host, kept.folder, (_locate_copy(kept, each.file) for each in changed), view)
    if isinstance(copies, HostError):
        return copies
    good_contents = {each.file: copies[_locate_copy(kept, each.file)] for each in changed}
    return GatewayFiles(host, services, present, good, good_contents)


def judge_kept(proven: ProvenConfiguration | None, kept: GoodConfiguration) -> GoodConfiguration | Phrase:
    """Returns the copy that a host keeps if it is the proven one and whole, else the reason for which it is of no use."""
    if proven is None:
        return Phrase("no reload of this gateway was verified yet")
    if not kept.sha256:
        return Phrase("the host keeps no copy any more")
    if kept.sha256 != proven.sha256:
        return Phrase("the host keeps another copy than the one that was verified")
    if not kept.intact:
        return Phrase("the copy on the host was changed or is incomplete")
    return kept


def find_changed(good: GoodConfiguration, configuration: Configuration) -> tuple[HashedFile, ...]:
    """Finds the kept files that differ from the present ones, or that are not there any more."""
    present = {each.file: each.sha256 for each in configuration.present}
    return tuple(each for each in good.files if present.get(each.file) != each.sha256)


def _locate_copy(kept: GoodConfiguration, file: str) -> str:
    return str(PureWindowsPath(kept.folder) / PureWindowsPath(file).relative_to(PureWindowsPath(kept.base)))


def _find_peers(contents: Contents, main: str) -> tuple[str, ...] | Phrase:
    try:
        return find_peers(contents, main).addresses
    except UnsuitableText as error:
        return error.why


MAX_LINES = 400
"""Lines of a host's diffs in a plan. Approvers read no more of them."""


@dataclass(frozen=True)
class GoodDiff:
    """Diffs of all files of a host that differ, and how many of their lines are left out."""

    edits: tuple[FileEdit, ...] = ()
    left_out: int = 0


def diff_configurations(
    host: str, old: Mapping[str, bytes], new: Mapping[str, bytes], redact: Callable[[str], str]
) -> GoodDiff:
    """Makes the diffs from the old files to the new ones; a file that is missing on a side is empty there.

    Raises `UnsuitableText` with the file if approvers could not see the whole of a changed line.
    """
    edits, room, left_out = list[FileEdit](), MAX_LINES, 0
    for file in sorted({*old, *new}):
        lines = _diff_file(file, old.get(file, b""), new.get(file, b""), redact)
        if lines:
            edits.append(FileEdit(host=host, file=file, diff=lines[:room]))
            left_out, room = left_out + len(lines[room:]), max(room - len(lines), 0)
    return GoodDiff(tuple(edit for edit in edits if edit.diff), left_out)


def _diff_file(file: str, old: bytes, new: bytes, redact: Callable[[str], str]) -> tuple[str, ...]:
    if old == new:
        return ()
    try:
        return diff_splices(old, (_find_difference(old, new),), redact)
    except UnsuitableText as error:
        raise UnsuitableText(Phrase("{file}: {why}", file=file, why=error.why)) from error


def _find_difference(old: bytes, new: bytes) -> Splice:
    """Finds the one replacement, as short as possible, that turns the old text into the new one."""
    begin = _count_common(zip(old, new, strict=False))
    limit = min(len(old), len(new)) - begin
    end = min(_count_common(zip(reversed(old), reversed(new), strict=False)), limit)
    return Splice(begin, old[begin : len(old) - end], new[begin : len(new) - end])


def _count_common(pairs: Iterator[tuple[int, int]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
