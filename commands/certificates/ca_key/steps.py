"""Steps of the encrypted copy of a CA key. Each is proven, and rolled back if a later one fails.

encrypt on the lighthouse ─▶ transfer each file to the bot ─▶ read both copies back
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

from adapters.action import BOT_NAME, Action
from adapters.inventory import Host
from adapters.key_backup import KEY_FILES, KeyBackupId, Recipient
from adapters.local.key_backups import ReadStoredKey, RemoveStoredKey, WriteKeyFile
from adapters.phrase import Listing, Phrase
from adapters.windows.key_backup import ProtectKey, ReadKeyCopy, ReadKeyFile, RemoveKeyCopy
from commands.changes.commit_confirm import get_windows_side
from commands.model.plan import PlannedAction, Product, Step, TransferSource

PATIENCE = 10.0
"""Seconds in which the state of a copy must be read."""

_LATER = "0" * 64
"""Stands for a hash or a fingerprint that an earlier step produces."""

_FIELDS = ("key", "certificate", "manifest")
"""Fields of the answer about each of the files."""


@dataclass(frozen=True)
class KeySource:
    """A CA key to copy: the lighthouse, the operation, the path of the key, and the certificate of its CA (PEM) with its
    fingerprint. Both may be what an earlier step produces.
    """

    host: Host
    operation: str
    key_file: str
    certificate: str | Product
    fingerprint: str | Product

    @property
    def backup(self) -> KeyBackupId:
        return name_key_backup(self.host.name, self.operation)

    @property
    def folder(self) -> str:
        """The folder of the copy on the lighthouse."""
        return locate_key_backup(self.host, self.backup)


def name_key_backup(host: str, operation: str) -> KeyBackupId:
    """Returns the id of the copy that an operation makes."""
    return f"{host}-{operation.removeprefix('op-')}"


def locate_key_backup(host: Host, backup: KeyBackupId) -> str:
    """Returns the folder of a copy on the lighthouse: the first place."""
    return str(PureWindowsPath(get_windows_side(host).paths.backups) / "ca" / backup)


def build_key_backup_steps(
    source: KeySource, recipients: tuple[Recipient, ...], make_key: Callable[[str], str]
) -> tuple[Step, ...]:
    """Builds the steps. `make_key` makes the key of a step from its name. After the last one, both copies are proven."""
    protect = make_key("protect")
    hashes = {f"{field}_sha256": Product(step=protect, field=f"{field}_sha256") for field in _FIELDS}
    return (
        _build_protect_step(source, recipients, protect),
        *_build_transfer_steps(source, protect, make_key),
        Step(
            key=make_key("check-first"),
            host=source.host.name,
            deed=_fill(ReadKeyCopy(folder=source.folder, **dict.fromkeys(hashes, _LATER)), hashes),
            phrase=Phrase(
                "check that the copy on {host} is whole, and that only administrators can read it", host=source.host.name
            ),
            expect={"whole": True, "closed": True},
            patience=PATIENCE,
        ),
        Step(
            key=make_key("check-second"),
            host=BOT_NAME,
            deed=_build_stored_read(source, recipients, hashes),
            phrase=Phrase("check that the copy on the bot is whole, and that it is for these recipients"),
            expect={"whole": True, "right": True},
            patience=PATIENCE,
        ),
    )


def _build_protect_step(source: KeySource, recipients: tuple[Recipient, ...], key: str) -> Step:
    given: dict[str, str | Product] = {"certificate": source.certificate, "fingerprint": source.fingerprint}
    products = {name: value for name, value in given.items() if isinstance(value, Product)}
    known = {name: "" if isinstance(value, Product) else value for name, value in given.items()}
    action = ProtectKey.model_construct(
        None,
        folder=source.folder,
        id=source.backup,
        host=source.host.name,
        operation=source.operation,
        ca_key=source.key_file,
        nebula_cert_exe=get_windows_side(source.host).paths.nebula_cert_exe,
        recipients=recipients,
        **known,
    )
    names = Listing(tuple(each.name for each in recipients))
    return Step(
        key=key,
        host=source.host.name,
        deed=_fill(action, products),
        phrase=Phrase("encrypt the CA key for {names} (the key stays on {host})", names=names, host=source.host.name),
        undo=PlannedAction.of(RemoveKeyCopy(folder=source.folder)),
        undo_phrase=Phrase("remove the encrypted copy"),
    )


def _build_transfer_steps(source: KeySource, protect: str, make_key: Callable[[str], str]) -> Iterator[Step]:
    for field, name in zip(_FIELDS, KEY_FILES, strict=True):
        sink = WriteKeyFile(backup=source.backup, name=name, size=0, sha256=_LATER)
        told = {what: Product(step=protect, field=f"{field}_{what}") for what in ("size", "sha256")}
        yield Step(
            key=make_key(f"fetch-{field}"),
            host=BOT_NAME,
            deed=_fill(sink, told),
            source=TransferSource(
                host=source.host.name, deed=PlannedAction.of(ReadKeyFile(folder=source.folder, name=name))
            ),
            phrase=Phrase("transfer {file} to the bot (the second place)", file=name),
            undo=PlannedAction.of(RemoveStoredKey(backup=source.backup)),
            undo_phrase=Phrase("remove the encrypted copy"),
        )


def _build_stored_read(source: KeySource, recipients: tuple[Recipient, ...], hashes: dict[str, Product]) -> PlannedAction:
    products = hashes | ({"authority": source.fingerprint} if isinstance(source.fingerprint, Product) else {})
    known = source.fingerprint if isinstance(source.fingerprint, str) else _LATER
    read = ReadStoredKey(backup=source.backup, authority=known, recipients=recipients, **dict.fromkeys(hashes, _LATER))
    return _fill(read, products)


def _fill(action: Action[Any], products: dict[str, Product]) -> PlannedAction:
    return PlannedAction.of(action, **products)
