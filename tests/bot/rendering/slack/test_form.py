"""The form: what each of its fields says, for whoever does not know the words."""

from adapters.inventory import Inventory
from bot.rendering.slack.form import FormNote, build_modal
from commands.catalogue import CATALOGUE
from commands.incidents.operations import IncidentResolve
from commands.logs.operations import LogRead
from commands.model.operation import Operation
from tests.bot.rendering.examples import ENGLISH
from tests.commands.canned import host

HOSTS = Inventory(hosts=(host("host-a", 1),))


def hints(operation: type[Operation]) -> dict[str, str]:
    """By field, what stands below it; "" where nothing does."""
    blocks = build_modal(FormNote(), operation, CATALOGUE, HOSTS, ENGLISH)["blocks"]
    return {block["block_id"].rpartition(".")[2]: block.get("hint", {}).get("text", "") for block in blocks}


def test_below_an_option_stands_how_it_is_typed() -> None:
    assert ("--tail n", "--grep pattern") == tuple(hints(LogRead)[name] for name in ("tail", "grep"))


def test_below_what_is_known_by_its_place_stands_nothing_for_its_name_is_never_typed() -> None:
    assert ("", "") == (hints(LogRead)["source"], hints(IncidentResolve)["was"])
