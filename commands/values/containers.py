"""Names of containers as operators type them: `web`, `host-a/web`, or the start of podman's id."""

import re

from pydantic import BaseModel, ConfigDict

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, Positional, shorten_argument

MIN_ID_DIGITS = 12
"""Digits with which an id may be abbreviated, as podman shows it."""

VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}", re.ASCII)
"""Pattern of the name of a volume. podman's own names have 64 digits."""


class ContainerName(BaseModel):
    """A container, with the host that runs it unless one name is enough. `host` is "" if it was not typed."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    host: str = ""

    def __str__(self) -> str:
        return f"{self.host}/{self.name}" if self.host else self.name

    def may_mean(self, key: str, *names: str) -> bool:
        """Returns whether it may mean the container with this id, or one of these names. The host is not compared."""
        return self.name in (key, *names) or (len(self.name) >= MIN_ID_DIGITS and key.startswith(self.name))

    @classmethod
    def parse(cls, text: str) -> "ContainerName":
        """Parses `[host/]name`. Raises `BadArgument`."""
        host, slash, name = text.strip().rpartition("/")
        if slash and not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", host.lower()):
            raise BadArgument(
                Phrase("{part} is not a container. Example: {example}", part=shorten_argument(text), example="host-a/web"),
                part=text,
            )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", name):
            raise BadArgument(
                Phrase(
                    "{part} is not a container name. Use the name or the ID that {words} shows, such as {example}",
                    part=shorten_argument(text),
                    words="container",
                    example="host-a/web",
                ),
                part=text,
            )
        return cls(name=name, host=host.lower())


def make_container_argument(meaning: Phrase) -> Positional:
    """Makes the positional argument for one container."""
    return Positional("container", meaning, lambda words: ContainerName.parse(words[0]), lambda value: (str(value),))
