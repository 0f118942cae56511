"""Reads the configuration of a gateway on its host: nginx.conf, and the files that it includes."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.windows.configuration import Configuration, ConfigurationFile, ListConfiguration, ReadConfiguration
from commands.configuration.peer_table import FoundPeers, find_peers
from commands.model.operation import FleetView
from commands.planning.commit_confirm import get_windows_side

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
