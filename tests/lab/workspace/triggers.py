"""trigger_id: the right to show one person one modal, once and at once."""

import secrets
from dataclasses import dataclass

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.clock import Clock


@dataclass
class _Trigger:
    user: str
    issued_at: float
    used: bool = False


class Triggers:
    """The trigger ids that have been handed out; each is good for `lifetime` seconds."""

    def __init__(self, clock: Clock, lifetime: float) -> None:
        self._monotonic = clock.monotonic
        self._lifetime = lifetime
        self._issued: dict[str, _Trigger] = {}

    def issue(self, user: str) -> str:
        """A new one, for what this person just did."""
        name = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._issued[name] = _Trigger(user, self._monotonic())
        return name

    def redeem(self, name: str) -> str:
        """The person whom it concerns. `SlackError`: `invalid_`, `exchanged_` or `expired_trigger_id`."""
        trigger = self._issued.get(name)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self._monotonic() - trigger.issued_at > self._lifetime:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user
