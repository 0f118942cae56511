"""What the inbox knows of a kind of delivery, and what its worker works with.

    a payload ─ read ─▶ inbox row ─▶ (the ack) ─▶ model ─ work ─▶ its answer, views

A kind is one module with these three and one line in the table of `bot.slack.surface`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from adapters.inventory import Inventory
from bot.access.policy import Refuse, Verdict
from bot.model.announcement import Fallback
from bot.model.change import Change
from bot.model.request import Answer, Failure, Identity, Request
from bot.requests.active_config import Rights
from bot.slack.outbound.message import Address, Letter
from bot.store.inbox import Delivery
from commands.model.operation import Catalogue, Operation, Progress, untold


class Desk(Protocol):
    """Where requests arrive (`bot.requests.dispatcher`)."""

    async def handle(self, request: Request, progress: Progress = untold) -> Answer: ...

    async def refusal(self, request: Request) -> Failure | None:
        """Why somebody may not see what was answered to such words; None where they may."""

    def rights(self, identity: Identity) -> Rights | Refuse:
        """Who that is and what they may ask for, or why for nothing."""

    def at_home(self, identity: Identity, operation: Operation) -> Verdict:
        """Whether somebody may see in their home tab what this would tell, or why not."""

    async def waiting(self, identity: Identity) -> tuple[Change, ...]:
        """Changes that wait and that this person may decide, then those that run and that they may see; oldest first."""

    @property
    def known(self) -> Catalogue:
        """Everything that anybody can ask for."""

    @property
    def hosts(self) -> Inventory:
        """The hosts that can be asked about now."""

    @property
    def fallback(self) -> Fallback:
        """Who hears what a channel does not take."""

    def role_groups(self) -> tuple[str, ...]:
        """The user groups that give roles at the moment."""


@dataclass(frozen=True)
class Kind:
    """One kind of delivery.

    `read` makes the row from Slack's payload, pure and quick; None where the payload does not say what is needed.
    `model` reads the row's payload back. `work` does what is to be done, given the model and the row, and gives the
    answer with which the row is finished, None where there is none to send; it is called again after an exception or
    a crash (`Delivery.attempts` counts), so that doing it twice must be harmless.
    `address` is where the person is told that it went wrong for good; None where there is no such place.
    """

    read: Callable[[Mapping[str, Any], datetime], Delivery | None]
    model: type[BaseModel]
    work: Callable[[Any, Delivery], Awaitable[Letter | None]]
    address: Callable[[Any, Delivery], Address | None]
