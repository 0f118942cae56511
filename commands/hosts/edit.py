"""`host edit`: other labels or addresses of a host, which decide who may change it and who gets its passwords.

    the request ─▶ the host as it is and as it will be: both decide who may ask, and who must approve
    another address ─▶ the identity that is shown there, compared before anything is sent ─▶ pinned
      └▶ the file of the host is written, the bot reads its configuration again ─▶ a login at the new address proves it

A file that is edited by hand takes effect at a reload, without approvals: that is a right on the bot's machine.
"""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from adapters.action import Action
from adapters.errors import HostError
from adapters.inventory import Host, Inventory, WindowsSide, WslSide
from adapters.local.identities import FindShownIdentities, ProvenSide, ShownIdentities
from adapters.phrase import Listing, Phrase
from adapters.windows.services import ReadServices
from adapters.wsl.forwarding import ReadForwarding
from commands.changes.host_files import build_write_step, read_host_file, render_member
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble
from commands.hosts.add.arguments import CertificateOption, KeyOption, parse_host_address, parse_labels
from commands.hosts.edited_host import (
    FINGERPRINT_OPTIONS,
    AskedIdentity,
    EditedHost,
    HostChanges,
    edit_host,
    list_asked_identities,
)
from commands.model.finding import list_some
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk, Role
from commands.model.plan import Part, PlannedAction, PlannedChange, Premise, Step
from commands.values.arguments import HostsArgument, Option, Target, resolve_one_host

NO_LABELS = "none"
"""What is typed for a host without labels."""


def _parse_new_labels(text: str) -> tuple[str, ...]:
    return () if text.strip().lower() == NO_LABELS else parse_labels(text)


def _render_labels(labels: tuple[str, ...]) -> str:
    return ",".join(labels) or NO_LABELS


class HostEdit(FleetChange):
    """Change the labels or the addresses of one host."""

    risk: ClassVar = Risk.CRITICAL
    roles: ClassVar = frozenset({Role.ADMINISTRATOR})
    words: ClassVar = ("host", "edit")
    summary: ClassVar = Phrase("change the labels or the addresses of a host")
    example: ClassVar = 'host edit host-b --label tokyo,db --reason "moved to Tokyo"'
    label: ClassVar = Phrase("edit {target}", target="…")
    acts_on_suspended: ClassVar = True  # it acts on the bot; only another address is read there, and maintenance may need it

    target: HostsArgument
    label_: Annotated[
        tuple[str, ...] | None,
        Option(
            "labels", Phrase("all its labels from now on, with commas (none: no label)"), _parse_new_labels, _render_labels
        ),
    ] = None
    windows: Annotated[str, Option("address", Phrase("new address of Windows"), parse_host_address, str)] = ""
    wsl: Annotated[
        str, Option("address", Phrase("new address of WSL2, with its SSH port if that changes"), parse_host_address, str)
    ] = ""
    windows_fingerprint: CertificateOption = ""
    wsl_fingerprint: KeyOption = ""

    @property
    def incomplete(self) -> bool:
        return self._changes == HostChanges()

    @property
    def _changes(self) -> HostChanges:
        return HostChanges(self.label_, self.windows, self.wsl, self.windows_fingerprint, self.wsl_fingerprint)

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        """Resolves to the host as it is, and as it will be if its labels change. Permission must be there for both."""
        host = resolve_one_host(self.target, inventory)
        if self.label_ is None or self.label_ == host.labels:
            return (host,)
        return (host, host.model_copy(update={"labels": self.label_}))

    def restrict_to(self, names: tuple[str, ...]) -> "HostEdit":
        return self.model_copy(update={"target": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        if self.incomplete:
            raise CannotPlan(Phrase("nothing to change. Add for example {option}", option="--label tokyo,db"))
        inventory = view.fleet.inventory
        host = resolve_one_host(self.target, inventory)
        file = await read_host_file(view, host.name)
        table = inventory.tables.get(host.name)
        if table is None:
            raise CannotPlan(Phrase("the settings of {host} are not known. Reload the bot's configuration", host=host.name))
        edited = edit_host(host, table, self._changes)
        _require_own_addresses(edited, inventory)
        asked = tuple(list_asked_identities(edited, self._changes))
        for each in asked:
            edited = await _pin(edited, each, view)
        if not edited.changed:
            return assemble(self, (UnchangedHost(host.name, Phrase("it is like that already")),), inventory)
        phrase = Phrase("write the file of {host} and use it", host=host.name)
        write = build_write_step(view.operation_id, host.name, render_member(edited.table), file, phrase)
        planned = HostPlan(
            part=Part(host=host.name, steps=(write, *_list_logins(edited))),
            premises=tuple(_list_premises(edited, asked)),
            warnings=tuple(_list_warnings(edited)),
        )
        return assemble(self, (planned,), _replace_host(inventory, edited.after))


async def _pin(edited: EditedHost, asked: AskedIdentity, view: FleetView) -> EditedHost:
    """Pins a side to the identity that is shown at its address. Raises `CannotPlan` if it is not the one that was asked."""
    place = f"{asked.address}:{asked.port}"
    find = FindShownIdentities(place=asked.side, address=asked.address, port=asked.port)
    try:
        seen = await view.read_own(find)
    except HostError as error:
        raise CannotPlan(Phrase("could not check {place}: {why}", place=place, why=error.phrase)) from error
    if not isinstance(seen, ShownIdentities):
        raise TypeError(f"the answer is of the type {type(seen).__name__}")
    for shown in seen.shown:
        if shown.fingerprint == asked.fingerprint:
            return edited.pin(asked.side, shown)
    raise CannotPlan(
        Phrase(
            "the machine at {place} shows another identity ({seen}). Nothing was sent there. Compare it at the console of "
            "{host}: another machine may have this address",
            place=place,
            seen=list_some([shown.short for shown in seen.shown]),
            host=edited.before.name,
        )
    )


def _require_own_addresses(edited: EditedHost, inventory: Inventory) -> None:
    """Raises `CannotPlan` for an address that another host has."""
    for side in edited.sides:
        mine = _find_address(edited.after, side)
        for other in inventory.reachable:
            if other.name != edited.before.name and _find_address(other, side) == mine:
                raise CannotPlan(Phrase("{address} is the address of {host}", address=mine, host=other.name))


def _find_address(host: Host, side: ProvenSide) -> str:
    match host.get_side(side):
        case WindowsSide(url=url):
            return url
        case WslSide(address=address, port=port):
            return f"{address}:{port}"
        case _:
            return ""


def _list_logins(edited: EditedHost) -> Iterator[Step]:
    """Lists the steps that log in at each new address. If that fails, the file is as before again."""
    for side in edited.sides:
        yield Step(
            key=f"{edited.after.name}/login/{side}",
            host=edited.after.name,
            deed=PlannedAction.of(_make_read(edited.after, side)),
            phrase=Phrase(
                "log in to {host} at {address}", host=edited.after.name, address=_find_address(edited.after, side)
            ),
        )


def _make_read(host: Host, side: ProvenSide) -> Action[Any]:
    """Makes a short read of one side, for which the bot must log in."""
    if side == "windows" and host.windows is not None:
        return ReadServices.of(host.windows)
    assert host.wsl is not None
    return ReadForwarding.of(host.wsl)


def _list_premises(edited: EditedHost, asked: tuple[AskedIdentity, ...]) -> Iterator[Premise]:
    host, before, after = edited.before.name, edited.before, edited.after
    if before.labels != after.labels:
        yield Premise(
            host=host,
            what="labels",
            value={"before": list(before.labels), "after": list(after.labels)},
            phrase=Phrase(
                "labels of {host}: {before}, then {after}",
                host=host,
                before=_describe_labels(before.labels),
                after=_describe_labels(after.labels),
            ),
        )
    for side in edited.sides:
        old, new = _find_address(before, side), _find_address(after, side)
        if old != new:
            phrase = Phrase("{side} of {host}: {before}, then {after}", side=_NAMES[side], host=host, before=old, after=new)
            yield Premise(host=host, what=f"{side} address", value={"before": old, "after": new}, phrase=phrase)
    for each in asked:
        yield Premise(
            host=host,
            what=f"{each.side} identity",
            value=each.fingerprint,
            phrase=Phrase(
                "the machine at {place} has shown the fingerprint {fingerprint}, which is the one of {option}",
                place=f"{each.address}:{each.port}",
                fingerprint=each.fingerprint,
                option=FINGERPRINT_OPTIONS[each.side],
            ),
        )


def _describe_labels(labels: tuple[str, ...]) -> Phrase | Listing:
    return Listing(labels) if labels else Phrase("no label")


_NAMES = {"windows": "Windows", "wsl": "WSL2"}


def _list_warnings(edited: EditedHost) -> Iterator[Phrase]:
    host = edited.after.name
    if edited.before.labels != edited.after.labels:
        yield Phrase(
            "labels decide who may change {host}, who approves that and where its alerts go. Approvals of this change count "
            "by its old and its new labels",
            host=host,
        )
    windows = edited.after.windows
    if windows is not None and "windows" in edited.sides:
        secret = windows.password_secret
        yield Phrase("the machine there gets the password {secret}. Compare its fingerprint at the console", secret=secret)
    if "windows" in edited.sides:
        yield Phrase(
            "from now on only this certificate is accepted from {host}. After a renewal of it run {words}",
            host=host,
            words=f"host edit {host} {FINGERPRINT_OPTIONS['windows']} …",
        )


def _replace_host(inventory: Inventory, host: Host) -> Inventory:
    hosts = tuple(host if each.name == host.name else each for each in inventory.hosts)
    return inventory.model_copy(update={"hosts": hosts})
