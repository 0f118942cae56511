"""Binds the stored deeds of a plan to the places as they are now, hosts and the bot itself: action, host and endpoint.

stored deed ─ products of earlier steps ─▶ action ───────┐
host, side ─ the inventory as it is now ─▶ endpoint ─────┴─ the plan's endpoint? ─▶ BoundAction │ PlanNotBindable
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, JsonValue

from adapters.action import BOT_NAME, Action, Place
from adapters.action_registry import find_action_class
from adapters.connection import Beat, Write
from adapters.endpoint import BOT_ENDPOINT, Endpoint
from adapters.errors import NotAsked, Refused
from adapters.fleet import Fleet
from adapters.inventory import Host, Inventory
from adapters.local.action import LocalAction
from adapters.phrase import Phrase
from adapters.transfer import StreamCount
from commands.model.plan import Plan, PlannedAction, Step, list_actions
from commands.model.plan_endpoints import find_endpoint

HostAnswer = Mapping[str, JsonValue]
StepProducts = Mapping[str, HostAnswer]


class PlanNotBindable(Refused):
    """The plan cannot be bound now: another version made it, or a host's endpoint has changed."""


@dataclass(frozen=True)
class JudgedAnswer:
    """A host's answer as JSON. `explanation` is for one that is not the expected one; `fault`: it proves nothing."""

    answer: HostAnswer
    explanation: Phrase | None = None
    fault: Phrase | None = None


Performer = Callable[[Any], Awaitable[BaseModel]]
"""Performs one kind of action on the bot itself. Raises a `HostError` if that fails."""


class OwnActions:
    """The actions that this bot can do on itself, each with what performs it. The composition root adds them."""

    def __init__(self) -> None:
        self._performers: dict[type[LocalAction[Any]], Performer] = {}

    def add(self, kind: type[LocalAction[Any]], performer: Performer) -> None:
        """Add an action, or exchange what performs it."""
        self._performers[kind] = performer

    async def perform(self, action: LocalAction[Any]) -> BaseModel:
        """Perform an action. Raises a `HostError` if that fails, or if this process cannot do it."""
        performer = self._performers.get(type(action))
        if performer is None:
            raise NotAsked(Phrase("only a running bot can do this. Start flatnet-bot, then try again"))
        return await performer(action)


@dataclass(frozen=True)
class Places:
    """Places where steps act: the fleet as it is configured now, and the bot itself."""

    fleet: Fleet
    own: OwnActions


@dataclass(frozen=True)
class BoundAction:
    """An action bound to its place. It uses the endpoint that was checked, whatever is configured meanwhile.

    `host` is None for an action on the bot itself.
    """

    places: Places
    host: Host | None
    action: Action[Any]

    async def perform(self) -> HostAnswer:
        """Perform the action, and return the answer as JSON. Raises a `HostError`."""
        return dump_answer(await self.perform_part(self.action))

    async def observe(self, now: Callable[[], datetime]) -> JudgedAnswer:
        """Perform the action, and return the answer with the action's judgement of it. Raises a `HostError`."""
        asked_at = now()
        said = await self.perform_part(self.action)
        fault = self.action.find_fault(said, asked_at, now())
        return JudgedAnswer(dump_answer(said), self.action.explain_answer(said), fault)

    async def perform_part(self, action: Action[Any]) -> BaseModel:
        """Perform a part of the action, such as one piece of a transfer, at the same place. Raises a `HostError`."""
        if self.host is None:
            assert isinstance(action, LocalAction)
            return await self.places.own.perform(action)
        said: BaseModel = await self.places.fleet.perform(self.host, action)
        return said

    async def read_stream(self, write: Write, beat: Beat) -> StreamCount:
        """Run the source of a stream, and write its bytes as they come. Raises a `HostError`."""
        return await self.places.fleet.read_stream(self._require_host(), self.action, write, beat)

    async def write_stream(self, pieces: AsyncIterator[bytes], beat: Beat) -> StreamCount:
        """Run the sink of a stream, and give it the bytes as they come. Raises a `HostError`."""
        return await self.places.fleet.write_stream(self._require_host(), self.action, pieces, beat)

    def _require_host(self) -> Host:
        if self.host is None:
            raise NotAsked(Phrase("this version of flatnet-bot cannot transfer this. Submit the change again"))
        return self.host


@dataclass(frozen=True)
class PlanRun:
    """An operation that runs, its actor, and its plan."""

    operation: str
    actor: str
    plan: Plan

    def find_step(self, key: str) -> Step:
        """Find a step by its key. Raises a `KeyError` where the plan has none."""
        for step in self.plan.steps:
            if step.key == key:
                return step
        raise KeyError(f"the plan has no step {key}")

    def needs_product(self, key: str) -> bool:
        """Return whether any deed of the plan uses the product of that step, or its record is wanted."""
        if self.find_step(key).recorded:
            return True
        deeds = (deed for step in self.plan.steps for deed in list_actions(step))
        return any(product.step == key for deed in deeds for product in deed.products.values())

    def bind(self, places: Places, name: str, deed: PlannedAction, produced: StepProducts) -> BoundAction:
        """Bind one of the plan's deeds to the places as they are now. Raises `PlanNotBindable`."""
        host, road = _find_place(places.fleet.inventory, name, _find_action_class(deed).side)
        try:
            action = deed.build_action(produced)
        except ValueError as error:
            raise _make_error(_explain_other_version(error)) from error
        if road not in self.plan.roads:
            why = Phrase("the connection or identity of {host} differs from what was approved", host=name)
            raise _make_error(why)
        return BoundAction(places, host, action)


def _find_place(inventory: Inventory, name: str, side: Place) -> tuple[Host | None, Endpoint]:
    """Find the host of a step, None for the bot itself, and the endpoint there. Raises `PlanNotBindable`."""
    if side == "bot" and name == BOT_NAME:
        return None, BOT_ENDPOINT
    host = inventory.find_reachable(name)
    if side == "bot" or host is None or host.get_side(side) is None:
        raise _make_error(Phrase("{host} has no {side} connection in the configuration", side=side, host=name))
    try:
        return host, find_endpoint(host, side)
    except Refused as error:
        raise _make_error(error.phrase) from error


def require_known_actions(step: Step) -> None:
    """Raise `PlanNotBindable` where this version does not know all actions of a step."""
    for deed in list_actions(step):
        _find_action_class(deed)


def dump_answer(answer: BaseModel) -> HostAnswer:
    """Return an answer as JSON."""
    document: HostAnswer = answer.model_dump(mode="json")
    return document


def _find_action_class(deed: PlannedAction) -> type[Action[Any]]:
    try:
        return find_action_class(deed.kind)
    except ValueError as error:
        raise _make_error(_explain_other_version(error)) from error


def _explain_other_version(error: ValueError) -> Phrase:
    return Phrase("this version of flatnet-bot cannot read it: {why}", why=str(error))


def _make_error(why: Phrase) -> PlanNotBindable:
    return PlanNotBindable(Phrase("the plan can no longer be run ({why}). Submit the change again", why=why))
