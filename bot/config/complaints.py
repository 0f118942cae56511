"""Phrases for validation errors of the configuration, each with its fix. Pure."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from adapters.inventory import InvalidSetting
from adapters.phrase import Listing, Phrase
from bot.config.toml import KeyPath

_PHRASE_BY_KEY: Mapping[str, Phrase] = {
    "name": Phrase("must be 1 to 63 lowercase letters, digits and hyphens, such as {example}", example="host-a"),
    "labels": Phrase("must be lowercase letters, digits, dots, hyphens and underscores, such as {example}", example="tokyo"),
    "team": Phrase("must be a workspace ID, such as {example}", example="T0123ABCD"),
    "slack": Phrase(
        "must be an ID as shown in Slack, such as {person} for a user or {group} for a user group",
        person="U0123ABCD",
        group="S0123ABCD",
    ),
    "operations": Phrase("must be a command or a prefix with *, such as {example}", example="service *"),
    "channel": Phrase("must be a Slack channel ID, such as {example}", example="C0123ABCD"),
    "second_channel": Phrase("must be a Slack channel ID, such as {example}", example="C0123ABCD"),
    "owner": Phrase("must be the name of a person in [[people]], such as {example}", example="tanaka"),
    "ping": Phrase("must be names of people, such as {example}", example="tanaka"),
    "mention": Phrase("must be names of people or IDs of user groups, such as {example}", example="tanaka"),
    "escalate_to": Phrase("must be names of people or IDs of user groups, such as {example}", example="tanaka"),
    "escalate": Phrase("must be names of people or IDs of user groups, such as {example}", example="tanaka"),
    "announce": Phrase("must be a Slack channel ID, such as {example}", example="C0123ABCD"),
    "reaction": Phrase("must be the name of an emoji without colons, such as {example}", example="memo"),
    "groups": Phrase("must be certificate group names, such as {example}", example="flatnet"),
    "lighthouse_groups": Phrase("must be certificate group names, such as {example}", example="flatnet"),
    "channels": Phrase("must be Slack channel IDs, such as {example}", example="C0123ABCD"),
    "system": Phrase("must be names of operating system users, such as {example}", example="tanaka"),
    "images": Phrase("must be names of images, with * for any text, such as {example}", example="docker.io/library/*"),
    "certificate_sha256": Phrase("must be the SHA-256 of the certificate: 64 hexadecimal digits"),
    "user": Phrase("must be a user name, such as {example}", example="flatnet"),
}


def describe_complaint(detail: Mapping[str, Any], nearest: str | None) -> Phrase:
    """Makes the phrase for one pydantic error; `nearest` is the known key that is most similar to an unknown one."""
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, InvalidSetting):
        return cause.phrase
    if detail["type"] == "extra_forbidden":
        return _describe_unknown_key(nearest)
    make = _PHRASE_MAKER_BY_TYPE.get(detail["type"])
    if make is not None:
        return make(detail.get("ctx", {}))
    key = next((part for part in reversed(detail["loc"]) if part in _PHRASE_BY_KEY), None)
    if detail["type"] == "string_pattern_mismatch" and key is not None:
        return _PHRASE_BY_KEY[str(key)]
    return Phrase("cannot be used: {reason}", reason=detail["msg"])


def _describe_unknown_key(nearest: str | None) -> Phrase:
    if nearest is None:
        return Phrase("unknown setting. Remove it")
    return Phrase("unknown setting. Did you mean {key}?", key=nearest)


def _describe_choices(context: Mapping[str, Any]) -> Phrase:
    return Phrase("must be one of {choices}", choices=str(context.get("expected", "")))


def _describe_range(context: Mapping[str, Any]) -> Phrase:
    bounds = tuple(f"{sign} {context[key]}" for key, sign in _BOUNDS.items() if key in context)
    return Phrase("must be {bounds}", bounds=Listing(bounds))


_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}

_PHRASE_MAKER_BY_TYPE: Mapping[str, Callable[[Mapping[str, Any]], Phrase]] = {
    "missing": lambda context: Phrase("is required"),
    "int_type": lambda context: Phrase("must be a whole number"),
    "int_parsing": lambda context: Phrase("must be a whole number"),
    "float_type": lambda context: Phrase("must be a number"),
    "float_parsing": lambda context: Phrase("must be a number"),
    "bool_type": lambda context: Phrase("must be true or false"),
    "bool_parsing": lambda context: Phrase("must be true or false"),
    "string_type": lambda context: Phrase("must be text in quotes"),
    "path_type": lambda context: Phrase("must be a path in quotes"),
    "tuple_type": lambda context: Phrase("must be a list in [ ]"),
    "frozen_set_type": lambda context: Phrase("must be a list in [ ]"),
    "too_short": lambda context: Phrase("must not be empty"),
    "string_too_short": lambda context: Phrase("must not be empty"),
    "string_too_long": lambda context: Phrase("must have at most {n} characters", n=context["max_length"]),
    "model_type": lambda context: Phrase("must be a table"),
    "literal_error": _describe_choices,
    "enum": _describe_choices,
    "greater_than_equal": _describe_range,
    "greater_than": _describe_range,
    "less_than_equal": _describe_range,
    "less_than": _describe_range,
}


def find_nearest_key(model: type[BaseModel], path: KeyPath) -> str | None:
    """Returns the known key most similar to the unknown key at the end of `path`; None if none is similar."""
    fields: dict[str, Any] = dict(model.model_fields)
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        inner = _find_model(fields[part].annotation) if part in fields else None
        fields = dict(inner.model_fields) if inner is not None else {}
    near = difflib.get_close_matches(str(path[-1]), fields, n=1) if path else []
    return near[0] if near else None


def _find_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (model := _find_model(inner)) is not None:
            return model
    return None
