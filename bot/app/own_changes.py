"""Performs the actions on changes as steps on the bot itself."""

from adapters.local.changes import ChangeOutcomeState, ConfirmSuccess, ReadOutcome
from bot.changes.lifecycle import Lifecycle
from bot.changes.step_binding import OwnActions


def add_change_actions(own: OwnActions, lifecycle: Lifecycle) -> None:
    """Adds the actions on changes to those that the bot can do on itself."""

    async def read(action: ReadOutcome) -> ChangeOutcomeState:
        states = await lifecycle.find_states([action.change])
        return ChangeOutcomeState(state=states[action.change].value if action.change in states else "")

    async def confirm(action: ConfirmSuccess) -> ChangeOutcomeState:
        await lifecycle.confirm_success(action.change, action.operation)
        return await read(ReadOutcome(change=action.change))

    own.add(ReadOutcome, read)
    own.add(ConfirmSuccess, confirm)
