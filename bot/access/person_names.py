"""Names of people whom a request names: the name by which the bot knows the same person in their own requests. Pure."""

from collections.abc import Sequence

from adapters.phrase import Listing, Phrase
from bot.access.people import Person
from bot.access.policy import format_identity
from bot.model.request import Identity, Membership, SlackIdentity
from commands.values.arguments import BadArgument, find_nearest

NAME_PREFIX = "slack:"
"""Begin of the name of a member of the workspace whom the configuration does not name."""


def find_person_name(typed: str, people: Sequence[Person], requester: Identity) -> str:
    """Finds the name of a typed person: `alice`, or `@U0123` as `commands.values.people` parses a mention.

    A member of the requester's workspace need not be configured. Raises `BadArgument` with the nearest names.
    """
    names = [person.name for person in people]
    if not typed.startswith("@"):
        if typed in names:
            return typed
        raise _make_unknown(typed, names)
    user = typed[1:]
    known = next((person.name for person in people if user in person.slack), "")
    if known or not isinstance(requester, SlackIdentity):
        return known or _refuse_mention(typed)
    return format_identity(SlackIdentity(requester.team, user, Membership.MEMBER))


def find_slack_id(name: str, people: Sequence[Person]) -> str:
    """Finds the Slack id of a person by the name that `find_person_name` finds; "" without one."""
    if name.startswith(NAME_PREFIX):
        return name.rpartition("/")[2]
    return next((person.slack[0] for person in people if person.name == name and person.slack), "")


def _make_unknown(typed: str, names: Sequence[str]) -> BadArgument:
    near = find_nearest(typed, names)
    if not near:
        phrase = Phrase("no person named {part} in the configuration. Use a configured name or a mention", part=typed)
        return BadArgument(phrase, part=typed)
    phrase = Phrase(
        "no person named {part} in the configuration. Did you mean {nearest}?",
        plural="no person named {part} in the configuration. Closest matches: {nearest}",
        part=typed,
        nearest=Listing(near),
        n=len(near),
    )
    return BadArgument(phrase, part=typed, nearest=near)


def _refuse_mention(typed: str) -> str:
    raise BadArgument(
        Phrase("no person in the configuration has the Slack ID {part}. Use a configured name", part=typed[1:]), part=typed
    )
