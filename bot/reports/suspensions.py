"""Suspended hosts in answers: since when, by whom, why, and the command that resumes them. Pure."""

from collections.abc import Collection, Iterable, Mapping

from adapters.phrase import Phrase
from commands.model.report import Section
from commands.model.suspension import Suspension


def describe_suspensions(found: Iterable[Suspension]) -> tuple[Phrase, ...]:
    """Describes each suspended host in a line."""
    return tuple(Phrase("{host}: {state}", host=each.host, state=each.phrase) for each in found)


def build_suspension_section(found: Mapping[str, Suspension], hosts: Collection[str]) -> Section | None:
    """Builds the section of those hosts that are suspended; None if there are none. Their state is shown as it is."""
    lines = describe_suspensions(each for host, each in found.items() if host in hosts)
    return Section(heading=Phrase("Suspended hosts: alerts are muted"), lines=lines) if lines else None


def list_resumes(found: Iterable[str]) -> tuple[str, ...]:
    """Lists the commands that resume hosts."""
    return tuple(f"host resume {host}" for host in found)


def count_suspended(hosts: int, problems: int) -> Phrase:
    """Counts suspended hosts, and the problems that are left out because of it."""
    counted = Phrase("{n} host suspended", plural="{n} hosts suspended", n=hosts)
    if not problems:
        return counted
    muted = Phrase("{n} problem muted", plural="{n} problems muted", n=problems)
    return Phrase("{hosts} ({problems})", hosts=counted, problems=muted)
