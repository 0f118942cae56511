"""The `[backups]` table: the second place of backups, on the bot.

Settings of encrypted copies of the CA key: the `[ca_backups]` table, and the certificates of its recipients.

Each certificate is pinned by its SHA-256, so a file that was exchanged is refused when the configuration is read. Its dates
are not: a bot must start although a certificate has expired. They are judged when a copy is made, and by an alert.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.inventory import InvalidSetting
from adapters.key_backup import (
    KEY_FILE_LIMIT,
    MAX_RECIPIENTS,
    MIN_RECIPIENTS,
    Recipient,
    RecipientName,
    UnusableRecipient,
    parse_recipient,
)
from adapters.phrase import Phrase
from adapters.transfer import Sha256
from bot.config.references import ReferenceProblem


class BackupSettings(BaseModel):
    """A folder that is named here must exist. Without one, the second place is in the data folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    folder: Path | None = None


@dataclass(frozen=True)
class BackupFolder:
    """The folder of the second place. `made_by_bot`: the bot makes it; otherwise an operator must have made it."""

    path: Path
    made_by_bot: bool = True


NO_BACKUP_FOLDER = BackupFolder(Path("backups"), made_by_bot=False)
"""For a configuration that performs nothing."""


class _KeyBackupModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class RecipientSettings(_KeyBackupModel):
    """One person who can open the copies: the certificate (PEM or DER) and its SHA-256."""

    name: RecipientName
    certificate_file: Path
    sha256: Sha256


class KeyBackupSettings(_KeyBackupModel):
    """Recipients of the copies; without any, no copy can be made."""

    recipients: Annotated[tuple[RecipientSettings, ...], Field(max_length=MAX_RECIPIENTS)] = ()

    @model_validator(mode="after")
    def _check_recipients(self) -> Self:
        if len(self.recipients) < MIN_RECIPIENTS and self.recipients:
            raise InvalidSetting(
                Phrase("needs at least {n} recipients, so that one person alone cannot lose the CA key", n=MIN_RECIPIENTS)
            )
        for given in ([each.name for each in self.recipients], [each.sha256 for each in self.recipients]):
            if len(set(given)) < len(given):
                raise InvalidSetting(Phrase("two recipients have the same name or the same certificate"))
        return self


def read_recipients(settings: KeyBackupSettings) -> tuple[Recipient, ...]:
    """Reads the certificates of all recipients. Raises `UnusableRecipient`."""
    return tuple(_read_recipient(each) for each in settings.recipients)


def find_bad_recipients(settings: KeyBackupSettings) -> Iterator[ReferenceProblem]:
    """Yields recipients whose certificate cannot be used, is not the pinned one, or has the key of an earlier one."""
    keys: dict[bytes, str] = {}
    for place, each in enumerate(settings.recipients):
        path = ("ca_backups", "recipients", place, "certificate_file")
        try:
            key = _read_recipient(each).public_key
        except UnusableRecipient as error:
            yield path, error.phrase
            continue
        if key in keys:
            yield path, Phrase("has the same key as the certificate of {name}. Each recipient needs a key", name=keys[key])
        keys.setdefault(key, each.name)


def _read_recipient(settings: RecipientSettings) -> Recipient:
    try:
        with settings.certificate_file.open("rb") as stream:
            content = stream.read(KEY_FILE_LIMIT)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnusableRecipient(Phrase("could not be read ({reason}). Check the path", reason=reason)) from error
    return parse_recipient(settings.name, content, settings.sha256)
