"""People fill in, send and close modals, and Slack does what the app's ack says.

send ─▶ fields complete? ─no─▶ errors        (the app hears nothing)
          │ yes
          ▼
     view_submission ─▶ no ack, or one that cannot be obeyed ─▶ trouble; the form stays and can be sent again
          │ ack
          ├─ nothing ─▶ this modal closes
          ├─ errors  ─▶ stay at their fields
          ├─ update, push ─▶ another view in its place, on top of it
          └─ clear ─▶ all modals close
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.lab.workspace import form, payloads
from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.clicks import Clicks
from tests.lab.workspace.form import Choice
from tests.lab.workspace.outgoing import Outgoing
from tests.lab.workspace.socket_mode import Delivery
from tests.lab.workspace.view import TROUBLE, View, checked
from tests.lab.workspace.views import Views


@dataclass(frozen=True)
class Submitted:
    """How a form was taken. `errors` by block_id, Slack's own among them; then nothing was sent and `delivery` is None.

    `in_time`: the app acknowledged within Slack's time. `trouble` is what Slack says where the app failed.
    """

    errors: Mapping[str, str] = field(default_factory=dict)
    in_time: bool = True
    trouble: str = ""
    delivery: Delivery | None = None


class Forms:
    """The modals of people, from their side."""

    def __init__(self, outgoing: Outgoing, views: Views, clicks: Clicks) -> None:
        self._out = outgoing
        self._views = views
        self._clicks = clicks

    def fill(self, user: str, values: Mapping[str, Choice]) -> View:
        """Fill in fields of the modal on top, by block_id; nothing is sent."""
        view = self._top(user)
        inputs = {block["block_id"]: block for block in view.blocks if block["type"] == "input"}
        filled = view.values
        for name, value in values.items():
            if name not in inputs:
                raise KeyError(f"the form has no field {name}; it has {', '.join(inputs)}")
            element = inputs[name]["element"]
            state = form.chosen(element, value, self._clicks.offered(view, element))
            filled = form.with_choice(filled, inputs[name], element, state)
        return self._views.keep(replace(view, values=filled))

    async def submit(self, user: str, values: Mapping[str, Choice]) -> Submitted:
        """Fill in, and press the button that sends."""
        view = self.fill(user, values)
        if not view.submit:
            raise ValueError("this modal has nothing to send")
        errors = _incomplete(view)
        view = self._views.keep(replace(view, errors=errors, trouble=""))
        if errors:
            return Submitted(errors)
        delivery = await self._out.interact(self._out.deed(user).submit(view))
        now = self._views.find(id=view.id)
        if now is None:
            return Submitted(in_time=delivery.in_time, delivery=delivery)
        if self._out.failure(delivery):
            return self._trouble(now, delivery)
        try:
            errors = self._obey(now, delivery.ack_payload or {})
        except SlackError:
            return self._trouble(now, delivery)
        return Submitted(errors, delivery=delivery)

    async def close(self, user: str) -> tuple[Delivery, ...]:
        """Press the button that closes; the app hears of each modal that went and asked for it."""
        top = self._top(user)
        gone = self._views.clear(user) if top.clear_on_close else self._views.close(top)
        seed, person = self._out.state.seed, self._out.person(user)
        return tuple(
            [
                await self._out.interact(payloads.closed(seed, person, view, is_cleared=top.clear_on_close))
                for view in reversed(gone)
                if view.notify_on_close
            ]
        )

    def _obey(self, view: View, answer: Mapping[str, Any]) -> Mapping[str, str]:
        """Do what the ack says; the errors that stand in the form now. `SlackError` where it cannot be done."""
        match answer:
            case {"response_action": "errors", "errors": errors}:
                self._views.keep(replace(view, errors=_checked_errors(view, errors)))
                return dict(errors)
            case {"response_action": "update", "view": sent}:
                self._views.update(view, checked(sent, "modal"))
            case {"response_action": "push", "view": sent}:
                self._views.push(view.user, checked(sent, "modal"))
            case {"response_action": "clear"}:
                self._views.clear(view.user)
            case {}:
                if answer:
                    raise SlackError("invalid_response_action")
                self._views.close(view)
        return {}

    def _trouble(self, view: View, delivery: Delivery) -> Submitted:
        self._views.keep(replace(view, trouble=TROUBLE))
        return Submitted(in_time=delivery.in_time, trouble=TROUBLE, delivery=delivery)

    def _top(self, user: str) -> View:
        stack = self._views.stack(user)
        if not stack:
            raise ValueError(f"{user} has no modal open")
        return stack[-1]


def _incomplete(view: View) -> Mapping[str, str]:
    """What Slack itself has against the fields, before anything is sent."""
    found = {
        block["block_id"]: form.complaint(block, view.values[block["block_id"]][block["element"]["action_id"]])
        for block in view.blocks
        if block["type"] == "input"
    }
    return {name: complaint for name, complaint in found.items() if complaint}


def _checked_errors(view: View, errors: Any) -> Mapping[str, str]:
    """Errors must be sentences at fields that the form has."""
    fields = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not errors.keys() <= fields:
        raise SlackError("invalid_errors")
    if not all(isinstance(error, str) and error for error in errors.values()):
        raise SlackError("invalid_errors")
    return errors
