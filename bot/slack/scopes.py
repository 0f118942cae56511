"""Scopes of the app's bot token: those that the bot needs, and those that an administrator may refuse at the installation.

`manifest.yml` asks for all of them, and names the optional ones as such. `doctor` says what does not work without them.
"""

from collections.abc import Mapping

from adapters.phrase import Listing, Phrase

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
