"""Adoption of the lead by a machine whose version, configuration or audit key differ from those of the last leader. Blocks.

It is the way out where the last leader's machine is gone for good. Nothing else may differ: the machine's head file agrees
with the table.

Acceptance of a loss of events on a machine whose copy of the bot must not lead, because its head file knows more. Blocks.

    database behind the head file ─▶ no copy leads ─ administrator: audit accept NAME ─▶ lock of the lead ─▶ chain
    verified ─▶ terms skipped, event ACCEPTED ─▶ a line in this machine's head file ─▶ lock released: a copy may lead

Other machines find the event and go on (`head_follower`). Terms are skipped because hosts keep those of the part
that was lost. What was open in the earlier state is closed by the next leader (`unsettled`).
"""

from dataclasses import dataclass
from datetime import datetime

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.audit_log.files import describe_mismatch, map_head_file_error, name_loss
from bot.audit_log.log import EventKind, NotAcceptable
from bot.store import audit as table
from bot.store.address import PostgresAddress
from bot.store.audit_chain import ACCEPTED_KIND, AuditKeys, LossAcceptance, StoredEvent, verify_chain
from bot.store.audit_head_file import BEGINNING, Head, HeadFile
from bot.store.encoding import encode_json, encode_time, escape_text
from bot.store.leadership import CopyIdentity, write_first_leader
from bot.store.maintenance import OwnedDatabase, own_database
from bot.store.schema import creation as schema


@dataclass(frozen=True)
class NamedLoss:
    """A loss as an administrator accepts it: its name, who accepts it, and when. `me` is this machine's copy."""

    name: str
    actor: str
    at: datetime
    me: CopyIdentity


def accept_loss(address: PostgresAddress, keys: AuditKeys, heads: HeadFile, named: NamedLoss) -> None:
    """Accepts the loss that this machine's head file shows. The caller owns the data folder.

    Raises `DatabaseInUse` while a copy leads, `NotAcceptable` where nothing of that name is lost or the table itself was
    changed, `HeadUnavailable`, or a `DatabaseError`.
    """
    try:
        with own_database(address) as owned:
            head = heads.read_last()
            accepted = _make_acceptance(owned, keys, head, named.name)
            event = _make_event(named, accepted)
            owned.write(lambda connection: write_first_leader(connection, named.me))
            event = owned.write(lambda connection: table.append_acceptance(connection, event, keys.signing.seal))
            if head is None:
                heads.create(named.at)
            heads.append(Head(event.sequence, event.mac, encode_time(named.at)))
    except OSError as error:
        raise map_head_file_error(heads.path, error) from error


def find_loss(owned: OwnedDatabase, head: Head | None) -> str:
    """Finds the name of the loss that a machine's head file shows; "" if it shows none."""
    last = 0 if head is None else head.sequence
    state = owned.read(lambda connection: table.read_state(connection, last))
    if head is None and state.newest is None:
        return ""
    return "" if describe_mismatch(head, state.newest, state.witnessed) is None else name_loss(head, state.newest)


def _make_acceptance(owned: OwnedDatabase, keys: AuditKeys, head: Head | None, name: str) -> LossAcceptance:
    if not name or name != find_loss(owned, head):
        raise NotAcceptable(Phrase("no loss named {name}. Run audit verify for the name", name=escape_text(name)))
    found = owned.read(lambda connection: verify_chain(table.iterate_events(connection), [BEGINNING], keys.all))
    if found.problem is not None:
        raise NotAcceptable(
            Phrase("the current audit log cannot be accepted because it is incomplete: {why}", why=found.problem.phrase)
        )
    lost, lost_mac = (None, "") if head is None else (head.sequence, head.mac)
    return LossAcceptance(name=name, lost=lost, lost_mac=lost_mac, found=found.count, found_mac=found.mac, unsettled=True)


def _make_event(named: NamedLoss, accepted: LossAcceptance) -> StoredEvent:
    """Makes the event without its place in the chain."""
    return StoredEvent(
        sequence=0,
        at=encode_time(named.at),
        kind=ACCEPTED_KIND,
        actor=escape_text(named.actor),
        operation="",
        data=encode_json(accepted.model_dump(mode="json")),
        key="",
        previous="",
        mac="",
    )


class NotAdoptable(Refused):
    """The machine's head file does not agree with the table."""


def adopt_lead(
    address: PostgresAddress, keys: AuditKeys, heads: HeadFile, me: CopyIdentity, by: tuple[str, datetime]
) -> None:
    """Writes `me` as the copy that led last, with a signed event by an actor at a time. The caller owns the data folder.

    Raises `DatabaseInUse` while a copy leads, `NotAdoptable`, `HeadUnavailable`, or a `DatabaseError`.
    """
    actor, at = by
    data = encode_json({"name": me.name, "version": me.version, "digest": me.digest, "audit_key": me.audit_key})
    event = StoredEvent(0, encode_time(at), EventKind.ADOPTED, escape_text(actor), "", data, "", "", "")
    try:
        with own_database(address) as owned:
            owned.read(lambda connection: schema.check_tables(connection, address))
            if (loss := find_loss(owned, heads.read_last())) != "":
                raise NotAdoptable(
                    Phrase("the database is behind the head file. First run: flatnet-bot audit accept {name}", name=loss)
                )
            adopted = owned.write(lambda connection: table.append_adoption(connection, event, keys.signing.seal, me))
            if heads.read_last() is None:
                heads.create(at)
            heads.append(Head(adopted.sequence, adopted.mac, encode_time(at)))
    except OSError as error:
        raise map_head_file_error(heads.path, error) from error
