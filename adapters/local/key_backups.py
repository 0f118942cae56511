"""The second place of encrypted copies of CA keys: `ca/ID` in the bot's folder of backups, with the three files of a copy.

write (a sink, one piece for each file) ─▶ read: hashes, and the people who can open the message ─▶ remove
"""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field

from adapters.action import Action, Effect
from adapters.key_backup import KEY_FILE_LIMIT, MAX_RECIPIENTS, KeyBackupId, Recipient
from adapters.local.action import LocalAction
from adapters.transfer import Sha256, Sink, SpoolName, SpoolState, TransferSize
from adapters.value import Value


class WriteKeyFile(Sink, LocalAction[SpoolState]):
    """Writes one file of a copy: a sink."""

    backup: KeyBackupId
    name: SpoolName
    size: Annotated[TransferSize, Field(le=KEY_FILE_LIMIT)]

    def write_at(self, offset: int, data: bytes) -> Action[SpoolState]:
        """Returns the action that writes the whole file. A copy has no file of more than one piece."""
        if offset:
            raise ValueError("a file of a copy has one piece")
        return super().write_at(offset, data)


class StoredKeyCopy(Value):
    """State of a copy in the second place.

    `whole`: all files have the hashes that were asked about. `right`: the manifest and the encrypted message name the very
    recipients and the CA that were asked about, and the certificate is that CA's.
    """

    present: bool
    whole: bool = False
    right: bool = False
    at: AwareDatetime | None = None
    changed: bool = False

    @classmethod
    def absent(cls, *, changed: bool = False) -> Self:
        """Makes the state of a copy that is not there."""
        return cls(present=False, changed=changed)


class ReadStoredKey(LocalAction[StoredKeyCopy]):
    """Reads whether a copy in the second place is whole, and whom it is for."""

    backup: KeyBackupId
    authority: Sha256
    key_sha256: Sha256
    certificate_sha256: Sha256
    manifest_sha256: Sha256
    recipients: Annotated[tuple[Recipient, ...], Field(max_length=MAX_RECIPIENTS)]


class RemoveStoredKey(LocalAction[StoredKeyCopy]):
    """Removes a copy from the second place."""

    effect = Effect.CHANGE

    backup: KeyBackupId
