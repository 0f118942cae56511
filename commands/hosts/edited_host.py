"""A host as an edit makes it: its labels and the addresses of its sides, in the inventory and in its file. Pure.

what was typed + the host ─▶ EditedHost: the host as it will be, its table as it will be written, the sides that change
a side that changes ─▶ AskedIdentity: where to look, and which identity must be shown there
what was shown there ─▶ pinned: from then on no other identity is accepted at that side
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from adapters.inventory import Host, WindowsSide, WslSide
from adapters.local.identities import ProvenSide, ShownIdentity, compute_key_fingerprint
from adapters.phrase import Phrase
from adapters.windows.tls_certificate import WINRM_TLS_PORT
from commands.model.operation import CannotPlan

FINGERPRINT_OPTIONS: Mapping[ProvenSide, str] = {"windows": "--windows-fingerprint", "wsl": "--wsl-fingerprint"}
SCRIPTS: Mapping[ProvenSide, str] = {"windows": "prepare-windows.ps1", "wsl": "prepare-wsl.sh"}
"""The scripts that print the fingerprint of each side on the host."""

_PINS: Mapping[ProvenSide, str] = {"windows": "certificate_sha256", "wsl": "host_key"}
"""The setting of each side that pins its identity."""


@dataclass(frozen=True)
class AskedIdentity:
    """The identity that one side must show at an address. `fingerprint` is as its script prints it."""

    side: ProvenSide
    address: str
    port: int
    fingerprint: str


@dataclass(frozen=True)
class HostChanges:
    """Changes of a host. None and "" leave it as it is. Addresses may have a port: `192.0.2.14:2222`."""

    labels: tuple[str, ...] | None = None
    windows: str = ""
    wsl: str = ""
    windows_fingerprint: str = ""
    wsl_fingerprint: str = ""


@dataclass(frozen=True)
class EditedHost:
    """A host, and how it will be. `table` has its settings as they will be written."""

    before: Host
    after: Host
    table: Mapping[str, Any]

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def sides(self) -> tuple[ProvenSide, ...]:
        """The sides whose address or identity changes."""
        sides: tuple[ProvenSide, ...] = ("windows", "wsl")
        return tuple(side for side in sides if self.before.get_side(side) != self.after.get_side(side))

    def pin(self, side: ProvenSide, shown: ShownIdentity) -> "EditedHost":
        """Returns the edit in which a side is pinned to an identity."""
        return self._set(side, {_PINS[side]: shown.pin})

    def _set(self, side: ProvenSide, values: Mapping[str, Any]) -> "EditedHost":
        present = self.after.get_side(side)
        assert present is not None
        table = {**self.table, side: {**self.table.get(side, {}), **values}}
        return replace(self, after=self.after.model_copy(update={side: present.model_copy(update=values)}), table=table)


def edit_host(host: Host, table: Mapping[str, Any], changes: HostChanges) -> EditedHost:
    """Makes the edit of a host. Identities are not pinned yet. Raises `CannotPlan` for a side that it does not have."""
    edited = EditedHost(host, host, table)
    if changes.labels is not None:
        labels = list(changes.labels)
        after = host.model_copy(update={"labels": changes.labels})
        edited = replace(edited, after=after, table={**table, "labels": labels})
    if changes.windows:
        url = _move_url(_require_windows(host).url, changes.windows)
        edited = edited._set("windows", {"url": url})
    if changes.wsl:
        address, _, port = changes.wsl.partition(":")
        present = _require_wsl(host)
        edited = edited._set("wsl", {"address": address, "port": int(port) if port else present.port})
    return edited


def list_asked_identities(edited: EditedHost, changes: HostChanges) -> Iterator[AskedIdentity]:
    """Lists the identities that must be shown before anything is sent: of each side with another address or fingerprint.

    Raises `CannotPlan` where the fingerprint is missing, or where nothing is shown.
    """
    host = edited.after.name
    if changes.windows_fingerprint or "windows" in edited.sides:
        windows = _require_windows(edited.after)
        parts = urlsplit(windows.url)
        if parts.scheme != "https":
            raise CannotPlan(
                Phrase(
                    "WinRM of {host} uses http, where a server proves no identity. Set up https first",
                    host=edited.after.name,
                )
            )
        wanted = changes.windows_fingerprint or windows.certificate_sha256
        asked = AskedIdentity("windows", parts.hostname or "", parts.port or WINRM_TLS_PORT, wanted)
        yield _require_fingerprint(asked, host)
    if changes.wsl_fingerprint or "wsl" in edited.sides:
        wsl = _require_wsl(edited.after)
        wanted = changes.wsl_fingerprint or (compute_key_fingerprint(wsl.host_key) if wsl.host_key else "")
        yield _require_fingerprint(AskedIdentity("wsl", wsl.address, wsl.port, wanted), host)


def _require_fingerprint(asked: AskedIdentity, host: str) -> AskedIdentity:
    if asked.fingerprint:
        return asked
    raise CannotPlan(
        Phrase(
            "a new address needs the fingerprint of the machine there. Run {script} on {host}, and add what it prints: "
            "{option}",
            script=SCRIPTS[asked.side],
            host=host,
            option=f"{FINGERPRINT_OPTIONS[asked.side]} …",
        )
    )


def _require_windows(host: Host) -> WindowsSide:
    if host.windows is None:
        raise CannotPlan(Phrase("{host} has no {side} connection in the configuration", host=host.name, side="Windows"))
    return host.windows


def _require_wsl(host: Host) -> WslSide:
    if host.wsl is None:
        raise CannotPlan(Phrase("{host} has no {side} connection in the configuration", host=host.name, side="WSL2"))
    return host.wsl


def _move_url(url: str, address: str) -> str:
    """Returns the URL of WinRM at another address. Without a port there, it stays the same one."""
    parts = urlsplit(url)
    name, _, port = address.partition(":")
    own = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{name}:{port}" if port else f"{name}{own}"))
