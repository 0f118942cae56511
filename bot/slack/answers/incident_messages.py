"""Messages about incidents: the status in the channel, and entries of the timeline as replies to it.

post   the status, pinned; where the channel rejects it, it goes the way of other announcements
edit   a waiting message is rewritten; a posted one is edited, or posted anew and pinned if a person deleted it
reply  below the status, without what everyone in the channel has read as an answer there

Edits and replies say what the timeline keeps. So they never go to another channel or to people: while the channel is
archived, or shared with another organization, they are dropped, and the next edit shows the newest state.
"""

from bot.model.announcement import Announcement
from bot.model.incident_notice import IncidentNotice, IncidentReply
from bot.rendering.slack.incident import render_reply, render_status
from bot.slack.outbound.message import Address
from bot.slack.outbound.sender import Sender


class IncidentMessages:
    """Posts messages about incidents in one workspace. Runs in Slack's loop only."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def post(self, announcement: Announcement, notice: IncidentNotice, address: Address) -> None:
        """Post the status once, by the name of its announcement. `address` is that of its channel."""
        if not await self._sender.is_queued(announcement.name):
            pinned = address.model_copy(update={"pinned": True})
            await self._sender.add(announcement.name, pinned, render_status(notice, address.texts))

    async def edit(self, announcement: Announcement, notice: IncidentNotice, address: Address) -> None:
        """Bring the status up to date. Nothing happens where it was never announced."""
        message = render_status(notice, address.texts)
        waiting = await self._sender.find_waiting(announcement.name)
        if waiting and await self._sender.rewrite(waiting, message):
            return
        if row := await self._sender.find_row(announcement.name):
            await self._sender.add(announcement.name, _stay(address, replaces=row, pinned=True), message)

    async def reply(self, announcement: Announcement, reply: IncidentReply, address: Address) -> None:
        """Post entries below the status once, unless all of them are answers in the channel."""
        if await self._sender.is_queued(announcement.name):
            return
        said = {each for each in reply.operations if await self._sender.is_posted_in(each, announcement.channel)}
        left = reply.leave_out(said)
        if left.lines:
            below = _stay(address, below=await self._sender.find_row(announcement.below))
            await self._sender.add(announcement.name, below, render_reply(left, address.texts))


def _stay(address: Address, *, replaces: int = 0, below: int = 0, pinned: bool = False) -> Address:
    """Return the address of a message that other routes do not get."""
    alone = {"second": "", "people": (), "dispensable": True}
    return address.model_copy(update={**alone, "replaces": replaces, "below": below, "pinned": pinned})
