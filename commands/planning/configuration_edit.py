"""Steps of an edit of a configuration file: stage it on the host, test the staged copy, swap it in a guarded change. Pure.

splices ─ StageEdit ─▶ TestConfiguration ─▶ BeginChange (swap, reload or restart) ─▶ proofs ─▶ ConfirmChange ─▶ tidy

A plan holds hashes, splices, and the diff that approvers see, never a whole file.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.windows import configuration
from adapters.windows.commit_confirm import FileSwap
from adapters.windows.configuration import HashedFile, StageEdit, stage_path
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.nebula import ForgetFolder
from commands.configuration.diff import diff_splices
from commands.configuration.splice import Splices, UnsuitableText, apply_splices
from commands.model.plan import FileEdit, PlannedAction, Step
from commands.planning.commit_confirm import locate_working_folder


@dataclass(frozen=True)
class ConfigurationEdit:
    """An edit of one file in `base`, the folder of a program's configuration. `text` is the present file."""

    host: Host
    operation: str
    base: str
    file: str
    text: bytes
    splices: Splices

    @property
    def folder(self) -> str:
        """The operation's working folder on the host."""
        return locate_working_folder(self.host, self.operation)

    @property
    def sha256(self) -> str:
        """Hash of the present file."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def edited(self) -> HashedFile:
        """The file after the edit."""
        return HashedFile(file=self.file, sha256=hashlib.sha256(apply_splices(self.text, self.splices)).hexdigest())

    @property
    def swap(self) -> FileSwap:
        """The swap of the staged file for the present one."""
        return FileSwap(source=stage_path(self.folder, self.base, self.file), target=self.file)

    def describe(self, redact: Callable[[str], str]) -> FileEdit:
        """Describes the edit for approvers. Raises `UnsuitableText` if they could not see the whole of it."""
        try:
            diff = diff_splices(self.text, self.splices, redact)
        except UnsuitableText as error:
            raise UnsuitableText(error.locate(self.file, self.text)) from error
        return FileEdit(host=self.host.name, file=self.file, diff=diff)


def build_stage_steps(edit: ConfigurationEdit, test: TestConfiguration) -> tuple[Step, Step]:
    """Builds the steps that write the edited copy, and have the program test it. Nothing live is changed."""
    stage = StageEdit(
        folder=edit.folder,
        base=edit.base,
        file=edit.file,
        sha256=edit.sha256,
        splices=tuple(
            configuration.Splice(offset=each.offset, removed=each.removed, inserted=each.inserted) for each in edit.splices
        ),
        new_sha256=edit.edited.sha256,
    )
    return (
        Step(
            key=f"{edit.host.name}/stage",
            host=edit.host.name,
            deed=PlannedAction.of(stage),
            phrase=Phrase("prepare the edited copy of {file} (the active one stays untouched)", file=edit.file),
            undo=PlannedAction.of(ForgetFolder(folder=edit.folder)),
            undo_phrase=Phrase("remove the edited copy"),
        ),
        Step(
            key=f"{edit.host.name}/test",
            host=edit.host.name,
            deed=PlannedAction.of(test),
            phrase=Phrase("test the edited copy with {program}", program=_TESTS[test.program]),
            expect={"state": "good"},
        ),
    )


def build_tidy_step(edit: ConfigurationEdit) -> Step:
    """Builds the step that removes the working folder, with the file from before the edit in it."""
    return Step(
        key=f"{edit.host.name}/tidy",
        host=edit.host.name,
        deed=PlannedAction.of(ForgetFolder(folder=edit.folder)),
        phrase=Phrase("remove the working folder"),
    )


_TESTS = {"nginx": "nginx -t", "nebula": "nebula -test"}
