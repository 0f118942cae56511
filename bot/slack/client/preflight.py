"""Preflight checks before the socket is opened: tokens of the right kind, accepted, in our workspace, with every scope.

Scopes of the app's bot token: those that the bot needs, and those that an administrator may refuse at the installation.

`manifest.yml` asks for all of them, and names the optional ones as such. `doctor` says what does not work without them.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from slack_bolt.authorization import AuthorizeResult

from adapters.errors import FlatnetError
from adapters.phrase import Listing, Phrase
from bot.config.errors import Misconfigured
from bot.slack.client.api import TOKEN_REFUSED_CODES, SlackApi
from bot.slack.client.errors import SlackFailure

_WORKSPACE_URL = re.compile(r"https://[a-z0-9.-]{1,200}/")


@dataclass(frozen=True)
class Tokens:
    """The bot token (`xoxb-…`) and the app-level token (`xapp-…`) that opens the socket."""

    bot: SecretStr
    app: SecretStr


@dataclass(frozen=True)
class SlackBotUser:
    """The bot's identity in its workspace."""

    team: str
    user: str
    bot: str
    name: str
    scopes: frozenset[str] = frozenset()
    """Scopes of its token, optional ones too."""
    url: str = ""
    """Address of the workspace, with a slash at its end: links to messages begin with it. "" if Slack gave none."""


class SlackNotReady(Misconfigured):
    """Slack cannot be used with this configuration; the phrase names the fix."""


def check_tokens(tokens: Tokens) -> None:
    """Refuse tokens that are missing or of the wrong kind, before anything is sent."""
    for token, prefix, phrase in (
        (
            tokens.bot,
            "xoxb-",
            Phrase("the bot token must start with xoxb-. Copy it from OAuth & Permissions in the app settings"),
        ),
        (
            tokens.app,
            "xapp-",
            Phrase("the app token must start with xapp-. Create one in the app settings with the scope connections:write"),
        ),
    ):
        if not reveal_token(token).startswith(prefix):
            raise SlackNotReady(phrase)


def reveal_token(token: SecretStr) -> str:
    """Return a token as text, without the line end of its file."""
    return token.get_secret_value().strip()


async def run_preflight(api: SlackApi, tokens: Tokens, team: str, scopes: frozenset[str]) -> SlackBotUser:
    """Ask Slack for the bot's identity. Raises `SlackNotReady` if a token, the workspace or one of `scopes` is wrong.

    Raises `SlackFailure` if Slack cannot be reached now.
    """
    bot = await _identify_bot(api, team, scopes)
    try:
        await api.check_app_token(reveal_token(tokens.app))
    except SlackFailure as failure:
        raise _explain_app_token(failure) from failure
    return bot


def make_authorize(bot: SlackBotUser, token: str) -> Callable[[], Awaitable[AuthorizeResult]]:
    """Make Bolt's `authorize`, which runs before each listener, from the preflight.

    Bolt's own one asks Slack within the 3 s of the first ack.
    """
    result = AuthorizeResult(enterprise_id=None, team_id=bot.team, bot_user_id=bot.user, bot_id=bot.bot, bot_token=token)

    async def authorize() -> AuthorizeResult:
        return result

    return authorize


async def _identify_bot(api: SlackApi, team: str, scopes: frozenset[str]) -> SlackBotUser:
    try:
        answer, granted = await api.test_auth()
    except SlackFailure as failure:
        raise _explain_bot_token(failure) from failure
    theirs = str(answer.get("team_id", ""))
    if theirs != team:
        raise SlackNotReady(
            Phrase(
                "the bot token belongs to workspace {theirs}, not {ours}. Fix slack.team or use the right token",
                theirs=theirs,
                ours=team,
            )
        )
    missing = tuple(sorted(scopes - granted))
    if missing:
        raise SlackNotReady(
            Phrase(
                "the app is missing the scopes {missing}. Update its manifest with the output of flatnet-bot manifest, "
                "then reinstall it",
                missing=Listing(missing),
            )
        )
    user, bot, name = (str(answer.get(key, "")) for key in ("user_id", "bot_id", "user"))
    url = str(answer.get("url", ""))
    return SlackBotUser(theirs, user, bot, name, granted, url if _WORKSPACE_URL.fullmatch(url) else "")


def _explain_bot_token(failure: SlackFailure) -> FlatnetError:
    if failure.code == "account_inactive":
        return SlackNotReady(
            Phrase("the app was uninstalled or its bot user is deactivated. Reinstall it and use the new bot token")
        )
    if failure.code in TOKEN_REFUSED_CODES:
        return SlackNotReady(
            Phrase("Slack rejected the bot token ({code}). Get a new one from the app settings", code=failure.code)
        )
    return failure


def _explain_app_token(failure: SlackFailure) -> FlatnetError:
    if failure.code in TOKEN_REFUSED_CODES:
        return SlackNotReady(
            Phrase("Slack rejected the app token ({code}). Get a new one from the app settings", code=failure.code)
        )
    if failure.code in ("missing_scope", "not_allowed_token_type"):
        return SlackNotReady(
            Phrase("the app token is missing the scope connections:write. Create a new one in the app settings")
        )
    return failure


SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "users:read",
        "usergroups:read",
        "channels:read",
        "groups:read",
        "app_mentions:read",
        "im:history",
        "files:write",
    }
)
"""Scopes that calls and events need: the slash command; posting and editing; users.info; usergroups.users.list and the group
events; conversations.info and .members of public and private channels; mentions and direct messages; uploading and deleting
files."""

GROUP_MESSAGE_SCOPE = "mpim:read"
"""Scope of conversations.info and .members of a group direct message."""

FILE_SCOPE = "files:read"
"""Scope of files.info."""

PIN_SCOPE = "pins:write"
"""Scope of pins.add."""

REACTION_SCOPE = "reactions:read"
"""Scope of reaction_added and reactions.get."""

OPTIONAL_SCOPES: Mapping[str, Phrase] = {
    "channels:manage": Phrase("incidents do not get public channels of their own"),
    "groups:write": Phrase("incidents do not get private channels of their own"),
    PIN_SCOPE: Phrase("the status of an incident is not pinned to its channel"),
    FILE_SCOPE: Phrase("files that Slack accepts and does not show are not noticed"),
    GROUP_MESSAGE_SCOPE: Phrase("results in group direct messages are shown to the requester only"),
    "channels:history": Phrase("mentions with a file are not seen in public channels, and reactions there add no notes"),
    "groups:history": Phrase("mentions with a file are not seen in private channels, and reactions there add no notes"),
    "mpim:history": Phrase("mentions with a file are not seen in group direct messages"),
    REACTION_SCOPE: Phrase("reactions do not add notes to incidents"),
}
"""Scopes that the bot can run without, with the consequence."""


def describe_missing(granted: frozenset[str]) -> Listing | None:
    """Describe the optional scopes that the app lacks, with the consequences; None if it lacks none."""
    missing = [(scope, effect) for scope, effect in OPTIONAL_SCOPES.items() if scope not in granted]
    if not missing:
        return None
    return Listing(tuple(Phrase("{scope} ({effect})", scope=scope, effect=effect) for scope, effect in missing))
