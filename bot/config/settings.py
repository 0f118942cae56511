"""The configuration: `flatnet.toml`, parsed once into frozen settings, or rejected with all complaints at once.

text ─ tomllib ─▶ tables ─ defaults, paths ─▶ tables ─ pydantic ─▶ values ─ references ─▶ Settings
                                                          └──────────────┴─▶ Complaint* (key path, line, problem, fix)
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from adapters.errors import FlatnetError
from adapters.inventory import Hosts, InvalidSetting, Inventory, SecretName
from adapters.phrase import Listing, Phrase
from bot.access.people import Person, UserGroup
from bot.access.policy import Policy
from bot.access.rules import RULE_TAGS, ApprovalSettings, ChannelId, Grant
from bot.alerts.settings import AlertSettings
from bot.audit.log import AuditKeys
from bot.config.complaints import describe_complaint, find_nearest_key
from bot.config.control_socket import DATA_FOLDER, MAX_FILE_BYTES, SOCKET_NAME
from bot.config.references import find_bad_alert_routes, find_bad_schedules, find_unknown_references
from bot.config.table_defaults import fill_defaults, resolve_paths
from bot.config.toml_positions import KeyPath, find_line, find_lines
from bot.runtime.loopback import Loopback
from bot.schedules.builtin import NoticeSettings, ScheduleSettings
from bot.security.secrets import FindSecret
from bot.store.chain import AuditKey
from commands.catalogue import CATALOGUE
from commands.model.operation import CertificateRules, Thresholds

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
    secrets_folder: Path | None = None
    socket_file: Path | None = None
    socket_group: str | None = None
    audit_key_secret: SecretName = "audit_key"  # noqa: S105
    old_audit_key_secrets: tuple[SecretName, ...] = ()
    slack: SlackSettings | None = None
    status: StatusSettings | None = None
    thresholds: Thresholds = Field(default_factory=Thresholds)
    certificates: CertificateRules = Field(default_factory=CertificateRules)
    approvals: ApprovalSettings = Field(default_factory=ApprovalSettings)
    grants: tuple[Grant, ...] = ()
    people: tuple[Person, ...] = ()
    groups: tuple[UserGroup, ...] = ()
    channels: Mapping[ChannelId, ChannelSettings] = Field(default_factory=dict)
    notices: NoticeSettings = Field(default_factory=NoticeSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    schedules: tuple[ScheduleSettings, ...] = ()
    hosts: Hosts = ()

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise InvalidSetting(Phrase("must be a time zone such as {example}", example="Asia/Tokyo"))
        return name

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
        names = {"all", *self.inventory.names}
        ambiguous = sorted({"all"} & set(self.inventory.names) | names & set(self.inventory.labels))
        if ambiguous:
            raise InvalidSetting(
                Phrase(
                    "{names} is used more than once. Host names, labels and the word all must be different",
                    names=Listing(tuple(ambiguous)),
                )
            )
        self._check_unique()
        return self

    def _check_unique(self) -> None:
        """Raises if two people share an id, or if a user group or a schedule has two tables."""
        schedules = [schedule.name for schedule in self.schedules]
        if twice := sorted({name for name in schedules if schedules.count(name) > 1}):
            raise InvalidSetting(
                Phrase("several schedules are named {names}. Use a different name for each", names=Listing(tuple(twice)))
            )
        groups = [group.slack for group in self.groups]
        if twice := sorted({group for group in groups if groups.count(group) > 1}):
            raise InvalidSetting(
                Phrase("two groups have the ID {ids}. Merge them into one table", ids=Listing(tuple(twice)))
            )
        for what, ids in (
            ("name", [person.name for person in self.people]),
            ("slack", [i for person in self.people for i in person.slack]),
            ("system", [i for person in self.people for i in person.system]),
        ):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            if twice:
                raise InvalidSetting(
                    Phrase(
                        "the {what} {ids} is assigned to several people. Assign it to one person only",
                        what=what,
                        ids=Listing(tuple(twice)),
                    )
                )

    @property
    def inventory(self) -> Inventory:
        """The hosts as an inventory."""
        return Inventory(hosts=self.hosts)

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
        """The bot's database."""
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
    def control_socket(self) -> Path:
        """The Unix socket between command line and bot."""
        return self.socket_file or self.data_folder / SOCKET_NAME

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of all secrets that these settings use."""
        names = {self.audit_key_secret, *self.old_audit_key_secrets}
        if self.slack is not None:
            names |= {self.slack.bot_token_secret, self.slack.app_token_secret}
        if self.alerts.heartbeat_url_secret is not None:
            names.add(self.alerts.heartbeat_url_secret)
        for host in self.hosts:
            if host.windows is not None and host.windows.transport != "certificate":
                names.add(host.windows.password_secret)
            if host.wsl is not None and host.wsl.key_passphrase_secret is not None:
                names.add(host.wsl.key_passphrase_secret)
        return frozenset(names)


@dataclass(frozen=True)
class Complaint:
    """One problem of the configuration: key path, line (from 1, or None), and the problem with its fix."""

    key: str
    line: int | None
    phrase: Phrase


class Misconfigured(FlatnetError):
    """A request needs a setting that is missing or wrong."""


class ConfigurationError(Misconfigured):
    """The configuration could not be used; `complaints` are all problems, in the order of the file."""

    def __init__(self, file: Path, complaints: tuple[Complaint, ...]) -> None:
        super().__init__(
            Phrase(
                "{file} is not valid: {n} problem",
                plural="{file} is not valid: {n} problems",
                file=str(file),
                n=len(complaints),
            )
        )
        self.file = file
        self.complaints = complaints


class ConfigurationMissing(ConfigurationError):
    """There is no configuration file: its phrase is the only complaint."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, ())
        self.phrase = Phrase(
            "{file} not found. Create it with flatnet-bot init, or specify another file with --config", file=str(file)
        )


def read_settings(file: Path) -> Settings:
    """Reads the settings in `file`. Raises `ConfigurationError` with all complaints."""
    return parse_settings(_read_file(file), file)


def parse_settings(text: str, file: Path) -> Settings:
    """Parses `text` as the content of `file`. Raises as `read_settings`."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(file, (_make_syntax_complaint(error, text),)) from error
    except RecursionError as error:
        raise ConfigurationError(file, (Complaint("", None, Phrase("is nested too deeply")),)) from error
    prepared = resolve_paths(fill_defaults(tables), file.absolute().parent)
    prepared.setdefault("data_folder", str(file.absolute().parent / DATA_FOLDER))
    try:
        settings = Settings.model_validate(prepared)
    except ValidationError as error:
        found = [
            (path, describe_complaint(detail, find_nearest_key(Settings, path)))
            for detail in error.errors()
            for path in [tuple(part for part in detail["loc"] if part not in RULE_TAGS)]
        ]
        raise ConfigurationError(file, _make_complaints(found, prepared, text)) from error
    if found := [
        *find_unknown_references(settings.policy, settings.inventory, CATALOGUE),
        *find_bad_schedules(settings.schedules, [each.name for each in settings.people], settings.inventory, CATALOGUE),
        *find_bad_alert_routes(settings.alerts, settings.people, settings.inventory),
    ]:
        raise ConfigurationError(file, _make_complaints(found, prepared, text))
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
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(file, (Complaint("", None, Phrase("is larger than {n} bytes", n=MAX_FILE_BYTES)),))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(file, (Complaint("", line, Phrase("is not UTF-8. Save it as UTF-8")),)) from error


def _make_syntax_complaint(error: tomllib.TOMLDecodeError, text: str) -> Complaint:
    line = getattr(error, "lineno", None)
    if line is None:  # before Python 3.14 the position is only in the message
        place = str(error).rpartition("(at line ")[2].partition(",")[0]
        line = int(place) if place.isdigit() else text.count("\n") + 1
    reason = str(error).partition(" (at ")[0]
    return Complaint("", line, Phrase("invalid TOML: {reason}", reason=reason))


def _make_complaints(found: Iterable[tuple[KeyPath, Phrase]], tables: dict[str, Any], text: str) -> tuple[Complaint, ...]:
    """Makes complaints with their lines, in the order of the text."""
    lines = find_lines(text)
    complaints = [Complaint(_format_key_path(path, tables), find_line(path, lines), phrase) for path, phrase in found]
    return tuple(sorted(complaints, key=lambda complaint: (complaint.line or 0, complaint.key)))


def _format_key_path(path: KeyPath, tables: Any) -> str:
    """Formats a key path for readers, with hosts and people by name: `hosts[host-b].windows.url`."""
    shown, here = "", tables
    for part in path:
        here = _get_item(here, part)
        if isinstance(part, int):
            name = here.get("name") if isinstance(here, dict) else None
            shown += f"[{name if isinstance(name, str) else part + 1}]"
        else:
            shown += f".{part}" if shown else part
    return shown


def _get_item(value: Any, part: str | int) -> Any:
    try:
        return value[part]
    except (KeyError, IndexError, TypeError):
        return None


def load_audit_keys(settings: Settings, secrets: FindSecret) -> AuditKeys:
    """Loads the keys of the audit log. Raises `MissingSecret` or `AuditKeyTooShort`."""
    named = (settings.audit_key_secret, *settings.old_audit_key_secrets)
    signing, *earlier = (AuditKey(secrets(name).get_secret_value().encode()) for name in named)
    return AuditKeys(signing, tuple(earlier))
