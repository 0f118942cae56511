"""Every request knows the change of the CA that is under way, and health the suspended hosts."""

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
from tests.commands.hosts.suspend.canned_hosts import SUSPENSION


class ShowStage(FleetRead):
    """Show the stage of the rotation."""

    words: ClassVar = ("stage", "show")
    summary: ClassVar = Phrase("x")
    example: ClassVar = "stage show"
    label: ClassVar = Phrase("x")

    async def read(self, view: FleetView) -> Report:
        stage = "none" if view.rotation is None else view.rotation.stage.value
        return Report(title=Phrase("x"), summary=Phrase("stage {stage}", stage=stage), columns=(), taken_at=NOW)


async def answered(kept: Kept, words: str = "stage show") -> Report:
    environment = kept.services(Log(), catalogue=(*CATALOGUE, ShowStage))
    ground = replace(config(), fleet=view(host("host-a", 1)).fleet, policy=Policy((ANA,)))
    asked = Dispatcher(ground, environment, reference=lambda: "7f3a")
    return report(await asked.handle(request(words)))


async def test_a_read_knows_the_rotation() -> None:
    kept = Kept()
    kept.rotations.rotation = rotation(RotationStage.SIGNING)

    assert "stage signing" == str((await answered(kept)).summary)


async def test_a_read_knows_that_there_is_none() -> None:
    assert "stage none" == str((await answered(Kept())).summary)


async def test_health_shows_a_suspended_host_as_it_is_and_offers_its_resume() -> None:
    kept = Kept()
    kept.suspensions.suspensions = {"host-a": SUSPENSION.model_copy(update={"host": "host-a"}), "host-b": SUSPENSION}
    shown = await answered(kept, "health host-a")

    assert ["host-a: suspended since 2026-11-25 07:10:00 UTC by alice: RAM swap"] == [
        str(line) for line in shown.sections[0].lines
    ]
    assert "host resume host-a" == shown.next[0]
