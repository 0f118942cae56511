"""What one person sees, as JSON for the page."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tests.lab.workspace.journal import (
    Change,
    ChannelChanged,
    Deleted,
    Edited,
    FileDeleted,
    GroupChanged,
    HomePublished,
    PersonChanged,
    Pinned,
    Posted,
    Reacted,
    Read,
    ViewChanged,
    ViewClosed,
    ViewOpened,
)
from tests.lab.workspace.message import Message
from tests.lab.workspace.seed import BOT_USER, SLACKBOT, Channel, Kind, Person
from tests.lab.workspace.view import View
from tests.lab.workspace.workspace import Workspace

Shown = Mapping[str, Any]

_SOMEWHERE_ELSE = (Kind.BOT, Kind.DEACTIVATED)
"""Nobody can be one of these."""

RELOAD: Shown = {"kind": "reload"}
"""Something that changes rarely has changed: the page asks for everything again."""


def somebody(workspace: Workspace, language: str) -> str:
    """Whom the page begins with: who may do much, and reads the language that the browser asks for."""
    playable = [person for person in workspace.people() if person.kind not in _SOMEWHERE_ELSE]
    able = [person for person in playable if person.role in ("administrator", "operator")] or playable
    speaking = [person for person in able if language.startswith(person.locale[:2])]
    return (speaking or able)[0].id


def state(workspace: Workspace, user: str) -> Shown:
    """Everything that this person sees; `at` is the number of the last change that is in it."""
    places = workspace.conversations(user)
    return {
        "at": len(workspace.changes),
        "me": _person(workspace.person(user)),
        "people": [_person(person) for person in workspace.people()],
        "groups": {group.id: group.handle for group in workspace.seed.groups},
        "bot": BOT_USER,
        "slackbot": SLACKBOT,
        "app": _app(workspace),
        "channels": [_channel(place) for place in places],
        "joinable": {place.id: place.name for place in workspace.joinable(user)},
        "messages": {place.id: [message(workspace, m) for m in workspace.reads(user, place.id)] for place in places},
        "unread": workspace.unread(user),
        **views(workspace, user),
    }


def views(workspace: Workspace, user: str) -> Shown:
    """This person's home tab, and their modals, the one on top last."""
    home = workspace.home(user)
    return {"views": [_view(view) for view in workspace.views(user)], "home": _view(home) if home else None}


def change(workspace: Workspace, user: str, change: Change) -> Shown | None:
    """One change as the page takes it in; None where this person would not notice it.

    Who was put out of a private channel no longer sees that channel change: every change of a channel
    makes the page ask again, and it is told only what the person may see.
    """
    if not isinstance(change, ChannelChanged) and not workspace.visible_to(change, user):
        return None
    match change:
        case Posted(said) | Edited(said) | Pinned(said) | Reacted(said):
            return {"kind": "message", "message": message(workspace, said), "unread": workspace.unread(user)}
        case Deleted(said):
            return {
                "kind": "deleted", "channel": said.channel, "ts": said.ts, "unread": workspace.unread(user)
            }  # fmt: skip
        case ViewOpened() | ViewChanged() | ViewClosed() | HomePublished():
            return {"kind": "views", **views(workspace, user)}
        case Read():
            return {"kind": "unread", "unread": workspace.unread(user)}
        case ChannelChanged() | PersonChanged() | GroupChanged() | FileDeleted():
            return RELOAD
    return None


def message(workspace: Workspace, said: Message) -> Shown:
    """A message, with what is known of its files."""
    shown = {
        **said.as_json(),
        "channel": said.channel,
        "private": said.private_to is not None,
        "unseen": said.unseen,
        "pinned_by": said.pinned_by,
    }
    return {**shown, "files": [_file(workspace, name) for name in said.files]}


def _person(person: Person) -> Shown:
    playable = person.kind not in _SOMEWHERE_ELSE
    return {**asdict(person), "kind": person.kind.value, "playable": playable}


def _channel(place: Channel) -> Shown:
    return {
        "id": place.id,
        "name": place.name,
        "topic": place.topic,
        "members": sorted(place.members),
        "private": place.private,
        "shared": place.shared,
        "archived": place.archived,
        "direct": place.direct,
    }


def _app(workspace: Workspace) -> Shown:
    """What people see of the app before it says anything: its name, commands, shortcuts and tabs."""
    manifest = workspace.manifest
    return {
        "name": manifest.bot_name,
        "commands": [asdict(command) for command in manifest.commands.values()],
        "shortcuts": [asdict(shortcut) for shortcut in manifest.shortcuts.values()],
        "home": manifest.home_tab,
        "messages": manifest.messages_tab,
        "writable": manifest.messages_tab_writable,
    }


def _view(view: View) -> Shown:
    return {
        "id": view.id,
        "hash": view.hash,
        "previous": view.previous,
        "title": view.title,
        "submit": view.submit,
        "close": view.close,
        "blocks": view.blocks,
        "values": view.values,
        "errors": view.errors,
        "trouble": view.trouble,
    }


def _file(workspace: Workspace, name: str) -> Shown:
    upload = workspace.upload(name)
    if upload is None:
        return {"id": name, "name": name, "title": name, "alt_text": "", "length": 0, "deleted": True}
    return {
        "id": name,
        "name": upload.name,
        "title": upload.title or upload.name,
        "alt_text": upload.alt_text,
        "length": upload.length,
        "deleted": upload.deleted,
    }
