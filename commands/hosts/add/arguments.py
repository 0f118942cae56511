"""Arguments of `host add`: the name of a host that does not exist yet, its addresses, id, labels and fingerprints."""

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated

from adapters.action import BOT_NAME
from adapters.inventory import HOST_NAME, LABEL
from adapters.phrase import Phrase
from commands.values.arguments import EVERY_HOST, BadArgument, Option, Positional, shorten_argument

MAX_ID = 254
"""The highest id of a host: N of 10.100.N.1."""

MAX_LABELS = 20


def parse_new_name(words: tuple[str, ...]) -> str:
    """Parses the name of a new host, which becomes the name in its certificate and of its file. Raises `BadArgument`."""
    typed = words[0].strip()
    if not re.fullmatch(HOST_NAME, typed):
        raise BadArgument(
            Phrase(
                "{part} cannot be the name of a host. Use up to 63 lower-case letters, digits and hyphens: {example}",
                part=shorten_argument(typed),
                example="host-d",
            ),
            part=typed,
        )
    if typed in (EVERY_HOST, BOT_NAME):
        raise BadArgument(Phrase("{part} has a meaning of its own. Use another name", part=typed), part=typed)
    return typed


def parse_host_address(text: str) -> str:
    """Parses the address of a host in the local network, with or without a port. Raises `BadArgument`."""
    typed = text.strip().lower()
    address, colon, port = typed.partition(":")
    if _is_address(address) and (not colon or _is_port(port)):
        return typed
    raise BadArgument(
        Phrase(
            "{part} is not an address. Use an IPv4 address or a name, and a port if it is not the usual one: {example}",
            part=shorten_argument(typed),
            example="192.0.2.14, 192.0.2.14:2222",
        ),
        part=typed,
    )


def _is_address(text: str) -> bool:
    if not re.fullmatch(r"[0-9.]+", text):
        return re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", text) is not None
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,4}", text) is not None and int(text) <= 65535


def _parse_id(text: str) -> int:
    typed = text.strip()
    if re.fullmatch(r"[1-9][0-9]{0,2}", typed) and int(typed) <= MAX_ID:
        return int(typed)
    shown = shorten_argument(typed)
    if typed.strip("0") == "" and typed:
        raise BadArgument(Phrase("ID 0 is the lighthouse. Use 1 to {last}", last=str(MAX_ID)), part=typed)
    raise BadArgument(Phrase("{part} is not an ID. Use 1 to {last}", part=shown, last=str(MAX_ID)), part=typed)


def parse_labels(text: str) -> tuple[str, ...]:
    """Parses `tokyo,db`, each label once, in the given order. Raises `BadArgument`."""
    labels = tuple(dict.fromkeys(part.strip() for part in re.split(r"[,、]", text)))
    for label in labels:
        if not re.fullmatch(LABEL, label):
            raise BadArgument(
                Phrase(
                    "{part} cannot be a label. Use lower-case letters, digits, dots, hyphens and underscores: {example}",
                    part=shorten_argument(label),
                    example="tokyo,db",
                ),
                part=label,
            )
    if len(labels) > MAX_LABELS:
        raise BadArgument(Phrase("a host can have up to {n} labels", n=MAX_LABELS), part=text)
    return labels


def parse_certificate_fingerprint(text: str) -> str:
    """Parses the SHA-256 of a certificate, also with colons or spaces and in upper case. Raises `BadArgument`."""
    typed = re.sub(r"[\s:]", "", text).lower()
    if re.fullmatch(r"[0-9a-f]{64}", typed):
        return typed
    if re.fullmatch(r"[0-9a-f]{40}", typed):
        phrase = Phrase(
            "{part} is a SHA-1 thumbprint. Use the SHA-256 fingerprint that {script} prints on the host",
            part=shorten_argument(text),
            script="prepare-windows.ps1",
        )
    else:
        phrase = Phrase(
            "{part} is not a SHA-256 fingerprint of a certificate. {script} prints it on the host: 64 hexadecimal digits",
            part=shorten_argument(text),
            script="prepare-windows.ps1",
        )
    raise BadArgument(phrase, part=text)


def parse_key_fingerprint(text: str) -> str:
    """Parses the fingerprint of an SSH host key as OpenSSH writes it. Raises `BadArgument`."""
    typed = text.strip()
    if re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", typed):
        return typed
    raise BadArgument(
        Phrase(
            "{part} is not a fingerprint of an SSH host key. {script} prints it on the host: {example}",
            part=shorten_argument(typed),
            script="prepare-wsl.sh",
            example="SHA256:…",
        ),
        part=typed,
    )


NewNameArgument = Annotated[
    str, Positional("name", Phrase("name of the new host, also in its certificate"), parse_new_name, lambda name: (name,))
]

WindowsOption = Annotated[
    str, Option("address", Phrase("address of Windows in the local network (first time)"), parse_host_address, str)
]

WslOption = Annotated[
    str, Option("address", Phrase("address of WSL2, and its SSH port if it is not 22"), parse_host_address, str)
]

IdOption = Annotated[
    int | None, Option("id", Phrase("host ID N of 10.100.N.1 (default: the next free one)"), _parse_id, str)
]

LabelsOption = Annotated[
    tuple[str, ...], Option("labels", Phrase("comma-separated labels of the host"), parse_labels, ",".join)
]

CertificateOption = Annotated[
    str,
    Option(
        "sha256",
        Phrase("SHA-256 of its WinRM certificate, as prepare-windows.ps1 printed it on the host"),
        parse_certificate_fingerprint,
        str,
    ),
]

KeyOption = Annotated[
    str,
    Option(
        "fingerprint",
        Phrase("fingerprint of its SSH host key, as prepare-wsl.sh printed it on the host"),
        parse_key_fingerprint,
        str,
    ),
]
