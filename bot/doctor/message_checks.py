"""Check of `doctor --slack`: Slack's own verdict on every kind of message and view that the bot can send.

Nothing is posted, and no scope is needed. It takes minutes, because Slack is asked once a second.
"""

import asyncio

from adapters.phrase import Phrase
from bot.config.settings import Settings
from bot.doctor.check_result import CheckResult, make_problem, make_unknown
from bot.locale.texts import get_texts
from bot.security.secrets import FindSecret
from commands.model.finding import Finding, Severity
from commands.model.operation import Progress

MESSAGES = "bot.messages"


async def check_messages(settings: Settings, find: FindSecret, progress: Progress) -> CheckResult:
    """Have Slack check all messages and views, in the bot's language."""
    from bot.slack.block_validation import BlockRefusal, validate_samples
    from bot.slack.errors import SlackFailure
    from bot.slack.preflight import Tokens

    if settings.slack is None:
        return CheckResult(MESSAGES, Phrase("not configured"))
    tokens = Tokens(find(settings.slack.bot_token_secret), find(settings.slack.app_token_secret))
    texts = get_texts(settings.language, settings.zone)

    def describe(refusal: BlockRefusal) -> Finding:
        why = Phrase(
            "Slack would refuse {kind}: {message} (at {pointer}). Report this to the developers of the bot",
            kind=refusal.kind,
            message=refusal.message,
            pointer=refusal.pointer,
        )
        return make_problem(MESSAGES, "messages.refused", why, Severity.MEDIUM)

    try:
        count, refusals = await validate_samples(settings.slack.api_url, tokens, texts, asyncio.sleep, progress)
    except SlackFailure as failure:
        return CheckResult(
            MESSAGES, Phrase("no response"), (make_unknown(MESSAGES, "messages.unreachable", failure.phrase),)
        )
    seen = Phrase("{n} kind of message and view checked", plural="{n} kinds of messages and views checked", n=count)
    return CheckResult(MESSAGES, seen, tuple(map(describe, refusals)))
