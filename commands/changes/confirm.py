"""`op confirm`: reports that a critical change whose outcome is unknown was done. Its one step runs on the bot itself."""

from typing import ClassVar

from adapters.action import BOT_NAME
from adapters.endpoint import BOT_ENDPOINT
from adapters.local.changes import ConfirmSuccess, ReadOutcome
from adapters.phrase import Phrase
from commands.changes.operations import OperationId
from commands.model.check import Area
from commands.model.operation import CannotPlan, FleetChange, FleetView, Risk
from commands.model.plan import Check, Part, Plan, PlannedAction, PlannedChange, Premise, Step


class OperationConfirm(FleetChange):
    """Report that a critical change whose outcome is unknown was done: its hosts are released as if it had been proven."""

    words: ClassVar = ("op", "confirm")
    risk: ClassVar = Risk.CRITICAL
    affects: ClassVar = frozenset[Area]()
    summary: ClassVar = Phrase("report, with approvals, that a critical change whose result is unknown was done")
    example: ClassVar = 'op confirm op-0123456789ab --reason "host-a refuses the old certificate"'
    label: ClassVar = Phrase("report {id} as done", id="…")

    id: OperationId

    def restrict_to(self, names: tuple[str, ...]) -> "OperationConfirm":
        return self

    async def plan(self, view: FleetView) -> PlannedChange:
        found = view.critical_unknown.get(self.id)
        if found is None:
            raise CannotPlan(
                Phrase(
                    "{operation} is not a critical change whose result is unknown. Run {words} for the list",
                    operation=self.id,
                    words="op",
                )
            )
        plan = Plan(
            parts=(Part(host=BOT_NAME, steps=(self._build_step(found.words, view.operation_id),)),),
            premises=tuple(self._build_premise(host, found.words) for host in found.hosts),
            roads=(BOT_ENDPOINT,),
            warnings=(Phrase("nothing is checked on the hosts. Compare the reason with what you see there"),),
            about=self.id,
        )
        return PlannedChange(arguments=self.resolved_arguments, plan=plan)

    def _build_premise(self, host: str, words: str) -> Premise:
        """Builds the premise for one host of the change: by these hosts, the rules for its approvals apply here, too."""
        phrase = Phrase("the result of {operation} on {host} is unknown", operation=self.id, host=host)
        return Premise(host=host, what="unknown", value=[self.id, words], phrase=phrase)

    def _build_step(self, words: str, operation: str) -> Step:
        proof = Check(host=BOT_NAME, deed=PlannedAction.of(ReadOutcome(change=self.id)), expect={"state": "done"})
        return Step(
            key="confirm",
            host=BOT_NAME,
            deed=PlannedAction.of(ConfirmSuccess(change=self.id, operation=operation)),
            phrase=Phrase("record that {command} was done", command=words),
            verify=proof,
        )
