"""Removed hosts in answers: their list in `host`, and what is still to be done for them in digests and home tabs. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.inventory import RemovedHost
from adapters.phrase import Moment, Phrase
from bot.store.owed import OwedChange
from commands.hosts.remove.arguments import is_owed_removal
from commands.model.finding import list_some, relate_moment
from commands.model.report import Section

HEADING = Phrase("Removed hosts")


def build_removed_section(removed: Sequence[RemovedHost], owed: Sequence[OwedChange], now: datetime) -> Section | None:
    """Builds the section of all removed hosts; None without any. What is still to be done follows each."""
    lines: list[Phrase] = []
    for each in removed:
        lines.append(_describe(each, now))
        lines.extend(list_open_removals((each,), owed))
    return Section(heading=HEADING, lines=tuple(lines)) if lines else None


def list_open_removals(removed: Sequence[RemovedHost], owed: Sequence[OwedChange]) -> Iterator[Phrase]:
    """Lists what is still to be done for removed hosts: hosts that may accept them, a password that they know.

    Times have no distance from now, because a tab may stay open.
    """
    for each in removed:
        places = sorted({change.host for change in owed if is_owed_removal(change.words, each.name)})
        if places:
            yield Phrase(
                "{host}, removed {at}: {places} may still accept it, until {words} has run there",
                host=each.name,
                at=Moment(each.since),
                places=list_some(places),
                words=f"host remove {each.name} --on {','.join(places)}",
            )
        if each.password_due:
            yield Phrase(
                "{host}, removed {at}, knows the WinRM password. Change it, then run {words}",
                host=each.name,
                at=Moment(each.since),
                words=f"host remove {each.name} --password-changed",
            )


def list_removal_commands(removed: Sequence[RemovedHost]) -> tuple[str, ...]:
    """Lists the commands that confirm a changed password."""
    return tuple(f"host remove {each.name} --password-changed" for each in removed if each.password_due)


def _describe(each: RemovedHost, now: datetime) -> Phrase:
    when = relate_moment(each.since, now)
    if each.lost:
        return Phrase("{host} (ID {id}), lost, removed by {who} {at}", host=each.name, id=str(each.id), who=each.by, at=when)
    return Phrase("{host} (ID {id}), removed by {who} {at}", host=each.name, id=str(each.id), who=each.by, at=when)
