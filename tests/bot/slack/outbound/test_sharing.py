"""Files that Slack accepts: shown late, or not at all, or forbidden by the workspace's policy."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.slack.client.preflight import FILE_SCOPE, OPTIONAL_SCOPES, SCOPES
from bot.slack.outbound.uploads import LOOKING_PAUSES, SHARING_PAUSES
from tests.bot.slack.answers.test_charts import PNG, REPORT, images
from tests.bot.slack.conftest import House, Time, manifest_with
from tests.bot.slack.inbound.test_click import MANY, answering, asked, posted
from tests.lab.workspace import Clock, Timing, Workspace
from tests.lab.workspace.faults import PICTURES, SHARING, NotLookedAt, NotShared

NOT_SHOWN = "Slack accepted the file twice but does not show it. Run the command again later."


def files(house: House) -> list[str]:
    """The files that readers of the channel can open."""
    shown = [file for message in house.workspace.messages("C0OPS") for file in message.files]
    return [file for file in shown if house.workspace.file(file) is not None]


async def pressed(house: House) -> None:
    """A person asks for an answer of the channel as a file."""
    first = await posted(house, MANY)
    await house.workspace.click("U0ADMIN", first, "file")


@pytest.mark.parametrize("asked_for", [1, len(SHARING_PAUSES) + 1])
async def test_a_file_that_is_shared_late_is_waited_for(house: House, asked_for: int) -> None:
    house.workspace.faults.switch_on(SHARING, NotShared(asked_for), times=1)
    async with house.bot():
        await pressed(house)
        await house.moving(lambda: files(house))
        await house.settled()
    assert (1, 1, asked_for) == (
        len(files(house)),
        len(house.workspace.calls("files.completeUploadExternal")),
        len(house.workspace.calls("files.info")),
    )


async def test_a_file_that_is_never_shared_is_uploaded_once_more_and_does_not_appear_twice(house: House) -> None:
    house.workspace.faults.switch_on(SHARING, NotShared(), times=1)
    async with house.bot():
        await pressed(house)
        await house.moving(lambda: files(house))
        await house.settled()
        house.workspace.share_late()
    assert 1 == len(house.desk.delivered)
    assert (1, 2) == (len(files(house)), len(house.workspace.calls("files.completeUploadExternal")))
    assert () == house.workspace.private("U0ADMIN")


async def test_a_file_that_readers_see_is_recorded_as_its_bytes_are(house: House) -> None:
    async with house.bot():
        await pressed(house)
        await house.moving(lambda: files(house))
        await house.settled()
    [shown] = [file for message in house.workspace.messages("C0OPS") for file in message.files]
    seen = house.workspace.file(shown)
    assert seen is not None
    [(operation, file)] = house.desk.delivered
    assert (len(seen), hashlib.sha256(seen).hexdigest()) == (file.size, file.sha256)
    assert operation in file.name


async def test_where_the_second_one_is_not_shared_either_the_person_is_told(house: House) -> None:
    house.workspace.faults.switch_on(SHARING, NotShared())
    async with house.bot():
        await pressed(house)
        await house.moving(lambda: house.workspace.private("U0ADMIN"))
        await house.settled()
    assert [NOT_SHOWN] == await house.private("U0ADMIN")
    assert [] == house.desk.delivered
    assert 2 == len(house.workspace.calls("files.completeUploadExternal"))


async def test_a_picture_is_waited_for_until_slack_has_looked_at_it(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No message is refused on its way."""
    (tmp_path / "chart.png").write_bytes(PNG)
    monkeypatch.setattr("bot.rendering.chart_process.PROGRAM", ("cat", str(tmp_path / "chart.png")))
    house.workspace.faults.switch_on(PICTURES, NotLookedAt(), times=len(LOOKING_PAUSES))
    house.desk.answer = answering(REPORT, here=True)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "digest --here")
        await house.moving(lambda: house.workspace.messages("C0OPS"), step=0.5)
    [message] = house.workspace.messages("C0OPS")
    assert (1, 1) == (len(images(message)), len(house.workspace.calls("chat.postMessage")))


@pytest.fixture
async def unscoped(time: Time, tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace whose administrator left the optional scope out."""
    path = manifest_with(tmp_path, SCOPES | OPTIONAL_SCOPES.keys() - {FILE_SCOPE})
    workspace = Workspace(path, clock=Clock(now=time.now, monotonic=time.monotonic), timing=Timing(ack=2.0, farewell=0.05))
    await workspace.start()
    yield workspace
    await workspace.stop()


async def test_without_the_scope_slack_is_believed(house: House, unscoped: Workspace) -> None:
    house.workspace = unscoped
    unscoped.faults.switch_on(SHARING, NotShared(), times=1)
    async with house.bot():
        await pressed(house)
        await unscoped.seen(lambda: unscoped.calls("files.completeUploadExternal"))
        await house.settled()
        unscoped.share_late()
    assert (1, (), ()) == (len(files(house)), unscoped.calls("files.info"), unscoped.private("U0ADMIN"))


@pytest.mark.parametrize("code", ["file_uploads_disabled", "file_uploads_except_images_disabled"])
async def test_a_workspace_that_forbids_uploads_is_named_with_what_helps(house: House, code: str) -> None:
    house.workspace.refuse_files(code)
    async with house.bot():
        await pressed(house)
        [text] = await house.private("U0ADMIN")
    assert f"this workspace does not allow it ({code}). A workspace administrator can allow uploads by apps." in text


async def test_in_a_channel_where_only_some_may_post_the_person_is_answered_alone_with_what_helps(house: House) -> None:
    house.workspace.restrict("C0OPS")
    house.desk.answer = answering(MANY, here=True)
    async with house.bot():
        await house.workspace.slash("U0ADMIN", "C0OPS", "health --here")
        [text] = await house.private("U0ADMIN")
    assert "only some people may post in that channel (restricted_action)." in text
    assert "A channel manager can allow the app to post there." in text


async def test_a_private_answer_that_a_reload_took_away_is_given_again(house: House) -> None:
    async with house.bot():
        await asked(house, MANY)
        house.workspace.reload("U0ADMIN")
        assert () == house.workspace.private("U0ADMIN")
        await house.workspace.slash("U0ADMIN", "C0OPS", "health")
        assert 1 == len(await house.private("U0ADMIN"))
