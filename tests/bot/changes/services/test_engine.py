"""Durable running: each step once where nothing goes wrong, on from its place after a crash, and never lost in silence."""

import asyncio
import io
import json
import logging
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dbos import DBOS

from adapters.phrase import Phrase
from bot.changes.services.engine import POLL_SECONDS, QUEUE_NAME, RETENTION, RETRY_DELAYS, ApplySteps, Engine, WorkflowStatus
from bot.changes.services.intent_log import CountedSteps
from bot.runtime.logging import configure_logs
from bot.store.errors import DatabaseBusy, DatabaseDamaged
from tests.bot.changes.engine_steps import ALL, Steps, ended, no_wait

STORED = Path(__file__).parents[1] / "apply_v1.sql"
"""A run of `apply.v1` as DBOS 3.4.0 kept it when the bot was killed (-9) after its first step."""


class Starts(Counter[tuple[str, str]]):
    """Counts the starts of steps in memory."""

    async def count_start(self, operation: str, step: str) -> int:
        self[operation, step] += 1
        return self[operation, step]


@asynccontextmanager
async def launched(file: Path, steps: ApplySteps) -> AsyncIterator[Engine]:
    durable = await Engine.launch(file, steps, lambda: "7f3a", no_wait)
    try:
        yield durable
    finally:
        await durable.aclose()


@pytest.fixture
def file(used_before: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(used_before, tmp_path / "durable.sqlite3"))


async def test_an_operation_runs_from_begin_to_end_once_however_often_it_is_enqueued(file: Path) -> None:
    steps = Steps()
    async with launched(file, steps) as durable:
        await asyncio.gather(*(durable.enqueue("op-1") for _ in range(5)))
        assert {"op-1": WorkflowStatus(ended=True)} == await ended(durable, "op-1")
        await durable.enqueue("op-1")
        await asyncio.sleep(0.5)
    assert ALL == steps.calls


async def test_a_step_that_does_not_go_well_is_followed_by_what_is_to_be_taken_back(file: Path) -> None:
    steps = Steps(bad="b")
    async with launched(file, steps) as durable:
        await durable.enqueue("op-1")
        await ended(durable, "op-1")
    assert ["begin op-1", "step a", "step b", "undo b", "undo a", "end"] == steps.calls


async def test_where_nothing_may_be_done_nothing_is_done(file: Path) -> None:
    steps = Steps()
    async with launched(file, steps) as durable:
        await durable.enqueue("refused")
        await ended(durable, "refused")
    assert ["begin refused"] == steps.calls


async def test_what_an_end_enqueues_is_an_operation_of_its_own(file: Path) -> None:
    """Hosts that become free start the next one, from inside a step of this one."""
    steps = Steps()
    async with launched(file, steps) as durable:

        async def next_one(call: str) -> None:
            if call == "end" and "begin op-2" not in steps.calls:
                await durable.enqueue("op-2")

        steps.at = next_one
        await durable.enqueue("op-1")
        await ended(durable, "op-1", "op-2")
    assert [*ALL, "begin op-2", *ALL[1:]] == steps.calls


async def test_a_bug_ends_the_operation_with_a_reference_that_stands_in_the_log(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row still says that it runs; the tick finds that it does not, and turns it into unknown."""
    log = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    configure_logs("warning", log)

    async def fail(call: str) -> None:
        if call == "step b":
            raise KeyError("host-a")

    steps = Steps(at=fail)
    async with launched(file, steps) as durable:
        await durable.enqueue("op-1")
        assert {"op-1": WorkflowStatus(ended=True, reference="7f3a")} == await ended(durable, "op-1")
    assert ["begin op-1", "step a", "step b"] == steps.calls
    line = json.loads(log.getvalue().splitlines()[0])
    assert ("7f3a", "op-1", ["b"], "error") == (line["reference"], line["operation"], line["step"], line["level"])


async def test_a_step_that_cannot_be_written_down_is_tried_again(file: Path) -> None:
    failures = [DatabaseBusy(Phrase("busy"))] * len(RETRY_DELAYS)

    async def busy(call: str) -> None:
        if call == "step b" and failures:
            raise failures.pop()

    steps = Steps(at=busy)
    async with launched(file, steps) as durable:
        await durable.enqueue("op-1")
        assert {"op-1": WorkflowStatus(ended=True)} == await ended(durable, "op-1")
    assert ["begin op-1", "step a", *["step b"] * (len(RETRY_DELAYS) + 1), "step c", "end"] == steps.calls


async def test_a_disk_that_stays_full_ends_it_as_something_that_nobody_knows(file: Path) -> None:
    async def busy(call: str) -> None:
        if call == "step b":
            raise DatabaseBusy(Phrase("busy"))

    steps = Steps(at=busy)
    async with launched(file, steps) as durable:
        await durable.enqueue("op-1")
        assert "7f3a" == (await ended(durable, "op-1"))["op-1"].reference


async def test_unknown_operations_are_not_known(file: Path) -> None:
    async with launched(file, Steps()) as durable:
        assert {} == await durable.find_statuses(["op-9"])
        assert {} == await durable.find_statuses([])


async def test_closing_lets_a_step_end_and_begins_no_more_and_the_next_launch_goes_on(file: Path) -> None:
    first, reached, release = Steps(), asyncio.Event(), asyncio.Event()

    async def hold(call: str) -> None:
        if call == "step b":
            reached.set()
            await release.wait()

    first.at = hold
    durable = await Engine.launch(file, first, lambda: "7f3a", no_wait)
    await durable.enqueue("op-1")
    await reached.wait()
    closing_ = asyncio.create_task(durable.aclose())
    await asyncio.sleep(0.05)
    release.set()
    await closing_
    assert ALL[:3] == first.calls
    second = Steps()
    async with launched(file, second) as durable:
        await ended(durable, "op-1")
    assert second.calls in (ALL[2:], ALL[3:])  # whether DBOS had written the step down is a race that the journal decides


async def test_a_step_that_outlives_its_grace_is_cut_off_and_run_again_by_the_next_launch(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.changes.services.engine.DRAIN_SECONDS", 0.05)
    reached = asyncio.Event()

    async def hang(call: str) -> None:
        if call == "step b":
            reached.set()
            await asyncio.Event().wait()

    async with launched(file, Steps(at=hang)) as durable:
        await durable.enqueue("op-1")
        await reached.wait()
    second = Steps()
    async with launched(file, second) as durable:
        await ended(durable, "op-1")
    assert ALL[2:] == second.calls


async def test_what_nobody_runs_any_more_goes_on(file: Path) -> None:
    """A run that broke off where DBOS could not write that down, as on a full disk, would else seem to run for ever."""
    reached, steps = asyncio.Event(), Steps()

    async def break_off(call: str) -> None:
        if call == "step b" and not reached.is_set():
            reached.set()
            raise asyncio.CancelledError

    steps.at = break_off
    async with launched(file, steps) as durable:
        await durable.enqueue("op-1")
        await reached.wait()
        await asyncio.sleep(0.1)
        assert {"op-1": WorkflowStatus(ended=False)} == await durable.find_statuses(["op-1"])
        assert ((), ("op-1",)) == (await durable.resume_orphans(), await durable.resume_orphans())
        await ended(durable, "op-1")
        assert () == await durable.resume_orphans()
    assert [*ALL[:3], *ALL[2:]] == steps.calls


async def test_what_is_under_way_is_left_alone(file: Path) -> None:
    reached, release = asyncio.Event(), asyncio.Event()

    async def hold(call: str) -> None:
        if call == "step b":
            reached.set()
            await release.wait()

    steps = Steps(at=hold)
    async with launched(file, steps) as durable:
        await durable.enqueue("op-1")
        await reached.wait()
        assert ((), (), ()) == (
            await durable.resume_orphans(),
            await durable.resume_orphans(),
            await durable.resume_orphans(),
        )
        release.set()
        await ended(durable, "op-1")
    assert ALL == steps.calls


async def test_what_is_begun_again_while_it_runs_waits_for_that_and_ends_once(file: Path) -> None:
    """`mend` may find nobody at work on what starts just then. DBOS believes the later one from then on, so the step that
    is under way is asked for again when it has ended; steps know what they did. No end is told before."""
    reached, release = asyncio.Event(), asyncio.Event()

    async def hold(call: str) -> None:
        if call == "step b":
            reached.set()
            await release.wait()

    steps = Steps(at=hold)
    async with launched(file, steps) as durable:
        await durable.enqueue("op-1")
        await reached.wait()
        await DBOS.resume_workflow_async("op-1", queue_name=QUEUE_NAME)
        await asyncio.sleep(4 * POLL_SECONDS)
        assert {"op-1": WorkflowStatus(ended=False)} == await durable.find_statuses(["op-1"])
        release.set()
        await ended(durable, "op-1")
    assert [*ALL[:3], *ALL[2:]] == steps.calls


async def test_what_dbos_has_to_say_passes_through_our_logs(file: Path) -> None:
    async with launched(file, Steps()):
        logger = logging.getLogger("dbos")
        assert ([], True, logging.WARNING) == (logger.handlers, logger.propagate, logger.level)


async def test_threads_can_be_used_after_closing(file: Path) -> None:
    """DBOS makes its own threads those of the loop, and ends them."""
    async with launched(file, Steps()):
        pass
    assert 5 == await asyncio.to_thread(lambda: 5)


async def test_a_run_that_an_earlier_version_began_is_ended_by_this_one(tmp_path: Path) -> None:
    """The shape of `apply.v1` never changes: DBOS counts calls, so another shape would strand what is under way."""
    file, steps = tmp_path / "durable.sqlite3", Steps()
    with closing(sqlite3.connect(file)) as database:
        database.executescript(STORED.read_text())
    async with launched(file, steps) as durable:
        assert {"op-1": WorkflowStatus(ended=True)} == await ended(durable, "op-1")
    assert ALL[2:] == steps.calls


@pytest.mark.parametrize("counted", [3, 4])
async def test_a_step_that_brings_the_bot_down_again_and_again_is_not_tried_for_ever(tmp_path: Path, counted: int) -> None:
    """The operation ends as one that nobody knows. How often the bot itself ended does not matter."""
    file, steps = tmp_path / "durable.sqlite3", Steps()
    starts = Starts({("op-1", "step b"): counted})
    with closing(sqlite3.connect(file)) as database:
        database.executescript(STORED.read_text())
        database.execute("UPDATE workflow_status SET recovery_attempts = 1000")
        database.commit()
    async with launched(file, CountedSteps(steps, starts, frozenset({"op-1"}))) as durable:
        assert {"op-1": WorkflowStatus(ended=True, reference="7f3a" if counted == 4 else "")} == await ended(durable, "op-1")
    assert (counted + 1, [] if counted == 4 else ALL[2:]) == (starts[("op-1", "step b")], steps.calls)


async def test_retries_of_a_step_are_one_start_and_uninterrupted_runs_have_none(file: Path) -> None:
    failures, starts = [DatabaseBusy(Phrase("busy"))] * len(RETRY_DELAYS), Starts()

    async def busy(call: str) -> None:
        if call == "step b" and failures:
            raise failures.pop()

    async with launched(file, CountedSteps(Steps(at=busy), starts, frozenset({"op-1"}))) as durable:
        await durable.enqueue("op-1")
        await durable.enqueue("op-2")
        assert {"": 2} == Counter(status.reference for status in (await ended(durable, "op-1", "op-2")).values())
    assert {("op-1", call.split(" op")[0]): 1 for call in ALL} == starts


async def test_only_json_is_stored(file: Path) -> None:
    """Pickle would make whoever can write the file able to run code here."""
    async with launched(file, Steps(bad="b")) as durable:
        await durable.enqueue("op-1")
        await ended(durable, "op-1")
    with closing(sqlite3.connect(file)) as database:
        steps = database.execute("SELECT output, serialization FROM operation_outputs").fetchall()
        inputs = database.execute("SELECT inputs FROM workflow_input").fetchall()
        ends = database.execute("SELECT output FROM workflow_output").fetchall()
        how = database.execute("SELECT serialization FROM workflow_status").fetchall()
    assert {("portable_json",)} == {*how, *((way,) for _, way in steps)}
    assert (6, [{"state": "done"}]) == (len([json.loads(said) for said, _ in steps]), [json.loads(end) for (end,) in ends])
    assert [["op-1"]] == [json.loads(given)["positionalArgs"] for (given,) in inputs]


async def test_what_ended_long_ago_is_forgotten(file: Path) -> None:
    now = datetime.now(UTC)
    async with launched(file, Steps()) as durable:
        await durable.enqueue("op-1")
        await ended(durable, "op-1")
        assert 0 == await durable.delete_ended(now + RETENTION - timedelta(minutes=1))
        assert ["op-1"] == list(await durable.find_statuses(["op-1"]))
        assert 1 == await durable.delete_ended(now + RETENTION + timedelta(minutes=1))
        assert {} == await durable.find_statuses(["op-1"])


async def test_the_file_is_private(file: Path) -> None:
    async with launched(file, Steps()):
        assert {0o600} == {one.stat().st_mode & 0o777 for one in file.parent.iterdir()}


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "durable.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(DatabaseDamaged):
        await Engine.launch(file, Steps(), lambda: "7f3a")
