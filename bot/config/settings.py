"""The configuration: `flatnet.toml`, parsed once into frozen settings, or rejected with all complaints at once.

text ─ tomllib ─▶ tables ─ hosts.d, defaults ─▶ tables ─ pydantic ─▶ values ─ references ─▶ Settings
                                                              └──────────────┴─▶ Complaint* (key path, line, problem, fix)
"""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from adapters.inventory import Hosts, InvalidSetting, Inventory, JoiningHost, RemovedHost, SecretName
from adapters.key_backup import Recipient
from adapters.phrase import Listing, Phrase
from bot.access.people import Person, UserGroup
from bot.access.policy import Policy
from bot.access.rules import RULE_TAGS, ApprovalSettings, ChannelId, Grant
from bot.config.alerts import AlertSettings
from bot.config.backups import BackupFolder, BackupSettings, KeyBackupSettings, find_bad_recipients, read_recipients
from bot.config.complaints import describe_complaint, find_nearest_key
from bot.config.containers import find_bad_containers
from bot.config.control_socket import DATA_FOLDER, MAX_FILE_BYTES, SOCKET_NAME
from bot.config.errors import Complaint, ConfigurationError, ConfigurationMissing
from bot.config.hosts import HostFile, find_foreign, find_host_file, read_host_files, replace_host_file, sort_host_tables
from bot.config.incidents import IncidentSettings
from bot.config.positions import Positions
from bot.config.references import (
    find_bad_alert_routes,
    find_bad_incident_settings,
    find_bad_joining,
    find_bad_schedules,
    find_unknown_references,
    require_unique_hosts,
    require_unique_people,
    require_unique_tables,
)
from bot.config.schedules import NoticeSettings, ScheduleSettings
from bot.config.table_defaults import fill_defaults, resolve_paths
from bot.config.toml import decode_text, make_syntax_complaint
from bot.runtime.loopback import Loopback
from bot.security.secrets import FindSecret
from bot.store.address import parse_postgres_address
from bot.store.audit_chain import AuditKey, AuditKeys
from commands.catalogue import CATALOGUE
from commands.model.containers import ContainerRules, ContainerSpec
from commands.model.operation import CertificateRules
from commands.model.thresholds import Thresholds

SOCKET_EXAMPLE = "/run/flatnet-bot/control.sock"


class _SettingsModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class SlackSettings(_SettingsModel):
    """The Slack workspace. Members of another workspace than `team` are strangers."""

    team: Annotated[str, StringConstraints(pattern=r"^T[A-Z0-9]{2,20}$")]
    bot_token_secret: SecretName = "slack_bot_token"  # noqa: S105  (a name, not a token)
    app_token_secret: SecretName = "slack_app_token"  # noqa: S105
    api_url: str = "https://slack.com/api/"

    @field_validator("api_url")
    @classmethod
    def _check_api_url(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
            raise InvalidSetting(Phrase("must start with https://"))
        return url if url.endswith("/") else url + "/"


class ChannelSettings(_SettingsModel):
    """One Slack channel: the language of messages that all its members read."""

    language: Literal["ja", "en"]


class StatusSettings(_SettingsModel):
    """The loopback address that serves health, readiness and metrics."""

    listen: str

    @field_validator("listen")
    @classmethod
    def _check_loopback(cls, text: str) -> str:
        Loopback.parse(text)
        return text


class Settings(_SettingsModel):
    """All settings of an operator. Paths are absolute; secrets are given by name."""

    language: Literal["ja", "en"] = "ja"
    time_zone: str = "Asia/Tokyo"
    data_folder: Path = Path(DATA_FOLDER)
    database: str | None = None
    """Address of a PostgreSQL database (`bot.store.address`); None: SQLite in the data folder."""
    database_password_secret: SecretName | None = None
    copy_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$")] | None = None
    """Name of this copy among those over one database; None: the name of the machine."""
    secrets_folder: Path | None = None
    socket_file: Path | None = None
    socket_group: str | None = None
    audit_key_secret: SecretName = "audit_key"  # noqa: S105
    old_audit_key_secrets: tuple[SecretName, ...] = ()
    slack: SlackSettings | None = None
    status: StatusSettings | None = None
    thresholds: Thresholds = Field(default_factory=Thresholds)
    certificates: CertificateRules = Field(default_factory=CertificateRules)
    ca_backups: KeyBackupSettings = Field(default_factory=KeyBackupSettings)
    approvals: ApprovalSettings = Field(default_factory=ApprovalSettings)
    grants: tuple[Grant, ...] = ()
    people: tuple[Person, ...] = ()
    groups: tuple[UserGroup, ...] = ()
    channels: Mapping[ChannelId, ChannelSettings] = Field(default_factory=dict)
    notices: NoticeSettings = Field(default_factory=NoticeSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    incidents: IncidentSettings = Field(default_factory=IncidentSettings)
    schedules: tuple[ScheduleSettings, ...] = ()
    backups: BackupSettings = Field(default_factory=BackupSettings)
    containers: tuple[ContainerSpec, ...] = ()
    container_rules: ContainerRules = Field(default_factory=ContainerRules)
    hosts: Hosts = ()
    joining: tuple[JoiningHost, ...] = ()
    removed: tuple[RemovedHost, ...] = ()
    written_hosts: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    """Settings of members and hosts that are being added, by name, as they were written."""

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise InvalidSetting(Phrase("must be a time zone such as {example}", example="Asia/Tokyo"))
        return name

    @field_validator("database")
    @classmethod
    def _check_database(cls, text: str | None) -> str | None:
        if text is not None:
            parse_postgres_address(text)
        return text

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        if not self.hosts:
            raise InvalidSetting(Phrase("has no hosts. Add a [[hosts]] table for each"))
        if self.socket_group is not None and self.socket_file is None:
            raise InvalidSetting(
                Phrase(
                    "the setting socket_group requires socket_file in a folder the group can access: {example}",
                    example=SOCKET_EXAMPLE,
                )
            )
        hosts = {*self.inventory.names, *(each.name for each in self.joining)}
        labels = {*self.inventory.labels, *(label for each in self.joining for label in each.labels)}
        ambiguous = sorted({"all"} & hosts | {"all", *hosts} & labels)
        if ambiguous:
            raise InvalidSetting(
                Phrase(
                    "{names} is used more than once. Host names, labels and the word all must be different",
                    names=Listing(tuple(ambiguous)),
                )
            )
        require_unique_hosts(self.hosts, self.joining)
        require_unique_tables(self.containers, self.schedules, self.groups)
        require_unique_people(self.people)
        return self

    @cached_property
    def inventory(self) -> Inventory:
        """The hosts as an inventory."""
        return Inventory(hosts=self.hosts, joining=self.joining, removed=self.removed, tables=self.written_hosts)

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Recipients of copies of the CA key, read from their files. Raises `UnusableRecipient` if one changed meanwhile."""
        return read_recipients(self.ca_backups)

    @property
    def policy(self) -> Policy:
        """Grants and approval rules: the permitted requests and their approvers."""
        return Policy(self.people, self.groups, self.grants, self.approvals)

    @property
    def zone(self) -> ZoneInfo:
        """The default time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def database_file(self) -> Path:
        """The bot's database where it is SQLite."""
        return self.data_folder / "flatnet.sqlite3"

    @property
    def engine_file(self) -> Path:
        """The database of the engine (DBOS), which must not share a file with the bot."""
        return self.data_folder / "durable.sqlite3"

    @property
    def audit_head_file(self) -> Path:
        """The head file of the audit log."""
        return self.data_folder / "audit-head.jsonl"

    @property
    def backup_folder(self) -> BackupFolder:
        """The second place of backups."""
        named = self.backups.folder
        return BackupFolder(self.data_folder / "backups") if named is None else BackupFolder(named, made_by_bot=False)

    @property
    def control_socket(self) -> Path:
        """The Unix socket between command line and bot."""
        return self.socket_file or self.data_folder / SOCKET_NAME

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of all secrets that these settings use."""
        return self.own_secret_names.union(*(container.secret_names for container in self.containers))

    @property
    def own_secret_names(self) -> frozenset[str]:
        """The names of the secrets that the bot uses itself, and gives to no container."""
        names = {self.audit_key_secret, *self.old_audit_key_secrets}
        if self.database_password_secret is not None:
            names.add(self.database_password_secret)
        if self.slack is not None:
            names |= {self.slack.bot_token_secret, self.slack.app_token_secret}
        if self.alerts.heartbeat_url_secret is not None:
            names.add(self.alerts.heartbeat_url_secret)
        for host in self.inventory.reachable:
            if host.windows is not None and host.windows.transport != "certificate":
                names.add(host.windows.password_secret)
            if host.wsl is not None and host.wsl.key_passphrase_secret is not None:
                names.add(host.wsl.key_passphrase_secret)
        return frozenset(names)


def read_settings(file: Path) -> Settings:
    """Reads the settings in `file`, and the hosts of the host folder. Raises `ConfigurationError` with all complaints."""
    text = _read_file(file)
    tables = _parse_tables(text, file)
    return _build_settings(tables, text, file, read_host_files(find_data_folder(tables, file), file))


def check_host_files(file: Path, changes: Mapping[str, bytes | None]) -> Settings:
    """Checks that the configuration can be used with these contents of files of hosts, without those that are None.

    Nothing is written. Returns the settings as they would be. Raises as `read_settings`.
    """
    text = _read_file(file)
    tables = _parse_tables(text, file)
    folder = find_data_folder(tables, file)
    files = read_host_files(folder, file)
    for name, content in changes.items():
        files = replace_host_file(files, find_host_file(folder, name), content, file)
    return _build_settings(tables, text, file, files)


def parse_settings(text: str, file: Path) -> Settings:
    """Parses `text` as the content of `file`, without a host folder. Raises as `read_settings`."""
    return _build_settings(_parse_tables(text, file), text, file, ())


def find_data_folder(tables: Mapping[str, Any], file: Path) -> Path:
    """Returns the data folder that the tables of a configuration file name, or the default beside the file."""
    named = tables.get("data_folder", DATA_FOLDER)
    return file.absolute().parent / (named if isinstance(named, str) else DATA_FOLDER)


def _parse_tables(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(file, (make_syntax_complaint(error, text),)) from error
    except RecursionError as error:
        raise ConfigurationError(file, (Complaint("", None, Phrase("is nested too deeply")),)) from error


def _build_settings(tables: dict[str, Any], text: str, file: Path, host_files: tuple[HostFile, ...]) -> Settings:
    given = tables.get("hosts", [])
    hosts = sort_host_tables(given, host_files) if isinstance(given, list) else None
    if foreign := Positions(text, {}, None).make_complaints(find_foreign(tables)):
        raise ConfigurationError(file, foreign)
    whole = tables if hosts is None else hosts.add_to(tables)
    prepared = resolve_paths(fill_defaults(whole), file.absolute().parent)
    prepared.setdefault("data_folder", str(file.absolute().parent / DATA_FOLDER))
    places = Positions(text, prepared, hosts)
    try:
        settings = Settings.model_validate(prepared)
    except ValidationError as error:
        found = [
            (path, describe_complaint(detail, find_nearest_key(Settings, path)))
            for detail in error.errors()
            for path in [tuple(part for part in detail["loc"] if part not in RULE_TAGS)]
        ]
        raise ConfigurationError(file, places.make_complaints(found)) from error
    if found := [
        *find_unknown_references(settings.policy, settings.inventory, CATALOGUE),
        *find_bad_schedules(settings.schedules, [each.name for each in settings.people], settings.inventory, CATALOGUE),
        *find_bad_joining(settings.joining),
        *find_bad_alert_routes(settings.alerts, settings.people, settings.inventory),
        *find_bad_incident_settings(settings.incidents, settings.people),
        *find_bad_recipients(settings.ca_backups),
        *find_bad_containers(settings.containers, settings.own_secret_names),
    ]:
        raise ConfigurationError(file, places.make_complaints(found))
    return settings


def _read_file(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigurationMissing(file) from error
    except OSError as error:
        phrase = Phrase(
            "cannot be read ({reason}). Specify another file with --config", reason=error.strerror or type(error).__name__
        )
        raise ConfigurationError(file, (Complaint("", None, phrase),)) from error
    decoded = decode_text(content, MAX_FILE_BYTES)
    if isinstance(decoded, Complaint):
        raise ConfigurationError(file, (decoded,))
    return decoded


def load_audit_keys(settings: Settings, secrets: FindSecret) -> AuditKeys:
    """Loads the keys of the audit log. Raises `MissingSecret` or `AuditKeyTooShort`."""
    named = (settings.audit_key_secret, *settings.old_audit_key_secrets)
    signing, *earlier = (AuditKey(secrets(name).get_secret_value().encode()) for name in named)
    return AuditKeys(signing, tuple(earlier))
