"""Parts of the surface of Slack, built from explicit collaborators.

senders     need no answer of Slack: what they send waits in the outbox
receivers   need the bot's identity: the Bolt app with its listeners, the socket, the inbox worker
"""

from dataclasses import dataclass

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.runtime.clock import Clock
from bot.slack.answers.announcements import AlertWords, AnnouncementPublisher
from bot.slack.answers.change_cards import ChangeCards, ShownChanges
from bot.slack.answers.exports import AnswerExporter
from bot.slack.answers.files import ChartUploader
from bot.slack.answers.personal_notices import PersonalNotices
from bot.slack.answers.responder import AnswerFiles, Responder
from bot.slack.client.api import TIMEOUT, Redact, SlackApi, make_client
from bot.slack.client.preflight import SlackBotUser, Tokens, make_authorize, reveal_token
from bot.slack.client.socket import BoltConnector, ReconnectingSocket
from bot.slack.delivery_kind import SlackDispatcher
from bot.slack.directory.audience import Audience
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.directory.groups import GroupDirectory
from bot.slack.directory.people import LanguageDefaults, PeopleDirectory
from bot.slack.inbound import listeners as group_change
from bot.slack.inbound.handlers import build_handlers
from bot.slack.inbound.home_tab import HomeTabs
from bot.slack.inbound.intake import DeliveryIntake
from bot.slack.inbound.listeners import FallbackResponder, register_event_listeners, register_listeners
from bot.slack.inbound.worker import InboxWorker
from bot.slack.outbound.incident_channels import ChannelCreator
from bot.slack.outbound.sender import Sender
from bot.slack.outbound.uploads import FileWatcher, UploadRecords, Uploads
from bot.slack.replica_place import CopyPlace
from bot.slack.tasks import BackgroundTasks
from bot.store.answers import AnswerTable
from bot.store.inbox import Inbox
from bot.store.outbox import Outbox


@dataclass(frozen=True)
class SlackWorkspace:
    """The workspace, its API address, and its defaults.

    `team` is its id. `defaults` has the language and zone of messages to all, and of people whose profile names none.
    `clean` removes secrets from everything that is shown (`bot.security.redaction`). `copy` is this bot's place among
    several copies; None: it is the only one, and always leads.
    """

    team: str
    api_url: str
    tokens: Tokens
    defaults: LanguageDefaults
    clean: Redact
    copy: CopyPlace | None = None


@dataclass(frozen=True)
class SlackStores:
    """Stores that survive a crash."""

    inbox: Inbox
    outbox: Outbox
    answers: AnswerTable


@dataclass(frozen=True)
class SlackLead:
    """The duties that only a bot that leads has: the dispatcher, and the record of the changes that were shown."""

    dispatcher: SlackDispatcher
    shown_changes: ShownChanges


@dataclass(frozen=True)
class Senders:
    """Components that need no answer of Slack: what they send waits in the outbox."""

    session: aiohttp.ClientSession
    client: AsyncWebClient
    api: SlackApi
    channels: ChannelDirectory
    groups: GroupDirectory
    people: PeopleDirectory
    sender: Sender
    responder: Responder
    change_cards: ChangeCards
    announcements: AnnouncementPublisher


@dataclass(frozen=True)
class Receivers:
    """Components that need the bot's identity in its workspace."""

    bot: SlackBotUser
    intake: DeliveryIntake
    worker: InboxWorker
    homes: HomeTabs
    new_channels: ChannelCreator
    exporter: AnswerExporter
    connector: BoltConnector
    socket: ReconnectingSocket
    fallback_tasks: BackgroundTasks


def build_senders(place: SlackWorkspace, lead: SlackLead, stores: SlackStores, clock: Clock) -> Senders:
    """Build the senders, with a session of their own. Call it in the loop that will use them."""
    session, dispatcher = aiohttp.ClientSession(timeout=TIMEOUT), lead.dispatcher
    client = make_client(place.api_url, session, reveal_token(place.tokens.bot))
    api = SlackApi(client, session, place.clean)
    groups = GroupDirectory(api, dispatcher.list_role_groups, clock.monotonic)
    people = PeopleDirectory(api, place.team, place.defaults, groups.find_groups, clock.monotonic)
    channels = ChannelDirectory(api, clock.monotonic)
    sender = Sender(stores.outbox, api, channels, "flatnet", clock)
    records = UploadRecords(stores.answers, dispatcher.record_delivery)
    uploads = Uploads(api, channels, records, FileWatcher(api, clock), clock)
    files = AnswerFiles(stores.answers, uploads, ChartUploader(uploads, place.clean))
    responder = Responder(dispatcher, people, sender, files, clock)
    audience = Audience(api, groups, clock)
    notices = PersonalNotices(dispatcher, place.team, people, audience, sender)
    words = AlertWords(place.team, people, audience, sender)
    return Senders(
        session=session,
        client=client,
        api=api,
        channels=channels,
        groups=groups,
        people=people,
        sender=sender,
        responder=responder,
        change_cards=ChangeCards(lead.shown_changes, people, sender, notices, clock),
        announcements=AnnouncementPublisher(responder, words),
    )


def build_receivers(
    place: SlackWorkspace, senders: Senders, stores: SlackStores, bot: SlackBotUser, clock: Clock
) -> Receivers:
    """Build the receivers of a bot whose identity is known."""
    api = senders.api
    handlers = build_handlers(senders.responder, api, senders.channels, bot, place.clean)
    kinds = {**handlers.kinds, group_change.KIND: group_change.make_kind(senders.groups)}
    worker = InboxWorker(stores.inbox, kinds, senders.people, senders.sender, clock)
    intake = DeliveryIntake(stores.inbox, place.copy, worker, clock)
    explaining = BackgroundTasks()
    app = AsyncApp(
        name="flatnet",
        process_before_response=True,  # wait for the listener instead of polling every 10 ms; no listener here is slow
        client=make_client(place.api_url, senders.session, None),
        authorize=make_authorize(bot, reveal_token(place.tokens.bot)),
    )
    register_event_listeners(app, intake, handlers.reactions, bot.user)
    fallback = FallbackResponder(senders.people, senders.sender, explaining)
    register_listeners(app, intake, handlers.modals, fallback)
    lines = BoltConnector(app, senders.client, reveal_token(place.tokens.app), api, clock.now)
    return Receivers(
        bot=bot,
        intake=intake,
        worker=worker,
        homes=handlers.homes,
        new_channels=ChannelCreator(api, senders.people, senders.channels, bot, clock),
        exporter=handlers.exporter,
        connector=lines,
        socket=ReconnectingSocket(lines.connect, clock.monotonic, clock.sleep),
        fallback_tasks=explaining,
    )
