"""Reasons for which a container cannot be started, stopped or restarted now. Pure."""

from collections.abc import Sequence

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.phrase import Phrase
from adapters.wsl.containers import ListedContainer
from commands.gateways.registrations import GatewayRegistry


def find_move_obstacle(container: ListedContainer) -> Phrase | None:
    """Finds the reason for which podman cannot move the container; None if there is none."""
    match container.state:
        case "paused":
            return Phrase("it is paused. Run in WSL2: {command}", command=f"sudo podman unpause {container.name}")
        case "removing" | "stopping":
            return Phrase("podman is about to change it ({state}). Try again in a minute", state=container.state)
        case _:
            return None


def find_gateway_obstacle(host: Host, gateways: Sequence[GatewayRegistry]) -> Phrase | None:
    """Finds the reason for which a start on the host could not be proven; None if there is none."""
    own = next((each for each in gateways if each.host.name == host.name), None)
    if own is None or not isinstance(own.registry, HostError):
        return None
    return Phrase(
        "the gateway of {host} could not be read, so a start could not be verified: {why}. Then run {words}",
        host=host.name,
        why=own.registry.phrase,
        words=f"health {host.name}",
    )
