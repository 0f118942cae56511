"""Trust of a CA on a Windows host: whether Nebula takes a file of CAs, knows a certificate by it, and runs with it.

Nebula logs the CAs that it trusts at debug level only. So trust is proven by the file, by a start later than the file, and
by a certificate of the CA: a canary, whose private key was discarded.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints, computed_field

from adapters.errors import ActionFailed
from adapters.inventory import WindowsSide
from adapters.phrase import Phrase
from adapters.value import Value
from adapters.windows.action import WindowsAction
from adapters.windows.configuration import Sha256, explain_file_failure
from adapters.windows.nebula import PEM_LIMIT


class Trust(Value):
    """Trust by one file of CAs. `verified`: a CA in it signed the certificate that was asked about, and neither has expired.

    `accepted`: `nebula -test` takes the host's configuration with this file. `says` has the reasons against, in the words of
    the programs. `written_at` is when the file was last written, `running_since` when Nebula started; None: it does not run.
    """

    sha256: Sha256
    verified: bool
    accepted: bool
    says: Annotated[str, StringConstraints(max_length=1100)] = ""
    written_at: AwareDatetime
    running_since: AwareDatetime | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loaded(self) -> bool:
        """True if Nebula has started since the file was written. Windows counts both in ticks of up to 16 ms."""
        return self.running_since is not None and self.running_since >= self.written_at


class ReadTrust(WindowsAction[Trust]):
    """Reads what a file of CAs is worth: the present one, or the one that is staged in the operation's `folder`.

    Scratch files in that folder are removed again. `ActionFailed.code` is "FileMissing", "FileTooLarge", or "ConfigNotKnown"
    if config.yaml does not name its CA on a line of its own.
    """

    script = "read-trust"
    deadline = 40.0
    output_limit = 64_000

    folder: str
    file: str
    certificate: str = Field(max_length=PEM_LIMIT)
    service: str
    nebula_exe: str
    nebula_cert_exe: str
    config: str

    @classmethod
    def of(cls, side: WindowsSide, folder: str, certificate: str, file: str = "") -> "ReadTrust":
        """Makes the action for a host's present file of CAs, or for another `file`."""
        paths = side.paths
        return cls(
            folder=folder,
            file=file or paths.ca_certificate,
            certificate=certificate,
            service=side.nebula_service,
            nebula_exe=paths.nebula_exe,
            nebula_cert_exe=paths.nebula_cert_exe,
            config=paths.nebula_config,
        )

    def build_arguments(self) -> dict[str, Any]:
        return super().build_arguments() | {"limit": PEM_LIMIT}

    def explain(self, failure: ActionFailed) -> ActionFailed:
        return explain_file_failure(failure)

    def explain_answer(self, answer: Trust) -> Phrase | None:
        return Phrase("the host's own test reports: {says}", says=answer.says) if answer.says else None
