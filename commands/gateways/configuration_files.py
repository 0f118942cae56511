"""Reads the configuration of a gateway on its host: nginx.conf, and the files that it includes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.windows.configuration import Configuration, ConfigurationFile, ListConfiguration, ReadConfiguration
from commands.configuration.peer_table import FoundPeers, find_peers
from commands.model.operation import FleetView
from commands.planning.commit_confirm import get_windows_side


@dataclass(frozen=True)
class ConfigurationFiles:
    """The files of a gateway's configuration and their contents, by their full paths."""

    main: str
    configuration: Configuration
    contents: Mapping[str, bytes]

    async def find_peers(self) -> FoundPeers:
        """Finds the table of peers, in a thread: a large file takes seconds. Raises `UnsuitableText`."""
        return await asyncio.to_thread(find_peers, self.contents, self.main)


async def read_configuration_files(host: Host, view: FleetView) -> ConfigurationFiles | HostError:
    """Reads the configuration of a gateway whose host has a Windows side. It returns the first failure."""
    main = get_windows_side(host).paths.gateway_config
    seen: ReadResult[Configuration] = await view.fleet.read(host, ListConfiguration.of(main))
    if isinstance(seen.outcome, HostError):
        return seen.outcome
    configuration = seen.outcome
    reads = (_read_file(host, configuration.base, each.file, view) for each in configuration.present)
    contents = dict[str, bytes]()
    for read in await asyncio.gather(*reads):
        if isinstance(read, HostError):
            return read
        contents[read.file] = read.content
    return ConfigurationFiles(main, configuration, contents)


async def _read_file(host: Host, base: str, file: str, view: FleetView) -> ConfigurationFile | HostError:
    seen: ReadResult[ConfigurationFile] = await view.fleet.read(host, ReadConfiguration(base=base, file=file))
    return seen.outcome
