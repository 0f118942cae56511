"""Renders messages about alerts, for a phone at night: the problem, since when, what follows, what to do. Pure.

    :red_circle: *host-b: Nebula stopped*                     the problem; of several alerts the condition and the number
    Critical, since 2026-11-25 02:58 JST                      severity and time; who acknowledged it, what mutes it
    Service Nebula: Stopped. Other hosts cannot reach …       the reason and the consequence
    • Gateway stopped                                         what the same cause explains
    [Acknowledge … ▾] [Start Nebula on host-b] [Logs …]       nothing changes a host at one tap
    `/flatnet alert show 7`

A resolved message is green, says how long it lasted, and has no buttons.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from adapters.phrase import Moment, Phrase, Texts
from bot.alerts.slack.buttons import find_fixes, make_acknowledge_menu, make_alert_buttons
from bot.model.alert import Alert, AlertState
from bot.model.alert_notice import (
    AlertNotice,
    AlertWord,
    describe_acknowledgement,
    describe_alert,
    describe_mute,
    measure_duration,
)
from bot.rendering.slack.blocks import (
    MAX_TEXT,
    Block,
    SlackMessage,
    escape,
    format_mentions,
    make_context,
    make_section,
)
from bot.rendering.slack.buttons import make_row, make_run_buttons
from bot.rendering.slack.paragraphs import GRADE_SYMBOLS, render_command
from bot.rendering.text import COMMAND, NEXT
from bot.security.untrusted_text import shorten
from commands.alerts.conditions import CONDITION_RULES, Condition
from commands.model.finding import GRADE_NAMES, Grade, list_some

CONSEQUENCES: Mapping[Condition, Phrase] = {
    Condition.NEBULA: Phrase("Other hosts cannot reach its gateway and containers"),
    Condition.LIGHTHOUSE: Phrase("Hosts cannot find each other for new tunnels. Existing tunnels stay up"),
    Condition.GATEWAY: Phrase("Requests through this gateway fail"),
    Condition.API: Phrase("New containers may not be found through this gateway"),
    Condition.ERRORS: Phrase("Some requests through this gateway fail"),
    Condition.DISK: Phrase("A full disk stops containers and logs"),
    Condition.CLOCK: Phrase("Certificates may be rejected, and times in logs are wrong"),
    Condition.OWED: Phrase("These hosts are not as the change left the others"),
    Condition.BACKUP: Phrase("What is lost on it now may not come back"),
    Condition.ROTATION: Phrase("Hosts that still depend on the old CA are cut off when it ends"),
    Condition.CHANGE: Phrase("Its hosts accept no other change until the result is reported"),
    Condition.CA_KEY: Phrase("If the Lighthouse is lost, every host may need a new certificate"),
    Condition.STRANGER: Phrase("Its holder reaches every host that accepts it"),
    Condition.REMOVED: Phrase("Its holder reaches every host that accepts it"),
    Condition.AUDIT: Phrase("Changes are refused until an administrator has checked it"),
}
"""Consequences of conditions, where one is certain enough to be named."""

GROUP_CONSEQUENCES: Mapping[Condition, Phrase] = {
    Condition.CERTIFICATE: Phrase(
        "Other hosts do not accept an expired certificate: tunnels drop, and the gateway and containers with them"
    ),
    Condition.WINRM: Phrase("The bot does not connect to Windows with an expired certificate"),
    Condition.AUTHORITY: Phrase("All hosts signed by an expired CA are no longer accepted. Replace the CA first"),
}
"""Consequences of several alerts whose reasons differ in nothing but a figure. A single one has it in its reason."""

_MAX_SENTENCE = 600
_MAX_NAMES = 5
_MAX_SYMPTOMS = 6
"""Maximum lines of symptoms. Each is one condition, and there are few at once."""


def render(notice: AlertNotice, texts: Texts) -> SlackMessage:
    """Renders the message as its alerts are now."""
    headline = _render(_describe_problem(notice), texts)
    facts = [_render(fact, texts) for fact in _list_facts(notice)]
    if not notice.open:
        return _render_resolved(notice, headline, facts, texts)
    symbol = GRADE_SYMBOLS[Grade.of(notice.severity)]
    reasons = [*_render_reason(notice, texts), *(_render(reason, texts) for reason in _list_consequences(notice))]
    symptoms = [f"• {_render(line, texts)}" for line in _list_symptoms(notice)]
    return SlackMessage(
        text=shorten("\n".join([headline, *facts, *reasons, *symptoms, *_render_next(notice, texts)]), MAX_TEXT),
        blocks=(
            make_section("\n".join([f"{symbol} *{headline}*", *facts])),
            *_make_sections("\n".join(reasons), "\n".join(symptoms)),
            *make_row(make_alert_buttons(notice.open, texts)),
            make_context(render_command(_name_origin(notice))),
        ),
    )


def render_word(word: AlertWord, texts: Texts) -> SlackMessage:
    """Renders the sentence for the thread, with the mentions first: a notification shows the begin."""
    return SlackMessage(" ".join([*format_mentions(word.mentions), _render_sentence(word, texts)]), ())


def render_for_person(word: AlertWord, texts: Texts) -> SlackMessage:
    """Renders the sentence for one person, with the choice that acknowledges its alerts."""
    said = _render_sentence(word, texts)
    still = [alert for alert in word.alerts if alert.open]
    if not still:
        return SlackMessage(said, ())
    command = f"alert show {still[0].number}"
    buttons = [make_acknowledge_menu(still, texts), *make_run_buttons([command], texts)]
    text = f"{said}\n{escape(NEXT.render(texts))} {escape(f'{COMMAND} {command}')}"
    return SlackMessage(text, (make_section(said), *make_row(buttons)))


def _render_sentence(word: AlertWord, texts: Texts) -> str:
    return f"{GRADE_SYMBOLS[Grade.of(word.severity)]} {escape(word.phrase.render_sentence(texts), 900)}"


def _render_resolved(notice: AlertNotice, headline: str, facts: Sequence[str], texts: Texts) -> SlackMessage:
    first = min(alert.first_fired_at or alert.began_at for alert in notice.problems)
    last = max(alert.resolved_at or notice.at for alert in notice.problems)
    after = escape(Phrase("resolved after {span}", span=measure_duration(notice.problems)).render(texts))
    times = _render(Phrase("{since} to {until}", since=Moment(first), until=Moment(last)), texts)
    outcomes = [_render(alert.outcome, texts) for alert in notice.problems[:_MAX_NAMES] if alert.outcome is not None]
    symbol = GRADE_SYMBOLS[Grade.WELL]
    return SlackMessage(
        text=shorten("\n".join([f"{headline} — {after}", *facts, *outcomes, times]), MAX_TEXT),
        blocks=(
            make_section("\n".join([f"{symbol} *{headline}* — {after}", *facts, *outcomes])),
            make_context(f"{times} · {render_command(_name_origin(notice))}"),
        ),
    )


def _describe_problem(notice: AlertNotice) -> Phrase:
    """Describes the problem. Of several that fired together it has the condition and their number."""
    problems = _list_alike(notice)
    if len(problems) == 1:
        return describe_alert(problems[0])
    heading, n = CONDITION_RULES[problems[0].condition].heading, len(problems)
    if len({alert.host for alert in problems if alert.host}) == n:
        return Phrase("{condition}: {n} hosts", condition=heading, n=n)
    return Phrase("{condition}: {n} alerts", condition=heading, n=n)


def _list_alike(notice: AlertNotice) -> tuple[Alert, ...]:
    """Lists the problems that the message is about: those of the condition of the worst one that is open."""
    problems = notice.problems
    return tuple(alert for alert in problems if alert.condition is problems[0].condition)


def _list_facts(notice: AlertNotice) -> Iterator[Phrase]:
    """Lists severity and time, then names and what people did, a line each."""
    still = notice.open
    if still:
        since = min(alert.began_at for alert in still)
        yield Phrase("{severity}, since {at}", severity=GRADE_NAMES[Grade.of(notice.severity)], at=Moment(since))
    if len(alike := _list_alike(notice)) > 1:
        resolved = [alert for alert in alike if not alert.open]
        yield _list_names([alert for alert in alike if alert.open] or alike)
        if still and resolved:
            yield Phrase("resolved: {names}", names=_list_names(resolved))
    yield from _list_acknowledgements(notice)
    yield from _list_mutes(notice)
    if still and not notice.flapping.isdisjoint(alert.number for alert in notice.problems):
        yield Phrase("It fires and is resolved again and again. The thread has one line an hour about that")


def _list_acknowledgements(notice: AlertNotice) -> Iterator[Phrase]:
    acknowledged = [alert for alert in notice.open if alert.state is AlertState.ACKNOWLEDGED]
    for alerts in _group(acknowledged, lambda alert: (alert.acknowledged_by, str(alert.acknowledged_until))):
        yield _add_names(describe_acknowledgement(alerts[0]), alerts, notice)


def _list_mutes(notice: AlertNotice) -> Iterator[Phrase]:
    muted = [alert for alert in notice.open if alert.number in notice.mutes]
    for alerts in _group(muted, lambda alert: notice.mutes[alert.number].number):
        yield _add_names(describe_mute(notice.mutes[alerts[0].number]), alerts, notice)
    if notice.open and notice.left_out:
        n = notice.left_out
        yield Phrase("{n} more alert is muted", plural="{n} more alerts are muted", n=n)


def _add_names(said: Phrase, alerts: Sequence[Alert], notice: AlertNotice) -> Phrase:
    """Adds the names of those alerts that it is about, unless it is about all that are open."""
    if len(alerts) == len(notice.open):
        return said
    return Phrase("{said} ({names})", said=said, names=_list_names(alerts))


def _render_reason(notice: AlertNotice, texts: Texts) -> list[str]:
    """Renders the reason of a single problem."""
    said = render_reason(notice.problems[0], texts) if len(_list_alike(notice)) == 1 else ""
    return [escape(said, _MAX_SENTENCE)] if said else []


def render_reason(alert: Alert, texts: Texts) -> str:
    """Renders why an alert is open, for below a headline with its name. Of a reason that begins with the name, the rest."""
    reason, name = alert.why.render_sentence(texts), alert.short.render_sentence(texts)
    rest = reason.removeprefix(name)
    return rest.lstrip(".。 ") if rest != reason and rest[:1] in (".", "。", "") else reason


def _list_consequences(notice: AlertNotice) -> Iterator[Phrase]:
    """Lists the consequence. That of several problems comes after the words of the worst one."""
    several = len(_list_alike(notice)) > 1
    if several and (consequence := GROUP_CONSEQUENCES.get(notice.open[0].condition)):
        yield describe_alert(notice.open[0])
        yield consequence
    if consequence := CONSEQUENCES.get(notice.open[0].condition):
        yield consequence


def _list_symptoms(notice: AlertNotice) -> Iterator[Phrase]:
    """Lists the open symptoms, and what remained open of others after their cause, a line for each condition."""
    alike = _list_alike(notice)
    headed = {alert.number for alert in alike}
    still = [alert for alert in (*notice.open, *notice.symptoms) if alert.open and alert.number not in headed]
    hosts = {alert.host for alert in alike}
    for alerts in _group(still, lambda alert: alert.condition)[:_MAX_SYMPTOMS]:
        heading = CONDITION_RULES[alerts[0].condition].heading
        if len(alerts) == len(hosts) == 1 and alerts[0].host in hosts:
            yield heading
        else:
            names = list_some([alert.host or alert.subject for alert in alerts], _MAX_NAMES)
            yield Phrase("{condition} ({n}): {names}", condition=heading, n=len(alerts), names=names)


def _list_names(alerts: Sequence[Alert]) -> Phrase:
    return list_some([alert.host or alert.subject for alert in alerts], _MAX_NAMES)


def _render_next(notice: AlertNotice, texts: Texts) -> list[str]:
    command = next(iter(find_fixes(notice.open)), _name_origin(notice))
    return [f"{escape(NEXT.render(texts))} {escape(f'{COMMAND} {command}', 150)}"]


def _name_origin(notice: AlertNotice) -> str:
    """Names the command that shows more."""
    return f"alert show {notice.problems[0].number}" if len(_list_alike(notice)) == 1 else "alert"


def _make_sections(*texts: str) -> list[Block]:
    return [make_section(text) for text in texts if text]


def _render(phrase: Phrase, texts: Texts) -> str:
    return escape(phrase.render_sentence(texts), _MAX_SENTENCE)


def _group(alerts: Iterable[Alert], key: Callable[[Alert], Any]) -> list[tuple[Alert, ...]]:
    """Groups alerts by a key, in the order of the keys."""
    return [tuple(same) for _, same in groupby(sorted(alerts, key=key), key=key)]
