"""Answers about hosts that are being added: what each waits for, and the command lines for people who prepare it. Pure.

Removed hosts in answers: their list in `host`, and what is still to be done for them in digests and home tabs. Pure.

Suspended hosts in answers: since when, by whom, why, and the command that resumes them. Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.inventory import Inventory, JoiningHost, RemovedHost
from adapters.phrase import Moment, Phrase
from bot.hosts.rules.host_sides import format_wsl_line, list_windows_lines
from bot.hosts.rules.joining import Standing, find_unpinned, format_pins
from bot.model.owed import OwedChange
from commands.health.fleet_report import MAX_NAMED
from commands.hosts.remove.arguments import is_owed_removal
from commands.model.finding import Finding, list_some, relate_moment
from commands.model.report import Report, Section
from commands.model.suspension import Suspension


@dataclass(frozen=True)
class PreparationSight:
    """A host that is being added, as a request for it found it.

    `mismatch` says which side is another one than the given fingerprint names. `remarks` are what its sides say otherwise,
    `findings` those of the checks of its sides. `bot` is the address from which the bot comes, and `key` the public half of
    its SSH key, "" where they are unknown.
    """

    joining: JoiningHost
    inventory: Inventory
    standing: Standing
    mismatch: Phrase | None = None
    remarks: Sequence[Phrase] = ()
    findings: Sequence[Finding] = ()
    bot: str = ""
    key: str = ""


def build_preparation_report(sight: PreparationSight) -> Report:
    """Builds the answer to a request that cannot be planned yet."""
    joining = sight.joining
    report = Report.of_facts(Phrase("Host being added"), _summarize(sight), list_joining_facts(joining))
    return report.model_copy(
        update={
            "sections": tuple(_list_sections(sight)),
            "findings": tuple(sight.findings),
            "next": tuple(filter(None, (sight.standing.next,))),
        }
    )


def _summarize(sight: PreparationSight) -> Phrase:
    name, number = sight.joining.name, str(sight.joining.id)
    if sight.mismatch is not None:
        return Phrase("{host} (ID {id}): {why}", host=name, id=number, why=sight.mismatch)
    return Phrase("{host} (ID {id}) waits for {what}", host=name, id=number, what=sight.standing.waits_for)


def list_joining_facts(joining: JoiningHost) -> Iterator[tuple[Phrase, Phrase | str]]:
    """Lists what is known of a host that is being added."""
    yield Phrase("ID"), str(joining.id)
    yield Phrase("Overlay"), str(joining.known.overlay.ip)
    yield Phrase("Container subnet"), str(joining.known.bridge.network)
    if joining.labels:
        yield Phrase("Labels"), " ".join(joining.labels)
    unpinned = find_unpinned(joining)
    for side, name, address in (
        ("windows", Phrase("Windows"), joining.windows_address),
        ("wsl", Phrase("WSL2"), joining.wsl_address),
    ):
        if address:
            waits = side in unpinned
            yield name, (_describe_waiting(address) if waits else Phrase("{address}, fingerprint compared", address=address))
    yield Phrase("Reserved"), Phrase("{at} by {who}", at=Moment(joining.since), who=joining.by)
    if joining.adopt:
        yield Phrase("Kept"), Phrase("the certificate and the configuration that it has already")


def _describe_waiting(address: str) -> Phrase:
    return Phrase("{address}, fingerprint not compared yet", address=address)


def build_joining_section(standings: Sequence[tuple[JoiningHost, Standing]]) -> Section | None:
    """Builds the section of the list of hosts on those that are being added; None if there are none."""
    lines = tuple(
        Phrase(
            "{host} (ID {id}) waits for {what}. Next: {words}",
            host=joining.name,
            id=str(joining.id),
            what=standing.waits_for,
            words=standing.next,
        )
        for joining, standing in standings
    )
    return Section(heading=Phrase("Hosts being added"), lines=lines) if lines else None


def _list_sections(sight: PreparationSight) -> Iterator[Section]:
    if sight.remarks:
        yield Section(heading=Phrase("Responses of its connections"), lines=tuple(sight.remarks))
    unpinned = find_unpinned(sight.joining)
    prepared = sight.mismatch is not None
    if "windows" in unpinned and not prepared:
        certificate, script = list_windows_lines(sight.joining, sight.bot)
        yield _show(Phrase("Certificate for WinRM: run where its CA is, then copy the .pfx file to the host"), certificate)
        yield _show(Phrase("Windows: run as administrator on the host"), script)
    if "wsl" in unpinned and not prepared:
        heading = Phrase("WSL2: copy prepare-wsl.sh and flatnet-bot-helper.sh to the host, then run in their folder")
        yield _show(heading, format_wsl_line(sight.joining, sight.inventory, sight.key))
    if unpinned:
        yield _show(Phrase("Then give the fingerprint that each script printed"), format_pins(sight.joining.name, unpinned))


def _show(heading: Phrase, line: str) -> Section:
    return Section(heading=heading, lines=(Phrase("{words}", words=line),), code=True)


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
