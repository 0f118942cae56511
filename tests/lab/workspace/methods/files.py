"""The two calls around an upload: files.getUploadURLExternal and files.completeUploadExternal."""

from typing import Any

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.arguments import Arguments
from tests.lab.workspace.message import Content
from tests.lab.workspace.methods.method import Method, Rooms
from tests.lab.workspace.rates import Tier
from tests.lab.workspace.seed import BOT_USER
from tests.lab.workspace.uploads import Upload


def get_upload_url(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    name, length = arguments.required("filename"), arguments.required("length")
    if not length.isdecimal() or int(length) == 0:
        raise SlackError("invalid_arguments")
    upload = rooms.uploads.begin(name, int(length))
    return {"file_id": upload.id, "upload_url": rooms.uploads.address(upload.id)}


def complete_upload(rooms: Rooms, arguments: Arguments) -> dict[str, Any]:
    """Without a channel the files stay private to the bot."""
    channel = rooms.joined(arguments.required("channel_id")) if arguments.has("channel_id") else None
    uploads = [_completed(rooms, file) for file in arguments.structure("files", refusal="invalid_arguments") or ()]
    if not uploads:
        raise SlackError("invalid_arguments")
    if channel is not None:
        rooms.state.post(
            channel.id,
            BOT_USER,
            Content(arguments.optional("initial_comment") or ""),
            thread_ts=arguments.optional("thread_ts"),
            files=tuple(upload.id for upload in uploads),
        )
    return {"files": [{"id": upload.id, "title": upload.title} for upload in uploads]}


def _completed(rooms: Rooms, file: Any) -> Upload:
    name = file.get("id") if isinstance(file, dict) else None
    upload = rooms.uploads.complete(name, str(file.get("title") or "")) if isinstance(name, str) else None
    if upload is None:
        raise SlackError("file_not_found")
    return upload


METHODS = (
    Method("files.getUploadURLExternal", get_upload_url, Tier.FOUR, "files:write"),
    Method("files.completeUploadExternal", complete_upload, Tier.FOUR, "files:write"),
)
