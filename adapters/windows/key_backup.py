"""The encrypted copy of a CA key on the lighthouse: made there, read back, removed. The key itself never leaves the host."""

from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, TypeAdapter, model_validator

from adapters.action import Action, Effect
from adapters.errors import ActionFailed
from adapters.key_backup import (
    CERTIFICATE_FILE,
    KEY_FILE,
    KEY_FILE_LIMIT,
    KEY_FILES,
    MANIFEST_FILE,
    MAX_RECIPIENTS,
    MIN_RECIPIENTS,
    KeyBackupId,
    Recipient,
)
from adapters.nebula.certificates import parse_pem
from adapters.phrase import Phrase
from adapters.transfer import STALL_TIMEOUT, Piece, Sha256, SpoolName
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.nebula import PEM_LIMIT


class ProtectedKey(Value):
    """Result of an encryption: the three files with sizes and hashes, and the time (the host's clock)."""

    key_size: Annotated[int, Field(ge=1, le=KEY_FILE_LIMIT)]
    key_sha256: Sha256
    certificate_size: Annotated[int, Field(ge=1, le=KEY_FILE_LIMIT)]
    certificate_sha256: Sha256
    manifest_size: Annotated[int, Field(ge=1, le=KEY_FILE_LIMIT)]
    manifest_sha256: Sha256
    at: AwareDatetime
    changed: bool = False


class ProtectKey(WindowsAction[ProtectedKey]):
    """Encrypts a CA key on its host for all recipients, after `nebula-cert` found that it belongs to the certificate.

    `ActionFailed.code` is "CaKeyMissing", "CaKeyEncrypted" (the file itself is the backup then) or "CaDiffers".
    """

    script = "protect-key"
    effect = Effect.CHANGE
    deadline = 60.0
    output_limit = 64_000

    folder: str
    id: KeyBackupId
    host: str
    operation: str
    ca_key: str
    nebula_cert_exe: str
    certificate: str = Field(max_length=PEM_LIMIT)
    fingerprint: Sha256
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=MIN_RECIPIENTS, max_length=MAX_RECIPIENTS)]

    @model_validator(mode="after")
    def _check_certificate(self) -> Self:
        if [each.fingerprint for each in parse_pem(self.certificate) if each.is_ca] != [self.fingerprint]:
            raise ValueError("the certificate is not that of the CA")
        return self

    def explain(self, failure: ActionFailed) -> ActionFailed:
        match failure.code:
            case "CaKeyEncrypted":
                phrase = Phrase(
                    "the CA key {path} has a passphrase. The file itself is the backup: copy it to two safe places",
                    path=self.ca_key,
                )
            case "CaDiffers":
                phrase = Phrase(
                    "the key {path} does not belong to the CA. Check ca_key in the configuration", path=self.ca_key
                )
            case _:
                return failure
        return ActionFailed(phrase, code=failure.code, maybe_ran=failure.maybe_ran)


class KeyCopy(Value):
    """State of a copy on the lighthouse. `whole`: all files have the hashes that were asked about. `closed`: only SYSTEM
    and Administrators can enter its folder; None if there is none.
    """

    present: bool
    whole: bool
    closed: bool | None = None
    changed: bool = False


class _ReadFile(Value):
    """One file as the script returns it."""

    name: SpoolName
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256
    data: Annotated[str, Field(max_length=2 * KEY_FILE_LIMIT)]


_FILES = TypeAdapter(Annotated[tuple[_ReadFile, ...], Field(max_length=len(KEY_FILES))])


class ReadKeyCopy(WindowsAction[KeyCopy]):
    """Reads whether the copy on the lighthouse is whole."""

    script = "read-key-copy"
    deadline = 30.0
    output_limit = 6 * KEY_FILE_LIMIT

    folder: str
    key_sha256: Sha256
    certificate_sha256: Sha256
    manifest_sha256: Sha256

    def build_arguments(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def parse(self, data: Any) -> KeyCopy:
        match data:
            case {"files": [*files], "closed": bool() | None as closed}:
                found = {each.name: each.sha256 for each in _FILES.validate_python(files)}
            case _:
                raise ValueError("no files")
        wanted = {
            KEY_FILE: self.key_sha256,
            CERTIFICATE_FILE: self.certificate_sha256,
            MANIFEST_FILE: self.manifest_sha256,
        }
        return KeyCopy(present=bool(found), whole=found == wanted, closed=closed)


class ReadKeyFile(WindowsAction[Piece]):
    """Reads one file of the copy, which is small enough for one piece: a source."""

    script = "read-key-copy"
    deadline = STALL_TIMEOUT
    output_limit = 6 * KEY_FILE_LIMIT

    folder: str
    name: SpoolName

    def read_at(self, offset: int) -> Action[Piece]:
        return self

    def build_arguments(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def parse(self, data: Any) -> Piece:
        match data:
            case {"files": [*files]}:
                found = [each for each in _FILES.validate_python(files) if each.name == self.name]
            case _:
                raise ValueError("no files")
        if len(found) != 1:
            raise ValueError(f"no file {self.name}")
        return Piece.model_validate({"offset": 0, "size": found[0].size, "data": found[0].data})


class RemoveKeyCopy(WindowsAction[KeyCopy]):
    """Removes the copy and its folder. Fails if anything else lies there."""

    script = "remove-key-copy"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str

    def parse(self, data: Any) -> KeyCopy:
        match data:
            case {"changed": bool(changed)}:
                return KeyCopy(present=False, whole=False, changed=changed)
            case _:
                raise ValueError("no result")
