"""Identities: every certificate that was signed or seen. Rows and queries only; `bot.certificates` decides what is kept.

    Observation ─ admit: is it known, and is there room ─▶ (an audit event) ─▶ store: rows are merged, the position too

A certificate that was read replaces what a log claimed of it, never the other way round. A row that this version cannot
read is left out and counted.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from adapters.windows.log_files import FilePosition
from bot.model.observation import Observation
from bot.store.database import Database
from bot.store.encoding import escape_text
from bot.store.schema.tables import HANDSHAKE_POSITIONS, IDENTITIES, OPERATIONS, SIGHTINGS, list_texts
from commands.model.certificates import MAX_TEXT, Identity, IdentityKind, KnownIdentities, Sighting, Way

RETENTION = timedelta(days=400)
"""Time that a certificate is kept after its end, or a claimed one after it was last seen."""

MAX_CLAIMED_PER_HOST = 256
"""Certificates that are known from the log of one host alone. A host's log can be forged; it must not fill the ledger."""

MAX_CLAIMED = 4_096
"""Certificates that are known from logs alone, of all hosts together."""

MAX_SIGHTINGS = 3
"""Latest sightings of a certificate in each way that are read for an answer."""

_I, _S = IDENTITIES.c, SIGHTINGS.c

_INSERT = insert(IDENTITIES)
_STORE = _INSERT.on_conflict_do_update(
    index_elements=["fingerprint"],
    set_={column.name: _INSERT.excluded[column.name] for column in _I if column.name != "fingerprint"},
)
_INSERT_SIGHTING = insert(SIGHTINGS)
_SIGHT = _INSERT_SIGHTING.on_conflict_do_update(
    index_elements=["fingerprint", "place", "way"],
    set_={"at": _INSERT_SIGHTING.excluded.at},
    where=_INSERT_SIGHTING.excluded.at > _S.at,
)
_INSERT_POSITION = insert(HANDSHAKE_POSITIONS)
_SET_POSITION = _INSERT_POSITION.on_conflict_do_update(
    index_elements=["host"], set_={"at": _INSERT_POSITION.excluded.at, "position": _INSERT_POSITION.excluded.position}
)
_POSITIONS = select(HANDSHAKE_POSITIONS.c.host, HANDSHAKE_POSITIONS.c.position)
_ALL = select(*list_texts(IDENTITIES)).order_by(_I.fingerprint)
_THESE = select(*list_texts(IDENTITIES)).where(_I.fingerprint.in_(bindparam("these", expanding=True)))
_CLAIMED = and_(_I.ends_at.is_(None), _I.operation == "")
_COUNT_CLAIMED = select(func.count()).select_from(IDENTITIES).where(_CLAIMED)
_COUNT_CLAIMED_THERE = (
    select(func.count())
    .select_from(IDENTITIES.join(SIGHTINGS, _I.fingerprint == _S.fingerprint))
    .where(_CLAIMED, _S.way == Way.HANDSHAKE.value, _S.place == bindparam("place"))
)
_RANK = func.row_number().over(partition_by=(_S.fingerprint, _S.way), order_by=(_S.at.desc(), _S.place)).label("rank")
_RANKED = select(_S.fingerprint, _S.place, _S.way, _S.at, _RANK).subquery()
_LATEST = (
    select(*list_texts(_RANKED))
    .where(_RANKED.c.rank <= MAX_SIGHTINGS)
    .order_by(_RANKED.c.fingerprint, _RANKED.c.at.desc(), _RANKED.c.place, _RANKED.c.way)
)
_UNRECORDED = (
    select(OPERATIONS.c.operation)
    .where(
        OPERATIONS.c.kind == bindparam("kind"),
        OPERATIONS.c.ended_at.is_not(None),
        OPERATIONS.c.started_at.is_not(None),
        OPERATIONS.c.operation.not_in(select(_I.operation)),
    )
    .order_by(OPERATIONS.c.asked_at)
)


def _build_outdated() -> ColumnElement[bool]:
    """Builds the condition of rows that may go: ended, or claimed and not seen, where no CA of theirs is valid either."""
    authorities = IDENTITIES.alias()
    living = select(authorities.c.fingerprint).where(
        authorities.c.kind == IdentityKind.AUTHORITY.value, authorities.c.ends_at > bindparam("oldest")
    )
    unseen = and_(_I.ends_at.is_(None), _I.seen_at < bindparam("oldest"), _I.issuer.not_in(living))
    return or_(_I.ends_at < bindparam("oldest"), unseen)


_DELETE_OUTDATED = delete(IDENTITIES).where(_build_outdated())
_DELETE_ORPHANED = delete(SIGHTINGS).where(_S.fingerprint.not_in(select(_I.fingerprint)))
_DELETE_POSITIONS = delete(HANDSHAKE_POSITIONS).where(HANDSHAKE_POSITIONS.c.at < bindparam("oldest"))


@dataclass(frozen=True)
class ReadPosition:
    """Position up to which the handshakes in the log of a host were read, at `at`."""

    host: str
    at: datetime
    position: FilePosition


@dataclass(frozen=True)
class Admission:
    """Observations that may be stored, those of them that are new, and the number for which there is no room."""

    admitted: tuple[Observation, ...]
    new: tuple[Observation, ...]
    refused: int


class LedgerTable:
    """Tables of the ledger. Every method may raise `DatabaseError`; then nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, observations: Sequence[Observation]) -> Admission:
        """Finds which of these may be stored. What logs alone claim has little room."""
        return await self._database.read(_admit, observations)

    async def store(self, observations: Sequence[Observation], read: ReadPosition | None = None) -> None:
        """Stores observations and the position behind them, all or none."""
        await self._database.run(_store, observations, read)

    async def read_all(self) -> KnownIdentities:
        """Reads the whole ledger, with the latest sightings of each certificate."""
        return await self._database.read(_read_all)

    async def read_positions(self) -> Mapping[str, FilePosition]:
        """Reads the position in each host's log. One that this version cannot read is left out."""
        return await self._database.read(_read_positions)

    async def list_unrecorded(self, kind: str) -> tuple[str, ...]:
        """Lists the operations of a kind that ran and ended, and of which the ledger has no certificate."""
        return await self._database.read(_list_unrecorded, kind)

    async def prune(self, now: datetime) -> None:
        """Deletes what ended long ago. A certificate that is valid stays, whatever the retention of its operation."""
        await self._database.run(_prune, now)


def _prune(connection: Connection, now: datetime) -> None:
    oldest = {"oldest": now - RETENTION}
    connection.execute(_DELETE_OUTDATED, oldest)
    connection.execute(_DELETE_ORPHANED)
    connection.execute(_DELETE_POSITIONS, oldest)


def _list_unrecorded(connection: Connection, kind: str) -> tuple[str, ...]:
    return tuple(row.operation for row in connection.execute(_UNRECORDED, {"kind": kind}))


def _read_positions(connection: Connection) -> Mapping[str, FilePosition]:
    found = ((row.host, _parse_position(row.position)) for row in connection.execute(_POSITIONS))
    return {host: position for host, position in found if position is not None}


def _store(connection: Connection, observations: Sequence[Observation], read: ReadPosition | None) -> None:
    _store_observations(connection, observations)
    if read is not None:
        row = {"host": escape_text(read.host), "at": read.at, "position": read.position.model_dump_json()}
        connection.execute(_SET_POSITION, row)


def merge_identities(before: Identity | None, observed: Observation) -> Identity:
    """Merges an observation into what is known. A file proves that a certificate is in use, so it is not abandoned."""
    identity, sighting = observed.identity, observed.sighting
    base = identity if before is None or (before.claimed and not identity.claimed) else before
    signed = identity if identity.operation or before is None else before
    known = [each for each in (before, identity) if each is not None]
    seen = [at for each in known for at in (each.seen_at, each.first_seen_at) if at is not None]
    seen += [] if sighting is None else [sighting.at]
    in_file = sighting is not None and sighting.way is Way.FILE
    return base.model_copy(
        update={
            "operation": signed.operation,
            "signed_at": signed.signed_at,
            "abandoned": signed.abandoned and not in_file,
            "first_seen_at": min(seen, default=None),
            "seen_at": max(seen, default=None),
        }
    )


def _admit(connection: Connection, observations: Sequence[Observation]) -> Admission:
    known = _read_these(connection, {each.identity.fingerprint for each in observations})
    total = connection.execute(_COUNT_CLAIMED).scalar_one()
    there: dict[str, int] = {}
    new: dict[str, Observation] = {}
    admitted, refused = [], 0
    for each in observations:
        fingerprint = each.identity.fingerprint
        if fingerprint not in known and fingerprint not in new:
            if _is_claim(each):
                place = "" if each.sighting is None else each.sighting.place
                if place not in there:
                    there[place] = connection.execute(_COUNT_CLAIMED_THERE, {"place": place}).scalar_one()
                if there[place] >= MAX_CLAIMED_PER_HOST or total >= MAX_CLAIMED:
                    refused += 1
                    continue
                there[place], total = there[place] + 1, total + 1
            new[fingerprint] = each
        admitted.append(each)
    return Admission(tuple(admitted), tuple(new.values()), refused)


def _is_claim(observed: Observation) -> bool:
    return observed.identity.claimed and not observed.identity.operation


def _store_observations(connection: Connection, observations: Sequence[Observation]) -> None:
    known = dict(_read_these(connection, {each.identity.fingerprint for each in observations}))
    for each in observations:
        known[each.identity.fingerprint] = merge_identities(known.get(each.identity.fingerprint), each)
    if known:
        connection.execute(_STORE, [_make_values(identity) for identity in known.values()])
    sightings = [_make_sighting(each.identity.fingerprint, each.sighting) for each in observations if each.sighting]
    if sightings:
        connection.execute(_SIGHT, sightings)


def _read_these(connection: Connection, fingerprints: Collection[str]) -> Mapping[str, Identity]:
    """Reads rows by fingerprint. A damaged one counts as unknown, so that it is written anew."""
    rows = connection.execute(_THESE, {"these": sorted(fingerprints)})
    return {row.fingerprint: identity for row in rows if (identity := _read_row(row)) is not None}


def _read_all(connection: Connection) -> KnownIdentities:
    read = [_read_row(row) for row in connection.execute(_ALL)]
    identities = tuple(identity for identity in read if identity is not None)
    sightings: dict[str, tuple[Sighting, ...]] = {}
    for row in connection.execute(_LATEST):
        if (sighting := _read_sighting(row)) is not None:
            sightings[row.fingerprint] = (*sightings.get(row.fingerprint, ()), sighting)
    return KnownIdentities(identities, sightings, damaged=len(read) - len(identities))


def _make_values(identity: Identity) -> dict[str, Any]:
    return {
        "fingerprint": identity.fingerprint,
        "kind": identity.kind.value,
        "name": escape_text(identity.name)[:MAX_TEXT],
        "address": escape_text(identity.address)[:MAX_TEXT],
        "groups": json.dumps(identity.groups),
        "issuer": escape_text(identity.issuer)[:MAX_TEXT],
        "begins_at": identity.begins_at,
        "ends_at": identity.ends_at,
        "operation": escape_text(identity.operation),
        "signed_at": identity.signed_at,
        "abandoned": int(identity.abandoned),
        "first_seen_at": identity.first_seen_at,
        "seen_at": identity.seen_at,
    }


def _make_sighting(fingerprint: str, sighting: Sighting) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "place": escape_text(sighting.place),
        "way": sighting.way.value,
        "first_at": sighting.at,
        "at": sighting.at,
    }


def _read_row(row: Row[Any]) -> Identity | None:
    """Reads a row; None if it is damaged, or of another version."""
    try:
        fields = row._asdict() | {"groups": json.loads(row.groups), "abandoned": bool(row.abandoned)}
        return Identity.model_validate(fields)
    except (ValidationError, ValueError, RecursionError):
        return None


def _read_sighting(row: Row[Any]) -> Sighting | None:
    try:
        return Sighting.model_validate({"place": row.place, "way": row.way, "at": row.at})
    except ValidationError:
        return None


def _parse_position(text: str) -> FilePosition | None:
    try:
        return FilePosition.model_validate_json(text)
    except ValidationError:
        return None
