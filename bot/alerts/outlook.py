"""Outlook on the alerts of one round of the notifier: what is shown of each message, and what is due. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from bot.alerts.grouping import find_held
from bot.alerts.routes import Router
from bot.model.alert import Alert, Mute
from bot.model.alert_notice import AlertNotice
from commands.alerts.watch import BLIND_KEY

EXPLAINED_INTERVALS = 5
"""Intervals for which a blind bot explains a silent host while the alert about that is not open."""


@dataclass(frozen=True)
class Outlook:
    """Alerts that are open, and those that people were not shown as they are now.

    `held_at` has when an alert was last held back. Repeats and the second step count from then on.
    """

    now: datetime
    router: Router
    alerts: tuple[Alert, ...]
    mutes: Mapping[int, Mute]
    held_at: Mapping[int, datetime]

    @cached_property
    def open_by_key(self) -> Mapping[str, Alert]:
        """Open alerts, by key."""
        return {alert.key: alert for alert in self.alerts if alert.open}

    @cached_property
    def held(self) -> frozenset[int]:
        """Numbers of the alerts that people hear nothing of now."""
        quiet = {alert.number for alert in self.alerts if self.router.is_quiet(alert, self.now)}
        return find_held(self.alerts, quiet | self.mutes.keys(), self.open_by_key) | self._unexplained

    @cached_property
    def _unexplained(self) -> frozenset[int]:
        """Numbers of the alerts of silent hosts that a blind bot explains, while the alert about that is not open.

        It fires soon, or was just resolved: hosts and the whole fleet are checked at different times of a minute. A host
        that was not checked again for some intervals is shown: nothing explains it any longer.
        """
        if BLIND_KEY in self.open_by_key:
            return frozenset()
        oldest = self.now - EXPLAINED_INTERVALS * timedelta(seconds=self.router.settings.interval_seconds)
        return frozenset(alert.number for alert in self.alerts if alert.cause == BLIND_KEY and alert.checked_at > oldest)

    @cached_property
    def messages(self) -> Mapping[str, tuple[Alert, ...]]:
        """Alerts by the message that shows them."""
        found: dict[str, tuple[Alert, ...]] = {}
        for alert in self.alerts:
            if alert.message:
                found[alert.message] = (*found.get(alert.message, ()), alert)
        return found

    def list_fresh(self) -> tuple[Alert, ...]:
        """Lists the alerts that get a message now."""
        return tuple(each for each in self.alerts if each.open and not each.message and each.number not in self.held)

    def list_missed(self) -> tuple[Alert, ...]:
        """Lists the alerts that were resolved before people were shown them."""
        return tuple(alert for alert in self.alerts if not alert.open and not alert.message)

    def build_notice(self, alerts: Iterable[Alert], flapping: Iterable[int] = ()) -> AlertNotice:
        """Builds the content of a message from its alerts. It leaves out those of which nothing is certain now."""
        every = tuple(alerts)
        shown = tuple(alert for alert in every if alert.number not in self._unexplained) or every
        mutes = {alert.number: self.mutes[alert.number] for alert in shown if alert.number in self.mutes}
        left_out = self._count_left_out(shown)
        return AlertNotice(at=self.now, alerts=shown, mutes=mutes, left_out=left_out, flapping=frozenset(flapping))

    def list_actionable(self, notice: AlertNotice) -> tuple[Alert, ...]:
        """Lists the alerts of a message that people should act on now, and that are not held back."""
        return tuple(alert for alert in notice.firing if alert.number not in self.held)

    def list_repeats(self, notice: AlertNotice) -> tuple[Alert, ...]:
        """Lists the alerts of a message that are mentioned again now: all actionable ones, if the time of any is over."""
        actionable = self.list_actionable(notice)
        due = any(self._is_over(alert, self.router.find_routing(alert).repeat) for alert in actionable)
        return actionable if due else ()

    def is_staying(self, alert: Alert, period: timedelta) -> bool:
        """Returns whether an alert has been open for a period and nothing was said of it after that."""
        base = self.find_base(alert)
        return self.now - base >= period > (alert.repeated_at or base) - base

    def list_second_steps(self, notice: AlertNotice) -> tuple[Alert, ...]:
        """Lists the alerts of a message of which the second step gets to know now; of each once for each fire."""
        return tuple(
            alert
            for alert in self.list_actionable(notice)
            if alert.escalated_at is None and self._is_due(alert, self.router.find_routing(alert).escalate)
        )

    def list_mentions(self, alerts: Iterable[Alert]) -> tuple[str, ...]:
        """Lists whom alerts notify, each once."""
        found = (person for alert in alerts for person in self.router.find_routing(alert).mentions)
        return tuple(dict.fromkeys(found))

    def list_channels(self, alerts: Iterable[Alert]) -> set[str]:
        """Lists the channels to which alerts go by their routes now."""
        return {self.find_channel(alert) for alert in alerts}

    def find_channel(self, alert: Alert) -> str:
        """Finds the channel to which an alert goes by its route now."""
        return self.router.find_routing(alert).channel

    def list_recipients(self, alerts: Iterable[Alert]) -> tuple[str, ...]:
        """Lists the second step of alerts, each once."""
        found = (person for alert in alerts for person in self.router.find_routing(alert).second_step)
        return tuple(dict.fromkeys(found))

    def find_base(self, alert: Alert) -> datetime:
        """Finds the time from which an alert's repeats and its second step count."""
        fired_at = alert.fired_at or alert.began_at
        return max(fired_at, self.held_at.get(alert.number, fired_at))

    def _is_over(self, alert: Alert, interval: timedelta | None) -> bool:
        since = max(self.find_base(alert), alert.repeated_at or self.find_base(alert))
        return interval is not None and self.now - since >= interval

    def _is_due(self, alert: Alert, interval: timedelta | None) -> bool:
        return interval is not None and self.now - self.find_base(alert) >= interval

    def _count_left_out(self, shown: tuple[Alert, ...]) -> int:
        """Counts muted alerts without a message that would belong to this one."""
        keys = {alert.key for alert in shown}
        conditions = {alert.condition for alert in shown} if len(shown) > 1 else set()
        return sum(
            alert.open
            and not alert.message
            and alert.number in self.mutes
            and (alert.cause in keys or (not alert.cause and alert.condition in conditions))
            for alert in self.alerts
        )
