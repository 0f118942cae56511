"""Continuation: the hosts of an ended change that a new one may still change. Pure."""

from collections.abc import Collection

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.model.change import ChangeState
from bot.store.records import OperationRecord


def require_ended_run(record: OperationRecord) -> None:
    """Raise `Refused` where a change has not run to an end that is known."""
    match record.state:
        case ChangeState.DONE | ChangeState.UNDONE | ChangeState.FAILED:
            return
        case ChangeState.UNKNOWN:
            raise Refused(Phrase("the result is still unknown. Report what you found with op resolve"))
        case ChangeState.CLOSED:
            raise Refused(
                Phrase("it never started, so there is nothing to continue. Submit it again: {words}", words=record.words)
            )
        case _:
            raise Refused(Phrase("not finished yet. See op show for progress"))


def list_remaining_hosts(record: OperationRecord, done: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """List the requested hosts that are not `done` and still `known`. Raises `Refused` where there are none."""
    named = list(dict.fromkeys(part.host for part in record.plan.parts if part.host not in done))
    named += [left.host for left in record.plan.left_out if left.host not in named]
    remaining = tuple(host for host in named if host in known)
    if not remaining:
        raise Refused(Phrase("nothing left: all hosts are done"))
    return remaining
