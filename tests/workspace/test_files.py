"""Files: uploaded, shown, deleted."""

from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.faults import PICTURES, SHARING, NotLookedAt, NotShared
from tests.lab.workspace.journal import FileDeleted
from tests.workspace.conftest import web_client
from tests.workspace.parts import Part
from tests.workspace.test_web_api import refusal


@pytest.fixture
def api(full: Workspace, session: aiohttp.ClientSession) -> AsyncWebClient:
    return web_client(full, session)


async def test_a_picture_goes_into_a_thread_with_words_for_those_who_do_not_see_it(
    full: Workspace, api: AsyncWebClient
) -> None:
    parent = await api.chat_postMessage(channel="C0OPS", text="charts")
    await api.files_upload_v2(
        channel="C0OPS", thread_ts=parent["ts"], content="png", filename="a.png", title="Load", alt_txt="Load falls"
    )
    [_, reply] = full.thread("C0OPS", parent["ts"])
    [name] = reply.files
    upload = full.upload(name)
    assert upload is not None
    assert (upload.name, upload.title, upload.alt_text, upload.content) == ("a.png", "Load", "Load falls", b"png")


async def test_a_deleted_file_is_gone_and_its_message_stays(full: Workspace, api: AsyncWebClient) -> None:
    [file] = (await api.files_upload_v2(channel="C0OPS", content="x", filename="a.csv"))["files"]
    await api.files_delete(file=file["id"])
    [message] = full.messages("C0OPS")
    upload = full.upload(file["id"])
    assert upload is not None
    assert (message.files, full.file(file["id"]), upload.deleted) == ((file["id"],), None, True)
    [change] = [change for change in full.changes if isinstance(change, FileDeleted)]
    assert [full.visible_to(change, user) for user in ("U0GUEST", "U0STRANGER")] == [True, False]


async def test_what_cannot_be_deleted_is_refused(full: Workspace, api: AsyncWebClient) -> None:
    [file] = (await api.files_upload_v2(channel="C0OPS", content="x", filename="a.csv"))["files"]
    await api.files_delete(file=file["id"])
    theirs = await full.share("U0OPERATOR", "C0OPS", ("b.txt", b"mine"))
    begun = await api.files_getUploadURLExternal(filename="c", length=1)
    assert await refusal(api.files_delete(file=file["id"])) == "file_deleted"
    assert await refusal(api.files_delete(file=theirs.files[0])) == "cant_delete_file"
    assert await refusal(api.files_delete(file=begun["file_id"])) == "file_not_found"
    assert await refusal(api.files_delete(file="F0NONE")) == "file_not_found"


PNG = b"\x89PNG\r\n\x1a\n"


def picture(file: str) -> list[Part]:
    return [{"type": "image", "slack_file": {"id": file}, "alt_text": "Load falls"}]


async def uploaded(api: AsyncWebClient, content: bytes = PNG, name: str = "a.png") -> str:
    """A file that no message shows yet."""
    [file] = (await api.files_upload_v2(content=content, filename=name))["files"]
    return str(file["id"])


async def test_a_message_shows_an_uploaded_picture_and_so_does_its_edit(full: Workspace, api: AsyncWebClient) -> None:
    blocks = picture(await uploaded(api))
    posted = await api.chat_postMessage(channel="C0OPS", text="chart", blocks=blocks)
    await api.chat_update(channel="C0OPS", ts=posted["ts"], text="edited", blocks=blocks)
    [message] = full.messages("C0OPS")
    [shown] = message.blocks
    assert ("edited", blocks[0]["slack_file"], (), ()) == (message.text, shown["slack_file"], message.files, message.unseen)


async def test_a_picture_that_only_an_edit_brings_in_is_accepted_and_not_found(full: Workspace, api: AsyncWebClient) -> None:
    file = await uploaded(api)
    posted = await api.chat_postMessage(channel="C0OPS", text="Working on it")
    assert (await api.chat_update(channel="C0OPS", ts=posted["ts"], text="chart", blocks=picture(file)))["ok"]
    [message] = full.messages("C0OPS")
    assert (file,) == message.unseen


async def test_a_picture_in_a_private_message_is_accepted_and_not_shown(full: Workspace, api: AsyncWebClient) -> None:
    """Even one that others see in the channel."""
    file = await uploaded(api)
    await api.chat_postMessage(channel="C0OPS", text="chart", blocks=picture(file))
    await api.chat_postEphemeral(channel="C0OPS", user="U0ADMIN", text="chart", blocks=picture(file))
    [message] = full.private("U0ADMIN")
    assert (file,) == message.unseen


async def _announced(api: AsyncWebClient) -> str:
    return str((await api.files_getUploadURLExternal(filename="a.png", length=len(PNG)))["file_id"])


async def _deleted(api: AsyncWebClient) -> str:
    file = await uploaded(api)
    await api.files_delete(file=file)
    return file


async def _text(api: AsyncWebClient) -> str:
    return await uploaded(api, b"no picture, whatever its name is")


async def _unknown(api: AsyncWebClient) -> str:
    return "F0000000000"


@pytest.mark.parametrize("make", [_announced, _deleted, _text, _unknown])
async def test_a_picture_that_is_not_there_makes_the_blocks_invalid(
    api: AsyncWebClient, make: Callable[[AsyncWebClient], Awaitable[str]]
) -> None:
    blocks = picture(await make(api))
    with pytest.raises(SlackApiError) as refused:
        await api.chat_postMessage(channel="C0OPS", text="chart", blocks=blocks)
    answer = refused.value.response
    assert ("invalid_blocks", ["invalid slack file [json-pointer:/blocks/0/slack_file]"]) == (
        answer["error"],
        answer["errors"],
    )


async def test_a_picture_is_refused_until_slack_has_looked_at_it(full: Workspace, api: AsyncWebClient) -> None:
    full.faults.switch_on(PICTURES, NotLookedAt(), times=2)
    blocks = picture(await uploaded(api))
    for _ in range(2):
        assert "invalid_blocks" == await refusal(api.chat_postMessage(channel="C0OPS", text="chart", blocks=blocks))
        await api.chat_postMessage(channel="C0OPS", text="without a picture")
    await api.chat_postMessage(channel="C0OPS", text="chart", blocks=blocks)


async def shared(api: AsyncWebClient, file: str) -> object:
    return (await api.files_info(file=file))["file"]["shares"]


async def test_a_file_knows_where_it_is_shared(full: Workspace, api: AsyncWebClient) -> None:
    hidden = await uploaded(api)
    [file] = (await api.files_upload_v2(channel="C0OPS", content="x", filename="a.csv"))["files"]
    [message] = full.messages("C0OPS")
    assert ({}, {"public": {"C0OPS": [{"ts": message.ts}]}}) == (await shared(api, hidden), await shared(api, file["id"]))


async def test_a_completed_file_may_be_shared_later(full: Workspace, api: AsyncWebClient) -> None:
    full.faults.switch_on(SHARING, NotShared(asked=2), times=1)
    [file] = (await api.files_upload_v2(channel="C0OPS", content="x", filename="a.csv"))["files"]
    assert ({}, ()) == (await shared(api, file["id"]), full.messages("C0OPS"))
    assert {} != await shared(api, file["id"])
    [message] = full.messages("C0OPS")
    assert (file["id"],) == message.files


async def test_a_completed_file_may_never_be_shared_and_never_is_once_it_was_deleted(
    full: Workspace, api: AsyncWebClient
) -> None:
    full.faults.switch_on(SHARING, NotShared(), times=2)
    [late] = (await api.files_upload_v2(channel="C0OPS", content="x", filename="a.csv"))["files"]
    [gone] = (await api.files_upload_v2(channel="C0OPS", content="x", filename="b.csv"))["files"]
    assert [{}] * 5 == [await shared(api, late["id"]) for _ in range(5)]
    await api.files_delete(file=gone["id"])
    assert "file_deleted" == await refusal(api.files_info(file=gone["id"]))
    full.share_late()
    assert [(late["id"],)] == [message.files for message in full.messages("C0OPS")]


async def test_a_picture_has_a_type_once_slack_has_looked_at_it(full: Workspace, api: AsyncWebClient) -> None:
    file = await uploaded(api)
    full.faults.switch_on(PICTURES, NotLookedAt(), times=1)
    assert ["", "image/png"] == [(await api.files_info(file=file))["file"]["mimetype"] for _ in range(2)]
