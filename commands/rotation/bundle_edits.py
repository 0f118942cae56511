"""Edits of hosts' files of CAs: read, edited, and described for approvers.

hosts ─ read_bundles ─▶ the bytes of each file ─ build_bundle_edit ─▶ ConfigurationEdit ─ describe_bundle_edit ─▶ FileEdit
"""

from collections.abc import Iterable, Mapping
from pathlib import PureWindowsPath

from adapters.errors import HostError
from adapters.fleet import ReadResult
from adapters.inventory import Host
from adapters.windows.configuration import ConfigurationFile, ReadConfiguration
from commands.certs.fleet_certificates import shorten_fingerprint
from commands.checks.concurrent_reads import read_all_hosts
from commands.configuration.ca_bundle import edit_bundle
from commands.configuration.splice import UnsuitableText
from commands.model.operation import FleetView
from commands.model.plan import FileEdit
from commands.model.rotation import RotationAuthority
from commands.planning.configuration_edit import ConfigurationEdit

Bundle = ConfigurationFile | HostError


async def read_bundles(hosts: Iterable[Host], view: FleetView) -> Mapping[str, Bundle]:
    """Reads the files of CAs of hosts with a Windows side, by their names."""

    async def read(host: Host) -> tuple[str, Bundle]:
        assert host.windows is not None
        action = ReadConfiguration.of(host.windows.paths.ca_certificate)
        result: ReadResult[ConfigurationFile] = await view.fleet.read(host, action)
        return host.name, result.outcome

    return dict(await read_all_hosts(tuple(hosts), read, view))


def build_bundle_edit(
    host: Host, bundle: ConfigurationFile, operation: str, *, add: str = "", remove: str = ""
) -> ConfigurationEdit | None:
    """Builds the edit that adds a CA (PEM) and removes the one with the fingerprint `remove`; None if nothing is to edit.

    Raises `UnsuitableText` with the file and the place.
    """
    try:
        splices = edit_bundle(bundle.content, add=add, remove=remove)
    except UnsuitableText as error:
        raise UnsuitableText(error.locate(bundle.file, bundle.content)) from error
    base = str(PureWindowsPath(bundle.file).parent)
    return ConfigurationEdit(host, operation, base, bundle.file, bundle.content, splices) if splices else None


def describe_bundle_edit(
    edit: ConfigurationEdit, *, added: RotationAuthority | None = None, removed: RotationAuthority | None = None
) -> FileEdit:
    """Describes an edit by the names of the CAs: a certificate in base64 tells an approver nothing."""
    lines = [f"{sign}{_name_authority(each)}" for sign, each in (("-", removed), ("+", added)) if each is not None]
    return FileEdit(host=edit.host.name, file=edit.file, diff=tuple(lines))


def _name_authority(authority: RotationAuthority) -> str:
    return f"{authority.name} ({shorten_fingerprint(authority.fingerprint)})"
