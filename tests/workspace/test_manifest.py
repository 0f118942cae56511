"""The project's manifest obeys Slack's rules and asks for exactly what the code uses."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ruamel.yaml import YAML
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.client.preflight import OPTIONAL_SCOPES, SCOPES
from bot.terminal.cli_translations import MANIFEST as MANIFEST_TEXTS
from bot.terminal.cli_translations import load_translations
from tests.lab.workspace.manifest import EVENT_SCOPES, Manifest, complaints
from tests.lab.workspace.methods import METHODS
from tests.workspace.conftest import MANIFEST

BOT = MANIFEST.parent / "bot"

JAPANESE = load_translations("ja")

_READING = ("conversations.info", "conversations.members")
_MANAGING = ("conversations.create", "conversations.invite", "conversations.setTopic")
BY_KIND = {
    **{key: {"channels:read", "groups:read", "mpim:read"} for key in _READING},
    **{key: {"channels:manage", "groups:write"} for key in _MANAGING},
}
"""Scopes of methods whose need depends on the kind of channel. The bot does not ask about direct messages."""

WEB_CLIENT = frozenset(
    name for name, member in vars(AsyncWebClient).items() if "_" in name.strip("_") and inspect.iscoroutinefunction(member)
)
"""The SDK's names of Web API methods: `chat_postMessage`."""


DESCRIPTIVE = frozenset({
    ("display_information", "description"),
    ("features", "shortcuts", "name"),
    ("features", "shortcuts", "description"),
    ("features", "slash_commands", "description"),
    ("features", "slash_commands", "usage_hint"),
})  # fmt: skip
"""Where the manifest has texts for people."""


def document(language: str = "en") -> Any:
    text = MANIFEST.read_text(encoding="utf-8")
    return YAML(typ="safe", pure=True).load(text if language == "en" else JAPANESE.translate_manifest(text))


def values(document: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value with its path; those of a list have the list's path."""
    match document:
        case dict():
            for name, each in document.items():
                yield from values(each, (*path, name))
        case list():
            for each in document:
                yield from values(each, path)
        case _:
            yield path, document


@pytest.mark.parametrize("language", ["en", "ja"])
def test_slack_accepts_the_manifest(language: str) -> None:
    assert list(complaints(document(language))) == []


def test_the_japanese_manifest_differs_in_every_descriptive_text_and_in_nothing_else() -> None:
    pairs = list(zip(values(document()), values(document("ja")), strict=True))
    assert [here for (here, _), _ in pairs] == [there for _, (there, _) in pairs]
    assert {path for path, _ in values(document()) if path in DESCRIPTIVE} == DESCRIPTIVE
    assert [] == [path for (path, english), (_, japanese) in pairs if (english != japanese) != (path in DESCRIPTIVE)]


def test_the_catalogue_of_the_command_line_has_the_texts_of_the_manifest_and_no_other() -> None:
    texts = {text for path, text in values(document()) if path in DESCRIPTIVE}
    assert texts == {text for context, text in JAPANESE.entries if context == MANIFEST_TEXTS}


def test_a_translated_manifest_keeps_its_comments() -> None:
    text = MANIFEST.read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert comments == [line for line in JAPANESE.translate_manifest(text).splitlines() if line.lstrip().startswith("#")]


def test_the_app_speaks_socket_mode_without_rotating_tokens() -> None:
    settings = document()["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["token_rotation_enabled"] is False


def test_every_method_that_the_bot_calls_has_its_scope_and_every_scope_is_used() -> None:
    manifest = Manifest.read(MANIFEST)
    called = {attribute.replace("_", ".") for attribute in _attributes() if attribute in WEB_CLIENT}
    assert called - METHODS.keys() == set()  # the workspace speaks them all
    needed = set().union(*(_scopes(method) for method in called), *(EVENT_SCOPES[event] for event in manifest.events))
    needed |= {"commands"} if manifest.commands or manifest.shortcuts else set()
    assert needed == manifest.scopes


def test_what_the_bot_can_do_without_whoever_installs_it_may_leave_out() -> None:
    assert OPTIONAL_SCOPES.keys() == set(document()["oauth_config"]["scopes"]["bot_optional"])
    assert SCOPES | OPTIONAL_SCOPES.keys() == Manifest.read(MANIFEST).scopes


def test_every_command_that_the_bot_listens_to_is_declared_and_no_other() -> None:
    assert set(_listened("command")) == Manifest.read(MANIFEST).commands.keys()


def test_every_shortcut_that_the_bot_listens_to_is_declared_and_no_other() -> None:
    assert set(_listened("shortcut")) == Manifest.read(MANIFEST).shortcuts.keys()


def test_every_event_that_the_bot_listens_to_is_subscribed_and_no_other() -> None:
    """One that nobody listens to is never acknowledged, so that Slack sends it again and again."""
    subscribed = {event.partition(".")[0] for event in Manifest.read(MANIFEST).events}
    assert set(_listened("event")) == subscribed


def _scopes(method: str) -> set[str]:
    scope = METHODS[method].scope
    return BY_KIND.get(method, {scope} if scope else set())


def _modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(BOT.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _attributes() -> Iterator[str]:
    """Every name after a dot in the bot."""
    for _, tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                yield node.attr


def _listened(kind: str) -> Iterator[str]:
    """The names in every `app.<kind>(…)` of the bot: literals, or constants of its module. A pattern names nothing."""
    for path, tree in _modules():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="app"), attr=attribute), args=[argument, *_]):
                    name = _value(argument, path) if attribute == kind else None
                    if isinstance(name, str):
                        yield name


def _value(argument: ast.expr, path: Path) -> object:
    match argument:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return getattr(_imported(path), name)
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return getattr(getattr(_imported(path), module), name)
    raise AssertionError(f"{path}: what is listened to must be a literal or a constant")


def _imported(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.relative_to(BOT.parent).with_suffix("").parts))


def changed(*path: str | int, to: Any) -> Any:
    """The manifest with one value replaced."""
    whole = document()
    place = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return whole


COMMAND = ("features", "slash_commands", 0)

SMALL = {
    "display_information": {"name": "flatnet"},
    "features": {"slash_commands": [{"command": "/flatnet", "description": "Ask"}]},
    "oauth_config": {"scopes": {"bot": ["commands"]}},
}
"""Just enough."""

BROKEN = {
    "no document": (None, "manifest: must be an object"),
    "a key that Slack does not know": (changed("setings", to={}), "setings: unknown key"),
    "a key inside that Slack does not know": (
        changed("settings", "socket_mode", to=True),
        "settings.socket_mode: unknown key",
    ),
    "a long name": (
        changed("display_information", "name", to="x" * 36),
        "display_information.name: must have 1 to 35 characters",
    ),
    "a long description": (
        changed("display_information", "description", to="x" * 141),
        "display_information.description: must have 1 to 140 characters",
    ),
    "interactivity without its switch": (
        changed("settings", "interactivity", to={}),
        "settings.interactivity.is_enabled: missing",
    ),
    "a switch that is no boolean": (
        changed("settings", "socket_mode_enabled", to="yes"),
        "settings.socket_mode_enabled: must be true or false",
    ),
    "a command without a slash": (
        changed(*COMMAND, "command", to="flatnet"),
        "features.slash_commands[].command: must begin with / and have no spaces",
    ),
    "a long usage hint": (
        changed(*COMMAND, "usage_hint", to="x" * 1001),
        "features.slash_commands[].usage_hint: must have 1 to 1000 characters",
    ),
    "events that are no list": (
        changed("settings", "event_subscriptions", to={"bot_events": "app_mention"}),
        "settings.event_subscriptions.bot_events: must be a list",
    ),
    "too many commands": (
        changed("features", "slash_commands", to=[{"command": "/x", "description": "x"}] * 51),
        "features.slash_commands: at most 50",
    ),
    "a command without its scope": (
        SMALL | {"oauth_config": {"scopes": {"bot": ["chat:write"]}}},
        "features.slash_commands: needs the scope commands",
    ),
    "an optional scope that is not asked for": (
        changed("oauth_config", "scopes", "bot_optional", to=["channels:manage", "bookmarks:write"]),
        "oauth_config.scopes.bot_optional: bookmarks:write must stand in oauth_config.scopes.bot, too",
    ),
    "a shortcut of no kind": (
        changed("features", "shortcuts", to=[{"name": "x", "type": "menu", "callback_id": "x", "description": "x"}]),
        "features.shortcuts[].type: must be global or message",
    ),
    "an event without its scope": (
        SMALL | {"settings": {"event_subscriptions": {"bot_events": ["app_mention"]}}},
        "settings.event_subscriptions.bot_events: app_mention needs the scope app_mentions:read",
    ),
}


@pytest.mark.parametrize(("broken", "complaint"), BROKEN.values(), ids=BROKEN.keys())
def test_a_manifest_that_breaks_slacks_rules_is_refused(broken: Any, complaint: str) -> None:
    assert list(complaints(broken)) == [complaint]


def test_a_refused_manifest_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text("features: []\nnonsense: 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="display_information: missing; features: must be an object; nonsense: unknown key"):
        Manifest.read(path)
