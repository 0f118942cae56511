"""Renders a notice on expiring certificates as a Slack message: expiry, consequence, and the command to type. Pure.

    :large_orange_circle: *The certificate of host-a expires in 6 days* — high · 6 Feb 09:00   the expiry
    After that, other hosts no longer accept host-a: …                                         the consequence
    Press the button to request the renewal: …                                                 the fix
    [cert renew host-a]                                                                        the command as a button
    `/flatnet cert show host-a` · `1a2b3c4d5e6f`

If several expire together, the first are named and the others counted. Settled ones are named below the open ones. When all
are settled, the message says how, and has no buttons.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from adapters.phrase import Phrase, Span, Texts
from bot.model.expiry_notice import ExpiryNotice, ExpiryNoticeItem, SettlementKind
from bot.rendering.labels import COMMAND, NEXT
from bot.rendering.slack.blocks import SlackMessage, escape, format_code, format_time, make_context, make_section
from bot.rendering.slack.buttons import make_row, make_run_buttons
from bot.rendering.slack.paragraphs import GRADE_SYMBOLS, pack_rows, render_command
from commands.certs.assessment import CA_EXPIRY_LIMITS, HOST_EXPIRY_LIMITS, judge_time_left
from commands.certs.fleet_certificates import shorten_fingerprint
from commands.model.finding import GRADE_NAMES, Grade, Severity
from commands.model.phrases import list_some
from commands.values.units import render_duration

MAX_NAMED = 20
"""Maximum number of certificates with a line each. A phone shows no more at once."""

MAX_NAMES_IN_SENTENCE = 3
"""Maximum number of names in a sentence."""

SETTLED_SYMBOL = ":white_check_mark:"

DAY = timedelta(days=1)

SETTLEMENT_LABELS = {
    SettlementKind.RENEWED: Phrase("renewed:"),
    SettlementKind.REPLACED: Phrase("replaced, expiry not later:"),
    SettlementKind.GONE: Phrase("no longer configured:"),
    SettlementKind.UNTRUSTED: Phrase("no longer trusted by any host:"),
    SettlementKind.EARLIER: Phrase("already resolved:"),
    SettlementKind.PREMATURE: Phrase("premature warning:"),
}

_MAX_SENTENCE = 600
"""Maximum characters of a sentence."""


def render(notice: ExpiryNotice, texts: Texts) -> SlackMessage:
    """Renders the message in its current state."""
    return _render_warning(notice, texts) if notice.open else _render_settled(notice, texts)


def _render_warning(notice: ExpiryNotice, texts: Texts) -> SlackMessage:
    """Renders the message while some certificates are not settled."""
    alone = len(notice.endings) == 1
    grade = Grade.of(_assess_severity(notice))
    headline = escape(_describe_expiry(notice).render_sentence(texts), _MAX_SENTENCE)
    grave = escape(GRADE_NAMES[grade].render(texts))
    date = f" · {format_time(notice.open[0].ends_at, texts)}" if alone else ""
    sentences = [escape(phrase.render_sentence(texts), _MAX_SENTENCE) for phrase in _list_consequences(notice)]
    words = _suggest_commands(notice)
    settled = list(_list_settlements(notice.settled, texts))
    return SlackMessage(
        text="\n".join(
            [
                f"{headline} ({grave}){_render_dates(notice.open, texts)}",
                *sentences,
                f"{escape(NEXT.render(texts))} {texts.series([escape(f'{COMMAND} {each}', 150) for each in words])}",
            ]
        ),
        blocks=(
            make_section(f"{GRADE_SYMBOLS[grade]} *{headline}* — {grave}{date}"),
            *map(make_section, pack_rows([] if alone else _list_certificates(notice, texts))),
            make_section("\n".join(sentences)),
            *map(make_section, pack_rows([f"✓ {line}" for line in settled])),
            *make_row(make_run_buttons(words, texts)),
            make_context(_render_origin(notice)),
        ),
    )


def _render_settled(notice: ExpiryNotice, texts: Texts) -> SlackMessage:
    """Renders the message after all certificates are settled."""
    first = notice.endings[0]
    if len(notice.endings) == 1 and first.outcome is not None:
        headline, settled = escape(first.outcome.render_sentence(texts), _MAX_SENTENCE), []
        ended = f"{escape(Phrase('previous expiry:').render(texts))} {format_time(first.ends_at, texts)}"
        before = "" if first.is_premature else ended
    else:
        headline, settled, before = (
            escape(_summarize_settled(notice).render_sentence(texts)),
            list(_list_settlements(notice.settled, texts)),
            "",
        )
    return SlackMessage(
        text="\n".join([headline, *settled]),
        blocks=(
            *map(make_section, pack_rows([f"{SETTLED_SYMBOL} *{headline}*", *settled])),
            make_context(" · ".join(filter(None, [_render_origin(notice), before]))),
        ),
    )


def _summarize_settled(notice: ExpiryNotice) -> Phrase:
    """Summarizes a settled notice. Certificates that were reported too early are not called settled."""
    n = len(notice.endings)
    if any(ending.is_premature for ending in notice.endings):
        return Phrase("{n} warning no longer applies", plural="none of the {n} warnings apply any longer", n=n)
    return Phrase("{n} certificate resolved", plural="all {n} certificates resolved", n=n)


def _assess_severity(notice: ExpiryNotice) -> Severity:
    left = min(ending.ends_at for ending in notice.open) - notice.at
    return judge_time_left(left, CA_EXPIRY_LIMITS if notice.authority else HOST_EXPIRY_LIMITS) or Severity.LOW


def _describe_expiry(notice: ExpiryNotice) -> Phrase:
    """Describes the certificate and its expiry."""
    if len(notice.endings) > 1:
        return _describe_several(notice)
    ending, left = notice.open[0], notice.open[0].ends_at - notice.at
    name = ending.display_name
    match notice.authority, _is_expired(notice), left < DAY:
        case True, True, _:
            return Phrase("The CA {name} has expired", name=name)
        case True, _, True:
            return Phrase("The CA {name} expires in less than a day", name=name)
        case True, _, _:
            return Phrase(
                "The CA {name} expires in {n} day", plural="The CA {name} expires in {n} days", name=name, n=left.days
            )
        case _, True, _:
            return Phrase("The certificate of {name} has expired", name=name)
        case _, _, True:
            return Phrase("The certificate of {name} expires in less than a day", name=name)
        case _:
            return Phrase(
                "The certificate of {name} expires in {n} day",
                plural="The certificate of {name} expires in {n} days",
                name=name,
                n=left.days,
            )


def _describe_several(notice: ExpiryNotice) -> Phrase:
    n, span = len(notice.open), Span(notice.within.total_seconds())
    match notice.authority, _is_expired(notice):
        case True, True:
            return Phrase("{n} CA has expired", plural="{n} CAs have expired", n=n)
        case True, False:
            return Phrase("{n} CA expires within {span}", plural="{n} CAs expire within {span}", n=n, span=span)
        case _, True:
            return Phrase("{n} certificate has expired", plural="{n} certificates have expired", n=n)
        case _:
            return Phrase(
                "{n} certificate expires within {span}", plural="{n} certificates expire within {span}", n=n, span=span
            )


def _is_expired(notice: ExpiryNotice) -> bool:
    return all(ending.ends_at <= notice.at for ending in notice.open)


def _list_consequences(notice: ExpiryNotice) -> Iterator[Phrase]:
    """Lists the consequence and the fix."""
    if notice.authority:
        if _is_expired(notice):
            yield Phrase("Hosts signed by this CA are no longer accepted by others: their tunnels stay down.")
        else:
            yield Phrase("After that, all hosts signed by this CA expire too and are no longer accepted.")
        yield Phrase("Replacing the CA takes three passes over all hosts, each verified. Start now.")
        return
    names = list_some([ending.display_name for ending in notice.open], MAX_NAMES_IN_SENTENCE)
    if _is_expired(notice):
        yield Phrase("Other hosts no longer accept {hosts}: no tunnels, gateway or containers.", hosts=names)
    else:
        yield Phrase(
            "After that, other hosts no longer accept {hosts}: tunnels drop, and the gateway and containers with them.",
            hosts=names,
        )
    if any(ending.bound for ending in notice.open):
        yield Phrase("No trusted CA is valid longer, so renewing would not help. Replace the CA first.")
    else:
        yield Phrase("Press the button to request the renewal: the bot prepares a plan and asks for approval.")


def _suggest_commands(notice: ExpiryNotice) -> list[str]:
    """Suggests commands that help; the CA first if a new certificate cannot live longer than the old one."""
    if notice.authority:
        return ["ca show"]
    if len(notice.endings) == 1:
        renewal = f"cert renew {notice.endings[0].name}"
    else:
        renewal = f"cert renew --due {render_duration(max(notice.within, DAY))}"
    return ["ca show", renewal] if any(ending.bound for ending in notice.open) else [renewal]


def _list_certificates(notice: ExpiryNotice, texts: Texts) -> list[str]:
    """Lists a line for each certificate, soonest expiry first."""
    lines = [
        f"*{escape(ending.display_name, 80)}* — {format_time(ending.ends_at, texts)}"
        f"{_render_expired_mark(ending, notice, texts)}"
        for ending in notice.open[:MAX_NAMED]
    ]
    return [*lines, *_count_more(len(notice.open) - MAX_NAMED, texts)]


def _render_expired_mark(ending: ExpiryNoticeItem, notice: ExpiryNotice, texts: Texts) -> str:
    """Renders the mark of an expired certificate among others that have not expired."""
    over = ending.ends_at <= notice.at and not _is_expired(notice)
    return f" · {escape(Phrase('expired').render(texts))}" if over else ""


def _render_dates(endings: Sequence[ExpiryNoticeItem], texts: Texts) -> str:
    """Renders names and times for the plain text, after a colon."""
    if len(endings) == 1:
        return f": {escape(texts.moment(endings[0].ends_at))}"
    said = [
        f"{escape(ending.display_name, 80)} {escape(texts.moment(ending.ends_at))}"
        for ending in endings[:MAX_NAMES_IN_SENTENCE]
    ]
    return f": {texts.series([*said, *_count_more(len(endings) - MAX_NAMES_IN_SENTENCE, texts)])}"


def _count_more(count: int, texts: Texts) -> list[str]:
    return [escape(Phrase("… and {n} more", n=count).render(texts))] if count > 0 else []


def _list_settlements(settled: Sequence[ExpiryNoticeItem], texts: Texts) -> Iterator[str]:
    """Lists the settled certificates, a line for each kind of settlement."""
    for fate, label in SETTLEMENT_LABELS.items():
        names = [ending.display_name for ending in settled if ending.settled is not None and ending.settled.how is fate]
        if names:
            yield escape(f"{label.render_sentence(texts)} {list_some(names, MAX_NAMED).render(texts)}", _MAX_SENTENCE)


def _render_origin(notice: ExpiryNotice) -> str:
    """Renders the command that shows more, and the fingerprint."""
    first = notice.endings[0]
    if len(notice.endings) > 1:
        return render_command("cert")
    command = render_command("ca show" if first.authority else f"cert show {first.name}")
    return f"{command} · {format_code(shorten_fingerprint(first.fingerprint))}"
