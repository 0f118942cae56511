"""Notifications: the people whom Slack notifies of a new message.

    direct message      its other members, of a group, too
    channel             members whom it mentions: themselves, their user group, `<!channel>`, `<!here>`, `<!everyone>`

A mention reaches members only. An edit notifies nobody, and neither does a message that one person alone sees. Replies in a
followed thread notify by each person's own settings, so they do not count here. Blocks, where there are any, are what is
read; `text` is the fallback for clients that cannot show them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER, Channel, UserGroup

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^>]*)?>")
_ALL = re.compile(r"<!(?:channel|here|everyone)(?:\|[^>]*)?>")


def find_notified(message: Message, place: Channel, groups: Iterable[UserGroup]) -> frozenset[str]:
    """Find the people who are notified of a new message in its conversation."""
    if message.private_to is not None:
        return frozenset()
    others = place.members - {message.user, BOT_USER}
    return others if place.direct or place.group else others & _find_mentioned(message, place, groups)


def _find_mentioned(message: Message, place: Channel, groups: Iterable[UserGroup]) -> frozenset[str]:
    said = [_CODE.sub(" ", text) for text in (_list_texts(list(message.blocks)) if message.blocks else [message.text])]
    if any(_ALL.search(text) for text in said):
        return place.members
    handles = {name for text in said for name in _GROUP.findall(text)}
    people = {name for text in said for name in _PERSON.findall(text)}
    return frozenset(people.union(*(group.users for group in groups if group.id in handles and not group.disabled)))


def _list_texts(value: Any) -> Iterator[str]:
    """List the mrkdwn in blocks, and the people in rich text as mrkdwn. Plain text mentions nobody."""
    if isinstance(value, list):
        for item in value:
            yield from _list_texts(item)
    elif isinstance(value, Mapping):
        if value.get("type") == "mrkdwn":
            yield str(value.get("text"))
        elif value.get("type") == "user":
            yield f"<@{value.get('user_id')}>"
        else:
            yield from _list_texts(list(value.values()))
