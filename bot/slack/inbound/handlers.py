"""Handlers of deliveries: one for each kind, built from what answers requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack import click_payload
from bot.slack.answers.exports import AnswerExporter
from bot.slack.answers.responder import Responder
from bot.slack.answers.views import AnswerViews
from bot.slack.client.api import SlackApi
from bot.slack.client.preflight import SlackBotUser
from bot.slack.delivery_kind import DeliveryKind
from bot.slack.directory.channels import ChannelDirectory
from bot.slack.inbound import click, form, home_tab, log_filter, mention, message_shortcut, plan, reaction, slash_command
from bot.slack.inbound.form import FormHandler
from bot.slack.inbound.home_tab import HomeTabs
from bot.slack.inbound.listeners import ModalHandlers
from bot.slack.inbound.log_filter import LogFilterHandler
from bot.slack.inbound.message_shortcut import NoteHandler
from bot.slack.inbound.plan import PlanHandler
from bot.slack.inbound.reaction import ReactionHandler
from bot.slack.inbound.typed_secrets import withhold_secrets


@dataclass(frozen=True)
class InboundHandlers:
    """Handlers of deliveries, and their delivery kinds by name."""

    exporter: AnswerExporter
    homes: HomeTabs
    reactions: ReactionHandler
    modals: ModalHandlers
    kinds: Mapping[str, DeliveryKind]


def build_handlers(
    responder: Responder, api: SlackApi, channels: ChannelDirectory, bot: SlackBotUser, clean: Callable[[Any], Any]
) -> InboundHandlers:
    """Build the handlers. `clean` withholds secrets from typed texts."""
    forms, views = FormHandler(responder, api), AnswerViews(responder)
    exporter, filters = AnswerExporter(responder, views, channels), LogFilterHandler(responder, views, api)
    homes = HomeTabs(responder, api)
    plans, notes = PlanHandler(responder, api, homes.refresh), NoteHandler(responder, api, bot.url)
    reactions = ReactionHandler(responder, api, notes, clean)
    kinds = {
        slash_command.KIND: slash_command.make_kind(responder, forms),
        click_payload.KIND: click.make_kind(responder, click.ClickHandlers(views, exporter, filters, forms, plans, homes)),
        log_filter.KIND: filters.make_kind(),
        plan.KIND: plans.make_kind(),
        form.KIND: forms.make_submission_kind(),
        form.SHORTCUT: forms.make_shortcut_kind(),
        message_shortcut.KIND: notes.make_kind(),
        reaction.KIND: reactions.make_kind(),
        home_tab.KIND: homes.make_kind(),
        mention.KIND: mention.make_kind(responder, bot.user),
    }
    secretless = {name: withhold_secrets(kind, clean) for name, kind in kinds.items()}
    return InboundHandlers(exporter, homes, reactions, ModalHandlers(forms, filters, plans, notes), secretless)
