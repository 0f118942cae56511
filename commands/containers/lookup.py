"""Finds the one container that an operator names, among what the hosts listed. Pure.

ContainerName, HostListing* ─ find_container ─▶ FoundContainer, or an error with the containers that it may mean

A plan then holds the host and the id, so that a name that another container gets later means nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.model.finding import list_some
from commands.model.operation import CannotPlan
from commands.values.arguments import BadArgument, Target, find_nearest, shorten_argument
from commands.values.containers import ContainerName


class Identified(Protocol):
    """A container by podman's id and name."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


AnyContainer = TypeVar("AnyContainer", bound=Identified)


@dataclass(frozen=True)
class HostListing(Generic[AnyContainer]):
    """Containers on Flatnet's network of one host, running or not; a phrase says why they are unknown."""

    host: Host
    containers: tuple[AnyContainer, ...] | Phrase


@dataclass(frozen=True)
class FoundContainer(Generic[AnyContainer]):
    """The container that is meant, and its host. `unread` are the asked hosts that did not list theirs."""

    host: Host
    container: AnyContainer
    unread: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The container as commands take it and texts name it: `host-a/web`."""
        return f"{self.host.name}/{self.container.name}"

    @property
    def settled(self) -> ContainerName:
        """The name for a plan's arguments, which means this container alone."""
        return ContainerName(name=self.container.id, host=self.host.name)


class NoSuchContainer(BadArgument):
    """A name that means no container, or several. `nearest` are those that it may mean."""


def list_candidate_hosts(wanted: ContainerName, inventory: Inventory) -> tuple[Host, ...]:
    """Lists the hosts that may have the container: the typed one, else all with WSL2. Raises `NoSuchHost`."""
    if not wanted.host:
        return tuple(host for host in inventory.hosts if host.wsl is not None)
    host = inventory.find_host(wanted.host)
    return (host,) if host is not None else Target(parts=(wanted.host,)).resolve(inventory)


def find_container(wanted: ContainerName, listings: Sequence[HostListing[AnyContainer]]) -> FoundContainer[AnyContainer]:
    """Finds the container. Raises `NoSuchContainer` if the name means none or several, `CannotPlan` if no host can tell.

    A name counts on the hosts that listed their containers. Those that did not are in the answer, for a warning.
    """
    asked = [each for each in listings if wanted.host in ("", each.host.name)]
    unread = [each for each in asked if isinstance(each.containers, Phrase)]
    meant = _list_meant(wanted, asked)
    if len(meant) == 1:
        (host, container) = meant[0]
        return FoundContainer(host, container, tuple(each.host.name for each in unread))
    if meant:
        names = _name_apart(meant)
        raise NoSuchContainer(
            Phrase(
                "{name} is not unique: {containers}. Use one of these names", name=str(wanted), containers=list_some(names)
            ),
            part=str(wanted),
            nearest=names,
        )
    raise _make_absent_error(wanted, asked, unread)


def _list_meant(wanted: ContainerName, listings: Iterable[HostListing[AnyContainer]]) -> Sequence[tuple[Host, AnyContainer]]:
    """Lists the containers that the name may mean."""
    return [(host, each) for host, each in _list_all(listings) if wanted.may_mean(each.id, each.name)]


def _list_all(listings: Iterable[HostListing[AnyContainer]]) -> Sequence[tuple[Host, AnyContainer]]:
    return [
        (each.host, container)
        for each in listings
        if not isinstance(each.containers, Phrase)
        for container in each.containers
    ]


def _name_apart(meant: Sequence[tuple[Host, AnyContainer]]) -> tuple[str, ...]:
    """Names containers so that each name means one: by host and name, by id where that is not enough."""
    names = [f"{host.name}/{container.name}" for host, container in meant]
    ids = [f"{host.name}/{container.id[:12]}" for host, container in meant]
    return tuple(name if names.count(name) == 1 else key for name, key in zip(names, ids, strict=True))


def _make_absent_error(
    wanted: ContainerName,
    asked: Sequence[HostListing[AnyContainer]],
    unread: Sequence[HostListing[AnyContainer]],
) -> NoSuchContainer | CannotPlan:
    reasons = [Phrase("{host}: {why}", host=each.host.name, why=each.containers) for each in unread]
    if unread and len(unread) == len(asked):
        return CannotPlan(Phrase("could not list the containers: {reasons}", reasons=list_some(reasons)))
    near = _find_near(wanted, asked)
    name = shorten_argument(str(wanted))
    if unread:
        phrase = Phrase(
            "no container {name} on the hosts that could be read. Others: {reasons}", name=name, reasons=list_some(reasons)
        )
    elif near:
        phrase = Phrase("no container {name}. Closest: {nearest}", name=name, nearest=list_some(near))
    else:
        phrase = Phrase("no container {name}. Run {words} for the list", name=name, words="container")
    return NoSuchContainer(phrase, part=str(wanted), nearest=near)


def _find_near(wanted: ContainerName, asked: Sequence[HostListing[AnyContainer]]) -> tuple[str, ...]:
    """Finds the containers with a name close to the typed one."""
    words: dict[str, list[str]] = {}
    for host, container in _list_all(asked):
        words.setdefault(container.name.lower(), []).append(f"{host.name}/{container.name}")
    return tuple(each for name in find_nearest(wanted.name, words) for each in words[name])[:3]
