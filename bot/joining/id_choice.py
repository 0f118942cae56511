"""Choice of the id of a new host: the wanted one, or the next one that is free wherever an id can be taken."""

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.joining.reservation import Wish
from commands.joining.ids import IdClaim, find_overlay_holder, survey_ids
from commands.model.operation import FleetView


async def choose_id(wish: Wish, view: FleetView) -> int:
    """Chooses the id of a new host. Raises `Refused` if the wanted one, or the name, is taken, or none is free.

    A host that is adopted may be on the overlay and known to the gateways already.
    """
    survey = await survey_ids(view)
    number = wish.id if wish.id is not None else survey.find_next_free(wish.name)
    claim = IdClaim(number or 1, wish.name, adopted=wish.adopt)
    obstacle = survey.find_obstacle(claim)
    if obstacle is None and not wish.adopt:
        obstacle = await find_overlay_holder(claim, view)
    if obstacle is not None or number is None:
        raise Refused(obstacle or Phrase("no ID is free"))
    return number
