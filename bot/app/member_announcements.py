"""Performs the announcement of a new member, in the channel of the notices."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.inventory import Inventory
from adapters.local.members import AnnounceMember, MemberAnnounced
from adapters.phrase import Phrase
from bot.changes.step_binding import OwnActions
from bot.model.announcement import Announcement, AnnouncementSender
from bot.model.request import Answer
from commands.model.report import Report


@dataclass(frozen=True)
class MemberAnnouncements:
    """Performer of the announcement. `find_channel` returns the channel, `inventory` the active one."""

    sender: AnnouncementSender
    find_channel: Callable[[], str]
    inventory: Callable[[], Inventory]

    def add_to(self, own: OwnActions) -> None:
        """Add the performer to the actions that this bot can do on itself."""
        own.add(AnnounceMember, self.announce)

    async def announce(self, action: AnnounceMember) -> MemberAnnounced:
        """Put the message into the outbox, once for each operation."""
        answer = Answer(operation=f"member-{action.operation}", understood="host", body=self._build_report(action.name))
        await self.sender.announce(Announcement(answer.operation, self.find_channel(), answer))
        return MemberAnnounced(announced=True)

    def _build_report(self, name: str) -> Report:
        host = self.inventory().find_host(name)
        phrase = (
            Phrase("{host} is a member of the fleet now", host=name)
            if host is None
            else Phrase("{host} is a member of the fleet now, at {address}", host=name, address=str(host.overlay.ip))
        )
        return Report(title=Phrase("New host"), summary=phrase, brief=True, next=(f"host show {name}", f"health {name}"))
