"""Every request knows the change of the CA that is under way."""

from dataclasses import replace
from typing import ClassVar

from adapters.phrase import Phrase
from bot.access.policy import Policy
from bot.requests.dispatcher import Dispatcher
from commands.catalogue import CATALOGUE
from commands.model.operation import FleetRead, FleetView
from commands.model.report import Report
from commands.model.rotation import RotationStage
from tests.bot.keeping import Kept
from tests.bot.requests.test_dispatcher import ANA, Log, config, report, request
from tests.commands.canned import NOW
from tests.commands.canned_certs import host, view
from tests.commands.canned_rotation import rotation


class ShowStage(FleetRead):
    """Show the stage of the rotation."""

    words: ClassVar = ("stage", "show")
    summary: ClassVar = Phrase("x")
    example: ClassVar = "stage show"
    label: ClassVar = Phrase("x")

    async def read(self, view: FleetView) -> Report:
        stage = "none" if view.rotation is None else view.rotation.stage.value
        return Report(title=Phrase("x"), summary=Phrase("stage {stage}", stage=stage), columns=(), taken_at=NOW)


async def answered(kept: Kept) -> str:
    environment = kept.environment(Log(), catalogue=(*CATALOGUE, ShowStage))
    ground = replace(config(), fleet=view(host("host-a", 1)).fleet, policy=Policy((ANA,)))
    asked = Dispatcher(ground, environment, reference=lambda: "7f3a")
    return str(report(await asked.handle(request("stage show"))).summary)


async def test_a_read_knows_the_rotation() -> None:
    kept = Kept()
    kept.rotations.rotation = rotation(RotationStage.SIGNING)

    assert "stage signing" == await answered(kept)


async def test_a_read_knows_that_there_is_none() -> None:
    assert "stage none" == await answered(Kept())
