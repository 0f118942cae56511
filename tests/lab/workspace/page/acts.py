"""What a person does in the page, by name: each takes the workspace and the arguments that the page sent.

What Slack itself would not let a person do is a `ValueError` or `KeyError` of the workspace; the page shows its words.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.form import Choice
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import Sharing
from tests.lab.workspace.view import View
from tests.lab.workspace.workspace import Workspace

Answer = Mapping[str, Any]
Act = Callable[[Workspace, Arguments], Awaitable[Answer | None]]

LOCALES = ("en-US", "ja-JP")


async def slash(workspace: Workspace, given: Arguments) -> None:
    """A slash command. Slack's own two that concern an app are carried out here: the app never hears of them."""
    user, channel, command = given.required("user"), given.required("channel"), given.required("command")
    text = given.optional("text") or ""
    name = f"@{workspace.manifest.bot_name}"
    if command == "/invite" and text.strip() == name:
        workspace.invite_bot(channel)
    elif command == "/remove" and text.strip() == name:
        workspace.remove_bot(channel)
    else:
        await workspace.slash(user, channel, text, command=command, thread_ts=given.optional("thread"))


async def say(workspace: Workspace, given: Arguments) -> None:
    user, channel, text = given.required("user"), given.required("channel"), given.required("text")
    await workspace.say(user, channel, text, given.optional("thread"))


async def click(workspace: Workspace, given: Arguments) -> None:
    user, action = given.required("user"), given.required("action")
    message = _message(workspace, given)
    await workspace.click(user, message, action, value=_choice(given, "value"), block_id=given.optional("block"))


async def act(workspace: Workspace, given: Arguments) -> None:
    """In a modal or the home tab; what was typed in the modal so far goes along."""
    user, action, view = given.required("user"), given.required("action"), _view(workspace, given)
    if values := _values(given):
        workspace.fill(user, values)
    await workspace.act(user, view, action, value=_choice(given, "value"), block_id=given.optional("block"))


async def suggest(workspace: Workspace, given: Arguments) -> Answer:
    """The options that the app offers for what was typed in a menu."""
    user, action = given.required("user"), given.required("action")
    found = await workspace.suggest(user, _view(workspace, given), action, given.optional("typed") or "")
    return {"options": found}


async def submit(workspace: Workspace, given: Arguments) -> None:
    await workspace.submit(given.required("user"), _values(given))


async def close(workspace: Workspace, given: Arguments) -> None:
    await workspace.close_view(given.required("user"))


async def home(workspace: Workspace, given: Arguments) -> None:
    await workspace.open_home(given.required("user"), "messages" if given.optional("tab") == "messages" else "home")


async def shortcut(workspace: Workspace, given: Arguments) -> None:
    """A global shortcut; one of a message where `ts` names one."""
    message = _message(workspace, given) if given.has("ts") else None
    await workspace.shortcut(given.required("user"), given.required("callback"), message)


async def react(workspace: Workspace, given: Arguments) -> None:
    await workspace.react(given.required("user"), _message(workspace, given), given.required("name"))


async def read(workspace: Workspace, given: Arguments) -> None:
    workspace.mark_read(given.required("user"), given.required("channel"))


async def pin(workspace: Workspace, given: Arguments) -> None:
    workspace.pin(given.required("user"), _message(workspace, given))


async def unpin(workspace: Workspace, given: Arguments) -> None:
    workspace.unpin(_message(workspace, given))


async def remove(workspace: Workspace, given: Arguments) -> None:
    """A person deletes their own message, an administrator any."""
    user, message = given.required("user"), _message(workspace, given)
    if message.user != user and workspace.person(user).role != "administrator":
        raise ValueError("only administrators delete what others wrote")
    workspace.delete(message)


async def manage(workspace: Workspace, given: Arguments) -> None:
    """A member changes what a channel is."""
    user, channel, deed = given.required("user"), given.required("channel"), given.required("deed")
    if channel not in (place.id for place in workspace.conversations(user)):
        raise ValueError("only members manage a channel")
    deeds: Mapping[str, Callable[[], None]] = {
        "archive": lambda: workspace.archive(channel),
        "unarchive": lambda: workspace.unarchive(channel),
        "hide": lambda: workspace.convert(channel, private=True),
        "publish": lambda: workspace.convert(channel, private=False),
        "share": lambda: workspace.connect(channel),
        "unshare": lambda: workspace.connect(channel, Sharing.NONE),
    }
    if deed not in deeds:
        raise ValueError(f"no channel can {deed}")
    deeds[deed]()


async def join(workspace: Workspace, given: Arguments) -> None:
    """A person joins a public channel, as Slack lets everybody of the workspace."""
    user, channel = given.required("user"), given.required("channel")
    if channel not in (place.id for place in workspace.joinable(user)):
        raise ValueError("only public channels of the workspace can be joined")
    workspace.join(user, channel)


async def locale(workspace: Workspace, given: Arguments) -> None:
    """A person takes another language."""
    wanted = given.required("locale")
    if wanted not in LOCALES:
        raise ValueError(f"the page speaks {' and '.join(LOCALES)}")
    workspace.change_person(replace(workspace.person(given.required("user")), locale=wanted))


ACTS: Mapping[str, Act] = {
    act.__name__: act
    for act in (
        slash,
        say,
        click,
        act,
        suggest,
        submit,
        close,
        home,
        shortcut,
        react,
        read,
        join,
        locale,
        pin,
        unpin,
        remove,
        manage,
    )
}


def _message(workspace: Workspace, given: Arguments) -> Message:
    user, channel, ts = given.required("user"), given.required("channel"), given.required("ts")
    for message in workspace.reads(user, channel):
        if message.ts == ts:
            return message
    raise ValueError("this message is gone")


def _view(workspace: Workspace, given: Arguments) -> View:
    user, name = given.required("user"), given.required("view")
    for view in (*workspace.views(user), workspace.home(user)):
        if view is not None and view.id == name:
            return view
    raise ValueError("this view is gone")


def _choice(given: Arguments, name: str) -> Choice:
    return _chosen(given.values.get(name))


def _values(given: Arguments) -> dict[str, Choice]:
    """What was filled in, by block_id."""
    values = given.values.get("values") or {}
    if not isinstance(values, dict):
        raise ValueError("values must be an object")
    return {str(name): _chosen(value) for name, value in values.items()}


def _chosen(value: Any) -> Choice:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise ValueError("a value must be a string or a list of strings")
