"""Moves of a rotation: what a run did, by its signed outcomes, and what was read on hosts. Pure.

    start is done ─▶ MADE ─ a host trusts ─▶ TRUSTING ─ a certificate of the new CA ─▶ SIGNING
    finish begins ─▶ DROPPING ─ settled ─▶ DONE          abort begins ─▶ ABORTING ─ settled ─▶ ABORTED

A host has what its part did only if all steps of it are done and none was rolled back. What is read there counts more than
what a run did earlier.

Signed events of a rotation: its state after each move. Pure.

    move ─▶ event: the whole rotation, and the members that moved ─▶ row          events ─ fold ─▶ the rotation

The row is a copy of what the events say. The time at which a host was last read is in the row alone.

Progress of hosts, from a report of `cert` during a rotation. Pure.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from adapters.nebula.certificates import Certificate, parse_pem
from bot.model.change import RunTrail, are_done
from bot.store.audit_chain import StoredEvent
from bot.store.records import OperationRecord
from commands.certificates.rotation.records import (
    ABORT_WORDS,
    FINISH_WORDS,
    Mark,
    RotationStart,
    is_lazy,
    list_marks,
    make_key,
    parse_left,
)
from commands.certificates.rotation.states import PROGRESS_KEY, Progress
from commands.model.plan import Part
from commands.model.report import Report
from commands.model.rotation import Rotation, RotationAuthority, RotationMember, RotationStage

_BEFORE_SIGNING = (RotationStage.MADE, RotationStage.TRUSTING)


@dataclass(frozen=True)
class _Deed:
    """Part of a run that is done whole: its marks, the CA that signed in it ("" if none did), and when it ended."""

    host: str
    marks: frozenset[Mark]
    issuer: str
    at: datetime


@dataclass(frozen=True)
class MemberReading:
    """Progress of a host as it was read at `at`."""

    host: str
    progress: Progress
    at: datetime


def derive_start(record: OperationRecord, start: RotationStart, trail: RunTrail, number: int) -> Rotation | None:
    """Derives the rotation that a run started; None unless the new CA was made and its canary is signed."""
    for part in record.plan.parts:
        if {Mark.MAKE, Mark.CANARY} <= list_marks(part) and are_done(part.steps, trail):
            new = _parse_product(trail, make_key(part.host, Mark.MAKE))
            canary = _parse_product(trail, make_key(part.host, Mark.CANARY))
            if new is None or canary is None:
                return None
            return Rotation(
                number=number,
                stage=RotationStage.MADE,
                old=start.old,
                new=_make_authority(start, *new),
                canary=canary[1],
                lost=start.lost,
                operation=record.operation,
                started_at=_find_end(part, trail),
            )
    return None


def derive_move(rotation: Rotation, record: OperationRecord, trail: RunTrail) -> Rotation:
    """Derives the rotation after a run. The same run again moves nothing more."""
    if rotation.stage.ended:
        return rotation
    deeds = [_find_deed(part, trail) for part in record.plan.parts if are_done(part.steps, trail)]
    moved: dict[str, RotationMember] = {}
    for deed in filter(_moves_host, deeds):
        moved[deed.host] = _apply(moved.get(deed.host, rotation.find_member(deed.host)), deed, rotation)
    stage = _find_stage(rotation, record, trail, deeds)
    if deeds and stage is RotationStage.SIGNING:
        at = max(deed.at for deed in deeds)
        for host in parse_left(record.arguments):
            member = moved.get(host, rotation.find_member(host))
            moved[host] = member if member.left_at else member.model_copy(update={"left_at": at})
    settled = [deed.at for deed in deeds if Mark.SETTLE in deed.marks and stage.ended]
    return _replace_members(rotation, moved).model_copy(
        update={
            "stage": stage,
            "lazy": is_lazy(rotation, record.arguments) if stage is RotationStage.DROPPING else rotation.lazy,
            "ended_at": max(settled) if settled else rotation.ended_at,
        }
    )


def apply_readings(rotation: Rotation, readings: Iterable[MemberReading]) -> Rotation:
    """Applies what was read on hosts. A reading from before the last move of its host is left out."""
    moved: dict[str, RotationMember] = {}
    for reading in readings:
        member = rotation.find_member(reading.host)
        times = (member.trusts_at, member.signed_at, member.dropped_at, member.left_at, member.seen_at)
        if all(at is None or at <= reading.at for at in times):
            moved[reading.host] = _apply_reading(member, reading)
    after = _replace_members(rotation, moved)
    signs = any(member.signed_at is not None for member in moved.values())
    return (
        after.model_copy(update={"stage": RotationStage.SIGNING}) if signs and rotation.stage in _BEFORE_SIGNING else after
    )


def _find_stage(rotation: Rotation, record: OperationRecord, trail: RunTrail, deeds: list[_Deed]) -> RotationStage:
    settled = any(Mark.SETTLE in deed.marks for deed in deeds)
    if record.kind == FINISH_WORDS:
        begun = RotationStage.DROPPING if _has_begun(record, trail) else rotation.stage
        return RotationStage.DONE if settled else begun
    if record.kind == ABORT_WORDS:
        begun = RotationStage.ABORTING if _has_begun(record, trail) else rotation.stage
        return RotationStage.ABORTED if settled else begun
    if rotation.stage not in _BEFORE_SIGNING:
        return rotation.stage
    if any(deed.issuer == rotation.new.fingerprint for deed in deeds):
        return RotationStage.SIGNING
    return RotationStage.TRUSTING if any(Mark.TRUST in deed.marks for deed in deeds) else rotation.stage


def _has_begun(record: OperationRecord, trail: RunTrail) -> bool:
    """Returns whether a run changed a host and left it changed, or may have."""
    return any(
        any(step.key in trail.touched for step in part.steps) and not any(step.key in trail.undone for step in part.steps)
        for part in record.plan.parts
    )


def _find_deed(part: Part, trail: RunTrail) -> _Deed:
    signed = _parse_product(trail, make_key(part.host, Mark.SIGN))
    return _Deed(part.host, list_marks(part), "" if signed is None else signed[0].issuer, _find_end(part, trail))


def _find_end(part: Part, trail: RunTrail) -> datetime:
    return max(trail.results[step.key].ended_at for step in part.steps)


def _moves_host(deed: _Deed) -> bool:
    return bool(deed.issuer or deed.marks & {Mark.TRUST, Mark.DROP, Mark.TAKE_BACK})


def _apply(member: RotationMember, deed: _Deed, rotation: Rotation) -> RotationMember:
    update: dict[str, Any] = {}
    if Mark.TRUST in deed.marks:
        update["trusts_at"] = member.trusts_at or deed.at
    if deed.issuer:
        update["signed_at"] = (member.signed_at or deed.at) if deed.issuer == rotation.new.fingerprint else None
    if Mark.DROP in deed.marks:
        update["dropped_at"] = member.dropped_at or deed.at
    if Mark.TAKE_BACK in deed.marks:
        update["trusts_at"] = None
    return _clear_left(member.model_copy(update={**update, "seen_at": max(member.seen_at or deed.at, deed.at)}))


def _apply_reading(member: RotationMember, reading: MemberReading) -> RotationMember:
    known: Mapping[Progress, tuple[bool, bool, bool]] = {
        Progress.WAITS: (False, False, False),
        Progress.TRUSTS: (True, False, False),
        Progress.SIGNED: (True, True, False),
        Progress.DROPPED: (True, True, True),
        Progress.UNTRUSTING: (False, True, False),
    }
    seen = member.model_copy(update={"seen_at": reading.at})
    if reading.progress not in known:
        return seen
    has = zip(("trusts_at", "signed_at", "dropped_at"), known[reading.progress], strict=True)
    return _clear_left(
        seen.model_copy(update={name: (getattr(member, name) or reading.at) if true else None for name, true in has})
    )


def _clear_left(member: RotationMember) -> RotationMember:
    """A host that has both is not left behind any more."""
    has_new = member.trusts_at is not None and member.signed_at is not None
    return member.model_copy(update={"left_at": None}) if has_new else member


def _replace_members(rotation: Rotation, moved: Mapping[str, RotationMember]) -> Rotation:
    members = {**{member.host: member for member in rotation.members}, **moved}
    return rotation.model_copy(update={"members": tuple(members[host] for host in sorted(members))})


def _make_authority(start: RotationStart, certificate: Certificate, text: str) -> RotationAuthority:
    return RotationAuthority(
        fingerprint=certificate.fingerprint,
        name=certificate.name,
        ends_at=certificate.not_after,
        certificate=text,
        certificate_file=start.certificate_file,
        key_file=start.key_file,
    )


def _parse_product(trail: RunTrail, key: str) -> tuple[Certificate, str] | None:
    """Parses the certificate in the answer of a step, with its text; None if it has none."""
    text = trail.results[key].product.get("certificate") if key in trail.results else None
    if not isinstance(text, str):
        return None
    try:
        (certificate,) = parse_pem(text)
    except ValueError:
        return None
    return certificate, text


MEMBERS_IN_EVENT = 100
"""Members in one audit event: about half of what an event may hold."""


def list_events(before: Rotation | None, after: Rotation, cause: str) -> Iterator[Mapping[str, Any]]:
    """Lists the events of a move; none if nothing moved. `cause` is the operation that made it, or "reading"."""
    moved = [
        member for member in after.members if before is None or _drop_sight(before, member) != _drop_sight(after, member)
    ]
    if before is not None and not moved and _dump_head(before) == _dump_head(after):
        return
    for start in range(0, max(1, len(moved)), MEMBERS_IN_EVENT):
        yield {
            "cause": cause,
            "first": before is None and start == 0,
            "rotation": _dump_head(after),
            "members": [_dump_member(member) for member in moved[start : start + MEMBERS_IN_EVENT]],
        }


def fold_events(events: Iterable[StoredEvent], row: Rotation | None) -> Rotation | None:
    """Folds the events of a rotation to its present state; None if there are none.

    `row` has what no event has: when hosts were last read, and members whose events were pruned.
    """
    read = [data for event in events if (data := _parse(event)) is not None]
    if not read:
        return None
    complete = any(data["first"] for data in read)
    members = {member.host: member for member in (() if row is None or complete else row.members)}
    for data in read:
        members |= {member.host: member for member in map(RotationMember.model_validate, data["members"])}
    seen = {} if row is None else {member.host: member.seen_at for member in row.members}
    known = {host: members.get(host, RotationMember(host=host)) for host in sorted({*members, *seen})}
    updated = tuple(member.model_copy(update={"seen_at": seen.get(host)}) for host, member in known.items())
    return Rotation.model_validate({**read[-1]["rotation"], "members": updated})


def has_ended(event: StoredEvent) -> bool:
    """Returns whether a rotation was over with this event; False for one of another version."""
    data = _parse(event)
    return data is not None and Rotation.model_validate(data["rotation"]).stage.ended


def is_same(one: Rotation, other: Rotation) -> bool:
    """Returns whether two states are the same but for when hosts were last read."""
    return next(list_events(one, other, ""), None) is None and next(list_events(other, one, ""), None) is None


def _dump_head(rotation: Rotation) -> Mapping[str, Any]:
    return rotation.model_dump(mode="json", exclude={"members"})


def _dump_member(member: RotationMember) -> Mapping[str, Any]:
    return member.model_dump(mode="json", exclude={"seen_at"}, exclude_none=True)


def _drop_sight(rotation: Rotation, member: RotationMember) -> RotationMember:
    return rotation.find_member(member.host).model_copy(update={"seen_at": None})


def _parse(event: StoredEvent) -> Mapping[str, Any] | None:
    """Parses an event; None if it is of another version."""
    try:
        data = json.loads(event.data)
        Rotation.model_validate(data["rotation"])
        for member in data["members"]:
            RotationMember.model_validate(member)
        return {"first": bool(data["first"]), "rotation": data["rotation"], "members": data["members"]}
    except (ValidationError, ValueError, KeyError, TypeError, RecursionError):
        return None


def list_readings(report: Report, at: datetime) -> tuple[MemberReading, ...]:
    """Lists the progress of each host that answered; none in a report without that column."""
    return tuple(_read_rows(report, at))


def _read_rows(report: Report, at: datetime) -> Iterator[MemberReading]:
    for row in report.rows:
        cells = {column.key: cell for column, cell in zip(report.columns, row.cells, strict=True)}
        cell = cells.get(PROGRESS_KEY)
        if row.host and row.reached and cell is not None and cell.value in set(Progress):
            yield MemberReading(row.host, Progress(str(cell.value)), at)
