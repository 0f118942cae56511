"""files.*: the two calls around an upload, info, and delete."""

import mimetypes
from functools import partial
from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.journal import FileDeleted
from tests.lab.workspace.message import Content
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import BOT_USER
from tests.lab.workspace.uploads import Upload


def get_upload_url(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    name, length = arguments.required("filename"), arguments.required("length")
    if rooms.uploads.refusal:
        raise SlackError(rooms.uploads.refusal)
    if not length.isdecimal() or int(length) == 0:
        raise SlackError("invalid_arguments")
    upload = rooms.uploads.begin(BOT_USER, name, int(length), arguments.optional("alt_txt") or "")
    return {"file_id": upload.id, "upload_url": rooms.uploads.address(upload.id)}


def complete_upload(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """Without a channel the files stay private to the bot. Their message may come later than the answer, or never."""
    channel = rooms.joined(arguments.required("channel_id")) if arguments.has("channel_id") else None
    thread = rooms.thread(channel.id, arguments.optional("thread_ts")) if channel else None
    uploads = [_completed(rooms, file) for file in arguments.structure("files", refusal="invalid_arguments") or ()]
    if not uploads:
        raise SlackError("invalid_arguments")
    if channel is not None:
        names, comment = tuple(upload.id for upload in uploads), Content(arguments.optional("initial_comment") or "")
        post = partial(rooms.state.post, channel.id, BOT_USER, comment, thread_ts=thread, files=names)
        delay = rooms.sharing_delay()
        if delay == 0:
            post()
        else:
            rooms.uploads.hold(names, post, delay)
    return {"files": [{"id": upload.id, "title": upload.title} for upload in uploads]}


def info(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """A file of the app. `mimetype` is filled once Slack has looked at it, `shares` once a message shows it."""
    upload = rooms.uploads.file(arguments.required("file"))
    if upload is None or upload.title is None or upload.user != BOT_USER:
        raise SlackError("file_not_found")
    if upload.deleted:
        raise SlackError("file_deleted")
    looked = rooms.uploads.ask(upload.id)
    kind = (mimetypes.guess_type(upload.name)[0] or "text/plain") if looked else ""
    shares: dict[str, dict[str, list[dict[str, str]]]] = {}
    for message in rooms.state.messages():
        if upload.id in message.files and (place := rooms.state.channel(message.channel)) is not None:
            places = shares.setdefault("private" if place.private else "public", {})
            places.setdefault(place.id, []).append({"ts": message.ts})
    return {"file": {"id": upload.id, "name": upload.name, "title": upload.title, "mimetype": kind, "shares": shares}}


def delete(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """Only the bot's own files; the messages that showed one stay."""
    upload = rooms.uploads.file(arguments.required("file"))
    if upload is None or (upload.title is None and not upload.deleted):
        raise SlackError("file_not_found")
    if upload.deleted:
        raise SlackError("file_deleted")
    if upload.user != BOT_USER:
        raise SlackError("cant_delete_file")
    rooms.uploads.delete(upload)
    rooms.state.journal.record(FileDeleted(upload.id))
    return {}


def _completed(rooms: Rooms, file: Any) -> Upload:
    name = file.get("id") if isinstance(file, dict) else None
    upload = rooms.uploads.complete(name, str(file.get("title") or "")) if isinstance(name, str) else None
    if upload is None:
        raise SlackError("file_not_found")
    return upload


METHODS = (
    Method("files.getUploadURLExternal", get_upload_url, Tier.FOUR, "files:write"),
    Method("files.completeUploadExternal", complete_upload, Tier.FOUR, "files:write"),
    Method("files.info", info, Tier.FOUR, "files:read"),
    Method("files.delete", delete, Tier.THREE, "files:write"),
)
