"""The two tokens of the app and what has become of them."""

from enum import StrEnum

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.seed import Seed


class Holder(StrEnum):
    """Which token a method asks for: the bot's (xoxb) or the app's (xapp)."""

    BOT = "bot"
    APP = "app"


class Tokens:
    """Checks tokens; they can be revoked while the app runs."""

    def __init__(self, seed: Seed) -> None:
        self._holders = {seed.bot_token: Holder.BOT, seed.app_token: Holder.APP}
        self._spoiled: dict[str, str] = {}

    def spoil(self, holder: Holder, error: str) -> None:
        """From now on this token is refused with `token_revoked`, `account_inactive` or another error."""
        for token, owner in self._holders.items():
            if owner is holder:
                self._spoiled[token] = error

    def check(self, authorization: str | None, holder: Holder) -> None:
        """Refuse anything but the right token as `Authorization: Bearer …`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme != "Bearer" or not token:
            raise SlackError("not_authed")
        if token not in self._holders:
            raise SlackError("invalid_auth")
        if token in self._spoiled:
            raise SlackError(self._spoiled[token])
        if self._holders[token] is not holder:
            raise SlackError("not_allowed_token_type")
