"""Files: uploaded, shown, deleted."""

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.workspace import Workspace
from tests.lab.workspace.journal import FileDeleted
from tests.workspace.conftest import web_client
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
    theirs = await full.share("U0OPERATOR", "C0OPS", "b.txt", b"mine")
    begun = await api.files_getUploadURLExternal(filename="c", length=1)
    assert await refusal(api.files_delete(file=file["id"])) == "file_deleted"
    assert await refusal(api.files_delete(file=theirs.files[0])) == "cant_delete_file"
    assert await refusal(api.files_delete(file=begun["file_id"])) == "file_not_found"
    assert await refusal(api.files_delete(file="F0NONE")) == "file_not_found"
