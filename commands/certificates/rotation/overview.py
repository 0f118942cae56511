"""`ca rotation`: the change of the CA that is under way, how far each host has come, and what is next.

rotation (rows), certificates of all hosts ─▶ MemberState each ─ find_round ─▶ what is due ─▶ Report
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from adapters.phrase import Phrase
from commands.certificates.reading import FleetCertificates, read_certificates, shorten_fingerprint
from commands.certificates.rotation.column import PROGRESS_COLUMN, ProgressCells
from commands.certificates.rotation.next import NEXT_COMMANDS, STAGE_PHRASES, tally_states
from commands.certificates.rotation.rounds import MemberState, NextRound, Round, find_round, find_states
from commands.model.certificates import Identity, KnownIdentities
from commands.model.finding import Finding, Severity, list_some, relate_moment, sort_worst_first
from commands.model.need import Need
from commands.model.operation import FleetRead, FleetView
from commands.model.report import Cell, Column, Mark, Report, Row, Section, rate_rows
from commands.model.rotation import Rotation, RotationAuthority, RotationMember, RotationStage
from commands.values.arguments import shorten_argument

COLUMNS = (
    Column(key="host", heading=Phrase("Host")),
    PROGRESS_COLUMN,
    Column(key="seen_at", heading=Phrase("Last checked")),
    Column(key="trusts_at", heading=Phrase("Trusts the new CA since"), detail=True),
    Column(key="signed_at", heading=Phrase("New certificate since"), detail=True),
    Column(key="dropped_at", heading=Phrase("Without the old CA since"), detail=True),
    Column(key="left_at", heading=Phrase("Left behind since"), detail=True),
)
TIMES = ("seen_at", "trusts_at", "signed_at", "dropped_at", "left_at")

TITLE = Phrase("CA rotation")


class CaRotation(FleetRead):
    """Show the change of the CA that is under way."""

    words: ClassVar = ("ca", "rotation")
    summary: ClassVar = Phrase("change of the CA: its stage, how far each host has come, and what is next")
    example: ClassVar = "ca rotation"
    label: ClassVar = Phrase("show the CA rotation")
    needs: ClassVar = frozenset({Need.IDENTITIES, Need.ROTATION})

    async def read(self, view: FleetView) -> Report:
        rotation = view.rotation
        if rotation is None:
            return Report(
                title=TITLE,
                summary=Phrase("the CA is not being changed now"),
                brief=True,
                taken_at=view.now(),
                next=("ca show",),
            )
        seen = await read_certificates(view.fleet.inventory.hosts, view)
        states = find_states(rotation, seen)
        due = find_round(rotation, states)
        dependents = _find_dependents(rotation, due, view.identities, view)
        findings = sort_worst_first(_list_findings(rotation, due, dependents))
        return Report(
            title=TITLE,
            summary=Phrase(
                "{stage}: {tally}", stage=STAGE_PHRASES[rotation.stage], tally=tally_states(rotation, states).phrase
            ),
            columns=COLUMNS,
            rows=rate_rows(_list_rows(rotation, states, seen), findings),
            findings=findings,
            sections=tuple(_list_sections(rotation, due, dependents, seen)),
            taken_at=view.now(),
            next=() if dependents else _choose_next(rotation, due),
        )


def _list_rows(rotation: Rotation, states: Sequence[MemberState], seen: FleetCertificates) -> Iterator[Row]:
    cells = ProgressCells(rotation, seen)
    for state in states:
        member = rotation.find_member(state.host)
        yield Row(
            host=state.host,
            cells=(Cell.of(state.host), cells.build_host_cell(state.host), *_build_time_cells(member, state, seen)),
        )


def _build_time_cells(member: RotationMember, state: MemberState, seen: FleetCertificates) -> Iterator[Cell]:
    for name in TIMES:
        at = seen.now if name == "seen_at" and state.answered else getattr(member, name)
        if at is None:
            yield Cell(text=Phrase("none"), mark=Mark.ABSENT)
        else:
            yield Cell(text=relate_moment(at, seen.now), value=at.isoformat())


def _list_findings(rotation: Rotation, due: NextRound, dependents: Sequence[Identity]) -> Iterator[Finding]:
    """Lists the hosts that the rotation waits for, and members outside the configuration that would drop out."""
    for state in due.missing:
        left = rotation.find_member(state.host).left_at is not None
        short = Phrase("left behind") if left else Phrase("not responding")
        why = Phrase("it did not respond. When it is back, run {words}", words=f"ca rotation next --only {state.host}")
        severity = Severity.MEDIUM if left or not due.waits else Severity.HIGH
        yield Finding(
            severity=severity,
            host=state.host,
            subject="rotation",
            short=short,
            why=why,
            next=f"health {state.host}",
            reached=False,
        )
    for each in dependents:
        name = shorten_argument(each.name)
        why = Phrase("it uses a certificate of {ca} and would lose its tunnels", ca=shorten_argument(rotation.old.name))
        yield Finding(
            severity=Severity.HIGH,
            host=name,
            subject="rotation",
            short=Phrase("certificate of the old CA"),
            why=why,
            next="cert --all",
        )


def _find_dependents(rotation: Rotation, due: NextRound, known: KnownIdentities, view: FleetView) -> tuple[Identity, ...]:
    """Finds members outside the configuration that have a certificate of the old CA, once all hosts have a new one."""
    over = due.round in (Round.NONE, Round.DROP) and rotation.stage.signs_with_new
    names = view.fleet.inventory.names
    dependents = known.find_dependents(rotation.old.fingerprint, view.now()) if over else ()
    return tuple(each for each in dependents if each.name not in names)


def _list_sections(
    rotation: Rotation, due: NextRound, dependents: Sequence[Identity], seen: FleetCertificates
) -> Iterator[Section]:
    lines = [_describe_due(rotation, due, dependents)]
    if due.change and due.round is not Round.DROP:
        lines.append(Phrase("Nebula restarts on one host after the other: a few seconds without tunnels each"))
    if due.waits and not rotation.lost:
        hosts = list_some([state.host for state in due.missing])
        lines.append(
            Phrase(
                "or go on without {hosts}, which then has no tunnels until it is back: {words}",
                hosts=hosts,
                words=f"ca rotation next --leave {due.missing[0].host}",
            )
        )
    yield Section(heading=Phrase("Next step"), lines=tuple(lines))
    authorities = (
        Phrase("old: {ca}", ca=_describe(rotation.old, seen)),
        Phrase("new: {ca}", ca=_describe(rotation.new, seen)),
    )
    signer = Phrase("new certificates are signed by {ca}", ca=shorten_argument(rotation.signer.name))
    started = Phrase(
        "started {at} as {operation}", at=relate_moment(rotation.started_at, seen.now), operation=rotation.operation
    )
    yield Section(heading=Phrase("CAs"), lines=(*authorities, signer, started))


def _describe_due(rotation: Rotation, due: NextRound, dependents: Sequence[Identity]) -> Phrase:
    if due.change:
        return _describe_round(due.round, list_some([state.host for state in due.change]))
    if due.missing:
        return Phrase("wait for {hosts} to respond", hosts=list_some([state.host for state in due.missing]))
    if dependents:
        names = list_some([shorten_argument(each.name) for each in dependents])
        return Phrase("first renew the certificates of {names}, which are outside the configuration", names=names)
    if rotation.stage is RotationStage.ABORTING:
        return Phrase("no host has the new CA any more. Its key can be removed")
    return Phrase("all hosts have the new CA. The old one can be removed, after a drill with the backup of the new key")


def _describe_round(due: Round, hosts: Phrase) -> Phrase:
    match due:
        case Round.TRUST:
            return Phrase("add the new CA on {hosts}", hosts=hosts)
        case Round.SIGN:
            return Phrase("renew the certificates of {hosts} with the new CA", hosts=hosts)
        case Round.RETURN:
            return Phrase("add the new CA and renew the certificate on {hosts}, in one restart", hosts=hosts)
        case Round.TAKE_BACK_SIGNATURE:
            return Phrase("renew the certificates of {hosts} with the old CA again", hosts=hosts)
        case Round.TAKE_BACK_TRUST:
            return Phrase("remove the new CA from {hosts}", hosts=hosts)
        case _:
            return Phrase("remove the old CA from {hosts}", hosts=hosts)


def _describe(authority: RotationAuthority, seen: FleetCertificates) -> Phrase:
    return Phrase(
        "{name} ({fingerprint}), valid until {at}",
        name=shorten_argument(authority.name),
        fingerprint=shorten_fingerprint(authority.fingerprint),
        at=relate_moment(authority.ends_at, seen.now),
    )


def _choose_next(rotation: Rotation, due: NextRound) -> tuple[str, ...]:
    """Chooses the command that moves the rotation on; none while it only waits."""
    if due.waits:
        return ()
    words = NEXT_COMMANDS[rotation.stage]
    if due.round is Round.RETURN and not rotation.lost:
        return tuple(f"ca rotation next --only {state.host}" for state in due.change[:1])
    return ("ca rotation finish",) if due.round is Round.NONE and rotation.stage is RotationStage.SIGNING else (words,)
