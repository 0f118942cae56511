"""Column of `cert` while the CA is being changed: the progress of each host, and the role of each CA. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from adapters.phrase import Phrase
from commands.certificates.further import CertificateKind
from commands.certificates.reading import FleetCertificates
from commands.certificates.rotation.states import PROGRESS_KEY, MemberState, Progress, find_states
from commands.model.report import Cell, Column, Mark, Report, Row
from commands.model.rotation import Rotation, RotationStage

PROGRESS_COLUMN = Column(key=PROGRESS_KEY, heading=Phrase("CA rotation"))

SIGNS, GOES = "signs", "goes"
"""Words in the cell of a CA: it signs new certificates now; it is about to be removed."""

PROGRESS_PHRASES: Mapping[Progress, Phrase] = {
    Progress.WAITS: Phrase("waits for the new CA"),
    Progress.TRUSTS: Phrase("trusts the new CA"),
    Progress.SIGNED: Phrase("certificate of the new CA"),
    Progress.DROPPED: Phrase("old CA removed"),
    Progress.UNTRUSTING: Phrase("does not trust the new CA"),
    Progress.UNKNOWN: Phrase("unknown"),
}
"""Texts of the progress of a host."""


@dataclass(frozen=True)
class ProgressCells:
    """Cells of the column, by host and by the fingerprint of a CA."""

    rotation: Rotation
    seen: FleetCertificates

    @cached_property
    def _states(self) -> Mapping[str, MemberState]:
        return {state.host: state for state in find_states(self.rotation, self.seen)}

    def add_to(self, report: Report) -> Report:
        """Adds the column to a table, behind the issuer."""
        place = [column.key for column in report.columns].index("issuer") + 1
        columns = (*report.columns[:place], PROGRESS_COLUMN, *report.columns[place:])
        rows = tuple(
            row.model_copy(update={"cells": (*row.cells[:place], self._build_cell(report, row), *row.cells[place:])})
            for row in report.rows
        )
        return report.model_copy(update={"columns": columns, "rows": rows})

    def build_host_cell(self, host: str) -> Cell:
        """Builds the cell of a host. Its mark is bad where others have come further than it can follow."""
        state = self._states.get(host)
        if state is None:
            return Cell(text=Phrase("N/A"), mark=Mark.ABSENT)
        if not state.answered or state.progress is Progress.UNKNOWN:
            return Cell(text=PROGRESS_PHRASES[Progress.UNKNOWN], value=Progress.UNKNOWN.value, mark=Mark.UNKNOWN)
        text = Phrase("left behind") if state.left else PROGRESS_PHRASES[state.progress]
        return Cell(text=text, value=state.progress.value, mark=_choose_mark(self.rotation, state))

    def build_authority_cell(self, fingerprint: str) -> Cell:
        """Builds the cell of a CA. A CA that takes no part has an empty one."""
        goes = self.rotation.new if self.rotation.stage is RotationStage.ABORTING else self.rotation.old
        signs = SIGNS if fingerprint == self.rotation.signer.fingerprint else ""
        if fingerprint == goes.fingerprint:
            return Cell(text=Phrase("to be removed"), value=" ".join(filter(None, (GOES, signs))))
        if fingerprint in (self.rotation.new.fingerprint, self.rotation.old.fingerprint):
            stays = Phrase("stays") if fingerprint == self.rotation.old.fingerprint else Phrase("new CA")
            return Cell(text=stays, value=signs)
        return Cell(text=Phrase("N/A"), mark=Mark.ABSENT)

    def _build_cell(self, report: Report, row: Row) -> Cell:
        cells = {column.key: cell for column, cell in zip(report.columns, row.cells, strict=True)}
        match cells["kind"].value:
            case CertificateKind.HOST.value:
                return self.build_host_cell(row.host)
            case CertificateKind.CA.value:
                return self.build_authority_cell(str(cells["whole_fingerprint"].value))
            case _:
                return Cell(text=Phrase("N/A"), mark=Mark.ABSENT)


def is_replaced(cells: Mapping[str, Cell]) -> bool:
    """Returns whether a row of `cert` is that of a CA that is about to be removed. `cells` are by column."""
    return PROGRESS_KEY in cells and GOES in str(cells[PROGRESS_KEY].value).split()


def does_sign(cells: Mapping[str, Cell]) -> bool:
    """Returns whether a row of `cert` is that of the CA that signs during a change of the CA. `cells` are by column."""
    return PROGRESS_KEY in cells and SIGNS in str(cells[PROGRESS_KEY].value).split()


def list_progress_facts(seen: FleetCertificates, host: str, fingerprint: str) -> Iterator[Row]:
    """Lists the fact of a host, or with "" of a CA; none without a change of the CA, or if it is not known."""
    if seen.rotation is not None:
        cells = ProgressCells(seen.rotation, seen)
        cell = cells.build_host_cell(host) if host else cells.build_authority_cell(fingerprint)
        if cell.mark not in (Mark.ABSENT, Mark.UNKNOWN):
            yield Row(cells=(Cell(text=PROGRESS_COLUMN.heading, value=PROGRESS_KEY), cell))


def _choose_mark(rotation: Rotation, state: MemberState) -> Mark:
    late = state.progress is Progress.WAITS and rotation.stage.signs_with_new
    return Mark.BAD if late or state.progress is Progress.UNTRUSTING else Mark.PLAIN
