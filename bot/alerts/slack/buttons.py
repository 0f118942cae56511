"""Buttons below the message of an alert. Their values are commands, as they could be typed. Pure.

[Acknowledge … ▾]  [Start Nebula on host-a]  [Logs around the start]  [Open an incident]

The choice of a duration acknowledges at once, although that changes the bot's own state. A form would ask for nothing but
the duration, and the menu asks for it already, which counts on a phone at 3:00. The menu was made for these alerts. An
acknowledgement hides nothing and ends by itself, and rights are judged at each choice, as if the command were typed.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from adapters.phrase import Phrase, Texts
from bot.model.alert import Alert, AlertState
from bot.rendering.slack.blocks import Block, make_plain_text
from bot.rendering.slack.buttons import (
    FORM_ACTION,
    RUN_ACTION,
    encode_words,
    fits_button,
    make_command_button,
    make_run_buttons,
)
from bot.security.untrusted_text import shorten, to_one_line
from commands.alerts.conditions import Condition
from commands.alerts.operations import AlertAcknowledge
from commands.certificates.assessment import HOST_WARNING_TIMES
from commands.incidents.operations import MAX_TITLE_LENGTH
from commands.language.help import OperationClasses, find_operation
from commands.model.times import render_time
from commands.values.normalize import normalize_text, quote
from commands.values.units import render_duration

ALERT_ACTION = "alert"
"""First part of the action ids of elements that decide on alerts."""

ACKNOWLEDGE_ACTION = f"{ALERT_ACTION}.acknowledge"

ENDS = {
    "--for 30m": Phrase("for 30 minutes"),
    "--for 2h": Phrase("for 2 hours"),
    "--until morning": Phrase("until 9:00 in the morning"),
    "--until change": Phrase("until it changes"),
}
"""Choices of the menu, by the option of the command."""

LOG_LEAD = timedelta(minutes=10)
"""Lines of a log from before an alert's start that are shown: the cause comes before the effect."""

_LOGS = {
    Condition.NEBULA: "nebula",
    Condition.LIGHTHOUSE: "nebula",
    Condition.CERTIFICATE: "nebula",
    Condition.GATEWAY: "error",
    Condition.API: "error",
    Condition.ERRORS: "error",
    Condition.PEERS: "error",
}
"""Logs that explain a condition. Those of a silent host cannot be read, and no log explains a full disk."""

_MAX_INCIDENT_HOSTS = 10
"""Maximum hosts that a button names for an incident. One about more hosts is about all."""


def is_alert_button(action: str, words: str, catalogue: OperationClasses) -> bool:
    """Returns whether an element was made for alerts, and its words acknowledge some."""
    found = find_operation([token.text for token in normalize_text(words).tokens], catalogue)
    return action.partition(".")[0] == ALERT_ACTION and found is not None and found[0] is AlertAcknowledge


def make_alert_buttons(alerts: Sequence[Alert], texts: Texts) -> list[Block]:
    """Makes the elements for the alerts of one message, the worst first; at most five, none if all are resolved.

    The fix and the logs are those of the first alert that is open. The menu acknowledges all that are open. A fix that is
    to read the same log has no button of its own.
    """
    still = [alert for alert in alerts if alert.open]
    if not still:
        return []
    logs = f"log {_find_log(still[0])} {still[0].host}"
    fixes = [fix for fix in find_fixes(still) if fix != logs and not fix.startswith(f"{logs} ")]
    return [
        make_acknowledge_menu(still, texts),
        *make_run_buttons(fixes, texts, most=1),
        *_make_logs_button(still[0], texts),
        *_make_incident_button(still, texts),
    ]


def find_fixes(alerts: Sequence[Alert]) -> list[str]:
    """Finds the commands that fix alerts of one message or show more, the best first. One renews several certificates."""
    first = alerts[0].next
    if first is None:
        return []
    if len(alerts) == 1 or not all(_is_renewable(alert) for alert in alerts):
        return [first]
    widest = max(0, len(HOST_WARNING_TIMES) - min(alert.step for alert in alerts))
    return [f"cert renew --due {render_duration(HOST_WARNING_TIMES[min(widest, len(HOST_WARNING_TIMES) - 1)])}"]


def _is_renewable(alert: Alert) -> bool:
    return alert.condition is Condition.CERTIFICATE and alert.next == f"cert renew {alert.host}"


def make_acknowledge_menu(alerts: Sequence[Alert], texts: Texts) -> Block:
    """Makes the menu that acknowledges open alerts of one message for a chosen time."""
    command = f"{' '.join(AlertAcknowledge.words)} {alerts[0].number}"
    group = " --group" if len(alerts) > 1 else ""
    waits = any(alert.state is AlertState.FIRING for alert in alerts)
    label = Phrase("acknowledge …") if waits else Phrase("acknowledge longer …")
    return {
        "type": "static_select",
        "action_id": ACKNOWLEDGE_ACTION,
        "placeholder": make_plain_text(label.render_sentence(texts), 150),
        "options": [
            {
                "text": make_plain_text(name.render_sentence(texts), 75),
                "value": encode_words(f"{command} {end}{group}"),
            }
            for end, name in ENDS.items()
        ],
    }


def _make_logs_button(alert: Alert, texts: Texts) -> Iterator[Block]:
    """Makes the button with the log lines from before the alert's start until it fired, if a log explains it.

    That time is over whenever the button is pressed, and lines that came later take no place of these.
    """
    source = _find_log(alert)
    if source and alert.host:
        first, last = alert.began_at - LOG_LEAD, alert.fired_at or alert.began_at
        times = f"--since {render_time(first.replace(microsecond=0))} --until {render_time(last.replace(microsecond=0))}"
        label = Phrase("Logs around the start").render(texts)
        yield make_command_button(label, f"{RUN_ACTION}.logs", f"log {source} {alert.host} {times}")


def _find_log(alert: Alert) -> str:
    if alert.condition is Condition.CONTAINER:
        return alert.subject.replace("/", ":", 1)
    return _LOGS.get(alert.condition, "")


def _make_incident_button(alerts: Sequence[Alert], texts: Texts) -> Iterator[Block]:
    """Makes the button to the form of an incident about these alerts, with the words and the number of the first."""
    hosts = sorted({alert.host for alert in alerts if alert.host})
    short = alerts[0].short.render_sentence(texts)
    said = Phrase("{host}: {why}", host=alerts[0].host, why=short).render(texts) if len(hosts) == 1 else short
    title = quote(shorten(to_one_line(said), MAX_TITLE_LENGTH))
    target = f" {','.join(hosts)}" if 0 < len(hosts) <= _MAX_INCIDENT_HOSTS else ""
    words = f"incident open {title}{target} --alert {alerts[0].number}"
    if fits_button(words):
        yield make_command_button(Phrase("Open an incident").render(texts), f"{FORM_ACTION}.incident", words)
