"""Answers about hosts that are being added: what each waits for, and the command lines for people who prepare it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.inventory import Inventory, JoiningHost
from adapters.phrase import Moment, Phrase
from bot.joining.scripts import list_windows_lines, list_wsl_lines
from bot.joining.standing import Standing, find_unpinned
from commands.model.finding import Finding
from commands.model.report import Report, Section


@dataclass(frozen=True)
class PreparationSight:
    """A host that is being added, as a request for it found it.

    `remarks` are what its sides say, `findings` those of the checks of its sides. `bot` is the address from which the bot
    comes, and `key` the public half of its SSH key, "" where they are unknown.
    """

    joining: JoiningHost
    inventory: Inventory
    standing: Standing
    remarks: Sequence[Phrase] = ()
    findings: Sequence[Finding] = ()
    bot: str = ""
    key: str = ""


def build_preparation_report(sight: PreparationSight) -> Report:
    """Builds the answer to a request that cannot be planned yet."""
    joining = sight.joining
    report = Report.of_facts(
        Phrase("Host being added"),
        Phrase("{host} (ID {id}) waits for {what}", host=joining.name, id=str(joining.id), what=sight.standing.waits_for),
        list_joining_facts(joining),
    )
    return report.model_copy(
        update={
            "sections": tuple(_list_sections(sight)),
            "findings": tuple(sight.findings),
            "next": tuple(filter(None, (sight.standing.next,))),
        }
    )


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
    if "windows" in unpinned:
        lines = list_windows_lines(sight.joining, sight.bot)
        yield Section(heading=Phrase("Prepare Windows (certificate first, then on the host)"), lines=_show(lines))
    if "wsl" in unpinned:
        lines = list_wsl_lines(sight.joining, sight.inventory, sight.key)
        yield Section(heading=Phrase("Prepare WSL2 (on the host)"), lines=_show(lines))


def _show(lines: Sequence[str]) -> tuple[Phrase, ...]:
    return tuple(Phrase("{words}", words=line) for line in lines)
