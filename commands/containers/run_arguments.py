"""Arguments of `container run`: what is run, where, under which name and address."""

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated

from adapters.phrase import Phrase
from commands.values.arguments import BadArgument, Option, Positional, Target, shorten_argument
from commands.values.images import parse_image


def _parse_spec(words: tuple[str, ...]) -> str:
    typed = words[0].strip()
    if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", typed) or parse_image(typed) is not None:
        return typed
    raise BadArgument(
        Phrase(
            "{part} is neither the name of a configured container nor an image. Examples: {example}",
            part=shorten_argument(typed),
            example="shop, docker.io/library/nginx:1.27",
        ),
        part=typed,
    )


def _parse_name(text: str) -> str:
    typed = text.strip()
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}", typed):
        phrase = Phrase(
            "{part} cannot be the name of a container. Example: {example}", part=shorten_argument(typed), example="shop"
        )
        raise BadArgument(phrase, part=typed)
    return typed


def _parse_address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text.strip())
    except AddressValueError as error:
        shown = shorten_argument(text)
        raise BadArgument(
            Phrase("{part} is not an address. Example: {example}", part=shown, example="10.87.1.20"), part=text
        ) from error


SpecArgument = Annotated[
    str,
    Positional(
        "container",
        Phrase("container of the configuration, or for administrators an allowed image (critical)"),
        _parse_spec,
        lambda spec: (spec,),
    ),
]

HostOption = Annotated[Target, Option("host", Phrase("host that runs it"), lambda text: Target.parse((text,)), str)]

NameOption = Annotated[
    str, Option("name", Phrase("name of the container (default: that of the configuration)"), _parse_name, str)
]

AddressOption = Annotated[
    IPv4Address | None, Option("address", Phrase("fixed address on the host's network"), _parse_address, str)
]
