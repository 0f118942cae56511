"""Renders the alerts of a home tab, with the elements for what the person may do. Pure.

*Alerts* 2 alerts need attention (1 acknowledged)
:red_circle: *#7 host-a: Nebula stopped*
Service Nebula is stopped
Since 2026-11-25 12:10 JST
[Acknowledge … ▾] [Start Nebula on host-a] [Details]
"""

from collections.abc import Iterator

from adapters.phrase import Moment, Phrase, Texts
from bot.model.alert import Alert, AlertState
from bot.model.alert_notice import describe_acknowledgement, describe_alert
from bot.model.home import HomeAlert, HomeFacts
from bot.rendering.slack.alert import render_reason
from bot.rendering.slack.alert_buttons import make_acknowledge_menu
from bot.rendering.slack.blocks import Block, escape, make_section
from bot.rendering.slack.buttons import make_command_button, make_row, make_run_buttons
from bot.rendering.slack.home_lists import HOME_ACTION, render_more
from bot.rendering.slack.paragraphs import GRADE_SYMBOLS, render_command
from commands.model.finding import Grade

_MAX_REASON = 600


def render_alerts(facts: HomeFacts, texts: Texts) -> Iterator[Block]:
    """Renders the open alerts, those that need attention first."""
    if facts.alerts_summary is None:
        return
    heading = escape(Phrase("Alerts").render_sentence(texts))
    yield make_section(f"*{heading}* {render_command('alert')}\n{escape(facts.alerts_summary.render_sentence(texts), 900)}")
    for shown in facts.alerts:
        yield make_section(_render_alert(shown.alert, texts))
        yield from make_row(_make_elements(shown, texts))
    yield from render_more(facts.alerts_left, "alert", texts)


def _render_alert(alert: Alert, texts: Texts) -> str:
    name = escape(f"#{alert.number} {describe_alert(alert).render(texts)}")
    state = escape(_describe_state(alert).render_sentence(texts), _MAX_REASON)
    reason = escape(render_reason(alert, texts), _MAX_REASON)
    return "\n".join([f"{GRADE_SYMBOLS[Grade.of(alert.severity)]} *{name}*", *([reason] if reason else []), state])


def _describe_state(alert: Alert) -> Phrase:
    """Describes since when it fires, or the acknowledgement. Without a distance from now: a tab may stay open for long."""
    if alert.state is AlertState.ACKNOWLEDGED:
        return describe_acknowledgement(alert)
    return Phrase("since {at}", at=Moment(alert.began_at))


def _make_elements(shown: HomeAlert, texts: Texts) -> list[Block]:
    alert = shown.alert
    fix = make_run_buttons([alert.next] if shown.may_fix and alert.next else [], texts)
    details = Phrase("Details").render(texts)
    return [
        *([make_acknowledge_menu([alert], texts)] if shown.may_acknowledge else []),
        *({**button, "action_id": f"{HOME_ACTION}.fix"} for button in fix),
        make_command_button(details, f"{HOME_ACTION}.alert", f"alert show {alert.number}"),
    ]
