"""Choice of the id of a new host: the wanted one, or the next one that is free wherever an id can be taken."""

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.joining.reservation import Wish
from commands.hosts.add.arguments import MAX_ID
from commands.hosts.add.ids import IdClaim, IdSurvey, find_overlay_holder, survey_ids
from commands.model.operation import FleetView


async def choose_id(wish: Wish, view: FleetView) -> int:
    """Chooses the id of a new host. Raises `Refused` as `choose_claim`, or if its address is in use on the overlay."""
    if view.fleet.inventory.find_host(wish.name) is not None:  # known without asking all hosts
        words = f"host show {wish.name}"
        raise Refused(Phrase("{host} is a member already. Run {words}", host=wish.name, words=words))
    claim = choose_claim(wish, await survey_ids(view))
    if not wish.adopt and (holder := await find_overlay_holder(claim, view)) is not None:
        raise Refused(holder)
    return claim.number


def choose_claim(wish: Wish, survey: IdSurvey) -> IdClaim:
    """Chooses the claim of a new host. Raises `Refused` if the wanted id, or the name, is taken, or none is free.

    A host that is adopted may be on the overlay and known to the gateways already.
    """
    number = wish.id or survey.find_next_free(wish.name) or _find_unused(survey)
    claim = IdClaim(number, wish.name, adopted=wish.adopt)
    if (obstacle := survey.find_obstacle(claim)) is not None:
        raise Refused(obstacle)
    return claim


def _find_unused(survey: IdSurvey) -> int:
    """Finds an id that no host has, for the reason why it is not free all the same. Raises `Refused` if there is none."""
    inventory = survey.inventory
    used = {host.id for host in inventory.hosts} | {joining.id for joining in inventory.joining}
    for number in range(1, MAX_ID + 1):
        if number not in used:
            return number
    raise Refused(Phrase("no ID is free"))
