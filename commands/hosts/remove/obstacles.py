"""Obstacles to a removal: hosts that the others or the bot need, and what would be lost without a word. Pure."""

from collections.abc import Collection, Iterable, Mapping

from adapters.inventory import Host, Inventory
from adapters.phrase import Phrase
from commands.changes.impact import is_reached_over_overlay
from commands.hosts.remove.arguments import Removal, list_others
from commands.model.finding import list_some
from commands.model.operation import UnknownChange


def find_fleet_obstacle(removal: Removal, inventory: Inventory) -> Phrase | None:
    """Finds the reason why a host cannot leave this fleet; None if there is none."""
    if removal.host is not None and removal.host.lighthouse:
        return Phrase("{host} is the lighthouse: without it, hosts cannot find each other", host=removal.name)
    others = [host for host in list_others(removal, inventory) if host.windows is not None]
    if not any(host.lighthouse for host in others):
        return Phrase("no lighthouse configured. It must refuse a removed host first. Add it with ID 0")
    if all(host.lighthouse for host in others):
        return Phrase(
            "{host} is the last host beside the lighthouse: no other one could prove that its tunnels work afterwards",
            host=removal.name,
        )
    return None


def find_road_obstacle(host: Host) -> Phrase | None:
    """Finds the reason why the bot cannot finish on a host that is not lost; None if there is none."""
    if host.windows is None:
        return Phrase(
            "{host} has no Windows connection, so nothing can be wiped there. Add {option}", host=host.name, option="--lost"
        )
    if is_reached_over_overlay(host):
        return Phrase(
            "the bot reaches {host} through Nebula, and could not finish there once the others refuse it. Stop Nebula on "
            "the host and wipe its key, then add {option}",
            host=host.name,
            option="--lost",
        )
    return None


def find_doubt(name: str, unknown: Mapping[str, UnknownChange]) -> Phrase | None:
    """Finds the critical change of a host whose outcome is unknown, such as half a change of its CA."""
    for operation, change in unknown.items():
        if name in change.hosts:
            return Phrase(
                "the outcome of {command} on {host} is unknown. Check the host, then run {words}",
                command=change.words,
                host=name,
                words=f"op resolve {operation}",
            )
    return None


def find_container_obstacle(name: str, running: Iterable[str], lose: Collection[str]) -> Phrase | None:
    """Finds the running containers that would be lost without being named; None if there are none."""
    kept = [each for each in running if each not in lose]
    if not kept:
        return None
    return Phrase(
        "{containers} run on {host}. Move them with {words}, or add {option} if they may be lost",
        containers=list_some(kept),
        host=name,
        words="container migrate",
        option=f"--lose {','.join([*lose, *kept])}",
    )


def find_begun_obstacle(name: str, words: str, fingerprints: Collection[str], blocked: Collection[str]) -> Phrase | None:
    """Finds the reason why the share of other hosts cannot be done alone: the removal has not reached the lighthouse.

    `words` are the command that has the lighthouse refuse the host.
    """
    if set(fingerprints) <= set(blocked):
        return None
    return Phrase("the lighthouse does not refuse {host} yet, and is always first. Run {words}", host=name, words=words)
