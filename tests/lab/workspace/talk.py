"""People type: slash commands, messages, files."""

from tests.lab.workspace.answers import SlackError
from tests.lab.workspace.events import Events
from tests.lab.workspace.message import Content, Message
from tests.lab.workspace.outgoing import Outgoing
from tests.lab.workspace.seed import BOT_USER, Channel
from tests.lab.workspace.socket_mode import Delivery, EnvelopeType
from tests.lab.workspace.typed import Typing
from tests.lab.workspace.uploads import Uploads


class Talk:
    """What people write, and what Slack tells them where it fails."""

    def __init__(self, outgoing: Outgoing, events: Events, uploads: Uploads) -> None:
        self._out = outgoing
        self._state = outgoing.state
        self._events = events
        self._uploads = uploads

    async def slash(self, user: str, channel: str, words: tuple[str, str], thread_ts: str | None) -> Delivery:
        """A slash command; `words` are the command and the text after it. Apps have none in threads."""
        place, command = self._out.where(user, channel), words[0]
        payload = self._out.deed(user).command(place, words, self._out.response_url(channel, user))
        delivery = Delivery(EnvelopeType.COMMAND, payload)
        if command not in self._out.manifest.commands:
            self._state.notice(channel, user, f"`{command}` is not a valid command.", thread_ts)
        elif thread_ts is not None:
            self._state.notice(channel, user, f"{command} is not supported in threads. Sorry!", thread_ts)
        else:
            await self._out.sockets.deliver(delivery)
            if error := self._out.failure(delivery) or self._answer_in_ack(user, channel, delivery):
                self._state.notice(channel, user, f'{command} failed with the error "{error}"')
        return delivery

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None, *, broadcast: bool = False) -> Message:
        """A message; the app hears of it where it is a member and has subscribed."""
        place = self._writable(user, channel)
        message = self._state.post(channel, user, Content(text), thread_ts=thread_ts, broadcast=broadcast)
        return await self._sent(place, message)

    async def type(self, user: str, channel: str, typed: str, thread_ts: str | None) -> Message:
        """As `say`, with the words as they are typed."""
        return await self.say(user, channel, self._typing.write_message(typed), thread_ts)

    async def type_command(self, user: str, channel: str, typed: str) -> Delivery:
        """As `slash`, with the command and the words as they are typed."""
        command, _, words = typed.partition(" ")
        known = self._out.manifest.commands.get(command)
        marked = known is not None and known.should_escape
        return await self.slash(user, channel, (command, self._typing.write_command(words, marked=marked)), None)

    @property
    def _typing(self) -> Typing:
        return Typing(self._state.people(), self._state.channels())

    async def share(
        self, user: str, channel: str, file: tuple[str, bytes], thread_ts: str | None, text: str = ""
    ) -> Message:
        """A file, by name and content, with a text."""
        place, (name, content) = self._writable(user, channel), file
        upload = self._uploads.begin(user, name, len(content))
        self._uploads.receive(upload.id, content)
        self._uploads.complete(upload.id, name)
        message = self._state.post(channel, user, Content(text), thread_ts=thread_ts, files=(upload.id,))
        return await self._sent(place, message)

    async def rewrite(self, user: str, message: Message, text: str) -> Message:
        """Other words in a message of the person's own."""
        place, said = self._writable(user, message.channel), self._state.find(message.channel, message.ts)
        if said is None or said.user != user:
            raise ValueError("only people themselves edit what they wrote")
        edited = self._state.edit(said, Content(text))
        await self._events.rewritten(place, edited)
        return edited

    async def react(self, user: str, message: Message, name: str) -> Delivery | None:
        """An emoji on a message that all there see. The second time takes it back, of which the app does not hear."""
        place, said = self._out.where(user, message.channel), self._state.find(message.channel, message.ts)
        if said is None or said.private_to is not None:
            raise ValueError("this message takes no reactions")
        given = (name, user)
        if given in said.reactions:
            self._state.react(said, tuple(each for each in said.reactions if each != given))
            return None
        return await self._events.reacted(place, self._state.react(said, (*said.reactions, given)), given)

    async def _sent(self, place: Channel, message: Message) -> Message:
        await self._events.said(message)
        if f"<@{BOT_USER}>" in message.text and BOT_USER not in place.members:
            text = f"You mentioned <@{BOT_USER}>, but they’re not in this channel."
            self._state.notice(place.id, message.user, text, message.thread_ts)
        return message

    def _writable(self, user: str, channel: str) -> Channel:
        place = self._out.where(user, channel)
        manifest = self._out.manifest
        if place.direct and not (manifest.messages_tab and manifest.messages_tab_writable):
            raise ValueError("sending messages to this app has been turned off")
        return place

    def _answer_in_ack(self, user: str, channel: str, delivery: Delivery) -> str:
        """Show the answer that came in the ack, if any; what is wrong with it."""
        try:
            if delivery.ack_payload:
                self._out.responses.answer(channel, user, delivery.ack_payload)
        except SlackError as error:
            return error.error
        return ""
