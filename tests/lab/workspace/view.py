"""Modals and home tabs as values: what the app sent, checked by Slack's rules, and what a person sees."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.lab.workspace.answers import SlackError, invalid
from tests.lab.workspace.blocks import VIEW, complaints
from tests.lab.workspace.checks import Complaints, fault, flag, known, plain, string
from tests.lab.workspace.form import Block, Values
from tests.lab.workspace.seed import Seed

LARGEST = 250_000
"""Bytes of a view."""

TROUBLE = "We had some trouble connecting. Try again?"
"""What a person reads in a modal when the app does not answer, or answers what cannot be shown."""

_BOTH = frozenset({"type", "blocks", "private_metadata", "callback_id", "external_id"})
_KEYS = {"modal": _BOTH | {"title", "submit", "close", "clear_on_close", "notify_on_close"}, "home": _BOTH}


@dataclass(frozen=True)
class View:
    """A modal or a home tab in front of one person.

    `sent` is what the app sent, with ids for its blocks. `values` is what is filled in, `errors` stand at their
    blocks (by block_id), and `trouble` is Slack's own sentence where the app let the person down.
    """

    id: str
    user: str
    sent: Mapping[str, Any]
    hash: str
    root: str
    previous: str | None = None
    values: Values = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def home(self) -> bool:
        return bool(self.sent["type"] == "home")

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(self.sent["blocks"])

    @property
    def callback_id(self) -> str:
        return str(self.sent.get("callback_id", ""))

    @property
    def external_id(self) -> str:
        return str(self.sent.get("external_id", ""))

    @property
    def private_metadata(self) -> str:
        return str(self.sent.get("private_metadata", ""))

    @property
    def title(self) -> str:
        return self._words("title")

    @property
    def submit(self) -> str:
        """The words on the button that sends the form; empty where there is none."""
        return self._words("submit")

    @property
    def close(self) -> str:
        """The words on the button that closes; empty means Slack's own."""
        return self._words("close")

    @property
    def notify_on_close(self) -> bool:
        return self.sent.get("notify_on_close") is True

    @property
    def clear_on_close(self) -> bool:
        return self.sent.get("clear_on_close") is True

    def as_json(self, seed: Seed) -> dict[str, Any]:
        """This view as the Web API and the payloads show it."""
        sent = self.sent
        return {
            "id": self.id,
            "team_id": seed.team,
            "type": sent["type"],
            "blocks": list(self.blocks),
            "private_metadata": self.private_metadata,
            "callback_id": self.callback_id,
            "state": {"values": self.values},
            "hash": self.hash,
            "title": sent.get("title"),
            "clear_on_close": self.clear_on_close,
            "notify_on_close": self.notify_on_close,
            "close": sent.get("close"),
            "submit": sent.get("submit"),
            "previous_view_id": self.previous,
            "root_view_id": self.root,
            "app_id": seed.app,
            "external_id": self.external_id,
            "app_installed_team_id": seed.team,
            "bot_id": seed.bot,
        }

    def _words(self, name: str) -> str:
        return str(self.sent[name]["text"]) if self.sent.get(name) else ""


def checked(sent: Any, kind: str) -> Mapping[str, Any]:
    """A view as the app sent it; `SlackError` `invalid_arguments` or `view_too_large` where Slack refuses it."""
    found = list(_complaints(sent, kind))
    if found:
        raise invalid("invalid_arguments", found)
    if len(json.dumps(sent, ensure_ascii=False).encode()) > LARGEST:
        raise SlackError("view_too_large")
    assert isinstance(sent, dict)
    return {name: value for name, value in sent.items() if value is not None}


def _complaints(sent: Any, kind: str) -> Complaints:
    if not isinstance(sent, dict):
        yield fault("missing required field: view", "/view")
        return
    if sent.get("type") != kind:
        yield fault("must be a valid enum value", "/view/type")
        return
    yield from known(sent, _KEYS[kind], "/view")
    yield from string(sent, "callback_id", 255, "/view")
    yield from string(sent, "external_id", 255, "/view")
    metadata = sent.get("private_metadata") or ""
    if not isinstance(metadata, str) or len(metadata) > 3_000:
        yield fault("must be less than 3001 characters", "/view/private_metadata")
    blocks = sent.get("blocks")
    if not isinstance(blocks, list):
        yield fault("missing required field: blocks", "/view")
        return
    yield from complaints(blocks, VIEW, "/view/blocks")
    if kind == "modal":
        yield from _modal(sent)


def _modal(sent: Mapping[str, Any]) -> Complaints:
    yield from plain(sent.get("title"), 24, "/view/title")
    for name in ("submit", "close"):
        if sent.get(name) is not None:
            yield from plain(sent[name], 24, f"/view/{name}")
    yield from flag(sent, "clear_on_close", "/view")
    yield from flag(sent, "notify_on_close", "/view")
    for number, block in enumerate(sent["blocks"]):
        if isinstance(block, dict) and block.get("type") == "input" and sent.get("submit") is None:
            # These words and this place: node-slack-sdk #875.
            yield fault("must define `submit` to use `input` block", f"/view/blocks/{number}/input")
