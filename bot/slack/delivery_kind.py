"""Delivery kinds: the parser, the model and the handler of one kind of delivery from Slack.

    a payload ─ build_delivery ─▶ inbox row ─▶ (the ack) ─▶ model ─ handle ─▶ its answer, views

A kind is one module with these three and one line in the table of `bot.slack.surface`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from adapters.inventory import Inventory
from bot.access.policy import Refusal, Verdict
from bot.model.announcement import Fallback
from bot.model.change import Change
from bot.model.home import HomeFacts
from bot.model.incident import Incident, UpdatePreview
from bot.model.output import DeliveredFile
from bot.model.request import Answer, Failure, Identity, Request, SlackIdentity
from bot.requests.authorization import Rights
from bot.slack.outbound.message import Address, OutboundMessage
from bot.store.inbox import Delivery
from commands.model.operation import Catalogue, Operation, Progress, ignore_progress


class ConfigurationDesk(Protocol):
    """The present configuration. Nothing here waits, so a copy of the bot that stands by has it, too."""

    @property
    def note_reaction(self) -> str:
        """Name of the emoji that makes a message a note; "" while reactions are switched off."""

    @property
    def known_operations(self) -> Catalogue:
        """Catalogue of all operations."""

    @property
    def hosts(self) -> Inventory:
        """Inventory of the hosts that can be asked now."""


class SlackDispatcher(ConfigurationDesk, Protocol):
    """Entry point for requests (`bot.requests.dispatcher`), of a bot that leads."""

    async def handle(self, request: Request, progress: Progress = ignore_progress) -> Answer: ...

    async def check_refusal(self, request: Request) -> Failure | None:
        """Return why a person may not see the answer to these words; None if they may."""

    async def record_delivery(self, operation: str, file: DeliveredFile) -> None:
        """Record that a file was delivered. Never raises."""

    def find_rights(self, identity: Identity) -> Rights | Refusal:
        """Return the person's rights, or the reason why they have none."""

    def judge_home_view(self, identity: Identity, operation: Operation) -> Verdict:
        """Decide whether a person's home tab may show what this operation returns."""

    async def read_home(self, identity: Identity) -> HomeFacts:
        """Return what a person sees in their home tab."""

    async def read_home_version(self) -> str:
        """Return a text that differs whenever some home tab may."""

    async def find_note_places(self, identity: SlackIdentity, channel: str, key: str) -> tuple[Incident, ...]:
        """Return the incidents to which a person may add a message as a note; the one that the delivery has acted on."""

    async def preview_update(self, identity: SlackIdentity, channel: str, text: str) -> UpdatePreview | None:
        """Return the preview of a request that is an update on an incident; None if it is none, or will be refused."""

    def name_author(self, user: str) -> str:
        """Return the configured name of a person by their Slack id; "" without one."""

    async def list_urgent(self, identity: Identity) -> tuple[str, ...]:
        """Return the commands that show what a person should look at first."""

    @property
    def fallback(self) -> Fallback:
        """Recipients of announcements that a channel does not take."""

    def list_role_groups(self) -> tuple[str, ...]:
        """Return the user groups that give roles at the moment."""

    def list_deciders(self, change: Change) -> tuple[str, ...]:
        """Return the Slack ids of people and user groups that may approve or review a change."""

    def may_decide(self, identity: Identity, change: Change) -> bool:
        """Return whether a person may approve or review a change now."""


@dataclass(frozen=True)
class DeliveryKind:
    """One kind of delivery.

    `build_delivery` builds the inbox row from Slack's payload: pure and quick, None for an incomplete payload.
    `model` parses the row's payload. `handle` handles the delivery, given the model and the row, and returns the answer that
    finishes the row, or None if there is nothing to send. It is called again after an exception or a crash
    (`Delivery.attempts` counts), so it must be idempotent.
    `address` is the place for the message that the work failed for good; None if there is none.
    `typed` names the payload's field with text that a person typed, from which secrets are withheld; "" if it has none.
    `comes_again`: Slack or the person sends the delivery again if it was not taken, under the same key (an event, a form).
    `is_news`: it asks for nothing and is handled at once, such as the news that a person opened their home tab.
    """

    build_delivery: Callable[[Mapping[str, Any], datetime], Delivery | None]
    model: type[BaseModel]
    handle: Callable[[Any, Delivery], Awaitable[OutboundMessage | None]]
    address: Callable[[Any, Delivery], Address | None]
    typed: str = ""
    comes_again: bool = False
    is_news: bool = False
