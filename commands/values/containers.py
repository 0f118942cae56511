"""Names of containers as operators type them: `web`, `host-a/web`, or the start of podman's id.

Names of images as operators type them: `docker.io/library/nginx:1.27`, or with the digest `…@sha256:…`.
"""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

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


_NAME = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]{1,5}(?=/))?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)

MAX_IMAGE_LENGTH = 400
"""Characters of the name of an image with tag and digest."""

MAX_NAME_LENGTH = 200
"""Characters of the name without tag and digest."""

LATEST = "latest"
"""Tag of an image without one."""


class ImageName(BaseModel):
    """An image by its name, which may begin with a registry, and its tag or its digest, "" where it has none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: Annotated[str, StringConstraints(max_length=MAX_NAME_LENGTH)]
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.tagged}@{self.digest}" if self.digest else self.tagged

    @property
    def tagged(self) -> str:
        """Name and tag, as far as it has one."""
        return f"{self.name}:{self.tag}" if self.tag else self.name

    @property
    def has_registry(self) -> bool:
        """Returns whether the name says where the image comes from: its first part is a machine."""
        first, slash, _ = self.name.partition("/")
        return bool(slash) and ("." in first or ":" in first or first == "localhost")

    @property
    def short(self) -> str:
        """The last part of the name, as a container may be called."""
        return self.name.rpartition("/")[2]

    def is_tagged_as(self, listed: str) -> bool:
        """Returns whether a name in podman's list is this name, which may lack the registry."""
        wanted = f"{self.name}:{self.tag or LATEST}"
        return listed == wanted or (not self.has_registry and listed.endswith(f"/{wanted}"))


def parse_image(text: str) -> ImageName | None:
    """Parses the name of an image; None if it is none."""
    found = _NAME.fullmatch(text.strip()) if len(text) <= MAX_IMAGE_LENGTH else None
    if found is None or len(found["name"]) > MAX_NAME_LENGTH:
        return None
    return ImageName(name=found["name"], tag=found["tag"] or "", digest=found["digest"] or "")
