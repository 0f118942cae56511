"""Inventory: Flatnet hosts with up to three sides, as parsed from the configuration, by name and label.

Defaults are Flatnet's own (the operators' guide); each can be overridden per host. Secrets are named here and never held.
"""

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, StringConstraints, field_validator, model_validator

from adapters.action import BOT_NAME, Place
from adapters.overlay import format_gateway, format_overlay
from adapters.phrase import Listing, Phrase
from adapters.plain_url import is_plain_url
from adapters.value import Value

LIGHTHOUSE_ID = 0
"""Id of the lighthouse, whose address is 10.100.0.1. Hosts are 10.100.N.1 with N from 1 to 254."""

HOST_NAME, LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", r"[a-z0-9]([a-z0-9_.-]{0,61}[a-z0-9])?"  # whole ones
HostName = Annotated[str, StringConstraints(pattern=f"^{HOST_NAME}$")]
Label = Annotated[str, StringConstraints(pattern=f"^{LABEL}$")]
SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,62}$")]
PodmanName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$")]
InterfaceName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$")]
FolderPath = Annotated[str, StringConstraints(pattern=r"^(/[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}){1,8}$")]
"""Full path of a folder in WSL2. The sudo rules name the same path."""
FilePath = FolderPath
"""Full path of a file in WSL2."""
ServiceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,79}$")]
CertificateHash = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
"""SHA-256 of a certificate's DER form, in lower-case hexadecimal digits; "" for none."""
HostKey = Annotated[str, StringConstraints(pattern=r"^([a-z0-9@.-]{1,64} [A-Za-z0-9+/]{1,4000}={0,2})?$")]
"""Public key of an SSH server as in a known_hosts file, `ssh-ed25519 AAAA…`, without a name; "" for none."""


ManagedArea = Literal["forwarding", "containers", "ipam", "backup"]
"""What the bot may change in WSL2 through the helper. Without any the installation only reads there."""


class InvalidSetting(ValueError):
    """An invalid value in the configuration. The phrase says what it must be."""

    def __init__(self, phrase: Phrase) -> None:
        super().__init__(str(phrase))
        self.phrase = phrase


class WindowsPaths(Value):
    """Paths of Flatnet on a Windows host. Missing ones are derived from `base`."""

    base: str = r"F:\flatnet"
    nebula_exe: str = ""
    nebula_cert_exe: str = ""
    nebula_config: str = ""
    host_certificate: str = ""
    host_key: str = ""
    ca_certificate: str = ""
    ca_key: str = ""
    gateway_folder: str = ""
    gateway_exe: str = ""
    gateway_config: str = ""
    nebula_log: str = ""
    access_log: str = ""
    error_log: str = ""
    backups: str = ""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_base(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        base = PureWindowsPath(str(given.get("base", r"F:\flatnet")))
        usual = {
            "base": base,
            "nebula_exe": base / "nebula" / "nebula.exe",
            "nebula_cert_exe": base / "nebula" / "nebula-cert.exe",
            "nebula_config": base / "config" / "nebula" / "config.yaml",
            "host_certificate": base / "config" / "nebula" / "host.crt",
            "host_key": base / "config" / "nebula" / "host.key",
            "ca_certificate": base / "config" / "nebula" / "ca.crt",
            "ca_key": base / "config" / "nebula" / "ca.key",
            "gateway_folder": base / "openresty",
            "gateway_exe": base / "openresty" / "nginx.exe",
            "gateway_config": base / "config" / "nginx.conf",
            "nebula_log": base / "logs" / "nebula.log",
            "access_log": base / "logs" / "access.log",
            "error_log": base / "logs" / "error.log",
            "backups": base / "backups",
        }
        return {name: str(path) for name, path in usual.items()} | dict(given)

    @field_validator("*")
    @classmethod
    def _check_absolute(cls, path: str) -> str:
        if not PureWindowsPath(path).is_absolute() or re.search(r'[\x00-\x1f"<>|?*]', path):
            raise InvalidSetting(Phrase("must be a full Windows path such as {example}", example=r"F:\flatnet"))
        return path


class WindowsSide(Value):
    """Access to Windows over WinRM. `url` is the whole endpoint, `https://192.0.2.11:5986/wsman`."""

    url: str
    transport: Literal["ntlm", "certificate", "basic"] = "ntlm"
    user: str = ""
    password_secret: SecretName = "winrm_password"  # noqa: S105  (a name, not a password)
    ca_file: Path | None = None
    certificate_sha256: CertificateHash = ""
    """The only certificate that is accepted from this host, beside what `ca_file` asks; "" for any of that CA."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    allow_http: bool = False
    nebula_service: ServiceName = "Nebula"
    gateway_service: ServiceName = "OpenResty"
    paths: WindowsPaths = Field(default_factory=lambda: WindowsPaths.model_validate({}))

    @field_validator("url")
    @classmethod
    def _check_endpoint(cls, url: str) -> str:
        return _check_url(url, example="https://192.0.2.11:5986/wsman")

    @model_validator(mode="after")
    def _check_transport(self) -> Self:
        if self.url.startswith("https:") and self.ca_file is None:
            raise InvalidSetting(Phrase("needs ca_file for https: the CA that signed this host's certificate"))
        if self.url.startswith("http:"):
            if self.certificate_sha256:
                raise InvalidSetting(Phrase("needs https for certificate_sha256: over http a server proves no identity"))
            if self.transport != "ntlm":
                raise InvalidSetting(Phrase("{transport} over http is not safe. Use https", transport=self.transport))
            if not self.allow_http:
                raise InvalidSetting(
                    Phrase("does not allow http. Use https, or set allow_http = true for NTLM with message encryption")
                )
        if self.transport == "certificate" and (self.certificate_file is None or self.key_file is None):
            raise InvalidSetting(Phrase("needs certificate_file and key_file for the transport certificate"))
        if self.transport != "certificate" and not self.user:
            raise InvalidSetting(Phrase("needs user: the Windows account that the bot logs in with"))
        return self


class WslSide(Value):
    """Access to WSL2 over SSH, with a key and a pinned host key."""

    address: str
    port: int = Field(default=22, ge=1, le=65535)
    user: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = "flatnet"
    key_file: Path
    key_passphrase_secret: SecretName | None = None
    known_hosts_file: Path | None = None
    host_key: HostKey = ""
    """The only key that is accepted from this host. It counts instead of `known_hosts_file`."""
    network: PodmanName = "flatnet"
    bridge: InterfaceName = "flatnet-br0"
    flatnet_folder: FolderPath = "/var/lib/flatnet"
    syslog: FilePath = "/var/log/syslog"
    manage: tuple[ManagedArea, ...] = ()

    @field_validator("address")
    @classmethod
    def _check_address(cls, address: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?", address):
            raise InvalidSetting(Phrase("must be an IP address or a host name"))
        return address

    @model_validator(mode="after")
    def _check_identity(self) -> Self:
        if self.known_hosts_file is None and not self.host_key:
            raise InvalidSetting(Phrase("needs known_hosts_file or host_key: what the host proves itself with"))
        return self


class GatewaySide(Value):
    """Access to the gateway API over HTTP, from an address that it allows (10.100.0.0/16 or the gateway itself)."""

    url: str
    proxy: str | None = None

    @field_validator("url", "proxy")
    @classmethod
    def _check_base_url(cls, url: str | None) -> str | None:
        return None if url is None else _check_url(url, example="http://10.100.1.1:8080")


@lru_cache(maxsize=512)
def _make_interface(address: str) -> ipaddress.IPv4Interface:
    """Makes a host's interface. Cached for the largest fleet, because every check of a host needs it."""
    return ipaddress.IPv4Interface(address)


class Host(Value):
    """One Flatnet host. Any side may be absent: a lighthouse has no gateway and no WSL2."""

    name: HostName
    id: int = Field(ge=0, le=254)
    labels: tuple[Label, ...] = ()
    lighthouse: bool = False
    windows: WindowsSide | None = None
    wsl: WslSide | None = None
    gateway: GatewaySide | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if self.lighthouse != (self.id == LIGHTHOUSE_ID):
            raise InvalidSetting(Phrase("ID 0 is reserved for the lighthouse. Use 1 to 254 for other hosts"))
        if self.lighthouse and (self.wsl or self.gateway):
            raise InvalidSetting(Phrase("a lighthouse has no WSL2 and no gateway. Remove these settings"))
        if self.name == BOT_NAME:
            raise InvalidSetting(Phrase("{name} is the name of the bot itself. Use another one", name=BOT_NAME))
        if not (self.windows or self.wsl or self.gateway):
            raise InvalidSetting(Phrase("has no connection. Specify at least one of windows, wsl and gateway"))
        return self

    @property
    def overlay(self) -> ipaddress.IPv4Interface:
        """The host's address on the overlay, 10.100.N.1/16."""
        return _make_interface(f"{format_overlay(self.id)}/16")

    @property
    def bridge(self) -> ipaddress.IPv4Interface:
        """The address of the container bridge, 10.87.N.1/24."""
        return _make_interface(f"10.87.{self.id}.1/24")

    def get_side(self, name: Place) -> WindowsSide | WslSide | GatewaySide | None:
        """Returns one side by name; None if this host does not have it."""
        return {"windows": self.windows, "wsl": self.wsl, "gateway": self.gateway, "bot": None}[name]


def _check_unique(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    names = _find_duplicates(tuple(host.name for host in hosts))
    if names:
        raise InvalidSetting(Phrase("several hosts are named {names}. Use a different name for each", names=Listing(names)))
    if ids := _find_duplicates(tuple(str(host.id) for host in hosts)):
        raise InvalidSetting(Phrase("several hosts have the ID {ids}. Use a different ID for each", ids=Listing(ids)))
    return hosts


Hosts = Annotated[tuple[Host, ...], AfterValidator(_check_unique)]
"""Hosts with unique names and ids."""


class JoiningHost(Value):
    """A host that is being added: its id and name are reserved, and it is in no count, alert or digest until it is a member.

    `since` is when it was reserved, `by` the name of its requester. `adopt`: what runs there already is kept. Its identities
    are pinned in `host.windows.certificate_sha256` and `host.wsl.host_key`; a side that is not pinned yet is absent from
    `host`, and its address is in `windows_address` or `wsl_address` ("192.0.2.14:2222"). No one logs in there before.
    `labels` are those of the host, also while it has no side. `again`: its file replaced a tombstone of this name.
    """

    name: HostName
    id: int = Field(ge=1, le=254)
    labels: tuple[Label, ...] = ()
    host: Host | None = None
    since: AwareDatetime
    by: str
    adopt: bool = False
    again: bool = False
    windows_address: str = ""
    wsl_address: str = ""

    @property
    def known(self) -> Host:
        """The host as far as it is known. While no side is pinned, it has its place on the overlay alone."""
        gateway = GatewaySide(url=format_gateway(self.id))
        return self.host or Host(name=self.name, id=self.id, labels=self.labels, gateway=gateway)


class RemovedHost(Value):
    """A tombstone: a host that was removed, which is a member no more whatever else the configuration says.

    `lost`: it could not be reached, so nothing was wiped there. `password_due`: it knows a WinRM password that other hosts
    share, and no one has confirmed yet that it was changed. `labels` are those it had: grants and rules that name them stay
    usable. `fingerprints` are those of its certificates that were blocked, so that a host which was away blocks them all.
    """

    name: HostName
    id: int = Field(ge=1, le=254)
    labels: tuple[Label, ...] = ()
    since: AwareDatetime
    by: str
    operation: str = ""
    lost: bool = False
    password_due: bool = False
    fingerprints: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()


class Inventory(Value):
    """All hosts, in the order of the configuration. `hosts` are the members: what counts, is watched and is in digests.

    `joining` are being added, `removed` are tombstones. `tables` are the settings of members and joining hosts as they were
    written, by name, before defaults: what rewrites the file of a host starts from them.
    """

    hosts: Hosts = ()
    joining: tuple[JoiningHost, ...] = ()
    removed: tuple[RemovedHost, ...] = ()
    tables: Mapping[str, Mapping[str, JsonValue]] = Field(default_factory=dict, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all hosts, in the order of the configuration."""
        return tuple(host.name for host in self.hosts)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all hosts, sorted, each once."""
        return tuple(sorted({label for host in self.hosts for label in host.labels}))

    @property
    def reachable(self) -> tuple[Host, ...]:
        """Members, and after them the hosts that are being added and have a pinned side: all that a plan may act on."""
        return (*self.hosts, *(each.host for each in self.joining if each.host is not None))

    def find_host(self, name: str) -> Host | None:
        """Returns the host of a name; None if there is none."""
        return next((host for host in self.hosts if host.name == name), None)

    def find_reachable(self, name: str) -> Host | None:
        """Returns the member or the host that is being added with a name; None if there is none."""
        return next((host for host in self.reachable if host.name == name), None)

    def find_joining(self, name: str) -> JoiningHost | None:
        """Returns the host of a name that is being added; None if there is none."""
        return next((each for each in self.joining if each.name == name), None)

    def find_removed(self, name: str) -> RemovedHost | None:
        """Returns the tombstone of a name; None if there is none."""
        return next((each for each in self.removed if each.name == name), None)

    def find_by_label(self, label: str) -> tuple[Host, ...]:
        """Returns the hosts that have a label."""
        return tuple(host for host in self.hosts if label in host.labels)


def _find_duplicates(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the keys that occur more than once, sorted."""
    return tuple(sorted({key for key in keys if keys.count(key) > 1}))


def _check_url(url: str, *, example: str) -> str:
    if not is_plain_url(url):
        raise InvalidSetting(Phrase("must be a URL such as {example}, without a user name", example=example))
    return url
