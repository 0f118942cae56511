"""Refuses what would stop the machine that the bot itself runs on."""

from adapters.errors import HostError
from adapters.inventory import Host
from adapters.local.machine import FindOwnAddresses, OwnAddresses
from adapters.phrase import Phrase
from commands.hosts.suspend.obstacles import list_own_addresses
from commands.model.operation import CannotPlan, FleetView


async def require_other_machine(host: Host, view: FleetView) -> None:
    """Raises `CannotPlan` if the bot runs on this host, or if that could not be checked."""
    addresses = list_own_addresses(host)
    try:
        own = await view.read_own(FindOwnAddresses.model_validate({"addresses": addresses}))
    except HostError as error:
        raise CannotPlan(Phrase("could not check where the bot runs: {why}", why=error.phrase)) from error
    if isinstance(own, OwnAddresses) and own.found:
        raise CannotPlan(
            Phrase("the bot itself runs on {host} ({address} is its own address)", host=host.name, address=str(own.found[0]))
        )
