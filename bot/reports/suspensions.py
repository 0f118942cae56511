"""Suspended hosts in answers: since when, by whom, why, and the command that resumes them. Pure."""

from collections.abc import Collection, Iterable, Mapping

from adapters.phrase import Phrase
from commands.health.fleet_report import MAX_NAMED
from commands.model.finding import Finding
from commands.model.report import Report, Section
from commands.model.suspension import Suspension

SERVICES = ("nebula", "openresty")
"""Services that a suspension stops, as commands name them."""


def describe_suspensions(found: Iterable[Suspension]) -> tuple[Phrase, ...]:
    """Describes each suspended host in a line."""
    return tuple(Phrase("{host}: {state}", host=each.host, state=each.phrase) for each in found)


def build_suspension_section(found: Mapping[str, Suspension], hosts: Collection[str]) -> Section | None:
    """Builds the section of those hosts that are suspended; None if there are none. Their state is shown as it is."""
    lines = describe_suspensions(each for host, each in found.items() if host in hosts)
    return Section(heading=Phrase("Suspended hosts: alerts are muted"), lines=lines) if lines else None


def offer_resumes(report: Report, hosts: Collection[str]) -> Report:
    """Offers the resume of suspended hosts where a report offers to start their services, which would be refused."""
    starts = {f"service start {service} {host}": f"host resume {host}" for host in hosts for service in SERVICES}

    def redirect(finding: Finding) -> Finding:
        parts = tuple(redirect(part) for part in finding.parts)
        return finding.model_copy(update={"parts": parts, "next": starts.get(finding.next or "", finding.next)})

    onward = (*list_resumes(hosts), *(words for words in report.next if words not in starts))[:MAX_NAMED]
    return report.model_copy(update={"findings": tuple(redirect(each) for each in report.findings), "next": onward})


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
