"""How a Go program reads its command line: the `flag` package's rules, messages and usage text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True)
class Flag:
    """One flag; `default` is text as it would be typed, and stands in the usage where it says something."""

    name: str
    kind: Literal["string", "bool", "uint", "duration"]
    usage: str
    default: str = ""


class FlagsError(Exception):
    """What the package complains of; it also prints it by itself."""


class HelpAsked(Exception):
    """`-h` or `-help` where no such flag is defined."""


def parse(flags: Sequence[Flag], arguments: Sequence[str]) -> dict[str, str]:
    """Every flag's value as text, up to the first word that is no flag."""
    known = {flag.name: flag for flag in flags}
    values = {flag.name: flag.default for flag in flags}
    left: Iterator[str] = iter(arguments)
    for word in left:
        if len(word) < 2 or not word.startswith("-") or word == "--":
            break
        name, given, value = word.removeprefix("-").removeprefix("-").partition("=")
        if name not in known:
            if name in ("h", "help"):
                raise HelpAsked
            raise FlagsError(f"flag provided but not defined: -{name}")
        values[name] = _checked(known[name], value if given else _following(known[name], left))
    return values


def _following(flag: Flag, left: Iterator[str]) -> str:
    if flag.kind == "bool":
        return "true"
    try:
        return next(left)
    except StopIteration:
        raise FlagsError(f"flag needs an argument: -{flag.name}") from None


_FORMS: Mapping[str, str] = {
    "string": r"(?s).*",
    "bool": "1|t|T|true|TRUE|True|0|f|F|false|FALSE|False",
    "uint": r"\d+",
    "duration": r"[+-]?(0|(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+",
}


def _checked(flag: Flag, value: str) -> str:
    if re.fullmatch(_FORMS[flag.kind], value):
        return value
    kind = "boolean value" if flag.kind == "bool" else "value"
    on = "for" if flag.kind == "bool" else "for flag"
    raise FlagsError(f'invalid {kind} "{value}" {on} -{flag.name}: parse error')


def is_true(value: str) -> bool:
    """A bool flag's value."""
    return value.lower() in ("1", "t", "true")


def duration(value: str) -> timedelta:
    """A duration flag's value."""
    units = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d*\.?\d*)(ns|us|µs|μs|ms|s|m|h)", value)
    length = timedelta(seconds=sum(float(count) * units[unit] for count, unit in parts))
    return -length if value.startswith("-") else length


def usage(flags: Sequence[Flag]) -> str:
    """What `PrintDefaults` prints."""
    lines = []
    for flag in sorted(flags, key=lambda one: one.name):
        default = f'"{flag.default}"' if flag.kind == "string" else flag.default
        shown = f" (default {default})" if flag.default not in ("", "false", "0s") else ""
        lines.append(f"  -{flag.name}{'' if flag.kind == 'bool' else ' ' + flag.kind}\n    \t{flag.usage}{shown}\n")
    return "".join(lines)
