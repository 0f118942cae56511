"""Uploads files: requested, recorded with their answer, uploaded, shown. They expire with that answer.

The name, the size and the SHA-256 of a file that was shown are recorded in the audit log. They outlive the file.

A file that Slack accepted and does not show is uploaded a second time (`bot.slack.outbound.uploads`). After that, the
requester gets the reason.

Checks that Slack has done what it accepted: files.completeUploadExternal answers ok before the file is ready.

    file in a conversation   `shares` of files.info names it once a message there shows the file
    picture                  `mimetype` of files.info is filled once Slack has looked at it. Before, no message may show it

Both need the optional scope `files:read`. Without it nothing is known, and Slack is believed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from adapters.phrase import Phrase
from bot.answers.data import pack_bundle
from bot.model.output import DeliveredFile, RecordDelivery
from bot.rendering.slack.blocks import SlackMessage
from bot.runtime.clock import Clock
from bot.slack.answer_cache import AnswerExpired
from bot.slack.client.api import SlackApi
from bot.slack.client.errors import SlackFailure
from bot.slack.client.preflight import FILE_SCOPE
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.outbound.message import Address
from bot.slack.tasks import retry_write
from bot.store.answers import AnswerFile, AnswerTable
from commands.model.report import Bundle, TextFile

SHARING_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further question whether a file is shared."""

LOOKING_PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each further question whether a picture can be shown. The answer waits meanwhile."""

NOT_SHARED_CODE = "not_shared"
"""Code of a file that Slack accepted and did not share. It is the bot's own, no code of Slack's."""

_log = structlog.get_logger(__name__)


class FileWatcher:
    """Asks for the state of uploaded files."""

    def __init__(self, api: SlackApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    async def is_shared(self, file: str, channel: str) -> bool:
        """Return whether a conversation shows the file; True as well if that cannot be known."""
        return await self._wait_until(file, lambda read: _is_shared_in(read, channel), SHARING_PAUSES)

    async def wait_for_picture(self, file: str) -> None:
        """Wait until a message may show the picture, but not for long: the outbox tries again."""
        await self._wait_until(file, lambda read: bool(read.get("mimetype")), LOOKING_PAUSES)

    async def _wait_until(self, file: str, ready: Callable[[Mapping[str, Any]], bool], pauses: tuple[float, ...]) -> bool:
        """Ask until the file is ready. Return False only if Slack answered, and never said so."""
        if FILE_SCOPE not in self._api.scopes:
            return True
        answered = False
        for pause in (*pauses, None):
            try:
                if ready(await self._api.get_file(file)):
                    return True
                answered = True
            except SlackFailure as failure:
                _log.info("the state of a file is not known", file=file, code=failure.code)
            if pause is not None:
                await self._clock.sleep(pause)
        return not answered


def _is_shared_in(read: Mapping[str, Any], channel: str) -> bool:
    shares = read.get("shares")
    places = shares.values() if isinstance(shares, dict) else ()
    return any(isinstance(place, dict) and place.get(channel) for place in places)


BYTE_ORDER_MARK = "\ufeff"
"""Byte order mark. Without it Excel does not read a CSV file as UTF-8."""

DELETED_CODES = frozenset({"file_not_found", "file_deleted"})
"""Slack's codes for a file that no longer exists."""

FORBIDDEN_UPLOAD_CODES = frozenset(
    {
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "file_type_not_allowed",
        "file_upload_size_restricted",
        "restricted_action",
    }
)
"""Slack's codes for uploads that the workspace's policy forbids."""


@dataclass(frozen=True)
class UploadRecords:
    """Records of uploads: the files of each answer, and the delivered ones in the audit log."""

    answers: AnswerTable
    record_delivery: RecordDelivery


class Uploads:
    """Uploads files to Slack. Secrets are removed when an upload is requested (`bot.slack.client.api`)."""

    def __init__(
        self, api: SlackApi, channels: ChannelDirectory, records: UploadRecords, watcher: FileWatcher, clock: Clock
    ) -> None:
        self._api = api
        self._channels = channels
        self._answers = records.answers
        self._record_delivery = records.record_delivery
        self._watcher = watcher
        self._clock = clock

    async def show(self, operation: str, file: TextFile | Bundle, title: str, place: tuple[str, str]) -> None:
        """Show a file of an answer in a channel, or in a thread of it.

        Raises `SlackFailure` if Slack refuses it or never shows it, `AnswerExpired` if the answer has expired.
        """
        await self._channels.check_postable(place[0])
        content = await self._build_content(file)
        made, sent = await self._share(operation, (file.name, content), title, place)
        if not await self._watcher.is_shared(made.id, place[0]):
            await self.delete(made)  # or it might appear a second time, later
            made, sent = await self._share(operation, (file.name, content), title, place)
            if not await self._watcher.is_shared(made.id, place[0]):
                raise SlackFailure(NOT_SHARED_CODE, maybe_done=True)
        await self._record(operation, replace(made, shown=True))
        await self._record_delivery(operation, sent)

    async def _share(
        self, operation: str, file: tuple[str, str | bytes], title: str, place: tuple[str, str]
    ) -> tuple[AnswerFile, DeliveredFile]:
        """Upload a file and have Slack share it; Slack may do so later."""
        made, sent = await self._upload(operation, *file)
        await self._api.complete_upload(made.id, title, *place)
        return made, sent

    async def upload_hidden(self, operation: str, name: str, content: bytes) -> str:
        """Upload a file that only our messages show; returns its id in Slack. Raises as `show`."""
        made, _ = await self._upload(operation, name, content)
        await self._api.complete_upload(made.id, name)
        await self._watcher.wait_for_picture(made.id)
        return made.id

    async def delete(self, made: AnswerFile) -> None:
        """Delete a file, wherever it is shown. Raises `SlackFailure` if Slack does not do so now."""
        try:
            await self._api.delete_file(made.id)
        except SlackFailure as failure:
            if failure.code not in DELETED_CODES:
                raise

    async def open_direct(self, user: str, aside: Address) -> str:
        """Open the direct messages with a person, with a note about the file that comes; returns their channel."""
        here = aside.render(Phrase("The result is attached as a file."))
        channel, _ = await self._api.post_direct(user, SlackMessage(here, ()))
        return channel

    async def send_directly(self, operation: str, files: Sequence[TextFile | Bundle], title: str, aside: Address) -> Phrase:
        """Send files to one person in the direct messages; returns the note for the answer."""
        try:
            place = (await self.open_direct(aside.user, aside), "")
            for file in files:
                await self.show(operation, file, title, place)
        except SlackFailure as failure:
            return explain_refusal(failure)
        except AnswerExpired as error:
            return error.phrase
        return describe_delivery(len(files))

    async def _build_content(self, file: TextFile | Bundle) -> str | bytes:
        """Build the bytes or text to upload. A bundle is redacted and packed off the loop, because it may hold megabytes."""
        if isinstance(file, Bundle):
            return await asyncio.to_thread(pack_bundle, file, self._api.redact)
        return BYTE_ORDER_MARK + file.text if file.name.endswith(".csv") else file.text

    async def _upload(self, operation: str, name: str, content: str | bytes) -> tuple[AnswerFile, DeliveredFile]:
        """Upload a file, recorded with its answer before it can be seen. Secrets are gone from what is sent and hashed."""
        upload = await self._api.request_upload(name, content)
        made = AnswerFile(upload.file, name)
        await self._record(operation, made)
        await self._api.upload(upload)
        return made, await asyncio.to_thread(DeliveredFile.of, name, upload.content)

    async def _record(self, operation: str, made: AnswerFile) -> None:
        """Record the file with its answer. If the answer has expired, delete the file, because it would stay forever."""
        if not await retry_write(lambda: self._answers.record_file(operation, made), self._clock.sleep):
            await self.delete(made)
            raise AnswerExpired


def describe_delivery(count: int) -> Phrase:
    """Describe where the files are."""
    return Phrase(
        "The file was sent to you as a direct message.", plural="The files were sent to you as direct messages.", n=count
    )


def explain_refusal(failure: SlackFailure) -> Phrase:
    """Explain why there is no file."""
    if failure.code == NOT_SHARED_CODE:
        return Phrase("Slack accepted the file twice but does not show it. Run the command again later.")
    if failure.code in FORBIDDEN_UPLOAD_CODES:
        return Phrase(
            "Could not upload the file: this workspace does not allow it ({code}). A workspace administrator can allow "
            "uploads by apps.",
            code=failure.code,
        )
    return Phrase("Could not upload the file: Slack rejected it ({code}). Try again later.", code=failure.code)
