"""Durable engine for `apply.v1`, the only importer of DBOS: after a crash a run goes on from the step that it had reached.

apply.v1   begin ─▶ step … step ─▶ end
                      └ one whose reply stops the run ─▶ undo … undo ─▶ end

The replies of `begin` and of each `step` decide what is run and whether the run goes on, so that new operations never change
this shape: DBOS finds its place again by counting calls. Another shape needs another name (`apply.v2`), and this one stays
until the last run of it has ended. Steps may run twice after a crash; they read their own events
(`step_runner`). Only plain JSON goes in and out, never pickle; and no secret, for DBOS stores all of it in plain
text.
"""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.audit_log.files import HeadUnavailable
from bot.store import library_database as beside
from bot.store.errors import DatabaseError

if TYPE_CHECKING:
    from dbos import DBOSConfig

    from bot.store.engine_pool import EnginePool


APPLICATION, VERSION, EXECUTOR_ID, QUEUE_NAME, WORKFLOW = "flatnet-bot", "1", "flatnet-bot", "apply", "apply.v1"
"""Constants: with another version or executor, DBOS would not recover earlier runs. The workflow names our version."""

POLL_SECONDS = 0.25
"""Seconds between two polls of the queue. Hosts are claimed before, so only the first step waits for it."""

MAX_RECOVERIES = 1_000_000
"""Most starts of one workflow after crashes: as good as all, because most ends of the bot are no fault of a run.

`bot.changes.services.intent_log` counts those of each step.
"""

RETRY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before the retries of a step that could not be recorded."""

DRAIN_SECONDS = 10.0
"""Seconds that steps under way get at the shutdown; longer ones are settled after the next start."""

RETENTION = timedelta(days=30)
"""Retention of ended workflows in DBOS. The audit log has the lasting record."""

MAX_THREADS = 32
"""For DBOS's own queries, and for `asyncio.to_thread` meanwhile: as many as Python's own default."""

StepReply = dict[str, Any]
"""Reply of a step: plain JSON."""

_ACTIVE_STATUSES = ("PENDING", "ENQUEUED", "DELAYED")
_ENDED_STATUSES = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

_log = structlog.get_logger("bot.changes.services.engine")


class ApplySteps(Protocol):
    """Steps of `apply.v1`. Each may be called again after a crash, and must detect that by itself."""

    def begin(self, operation: str, /) -> Awaitable[StepReply]:
        """Return `go`: whether there is anything to do; `steps`: the keys of the steps, in order."""

    def run_step(self, operation: str, key: str, /) -> Awaitable[StepReply]:
        """Return `go`: whether the next step may follow; else `undo_step`: the keys of the steps to roll back, in order."""

    def undo_step(self, operation: str, key: str, /) -> Awaitable[StepReply]:
        """Roll one step back."""

    def end(self, operation: str, /) -> Awaitable[StepReply]:
        """Record the outcome, and release the hosts."""


async def apply_v1(apply: ApplySteps, operation: str) -> StepReply:
    """Run the fixed shape: the order of calls depends on nothing but the replies of earlier calls."""
    try:
        reply = _check_reply(await apply.begin(operation))
        if not reply["go"]:
            return {}
        for key in reply["steps"]:
            reply = _check_reply(await apply.run_step(operation, key))
            if not reply["go"]:
                break
        for key in reply.get("undo", ()):
            _check_reply(await apply.undo_step(operation, key))
        return _check_reply(await apply.end(operation))
    except _StepBug as error:
        return {"bug": error.reference}


@dataclass(frozen=True)
class _Steps:
    """The same calls, as steps that DBOS records."""

    begin: Callable[[str], Awaitable[StepReply]]
    run_step: Callable[[str, str], Awaitable[StepReply]]
    undo_step: Callable[[str, str], Awaitable[StepReply]]
    end: Callable[[str], Awaitable[StepReply]]


@dataclass(frozen=True)
class WorkflowStatus:
    """DBOS's status of an operation. `reference` names the line of the log that explains an unexpected end."""

    ended: bool
    reference: str = ""


@dataclass(frozen=True)
class _RunningTask:
    """The task that runs an operation; `over` is set when it has ended."""

    task: asyncio.Task[Any]
    over: asyncio.Event = field(default_factory=asyncio.Event)


class _StepBug(Exception):
    """A step failed because of a bug in the bot."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference


class Engine:
    """DBOS while it runs: started by `launch`, closed by `aclose`. One at a time in a process."""

    def __init__(self, apply: ApplySteps, reference: Callable[[], str], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._apply = apply
        self._reference = reference
        self._sleep = sleep
        self._context = contextvars.copy_context()
        self._closing = False
        self._alive: dict[str, _RunningTask] = {}
        self._orphans: frozenset[str] = frozenset()
        self._workflow: Callable[[str], Any]

    @classmethod
    async def launch(
        cls,
        place: "Path | EnginePool",
        apply: ApplySteps,
        reference: Callable[[], str],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> "Engine":
        """Open DBOS's own tables and resume what a crash has left. `reference` names an unexpected error in the log.

        `place`: a file of SQLite of its own, or sessions of the bot's database on PostgreSQL. Raises a `DatabaseError` where
        that cannot be used. Blocks the event loop for a moment: DBOS runs on the loop that launches it.
        """
        if isinstance(place, Path):
            await asyncio.to_thread(beside.prepare_library_file, place)
        await asyncio.to_thread(__import__, "dbos")  # takes half a second
        from dbos import DBOS

        durable = cls(apply, reference, sleep)
        DBOS(config=_make_config(place))
        _redirect_logs()
        durable._register_workflow()
        try:
            DBOS.launch()
            await DBOS.register_queue_async(QUEUE_NAME, polling_interval_sec=POLL_SECONDS)
        except BaseException as error:
            await _destroy()  # else the next launch would find this one
            if isinstance(place, Path) or (known := place.map_error(error)) is None:
                raise
            raise known from error
        return durable

    async def enqueue(self, operation: str) -> None:
        """Enqueue an operation. A repeated call has no effect."""
        from dbos import DBOS, SetWorkflowID

        with SetWorkflowID(operation):
            await DBOS.enqueue_workflow_async(QUEUE_NAME, self._workflow, operation)

    async def find_statuses(self, operations: Collection[str]) -> Mapping[str, WorkflowStatus]:
        """Find the status of those operations that DBOS knows."""
        from dbos import DBOS

        if not operations:
            return {}
        found = await DBOS.list_workflows_async(workflow_ids=list(operations), load_input=False)
        return {
            one.workflow_id: WorkflowStatus(one.status not in _ACTIVE_STATUSES, _find_reference(one.output)) for one in found
        }

    async def resume_orphans(self) -> tuple[str, ...]:
        """Resume orphans: workflows that are pending in DBOS but have no task, because their end could not be recorded.

        Call it periodically. A workflow is resumed only if two calls in a row find it, because a starting one has no task
        for a moment.
        """
        from dbos import DBOS

        pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        orphans = frozenset(one.workflow_id for one in pending if one.workflow_id not in self._alive)
        lost, self._orphans = tuple(sorted(orphans & self._orphans)), orphans
        for operation in lost:
            _log.warning("no process ran a workflow; it is resumed", operation=operation)
            await DBOS.resume_workflow_async(operation, queue_name=QUEUE_NAME)
        return lost

    async def delete_ended(self, now: datetime) -> int:
        """Delete workflows that ended more than `RETENTION` ago; return their number."""
        from dbos import DBOS

        before = (now - RETENTION).isoformat()
        old = await DBOS.list_workflows_async(
            status=_ENDED_STATUSES, completed_before=before, load_input=False, load_output=False
        )
        if old:
            await DBOS.delete_workflows_async([one.workflow_id for one in old])
        return len(old)

    async def aclose(self) -> None:
        """Let steps under way end, start no more, and close; unfinished runs go on after the next launch."""
        self._closing = True
        workflows = tuple(held.task for held in self._alive.values())
        if workflows:
            _, late = await asyncio.wait(workflows, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await _destroy()

    def _register_workflow(self) -> None:
        """Register the workflow and its steps with DBOS, under names that never change."""
        from dbos import DBOS

        steps = _Steps(
            begin=DBOS.step(name="begin")(self._wrap_step(self._apply.begin)),
            run_step=DBOS.step(name="step")(self._wrap_step(self._apply.run_step)),
            undo_step=DBOS.step(name="undo")(self._wrap_step(self._apply.undo_step)),
            end=DBOS.step(name="end")(self._wrap_step(self._apply.end)),
        )

        async def apply(operation: str) -> StepReply:
            async with self._hold_operation(operation):
                return await apply_v1(steps, operation)

        self._workflow = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=MAX_RECOVERIES)(apply)

    def _wrap_step(self, work: Callable[..., Awaitable[StepReply]]) -> Callable[..., Awaitable[StepReply]]:
        """Wrap a step for DBOS. Its work runs outside DBOS's context, so that operations enqueued by it are not its
        children.
        """

        async def run(*arguments: str) -> StepReply:
            if self._closing:
                raise asyncio.CancelledError  # nothing is recorded, so the next launch begins with this step
            return await asyncio.get_running_loop().create_task(
                self._run_with_retries(work, *arguments), context=self._context.copy()
            )

        return run

    async def _run_with_retries(self, work: Callable[..., Awaitable[StepReply]], *arguments: str) -> StepReply:
        """Run a step, with retries while it could not be recorded. A bug is logged, and the reply holds its reference."""
        try:
            for pause in RETRY_DELAYS:
                try:
                    return await work(*arguments)
                except (DatabaseError, HeadUnavailable) as error:
                    _log.warning("a step could not be recorded", step=arguments, why=str(error))
                    await self._sleep(pause)
            return await work(*arguments)
        except Exception as error:  # a bug, or a disk that stays full: the operation ends here, as unknown
            reference = self._reference()
            _log.error("unexpected error", reference=reference, operation=arguments[0], step=arguments[1:], exc_info=error)
            return {"bug": reference}

    @asynccontextmanager
    async def _hold_operation(self, operation: str) -> AsyncIterator[None]:
        """Hold an operation while its task runs.

        `resume_orphans` may start a second task for a workflow that has just resumed by itself. DBOS takes the end of the
        second task for the end of the run. So the second task waits for the first one, and then finds the steps done.
        """
        task = asyncio.current_task()
        assert task is not None
        while (first := self._alive.get(operation)) is not None:
            await first.over.wait()
        held = self._alive[operation] = _RunningTask(task)
        try:
            yield
        finally:
            del self._alive[operation]
            held.over.set()


def _make_config(place: "Path | EnginePool") -> "DBOSConfig":
    from dbos import DBOSPortableJSONSerializer
    from dbos._serialization import DBOSDefaultSerializer

    # a row may name pickle instead, and who writes the database must not run code here
    plain = DBOSPortableJSONSerializer()
    DBOSDefaultSerializer.deserialize = plain.deserialize  # type: ignore[method-assign, assignment]
    config: DBOSConfig = {
        "name": APPLICATION,
        "application_version": VERSION,
        "executor_id": EXECUTOR_ID,
        "serializer": plain,
        "log_level": "WARNING",
        "max_executor_threads": MAX_THREADS,
        "notification_listener_polling_interval_sec": POLL_SECONDS,
    }
    if isinstance(place, Path):
        config["system_database_url"] = f"sqlite:///{place.absolute()}"
    else:
        config["system_database_engine"] = place.engine
        config["use_listen_notify"] = False  # else it would keep a session of its own, which no transaction fences
    return config


async def _destroy() -> None:
    from dbos import DBOS

    await asyncio.to_thread(partial(DBOS.destroy, destroy_registry=True))
    # DBOS had replaced the threads of `asyncio.to_thread` by its own, and has ended them
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="asyncio"))


def _redirect_logs() -> None:
    """Send DBOS's log lines through our handlers, instead of its own."""
    logger = logging.getLogger("dbos")
    logger.handlers.clear()
    logger.propagate = True


def _check_reply(reply: StepReply) -> StepReply:
    if "bug" in reply:
        raise _StepBug(reply["bug"])
    return reply


def _find_reference(output: Any) -> str:
    return str(output["bug"]) if isinstance(output, dict) and "bug" in output else ""
