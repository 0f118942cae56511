"""The configuration of a gateway on its host, as plans read it: its files, what runs, and the last good copy.

services, list of files, kept copy ─▶ contents of the files, and of the copies that differ ─▶ GatewayFiles
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

from adapters.action import Action
from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows.configuration import Configuration, ConfigurationFile, HashedFile, ListConfiguration, ReadConfiguration
from adapters.windows.good_configuration import GoodConfiguration, ReadGood
from adapters.windows.services import ReadServices, Services
from commands.configuration.peer_table import find_peers
from commands.configuration.splice import UnsuitableText
from commands.model.operation import FleetView
from commands.model.proven_configuration import ProvenConfiguration
from commands.planning.commit_confirm import get_windows_side

Contents = Mapping[str, bytes]
"""Contents of files by their full paths in the configuration."""


@dataclass(frozen=True)
class GatewayFiles:
    """A gateway's configuration. `good` is the last good one, or the reason for which there is none to go back to.

    `good_contents` has the copies of those files that differ now, or are not there any more.
    """

    host: Host
    services: Services
    configuration: Configuration
    contents: Contents
    good: GoodConfiguration | Phrase
    good_contents: Contents

    @property
    def main(self) -> str:
        """The path of nginx.conf."""
        return get_windows_side(self.host).paths.gateway_config

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
        return _find_peers(self.contents, self.main)

    def find_good_peers(self) -> tuple[str, ...] | None:
        """Finds the peers that the last good files name; None if they are unknown."""
        if not isinstance(self.good, GoodConfiguration):
            return None
        known = {**self.contents, **self.good_contents}
        found = _find_peers({each.file: known[each.file] for each in self.good.files}, self.main)
        return None if isinstance(found, Phrase) else found


async def read_gateway_files(host: Host, view: FleetView) -> GatewayFiles | HostError:
    """Reads a gateway's configuration on its host, which has a Windows side. It returns the first failure."""
    side = get_windows_side(host)
    actions = (ReadServices.of(side), ListConfiguration.of(side.paths.gateway_config), ReadGood())
    answers = await asyncio.gather(*(_ask(host, action, view) for action in actions))
    match answers:
        case [Services() as services, Configuration() as configuration, GoodConfiguration() as kept]:
            good = judge_kept(view.good_configurations.get(host.name), kept)
        case _:
            return next(answer for answer in answers if isinstance(answer, HostError))
    changed = find_changed(good, configuration) if isinstance(good, GoodConfiguration) else ()
    contents, good_contents = await asyncio.gather(
        _read_contents(host, configuration.base, (each.file for each in configuration.present), view),
        _read_contents(host, kept.folder, (_locate_copy(kept, each.file) for each in changed), view),
    )
    if isinstance(contents, HostError):
        return contents
    if isinstance(good_contents, HostError):
        return good_contents
    copies = {each.file: good_contents[_locate_copy(kept, each.file)] for each in changed}
    return GatewayFiles(host, services, configuration, contents, good, copies)


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


async def _read_contents(host: Host, base: str, files: Iterable[str], view: FleetView) -> Contents | HostError:
    """Reads files by their paths. It returns the first failure."""
    actions = [ReadConfiguration(base=base, file=file) for file in files]
    answers = await asyncio.gather(*(_ask(host, action, view) for action in actions))
    failed = next((answer for answer in answers if isinstance(answer, HostError)), None)
    return failed or dict(_list_contents(actions, answers))


def _list_contents(actions: Iterable[ReadConfiguration], answers: Iterable[Any]) -> Iterator[tuple[str, bytes]]:
    for action, answer in zip(actions, answers, strict=True):
        if isinstance(answer, ConfigurationFile):
            yield action.file, answer.content


async def _ask(host: Host, action: Action[Any], view: FleetView) -> Any:
    return (await view.fleet.read(host, action)).outcome


def _find_peers(contents: Contents, main: str) -> tuple[str, ...] | Phrase:
    try:
        return find_peers(contents, main).addresses
    except UnsuitableText as error:
        return error.why
