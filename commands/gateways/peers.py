"""`peer add`, `peer remove`: edits the table of peers of gateways, one after the other.

each host of --on ─ read (commands.gateways.files) ─▶ the one table of peers ─▶ splices ─▶ HostPlan with its diff

Steps that edit the table of peers of one gateway, and prove from outside that its workers run with it. Pure.

stage ─▶ test ─▶ note ─▶ begin: swap, reload ─▶ new workers, host_id and peers ─▶ keep a copy ─▶ confirm ─▶ tidy
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from adapters.errors import HostError
from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from adapters.windows.commit_confirm import CONFIRM_WINDOW, BeginChange
from adapters.windows.configuration import Configuration, HashedFile, hash_configuration
from adapters.windows.configuration_trial import TestConfiguration
from adapters.windows.services import ReadServices, Services
from commands.changes.commit_confirm import (
    CommitConfirmedChange,
    build_begin_step,
    build_confirm_step,
    get_windows_side,
    move_gateway,
)
from commands.changes.configuration_edit import (
    ConfigurationEdit,
    ReloadProof,
    build_keep_step,
    build_stage_steps,
    build_tidy_step,
)
from commands.changes.host_plan import HostPlan, UnchangedHost, assemble, leave_unchecked
from commands.configuration.peer_table import FoundPeers, add_peer, remove_peer
from commands.configuration.splice import Splices, UnsuitableText
from commands.gateways.files import ConfigurationFiles, read_configuration_files
from commands.gateways.peer_report import are_equal_addresses, is_peer_address, make_peer_address
from commands.gateways.reload_steps import find_reload_obstacle
from commands.health.fleet_report import read_all_hosts
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import LeftOutHost, Part, PlannedChange, Premise
from commands.values.arguments import NO_TARGET, Option, Positional, Target, resolve_one_host
from commands.values.errors import GrammarError


@dataclass(frozen=True)
class PeerEdit:
    """An edit of a gateway's peers: the addresses before and after it, and the configuration that the file belongs to."""

    edit: ConfigurationEdit
    before: tuple[str, ...]
    after: tuple[str, ...]
    configuration: Configuration

    @property
    def files(self) -> tuple[HashedFile, ...]:
        """The files of the configuration after the edit."""
        edited = self.edit.edited
        return tuple(edited if each.file == edited.file else each for each in self.configuration.present)


def build_peer_part(peers: PeerEdit) -> Part:
    """Builds the part of one host."""
    edit = peers.edit
    host, base, files = edit.host, peers.configuration.base, peers.files
    proof = ReloadProof(host, peers.after)
    steps = (
        *build_stage_steps(edit, TestConfiguration.of_gateway(get_windows_side(host), edit.folder)),
        proof.build_note_step(),
        build_begin_step(_build_change(peers)),
        *proof.build_proof_steps(),
        build_keep_step(host, base, hash_configuration(files, base), files),
        build_confirm_step(host, edit.operation),
        build_tidy_step(edit),
    )
    return Part(host=host.name, steps=steps)


def _build_change(peers: PeerEdit) -> CommitConfirmedChange:
    edit, host = peers.edit, peers.edit.host
    change = BeginChange(
        operation=edit.operation,
        swaps=(edit.swap,),
        services=(move_gateway(get_windows_side(host), "reload"),),
    )
    phrase = Phrase(
        "install the edited file and reload nginx ({host} reverts automatically unless confirmed within {window} s)",
        host=host.name,
        window=CONFIRM_WINDOW,
    )
    undo = Phrase("restore the previous file and reload nginx")
    return CommitConfirmedChange(host, change, phrase, undo, (ReloadProof(host, peers.before).build_return_check(),))


_OVERLAY_ADDRESS = re.compile(r"10\.100\.[0-9]{1,3}\.1")

OnOption = Annotated[
    Target,
    Option(
        "hosts",
        Phrase("gateways whose list of peers is edited: comma-separated hosts, labels or patterns, or all"),
        lambda text: Target.parse((text,)),
        str,
    ),
]


def _parse_host(words: tuple[str, ...]) -> str:
    """Parses the name of a host. Raises `BadArgument`."""
    return str(Target.parse(words))


def _parse_host_or_address(words: tuple[str, ...]) -> str:
    """Parses the name of a host, or an address as a table of peers has it. Raises `BadArgument`."""
    word = words[0].lower()
    if _OVERLAY_ADDRESS.fullmatch(word):
        return f"http://{word}:8080"
    return word if is_peer_address(word) else _parse_host(words)


class PeerChange(FleetChange):
    """A change of the peers of several gateways, one after the other. Gateways in the wanted state are left out."""

    risk: ClassVar = Risk.CHANGE
    affects: ClassVar = frozenset({Area.SERVICES})

    peer: str
    on: OnOption = NO_TARGET

    @property
    def incomplete(self) -> bool:
        return self.on == NO_TARGET

    def resolve_hosts(self, inventory: Inventory) -> tuple[Host, ...]:
        if self.incomplete:
            raise GrammarError(
                Phrase(
                    "{words} needs the gateways to edit. Add for example {option}",
                    words=" ".join(self.words),
                    option="--on host-a",
                )
            )
        return self.on.resolve(inventory)

    def restrict_to(self, names: tuple[str, ...]) -> "PeerChange":
        return self.model_copy(update={"on": Target(parts=names)})

    async def plan(self, view: FleetView) -> PlannedChange:
        inventory = view.fleet.inventory
        address = self.find_address(inventory)
        hosts = self.resolve_hosts(inventory)
        planned = await read_all_hosts(hosts, lambda host: self.plan_host(host, address, view), view)
        return assemble(self, planned, inventory)

    def find_address(self, inventory: Inventory) -> str:
        """Finds the address of the peer. Raises `CannotPlan` or `BadArgument`."""
        peer = resolve_one_host(Target(parts=(self.peer,)), inventory)
        if peer.gateway is None:
            raise CannotPlan(Phrase("{host} has no gateway, so it is not a peer", host=peer.name))
        return make_peer_address(peer)

    def explain_unchanged(self, host: Host, address: str, found: FoundPeers) -> Phrase | None:
        """Explains why a gateway needs no edit; None if it needs one."""
        raise NotImplementedError

    def edit(self, found: FoundPeers, address: str) -> Splices:
        """Makes the edit. Raises `UnsuitableText`."""
        raise NotImplementedError

    async def plan_host(self, host: Host, address: str, view: FleetView) -> HostPlan | UnchangedHost | LeftOutHost:
        """Plans one host, or returns why it is left out."""
        if host.gateway is None:
            return LeftOutHost(host=host.name, why=Phrase("no gateway configured"))
        if host.windows is None:
            return LeftOutHost(host=host.name, why=Phrase("no Windows connection configured"))
        services: Services | HostError
        services, files = await asyncio.gather(_read_services(host, view), read_configuration_files(host, view))
        for answer in (services, files):
            if isinstance(answer, HostError):
                return leave_unchecked(host.name, answer)
        assert isinstance(services, Services)
        assert isinstance(files, ConfigurationFiles)
        try:
            found = await files.find_peers()
            if (why := self.explain_unchanged(host, address, found)) is not None:
                return UnchangedHost(host.name, why)
            if (why := find_reload_obstacle(services, host.name)) is not None:
                return LeftOutHost(host=host.name, why=why)
            return await asyncio.to_thread(self._build_plan, host, address, files, found, view)
        except UnsuitableText as error:
            return LeftOutHost(host=host.name, why=error.why)

    def _build_plan(
        self, host: Host, address: str, files: ConfigurationFiles, found: FoundPeers, view: FleetView
    ) -> HostPlan:
        try:
            splices = self.edit(found, address)
        except UnsuitableText as error:
            raise UnsuitableText(error.locate(found.file, found.text)) from error
        base = files.configuration.base
        edit = ConfigurationEdit(host, view.operation_id, base, found.file, found.text, splices)
        after = self.list_after(found, address)
        return HostPlan(
            part=build_peer_part(PeerEdit(edit, found.addresses, after, files.configuration)),
            premises=(_build_premise(host, found),),
            warnings=tuple(_list_warnings(host, files, view)),
            edits=(edit.describe(view.redact),),
        )

    def list_after(self, found: FoundPeers, address: str) -> tuple[str, ...]:
        """Lists the addresses after the edit."""
        raise NotImplementedError


class PeerAdd(PeerChange):
    """Add a host to the peers of gateways. Its address is that of the configuration of hosts, and no other."""

    words: ClassVar = ("peer", "add")
    summary: ClassVar = Phrase("add a host to the peers of gateways, verified from outside, one gateway at a time")
    example: ClassVar = "peer add host-a --on host-b"
    label: ClassVar = Phrase("add {peer} to the peers of {on}", peer="…", on="…")

    peer: Annotated[str, Positional("peer", Phrase("host to add"), _parse_host, lambda peer: (peer,))]

    def explain_unchanged(self, host: Host, address: str, found: FoundPeers) -> Phrase | None:
        if address == make_peer_address(host):
            return Phrase("a gateway is not its own peer")
        if any(are_equal_addresses(each, address) for each in found.addresses):
            return Phrase("{peer} is already among its peers", peer=self.peer)
        return None

    def edit(self, found: FoundPeers, address: str) -> Splices:
        return add_peer(found, address)

    def list_after(self, found: FoundPeers, address: str) -> tuple[str, ...]:
        return (*found.addresses, address)


class PeerRemove(PeerChange):
    """Remove a host from the peers of gateways. One that is no longer configured is named by its address."""

    words: ClassVar = ("peer", "remove")
    summary: ClassVar = Phrase("remove a host from the peers of gateways, verified from outside, one gateway at a time")
    example: ClassVar = "peer remove host-a --on host-b"
    label: ClassVar = Phrase("remove {peer} from the peers of {on}", peer="…", on="…")

    peer: Annotated[
        str,
        Positional(
            "peer",
            Phrase("host to remove, or its address if it is no longer configured"),
            _parse_host_or_address,
            lambda peer: (peer,),
        ),
    ]

    def find_address(self, inventory: Inventory) -> str:
        return self.peer if is_peer_address(self.peer) else super().find_address(inventory)

    def explain_unchanged(self, host: Host, address: str, found: FoundPeers) -> Phrase | None:
        if any(are_equal_addresses(each, address) for each in found.addresses):
            return None
        return Phrase("{peer} is not among its peers", peer=self.peer)

    def edit(self, found: FoundPeers, address: str) -> Splices:
        return remove_peer(found, _find_spelling(found, address))

    def list_after(self, found: FoundPeers, address: str) -> tuple[str, ...]:
        return tuple(each for each in found.addresses if not are_equal_addresses(each, address))


async def _read_services(host: Host, view: FleetView) -> Services | HostError:
    outcome: Services | HostError = (await view.fleet.read(host, ReadServices.of(get_windows_side(host)))).outcome
    return outcome


def _find_spelling(found: FoundPeers, address: str) -> str:
    """Finds the address as the table spells it."""
    return next(each for each in found.addresses if are_equal_addresses(each, address))


def _build_premise(host: Host, found: FoundPeers) -> Premise:
    phrase = Phrase(
        "{host} has {n} peer in {file}",
        plural="{host} has {n} peers in {file}",
        n=len(found.addresses),
        host=host.name,
        file=found.file,
    )
    return Premise(host=host.name, what="peers", value=list(found.addresses), phrase=phrase)


def _list_warnings(host: Host, files: ConfigurationFiles, view: FleetView) -> Iterator[Phrase]:
    """Warns that a reload loads more than this edit, if the files were changed since the last one that was verified."""
    proven = view.good_configurations.get(host.name)
    if proven is not None and proven.sha256 != files.configuration.sha256:
        yield Phrase(
            "the configuration of {host} was changed since its last verified reload. This edit loads that, too. Run {words}",
            host=host.name,
            words=f"gateway reload {host.name} --dry-run",
        )
