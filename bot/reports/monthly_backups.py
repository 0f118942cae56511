"""Section of the monthly report on backups: how many were made, and which hosts cannot rely on theirs. Pure."""

from collections.abc import Iterator, Sequence

from adapters.phrase import Phrase
from bot.reports.month import Month
from commands.backups.findings import Lack, find_problems, find_unread_second
from commands.backups.listing import name_owner
from commands.model.backup import KnownBackups
from commands.model.finding import list_some
from commands.model.report import Section
from commands.values.units import format_size


def build_backup_section(known: KnownBackups | None, hosts: Sequence[str], month: Month) -> Section:
    """Builds the section. `known` is None if the requester may not see backups."""
    return Section(heading=Phrase("Backups"), lines=tuple(_list_lines(known, hosts, month)))


def _list_lines(known: KnownBackups | None, hosts: Sequence[str], month: Month) -> Iterator[Phrase]:
    if known is None:
        yield Phrase("not shown: the person requesting this report has no access")
        return
    if not known.available:
        yield Phrase("unknown")
        return
    if not known.backups:
        yield Phrase("no backups yet")
        return
    made = [backup for backup in known.backups if month.begin <= backup.at < month.end]
    yield Phrase(
        "{n} backup made and kept, {size}",
        plural="{n} backups made and kept, {size}",
        n=len(made),
        size=format_size(sum(backup.size for backup in made)),
    )
    yield from _list_problem_lines(known, hosts, month)


def _list_problem_lines(known: KnownBackups, hosts: Sequence[str], month: Month) -> Iterator[Phrase]:
    problems = find_problems(known.backups, hosts, month.now)
    names = {lack: [name_owner(each.host) for each in problems if each.lack is lack] for lack in Lack}
    if not problems:
        yield Phrase("every host and the bot have a verified backup of the last 8 days")
    if names[Lack.OLD]:
        yield Phrase("newest verified backup older than 8 days: {hosts}", hosts=list_some(names[Lack.OLD]))
    if names[Lack.NEVER]:
        yield Phrase("never verified: {hosts}", hosts=list_some(names[Lack.NEVER]))
    if names[Lack.NONE]:
        yield Phrase("without a backup: {hosts}", hosts=list_some(names[Lack.NONE]))
    if unread := find_unread_second(known):
        owners = [name_owner(host) for host in unread]
        yield Phrase("second place unreachable when last verified: {hosts}", hosts=list_some(owners))
