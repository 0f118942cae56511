"""A Windows host on its way into Flatnet: what lies there already, and new files for it.

    ReadNewHost ─▶ StageFile ─▶ TestConfiguration (folder=…) ─▶ BeginChange (swaps: a target that does not exist is made)

All paths are full Windows paths.
"""

import hashlib
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from adapters.action import Effect
from adapters.errors import ActionFailed
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.configuration import (
    FILE_LIMIT,
    Content,
    Sha256,
    StagedEdit,
    explain_file_failure,
    stage_path,
)

MAX_OTHERS = 50
"""Most other files of Nebula's configuration folder that are named."""

FileName = Annotated[str, StringConstraints(max_length=300)]

FileHash = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]
"""SHA-256 of a file; "" if there is none."""


class NewHostState(Value):
    """State of a host before Flatnet runs there: versions ("" for a program that is missing or broken), hashes of files.

    `others` are names in Nebula's configuration folder beside config.yaml, ca.crt, and the files of pair and CA key; at
    most `MAX_OTHERS`. `overlay`: an adapter has the host's address on the overlay. `modules`: the folder lualib\\flatnet is
    there; `snippets`: conf.d is.
    """

    nebula_version: str
    nebula_cert_version: str
    nginx_version: str
    config: FileHash
    certificate: FileHash
    ca: FileHash
    gateway_config: FileHash
    key_present: bool
    others: Annotated[tuple[FileName, ...], Field(max_length=MAX_OTHERS)]
    overlay: bool
    modules: bool
    snippets: bool


class ReadNewHost(WindowsAction[NewHostState]):
    """Reads which programs and files of Flatnet lie on a host, and whether it has its overlay address. Changes nothing.

    `ActionFailed.code` is "FileUnreadable" or "FileTooLarge" for a file that could not be hashed.
    """

    script = "read-new-host"
    deadline = 30.0
    output_limit = 128_000

    nebula_exe: str
    nebula_cert_exe: str
    gateway_exe: str
    config: str
    certificate: str
    key: str
    ca: str
    ca_key: str
    gateway_config: str
    address: str

    @classmethod
    def of(cls, host: Host) -> "ReadNewHost":
        """Makes the action for a host that has a Windows side."""
        assert host.windows is not None
        paths = host.windows.paths
        return cls(
            nebula_exe=paths.nebula_exe,
            nebula_cert_exe=paths.nebula_cert_exe,
            gateway_exe=paths.gateway_exe,
            config=paths.nebula_config,
            certificate=paths.host_certificate,
            key=paths.host_key,
            ca=paths.ca_certificate,
            ca_key=paths.ca_key,
            gateway_config=paths.gateway_config,
            address=str(host.overlay.ip),
        )

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"limit": FILE_LIMIT, "others_limit": MAX_OTHERS}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)

    def explain_answer(self, answer: NewHostState) -> Phrase | None:
        if not answer.overlay:
            return Phrase(
                "no network adapter of the host has the address {address}. See Nebula's log there", address=self.address
            )
        return None


class StageFile(WindowsAction[StagedEdit]):
    """Writes a new file into the operation's folder, where `stage_path` names it. Nothing live is changed.

    `base` is the folder of the configuration that `file` will be in; neither has to exist. `ActionFailed.code` is
    "KeyInside" for a content with a private key, "FileOutside", or "FileThere" if another file is in its place already.
    """

    script = "stage-file"
    effect = Effect.CHANGE
    deadline = 30.0
    output_limit = 64_000

    folder: str
    base: str
    file: str
    content: Annotated[Content, Field(max_length=FILE_LIMIT)]
    sha256: Sha256

    @classmethod
    def of(cls, folder: str, base: str, file: str, content: bytes) -> "StageFile":
        """Makes the action for a content."""
        return cls(folder=folder, base=base, file=file, content=content, sha256=hashlib.sha256(content).hexdigest())

    @model_validator(mode="after")
    def _check(self) -> Self:
        if hashlib.sha256(self.content).hexdigest() != self.sha256:
            raise ValueError("the content has another hash")
        stage_path(self.folder, self.base, self.file)
        return self

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"staged": stage_path(self.folder, self.base, self.file), "limit": FILE_LIMIT}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        if failure.code == "FileThere":
            phrase = Phrase(
                "{what}. It was not replaced. Keep it with {option}, or remove it on the host",
                what=failure.phrase.values.get("message", ""),
                option="--adopt",
            )
            return ActionFailed(phrase, code=failure.code, maybe_ran=failure.maybe_ran)
        return explain_file_failure(failure)
