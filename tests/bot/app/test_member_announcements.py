"""The announcement of a new member: in the channel of the notices, once for each operation."""

import asyncio

from adapters.inventory import Inventory
from adapters.local.members import AnnounceMember
from bot.app.build_hosts import MemberAnnouncements
from bot.changes.services.step_binding import OwnActions
from bot.model.announcement import Announcement
from bot.model.request import Answer
from commands.model.report import Report
from tests.commands.canned import host

ANNOUNCE = AnnounceMember(operation="op-0123456789ab", name="host-d")


class Outbox:
    """An outbox in which equal names are one message."""

    def __init__(self) -> None:
        self.messages: dict[str, Announcement] = {}

    async def announce(self, announcement: Announcement) -> None:
        self.messages.setdefault(announcement.name, announcement)


def test_it_says_where_the_member_is_and_a_second_run_says_nothing() -> None:
    outbox, own = Outbox(), OwnActions()
    MemberAnnouncements(outbox, lambda: "C0OPS", lambda: Inventory(hosts=(host("host-d", 4),))).add_to(own)
    for _ in range(2):
        asyncio.run(own.perform(ANNOUNCE))
    (sent,) = outbox.messages.values()
    assert isinstance(sent.body, Answer)
    assert isinstance(sent.body.body, Report)
    assert ("C0OPS", "member-op-0123456789ab") == (sent.channel, sent.name)
    assert "host-d is a member of the fleet now, at 10.100.4.1" == str(sent.body.body.summary)
    assert ("host show host-d", "health host-d") == sent.body.body.next
