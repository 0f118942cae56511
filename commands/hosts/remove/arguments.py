"""Arguments of `host remove`, and the host that they mean: a member, one that is being added, or a removed one."""

import re
from dataclasses import dataclass
from typing import Annotated

from adapters.inventory import GatewaySide, Host, Inventory, JoiningHost, RemovedHost
from adapters.overlay import format_overlay
from adapters.phrase import Phrase
from commands.hosts.suspend.records import REMOVE_WORDS
from commands.values.arguments import BadArgument, Option, Positional, Target, resolve_one_host, shorten_argument

MAX_CONTAINERS = 100

_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Removal:
    """The host that a removal is about. `host` is None for a removed host, and for one without a pinned side.

    `joining`: it is being added. `removed`: its tombstone.
    """

    name: str
    id: int
    host: Host | None = None
    joining: JoiningHost | None = None
    removed: RemovedHost | None = None

    @property
    def known(self) -> Host:
        """The host as far as it is known, with the labels by which people may act on it."""
        if self.host is not None:
            return self.host
        labels = () if self.removed is None else self.removed.labels
        place = Host(name=self.name, id=self.id, labels=labels, gateway=GatewaySide(url=f"http://{self.overlay}:8080"))
        return place if self.joining is None else self.joining.known

    @property
    def overlay(self) -> str:
        """Its address on the overlay."""
        return format_overlay(self.id)


def find_removal(target: Target, inventory: Inventory) -> Removal:
    """Finds the host that a target means. Raises `NoSuchHost`, or `BadArgument` if it means several."""
    name = str(target)
    if (joining := inventory.find_joining(name)) is not None:
        return Removal(joining.name, joining.id, joining.host, joining=joining)
    if (removed := inventory.find_removed(name)) is not None:
        return Removal(removed.name, removed.id, removed=removed)
    host = resolve_one_host(target, inventory)
    return Removal(host.name, host.id, host)


def is_owed_removal(words: str, name: str) -> bool:
    """Returns whether the words of an owed command are a share of the removal of a host."""
    return words.split()[:3] == [*REMOVE_WORDS.split(), name]


def list_others(removal: Removal, inventory: Inventory) -> tuple[Host, ...]:
    """Lists the members that must refuse the host, the lighthouse first."""
    others = (host for host in inventory.hosts if host.name != removal.name)
    return tuple(sorted(others, key=lambda host: not host.lighthouse))


def parse_containers(text: str) -> tuple[str, ...]:
    """Parses `web,db`, each name once. Raises `BadArgument`."""
    names = tuple(dict.fromkeys(part.strip() for part in re.split(r"[,、]", text)))
    for name in names:
        if not _CONTAINER.fullmatch(name):
            raise BadArgument(
                Phrase(
                    "{part} is not a container name. Use the names that {words} shows, such as {example}",
                    part=shorten_argument(name),
                    words="container",
                    example="web,db",
                ),
                part=name,
            )
    if len(names) > MAX_CONTAINERS:
        raise BadArgument(Phrase("up to {n} containers can be named", n=MAX_CONTAINERS), part=text)
    return names


HostArgument = Annotated[
    Target,
    Positional("host", Phrase("host to remove, also one that is being added"), Target.parse, lambda host: (str(host),)),
]

ContainersOption = Annotated[
    tuple[str, ...],
    Option("containers", Phrase("running containers that may be lost: web,db"), parse_containers, ",".join),
]

OnOption = Annotated[
    Target,
    Option(
        "hosts",
        Phrase("only the share of these other hosts, such as one that is owed it"),
        lambda text: Target.parse((text,)),
        str,
    ),
]
