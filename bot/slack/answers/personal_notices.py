"""Direct messages about a change to people who do not see its card: those who may decide, and those who are mentioned.

    recipients, deciders ─ each once ─ not in the channel of the card ─┬─ may decide ─────────▶ the card, with its buttons
                                                                       ├─ unknown membership ─▶ that a change waits, no more
                                                                       └─ mentioned ──────────▶ the milestone as a sentence
    the change moves on ─▶ the cards that people got are edited: they show the decision, and no button that has expired

A card is edited at the decisions and at the end, not at each step: Slack allows few edits a minute for all of them. One of a
person who may no longer decide stays as it is: what comes after is not for them.
"""

from collections.abc import Iterable, Sequence

import structlog

from bot.changes.slack.card import render
from bot.changes.slack.updates import (
    DECISION_KEYS,
    Milestone,
    render_decision_request,
    render_for_person,
    render_hidden_request,
)
from bot.model.change import Change
from bot.model.request import Membership
from bot.slack.answers.responder import localize
from bot.slack.delivery_kind import SlackDispatcher
from bot.slack.directory.audience import Audience
from bot.slack.directory.people import PeopleDirectory, Reader
from bot.slack.outbound.message import Address, name_card_copy
from bot.slack.outbound.sender import Sender
from bot.store.outbox_values import NO_MESSAGE_PLACE

MAX_PEOPLE = 50
"""People who get a direct message about one milestone. More are named in the log: a role for so many is a mistake."""

COPY_MARK, STATE_MARK = "@", "="
"""Marks in the note of a card: `asked@U1` is a card that a person got, `cards=…` the state that those cards show."""

_log = structlog.get_logger(__name__)


class PersonalNotices:
    """Notifies people of changes in one workspace. Runs in Slack's loop only.

    `known` is the note of a change (`ShownChanges`): a list of words, which survives a crash.
    """

    def __init__(
        self, dispatcher: SlackDispatcher, team: str, people: PeopleDirectory, audience: Audience, sender: Sender
    ) -> None:
        self._dispatcher = dispatcher
        self._team = team
        self._people = people
        self._audience = audience
        self._sender = sender

    async def notify(self, milestone: Milestone, change: Change, channel: str, *, requester: bool) -> list[str]:
        """Notify all whom a milestone concerns and who do not see `channel`, the requester if wanted.

        Returns the words for the note.
        """
        decide = milestone.key in DECISION_KEYS
        named = await self._audience.expand(milestone.recipients)
        asked = await self._audience.expand(self._dispatcher.list_deciders(change)) if decide else ()
        concerned = dict.fromkeys((*named, *asked))
        if decide or not requester:
            concerned.pop(change.mention, None)
        absent = await self._audience.find_absent(tuple(concerned), channel)
        if len(absent) > MAX_PEOPLE:
            _log.error(
                "too many people may decide; some are not notified", operation=change.operation, users=absent[MAX_PEOPLE:]
            )
        words = []
        for user in absent[:MAX_PEOPLE]:
            reader = await self._find_reader(user, change)
            if reader is not None and await self._send(milestone, change, reader, mentioned=user in named):
                words.append(f"{milestone.key}{COPY_MARK}{user}")
        return words

    async def update(self, change: Change, known: Sequence[str]) -> list[str]:
        """Edit the cards that people got, if there was a decision or an end since; returns the words for the note."""
        copies = [word for word in known if COPY_MARK in word]
        state = f"cards{STATE_MARK}{_describe_decisions(change)}"
        if not copies or state in known:
            return []
        if any(word.startswith(f"cards{STATE_MARK}") for word in known):
            for copy in copies:
                milestone, _, user = copy.partition(COPY_MARK)
                await self._edit(name_card_copy(change.operation, milestone, user), user, change)
        return [state]

    async def _find_reader(self, user: str, change: Change) -> Reader | None:
        """Find the person; None, logged, for a person outside of the workspace."""
        reader = await self._people.find_reader(self._team, user)
        if reader.identity.standing not in (Membership.GUEST, Membership.STRANGER):
            return reader
        _log.warning("a person outside of the workspace is not notified of a change", user=user, operation=change.operation)
        return None

    async def _send(self, milestone: Milestone, change: Change, reader: Reader, *, mentioned: bool) -> bool:
        """Send what this person may see, once; returns whether it is a card."""
        user, decide = reader.identity.user, milestone.key in DECISION_KEYS
        card = decide and self._dispatcher.may_decide(reader.identity, change)
        unknown = decide and reader.identity.standing is Membership.UNKNOWN
        if not (card or unknown or mentioned):
            return False
        name = name_card_copy(change.operation, milestone.key, user)
        if await self._sender.is_queued(name):
            return card
        address = localize(reader, Address(channel=user))
        if card:
            message = render_decision_request(milestone, change, address.texts)
        elif unknown:
            message = render_hidden_request(address.texts)
        else:
            message = render_for_person(milestone, change, address.texts)
        await self._sender.add(name, address, message)
        return card

    async def _edit(self, name: str, user: str, change: Change) -> None:
        row = await self._sender.find_row(name)
        if not row or await self._sender.find_place(row) == NO_MESSAGE_PLACE:
            return  # it never arrived, which is in the log
        reader = await self._people.find_reader(self._team, user)
        unknown = reader.identity.standing is Membership.UNKNOWN  # Slack does not answer: the card is theirs from before
        if not unknown and not self._dispatcher.may_decide(reader.identity, change):
            return
        address = localize(reader, Address(channel=user, replaces=row, clicked=True, dispensable=True))
        await self._sender.add(name, address, render(change, address.texts))


def _describe_decisions(change: Change) -> str:
    """Describe what people decided and how far the change is, as one word."""
    parts: Iterable[object] = (
        change.state.value,
        len(change.approval.reviews) if change.approval is not None else 0,
        change.break_glass.reviewed_by != "" if change.break_glass is not None else 0,
    )
    return ".".join(str(part) for part in parts)
