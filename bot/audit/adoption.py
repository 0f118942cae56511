"""Adoption of the lead by a machine whose version, configuration or audit key differ from those of the last leader. Blocks.

It is the way out where the last leader's machine is gone for good. Nothing else may differ: the machine's head file agrees
with the table.
"""

from datetime import datetime

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.audit.acceptance import find_loss
from bot.audit.files import map_head_file_error
from bot.audit.log import AuditKeys, EventKind
from bot.store import audit as table
from bot.store import schema
from bot.store.address import PostgresAddress
from bot.store.chain import StoredEvent
from bot.store.encoding import encode_json, encode_time, escape_text
from bot.store.head_file import Head, HeadFile
from bot.store.lead import CopyIdentity
from bot.store.maintenance import own_database


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
