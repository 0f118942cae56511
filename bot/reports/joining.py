"""Answers about hosts that are being added: what each waits for, and the command lines for people who prepare it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapters.inventory import Inventory, JoiningHost
from adapters.phrase import Moment, Phrase
from bot.joining.scripts import format_wsl_line, list_windows_lines
from bot.joining.standing import Standing, find_unpinned, format_pins
from commands.model.finding import Finding
from commands.model.report import Report, Section


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
