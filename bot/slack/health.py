"""Health of the Slack surface, for `/readyz`."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SurfaceHealth:
    """Health of the surface, and the time of Slack's last message.

    `failure` is the code of the last attempt to connect, "" once one succeeded. `revoked` is Slack's code if it refuses the
    token; `sending` is False if a message of the last hour could not be delivered at all, `announcements_accepted` if a
    channel refused an announcement. `rebuilt` counts the watchdog's rebuilds. `unreachable_people` are the Slack ids of
    those whose direct messages took no message within the last day.
    """

    connected: bool
    failure: str
    revoked: str
    sending: bool
    announcements_accepted: bool
    rebuilt: int
    last_event_at: datetime | None
    unreachable_people: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        return self.connected and not self.revoked and self.sending and self.announcements_accepted
