"""Ends of silences and maintenance: reminders before them, and an early end where the owner has left.

active ─┬─ soon over, and it still hides an open alert ─ announce ─▶ reminded
        └─ its owner may not hide alerts any more ────── announce ─▶ ended by the bot

Rows come last: a crash in between repeats an announcement, which its name makes the same message. An owner who left cannot
answer for what is hidden, so the safe side is to show it. An owner whom Slack could not identify keeps the mute until then.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.inventory import Inventory
from adapters.phrase import Moment, Phrase
from bot.access.policy import BOT_ACTOR_NAME, Policy, Refusal
from bot.access.rules import is_channel
from bot.alerts.ports import AlertReader
from bot.alerts.rules.mutes import find_mutes
from bot.alerts.services.mutes import MuteRegistry
from bot.model.alert import Alert, Mute, MuteKind
from bot.model.alert_notice import describe_alert
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.request import Answer, Identity, Membership, SlackIdentity
from commands.alerts.mutes import MaintenanceAdd, SilenceAdd
from commands.model.finding import list_some
from commands.model.report import Report
from commands.values.normalize import quote

REMINDER_LEAD = timedelta(minutes=15)
"""Time before its end at which the owner of a mute is reminded. A short one has its reminder halfway."""

OWNER_CHECK_INTERVAL = 900.0
"""Seconds between two checks of the owners, each of which is a call to Slack."""

USUAL_EXTENSION = "2h"
"""Duration of the mute that a reminder offers."""

MAX_NAMED_ALERTS = 3
"""Maximum alerts that a reminder names and offers to show."""


@dataclass(frozen=True)
class MuteBasis:
    """View of the active configuration: people and grants, hosts, and the channel of notices ("" without one)."""

    policy: Policy
    inventory: Inventory
    channel: str


@dataclass(frozen=True)
class MuteNotifiers:
    """Services that reminders need. `find_owner` identifies an owner at this moment, in Slack if possible."""

    alerts: AlertReader
    announcer: AnnouncementSender
    find_owner: Callable[[Mute], Awaitable[Identity]]
    basis: Callable[[], MuteBasis]


class MuteReminder:
    """Reminds owners of the ends of their mutes, and ends those of owners who have left."""

    def __init__(self, registry: MuteRegistry, services: MuteNotifiers) -> None:
        self._registry = registry
        self._services = services

    async def remind(self, now: datetime) -> None:
        """Notifies the owners of mutes that end soon and still hide something, once each.

        What another mute hides for longer does not count.
        """
        active = await self._registry.list_active()
        due = [mute for mute in active if is_reminder_due(mute, now)]
        if not due:
            return
        alerts = await self._services.alerts.list_open()
        last = find_mutes(active, alerts, self._services.basis().inventory)
        for mute in due:
            if hidden := tuple(alert for alert in alerts if last.get(alert.number) == mute):
                await self._announce_end(mute, hidden)
                await self._registry.mark_reminded(mute)

    async def end_orphaned(self) -> None:
        """Ends the mutes whose owners may not hide alerts any more, with a line in the channel.

        An owner of many is looked up once: Slack answers a limited number of such calls a minute.
        """
        owners: dict[str, Identity] = {}
        for mute in await self._registry.list_active():
            if mute.identity not in owners:
                owners[mute.identity] = await self._services.find_owner(mute)
            owner = owners[mute.identity]
            if why := find_loss(mute, owner, self._services.basis().policy):
                await self._announce_loss(mute, why)
                await self._registry.end(mute, BOT_ACTOR_NAME, mute.operation, "ended")

    async def _announce_end(self, mute: Mute, hidden: tuple[Alert, ...]) -> None:
        """Announces the end to the owner; in the channel where the owner has no Slack, or has lost the right to it."""
        owner = await self._services.find_owner(mute)
        stays = find_loss(mute, owner, self._services.basis().policy) is None
        own = owner.user if isinstance(owner, SlackIdentity) and stays else self._find_channel(mute)
        shown = tuple(f"alert show {alert.number}" for alert in hidden[:MAX_NAMED_ALERTS])
        text = _describe_end(mute, hidden)
        await self._announce(f"mute-{mute.number}-end", own, text, (render_again(mute), *shown))

    async def _announce_loss(self, mute: Mute, why: Phrase) -> None:
        text = _describe_loss(mute, why)
        await self._announce(f"mute-{mute.number}-lost", self._find_channel(mute), text, (render_again(mute),))

    async def _announce(self, name: str, channel: str, text: Phrase, words: tuple[str, ...]) -> None:
        report = Report(title=Phrase("Muted alerts"), summary=text, brief=True, next=words)
        answer = Answer(operation=name, understood=words[0].split()[0], body=report)
        await self._services.announcer.announce(Announcement(name, channel, answer))

    def _find_channel(self, mute: Mute) -> str:
        """Finds the channel where it was added, unless that was a direct message or a terminal."""
        return mute.channel if is_channel(mute.channel) else self._services.basis().channel


def is_reminder_due(mute: Mute, now: datetime) -> bool:
    """Returns whether an active mute ends so soon that its owner should be reminded, and was not."""
    lead = min(REMINDER_LEAD, (mute.ends_at - mute.added_at) / 2)
    return mute.reminded_at is None and now >= mute.ends_at - lead


def find_loss(mute: Mute, owner: Identity, policy: Policy) -> Phrase | None:
    """Finds the reason for which its owner may not hide alerts any more; None if they may, or if Slack did not answer."""
    if isinstance(owner, SlackIdentity) and owner.standing is Membership.UNKNOWN:
        return None
    if isinstance(owner, SlackIdentity) and owner.standing is not Membership.MEMBER:
        return Phrase("{owner} is no longer a full member of the workspace", owner=mute.owner)
    actor = policy.identify(owner)
    adds = SilenceAdd if mute.kind is MuteKind.SILENCE else MaintenanceAdd
    if isinstance(actor, Refusal) or isinstance(policy.judge(actor, adds), Refusal):
        return Phrase("{owner} may no longer mute alerts", owner=mute.owner)
    return None


def render_again(mute: Mute) -> str:
    """Renders the request that hides the same again. Its button opens the form."""
    return f"{mute.kind} add {quote(mute.what)} {USUAL_EXTENSION} {quote(mute.reason)}"


def _describe_end(mute: Mute, hidden: tuple[Alert, ...]) -> Phrase:
    named = list_some([describe_alert(alert) for alert in hidden], MAX_NAMED_ALERTS)
    values: dict[str, Any] = {
        "what": mute.what,
        "owner": mute.owner,
        "end": Moment(mute.ends_at),
        "n": len(hidden),
        "alerts": named,
    }
    if mute.kind is MuteKind.SILENCE:
        return Phrase(
            "the silence of {what} ({owner}) ends at {end} and still mutes {n} alert: {alerts}",
            plural="the silence of {what} ({owner}) ends at {end} and still mutes {n} alerts: {alerts}",
            **values,
        )
    return Phrase(
        "the maintenance of {what} ({owner}) ends at {end} and still mutes {n} alert: {alerts}",
        plural="the maintenance of {what} ({owner}) ends at {end} and still mutes {n} alerts: {alerts}",
        **values,
    )


def _describe_loss(mute: Mute, why: Phrase) -> Phrase:
    values: dict[str, Any] = {"what": mute.what, "why": why, "reason": mute.reason}
    if mute.kind is MuteKind.SILENCE:
        return Phrase("the silence of {what} was ended: {why}. Its reason was: {reason}", **values)
    return Phrase("the maintenance of {what} was ended: {why}. Its reason was: {reason}", **values)
