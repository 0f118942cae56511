"""The configuration of a gateway on its host, as plans read it: its files, what runs, and the last good copy.

services, files, kept copy ─▶ contents of the copies that differ ─▶ GatewayFiles
"""

import asyncio
from dataclasses import dataclass
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import Configuration, HashedFile
from adapters.windows.good_configuration import GoodConfiguration, ReadGood
from adapters.windows.services import ReadServices, Services
from commands.checks.concurrent_reads import read_side
from commands.configuration.peer_table import find_peers
from commands.configuration.splice import UnsuitableText
from commands.gateways.configuration_files import ConfigurationFiles, Contents, read_configuration_files, read_contents
from commands.model.operation import FleetView
from commands.model.proven_configuration import ProvenConfiguration
from commands.planning.commit_confirm import get_windows_side


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
