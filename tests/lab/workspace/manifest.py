"""The app's manifest, by Slack's rules.

The rules are those of Slack's manifest schema as far as this app can meet them: nearly everywhere
an unknown key is an error, lengths are bounded, and an event needs its scope.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

KEYS: dict[str, frozenset[str]] = {
    "": frozenset({
        "_metadata", "display_information", "features", "oauth_config", "settings", "functions", "workflows", "datastores",
        "outgoing_domains", "types", "external_auth_providers", "mcp_servers", "app_directory",
    }),
    "_metadata": frozenset({"major_version", "minor_version"}),
    "display_information": frozenset({"name", "description", "background_color", "long_description"}),
    "features": frozenset({
        "app_home", "bot_user", "functions", "shortcuts", "slash_commands", "unfurl_domains", "workflow_steps",
        "assistant_view", "agent_view",
    }),
    "features.app_home": frozenset({"home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled"}),
    "features.bot_user": frozenset({"display_name", "always_online"}),
    "features.slash_commands[]": frozenset({"command", "description", "usage_hint", "should_escape", "url"}),
    "features.shortcuts[]": frozenset({"name", "type", "callback_id", "description"}),
    "oauth_config": frozenset({"redirect_urls", "scopes", "token_management_enabled", "pkce_enabled"}),
    "oauth_config.scopes": frozenset({"bot", "user", "bot_optional", "user_optional"}),
    "settings": frozenset({
        "event_subscriptions", "interactivity", "socket_mode_enabled", "org_deploy_enabled", "token_rotation_enabled",
        "allowed_ip_address_ranges", "is_hosted", "function_runtime", "hermes_app_type", "is_mcp_enabled",
    }),
    "settings.event_subscriptions": frozenset({"request_url", "bot_events"}),
    "settings.interactivity": frozenset({"is_enabled", "request_url", "message_menu_options_url"}),
}  # fmt: skip

REQUIRED = {
    "": ("display_information",),
    "display_information": ("name",),
    "features.bot_user": ("display_name",),
    "features.slash_commands[]": ("command", "description"),
    "features.shortcuts[]": ("name", "type", "callback_id", "description"),
    "settings.interactivity": ("is_enabled",),
}

LENGTHS = {
    "display_information.name": (1, 35),
    "display_information.description": (1, 140),
    "display_information.long_description": (175, 4_000),
    "features.bot_user.display_name": (1, 80),
    "features.slash_commands[].command": (2, 32),
    "features.slash_commands[].description": (1, 2_000),
    "features.slash_commands[].usage_hint": (1, 1_000),
    "features.shortcuts[].name": (1, 24),
    "features.shortcuts[].description": (1, 150),
    "features.shortcuts[].callback_id": (1, 255),
}

COUNTS = {
    "features.slash_commands": 50,
    "features.shortcuts": 10,
    "settings.event_subscriptions.bot_events": 100,
    "oauth_config.scopes.bot": 255,
    "oauth_config.scopes.bot_optional": 255,
}

FLAGS = frozenset({
    "features.app_home.home_tab_enabled", "features.app_home.messages_tab_enabled",
    "features.app_home.messages_tab_read_only_enabled", "features.bot_user.always_online",
    "features.slash_commands[].should_escape", "settings.interactivity.is_enabled", "settings.socket_mode_enabled",
    "settings.org_deploy_enabled", "settings.token_rotation_enabled",
})  # fmt: skip

EVENT_SCOPES: dict[str, tuple[str, ...]] = {
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
    "app_uninstalled": (),
    "member_joined_channel": ("channels:read", "groups:read"),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
    "reaction_added": ("reactions:read",),
    "subteam_members_changed": ("usergroups:read",),
    "subteam_updated": ("usergroups:read",),
    "tokens_revoked": (),
}
"""Events with the scopes of which one is needed."""

SHORTCUTS = ("global", "message")


@dataclass(frozen=True)
class Command:
    """A slash command as the person who types it sees it."""

    name: str
    description: str
    usage_hint: str
    should_escape: bool = False
    """Slack replaces people, channels and links that are typed after the command by its own marks."""


@dataclass(frozen=True)
class Shortcut:
    """A shortcut: `global` in the shortcuts menu, or in the menu of a message."""

    callback_id: str
    name: str
    description: str
    kind: str


@dataclass(frozen=True)
class Manifest:
    """What Slack knows of the app after it was installed. Events without their scope are never sent."""

    bot_name: str
    commands: Mapping[str, Command]
    shortcuts: Mapping[str, Shortcut]
    scopes: frozenset[str]
    events: frozenset[str]
    interactive: bool
    home_tab: bool
    messages_tab: bool
    messages_tab_writable: bool

    @classmethod
    def read(cls, path: Path, withheld: frozenset[str] = frozenset()) -> "Manifest":
        """Install the app without the scopes that are `withheld`; they must be optional.

        Raises a `ValueError` with every complaint where Slack would refuse the manifest.
        """
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        found = list(complaints(document))
        if found:
            raise ValueError(f"{path.name} is refused: " + "; ".join(found))
        kept = withheld - set(_strings(_at(document, "oauth_config", "scopes", "bot_optional")))
        if kept:
            raise ValueError(f"{path.name} does not call these scopes optional: {', '.join(sorted(kept))}")
        scopes = frozenset(_scopes(document)) - withheld
        features, settings = document.get("features", {}), document.get("settings", {})
        tabs = features.get("app_home", {})
        marked = {each["command"] for each in features.get("slash_commands", ()) if each.get("should_escape")}
        return cls(
            bot_name=features.get("bot_user", {}).get("display_name", ""),
            commands={
                name: Command(name, description, hint, name in marked)
                for name, description, hint in _each(features, "slash_commands", *_COMMAND)
            },
            shortcuts={name: Shortcut(name, *words) for name, *words in _each(features, "shortcuts", *_SHORTCUT)},
            scopes=scopes,
            events=frozenset(event for event in _events(document) if _hears(event, scopes)),
            interactive=settings.get("interactivity", {}).get("is_enabled", False),
            home_tab=tabs.get("home_tab_enabled", False),
            messages_tab=tabs.get("messages_tab_enabled", False),
            messages_tab_writable=not tabs.get("messages_tab_read_only_enabled", False),
        )


_COMMAND = ("command", "description", "usage_hint")
_SHORTCUT = ("callback_id", "name", "description", "type")


def _each(features: Mapping[str, Any], name: str, *wanted: str) -> Iterator[list[str]]:
    """The wanted words of every entry in a list of the manifest."""
    for entry in features.get(name, ()):
        yield [entry.get(word, "") for word in wanted]


def complaints(document: Any) -> Iterator[str]:
    """Everything that Slack's schema has against this document, each with its path."""
    yield from _object(document, "")
    if not isinstance(document, dict):
        return
    scopes = _scopes(document)
    for scope in _strings(_at(document, "oauth_config", "scopes", "bot_optional")):
        if scope not in scopes:
            yield f"oauth_config.scopes.bot_optional: {scope} must stand in oauth_config.scopes.bot, too"
    for name in ("slash_commands", "shortcuts"):
        if _at(document, "features", name) and "commands" not in scopes:
            yield f"features.{name}: needs the scope commands"
    for event in _events(document):
        if event not in EVENT_SCOPES:
            yield f"settings.event_subscriptions.bot_events: {event} is not known here"
        elif (needed := EVENT_SCOPES[event]) and not set(needed) & set(scopes):
            yield f"settings.event_subscriptions.bot_events: {event} needs the scope {' or '.join(needed)}"


def _hears(event: str, scopes: frozenset[str]) -> bool:
    needed = EVENT_SCOPES[event]
    return not needed or not scopes.isdisjoint(needed)


def _object(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path or 'manifest'}: must be an object"
        return
    for name in REQUIRED.get(path, ()):
        if name not in value:
            yield f"{_join(path, name)}: missing"
    for name, item in value.items():
        here = _join(path, str(name))
        if name not in KEYS[path]:
            yield f"{here}: unknown key"
        else:
            yield from _value(item, here)


def _value(value: Any, path: str) -> Iterator[str]:
    if path in KEYS:
        yield from _object(value, path)
    elif f"{path}[]" in KEYS or path in COUNTS:
        yield from _list(value, path)
    elif path in LENGTHS:
        least, most = LENGTHS[path]
        if not isinstance(value, str) or not least <= len(value) <= most:
            yield f"{path}: must have {least} to {most} characters"
        elif path.endswith(".command") and not re.fullmatch(r"/[^\s/]+", value):
            yield f"{path}: must begin with / and have no spaces"
    elif path == "features.shortcuts[].type" and value not in SHORTCUTS:
        yield f"{path}: must be global or message"
    elif path in FLAGS and not isinstance(value, bool):
        yield f"{path}: must be true or false"


def _list(value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: must be a list"
        return
    if len(value) > COUNTS[path]:
        yield f"{path}: at most {COUNTS[path]}"
    if f"{path}[]" in KEYS:
        for item in value:
            yield from _object(item, f"{path}[]")


def _scopes(document: Mapping[str, Any]) -> list[str]:
    return _strings(_at(document, "oauth_config", "scopes", "bot"))


def _events(document: Mapping[str, Any]) -> list[str]:
    return _strings(_at(document, "settings", "event_subscriptions", "bot_events"))


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _at(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
