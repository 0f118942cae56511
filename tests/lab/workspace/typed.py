"""What Slack makes of the words that a person types, before the app reads them.

typed   sent
R&D     R&amp;D
@kenji  <@U0OPERATOR>
#ops    <#C0OPS|ops>
a@b.com <mailto:a@b.com|a@b.com>
b.com   <http://b.com|b.com>      http://b.com   <http://b.com>

In a message always; after a slash command only where the manifest says `should_escape`, and with names then
(`<@U0OPERATOR|kenji>`). The three entities are written in both.
"""

import re
from collections.abc import Iterable

from tests.lab.workspace.seed import Channel, Person

_MAIL = re.compile(r"(?<![\w.@|:])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?]")
_DOMAIN = re.compile(r"(?<![\w.@/|:<-])(?:[a-z0-9-]+\.)+(?:com|net|org|example)(?![\w.-])")
_PERSON = re.compile(r"(?<![\w<])@([a-z0-9_.-]*[a-z0-9])")
_CHANNEL = re.compile(r"(?<![\w<])#([\w-]+)")


class Typing:
    """The people and channels that a workspace knows by name."""

    def __init__(self, people: Iterable[Person], channels: Iterable[Channel]) -> None:
        self._people = {person.name: person.id for person in people}
        self._channels = {channel.name: channel.id for channel in channels}

    def write_message(self, typed: str) -> str:
        """The text of a message: people by id alone."""
        return self._mark(escape(typed), "<@{id}>")

    def write_command(self, typed: str, *, marked: bool) -> str:
        """The text after a slash command, with marks or without."""
        return self._mark(escape(typed), "<@{id}|{name}>") if marked else escape(typed)

    def _mark(self, text: str, person: str) -> str:
        text = _MAIL.sub(lambda mail: f"<mailto:{mail[0]}|{mail[0]}>", text)
        text = _URL.sub(lambda url: f"<{url[0]}>", text)
        text = _DOMAIN.sub(lambda name: f"<http://{name[0]}|{name[0]}>", text)
        text = _PERSON.sub(lambda found: self._name(found, self._people, person), text)
        return _CHANNEL.sub(lambda found: self._name(found, self._channels, "<#{id}|{name}>"), text)

    @staticmethod
    def _name(found: re.Match[str], known: dict[str, str], form: str) -> str:
        return form.format(id=known[found[1]], name=found[1]) if found[1] in known else found[0]


def escape(text: str) -> str:
    """The three characters that Slack's marks need."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
