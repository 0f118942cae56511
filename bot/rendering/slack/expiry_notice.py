"""Renders a notice on expiring certificates as a Slack message: expiry, consequence, and the command to type. Pure.

    :large_orange_circle: *The certificate of host-a ends in 6 days* — high · 6 Feb 09:00      the expiry
    Then no other host accepts host-a any more: …                                              the consequence
    Renew before that: …                                                                       the fix
    [cert renew host-a]                                                                        the command as a button
    `/flatnet cert show host-a` · `1a2b3c4d5e6f`

If several expire together, the first are named and the others counted. Settled ones are named below the open ones. When all
are settled, the message says how, and has no buttons.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from adapters.phrase import Phrase, Span, Texts
from bot.model.expiry_notice import Ending, ExpiryNotice, Fate
from bot.rendering.labels import COMMAND, NEXT
from bot.rendering.slack.blocks import Message, code, context, escape, section, when
from bot.rendering.slack.buttons import row, runs
from bot.rendering.slack.paragraphs import SYMBOLS, command, packed
from commands.certs.assessment import CA_LIMITS, HOST_LIMITS, severity_of
from commands.certs.inventory import short
from commands.model.finding import SEVERITIES, Severity
from commands.model.phrases import some
from commands.values.units import render_duration

NAMED = 20
"""Maximum number of certificates with a line each. A phone shows no more at once."""

FEW = 3
"""Maximum number of names in a sentence."""

SETTLED = ":white_check_mark:"

DAY = timedelta(days=1)

FATES = {
    Fate.RENEWED: Phrase("renewed:"),
    Fate.REPLACED: Phrase("replaced by one that ends no later:"),
    Fate.GONE: Phrase("no longer in the inventory:"),
    Fate.UNTRUSTED: Phrase("trusted by no host any more:"),
    Fate.EARLIER: Phrase("settled earlier:"),
    Fate.PREMATURE: Phrase("said too early:"),
}

_LINE = 600
"""Maximum characters of a sentence."""


def render(notice: ExpiryNotice, texts: Texts) -> Message:
    """Renders the message in its current state."""
    return _warning(notice, texts) if notice.open else _done(notice, texts)


def _warning(notice: ExpiryNotice, texts: Texts) -> Message:
    """Renders the message while some certificates are not settled."""
    alone = len(notice.endings) == 1
    severity, headline = _severity(notice), escape(_headline(notice).render_sentence(texts), _LINE)
    grave = escape(SEVERITIES[severity].render(texts))
    date = f" · {when(notice.open[0].ends_at, texts)}" if alone else ""
    sentences = [escape(phrase.render_sentence(texts), _LINE) for phrase in _told(notice)]
    words = _words(notice)
    settled = list(_fates(notice.settled, texts))
    return Message(
        text="\n".join(
            [
                f"{headline} ({grave}){_dates(notice.open, texts)}",
                *sentences,
                f"{escape(NEXT.render(texts))} {texts.series([escape(f'{COMMAND} {each}', 150) for each in words])}",
            ]
        ),
        blocks=(
            section(f"{SYMBOLS[severity]} *{headline}* — {grave}{date}"),
            *map(section, packed([] if alone else _listed(notice, texts))),
            section("\n".join(sentences)),
            *map(section, packed([f"✓ {line}" for line in settled])),
            *row(runs(words)),
            context(_origin(notice)),
        ),
    )


def _done(notice: ExpiryNotice, texts: Texts) -> Message:
    """Renders the message after all certificates are settled."""
    first = notice.endings[0]
    if len(notice.endings) == 1 and first.outcome is not None:
        headline, settled = escape(first.outcome.render_sentence(texts), _LINE), []
        ended = f"{escape(Phrase('the old one ends:').render(texts))} {when(first.ends_at, texts)}"
        before = "" if first.early else ended
    else:
        headline, settled, before = escape(_all_done(notice).render_sentence(texts)), list(_fates(notice.settled, texts)), ""
    return Message(
        text="\n".join([headline, *settled]),
        blocks=(
            *map(section, packed([f"{SETTLED} *{headline}*", *settled])),
            context(" · ".join(filter(None, [_origin(notice), before]))),
        ),
    )


def _all_done(notice: ExpiryNotice) -> Phrase:
    """Summarizes a settled notice. Certificates that were reported too early are not called settled."""
    n = len(notice.endings)
    if any(ending.early for ending in notice.endings):
        return Phrase("{n} warning does not hold any more", plural="none of these {n} warnings holds any more", n=n)
    return Phrase("{n} certificate is settled", plural="all {n} certificates are settled", n=n)


def _severity(notice: ExpiryNotice) -> Severity:
    left = min(ending.ends_at for ending in notice.open) - notice.at
    return severity_of(left, CA_LIMITS if notice.authority else HOST_LIMITS) or Severity.LOW


def _headline(notice: ExpiryNotice) -> Phrase:
    """Describes the certificate and its expiry."""
    if len(notice.endings) > 1:
        return _several(notice)
    ending, left = notice.open[0], notice.open[0].ends_at - notice.at
    name = ending.called
    match notice.authority, _expired(notice), left < DAY:
        case True, True, _:
            return Phrase("The CA {name} has expired", name=name)
        case True, _, True:
            return Phrase("The CA {name} ends in less than a day", name=name)
        case True, _, _:
            return Phrase("The CA {name} ends in {n} day", plural="The CA {name} ends in {n} days", name=name, n=left.days)
        case _, True, _:
            return Phrase("The certificate of {name} has expired", name=name)
        case _, _, True:
            return Phrase("The certificate of {name} ends in less than a day", name=name)
        case _:
            return Phrase(
                "The certificate of {name} ends in {n} day",
                plural="The certificate of {name} ends in {n} days",
                name=name,
                n=left.days,
            )


def _several(notice: ExpiryNotice) -> Phrase:
    n, span = len(notice.open), Span(notice.within.total_seconds())
    match notice.authority, _expired(notice):
        case True, True:
            return Phrase("{n} CA has expired", plural="{n} CAs have expired", n=n)
        case True, False:
            return Phrase("{n} CA ends within {span}", plural="{n} CAs end within {span}", n=n, span=span)
        case _, True:
            return Phrase("{n} certificate has expired", plural="{n} certificates have expired", n=n)
        case _:
            return Phrase("{n} certificate ends within {span}", plural="{n} certificates end within {span}", n=n, span=span)


def _expired(notice: ExpiryNotice) -> bool:
    return all(ending.ends_at <= notice.at for ending in notice.open)


def _told(notice: ExpiryNotice) -> Iterator[Phrase]:
    """Lists the consequence and the fix."""
    if notice.authority:
        if _expired(notice):
            yield Phrase("No host that it signed is accepted by another any more: their tunnels stay down.")
        else:
            yield Phrase("Then every host that it signed ends with it: no other host accepts them any more.")
        yield Phrase("A new CA needs three rounds over all hosts, each one checked: begin now.")
        return
    names = some([ending.called for ending in notice.open], FEW)
    if _expired(notice):
        yield Phrase(
            "No other host accepts {hosts} any more: no tunnels, so no gateway and no containers there.", hosts=names
        )
    else:
        yield Phrase(
            "Then no other host accepts {hosts} any more: tunnels drop out, and with them gateway and containers.",
            hosts=names,
        )
    if any(ending.bound for ending in notice.open):
        yield Phrase("No CA that hosts trust ends later, so a new certificate would not live longer: begin with a new CA.")
    else:
        yield Phrase("To renew, press the button: the bot makes a plan and asks for approval.")


def _words(notice: ExpiryNotice) -> list[str]:
    """Suggests commands that help; the CA first if a new certificate cannot live longer than the old one."""
    if notice.authority:
        return ["ca show"]
    if len(notice.endings) == 1:
        renewal = f"cert renew {notice.endings[0].name}"
    else:
        renewal = f"cert renew --due {render_duration(max(notice.within, DAY))}"
    return ["ca show", renewal] if any(ending.bound for ending in notice.open) else [renewal]


def _listed(notice: ExpiryNotice, texts: Texts) -> list[str]:
    """Lists a line for each certificate, soonest expiry first."""
    lines = [
        f"*{escape(ending.called, 80)}* — {when(ending.ends_at, texts)}{_over(ending, notice, texts)}"
        for ending in notice.open[:NAMED]
    ]
    return [*lines, *_more(len(notice.open) - NAMED, texts)]


def _over(ending: Ending, notice: ExpiryNotice, texts: Texts) -> str:
    """Renders the mark of an expired certificate among others that have not expired."""
    over = ending.ends_at <= notice.at and not _expired(notice)
    return f" · {escape(Phrase('expired').render(texts))}" if over else ""


def _dates(endings: Sequence[Ending], texts: Texts) -> str:
    """Renders names and times for the plain text, after a colon."""
    if len(endings) == 1:
        return f": {escape(texts.moment(endings[0].ends_at))}"
    said = [f"{escape(ending.called, 80)} {escape(texts.moment(ending.ends_at))}" for ending in endings[:FEW]]
    return f": {texts.series([*said, *_more(len(endings) - FEW, texts)])}"


def _more(count: int, texts: Texts) -> list[str]:
    return [escape(Phrase("… and {n} more", n=count).render(texts))] if count > 0 else []


def _fates(settled: Sequence[Ending], texts: Texts) -> Iterator[str]:
    """Lists the settled certificates, a line for each kind of settlement."""
    for fate, label in FATES.items():
        names = [ending.called for ending in settled if ending.settled is not None and ending.settled.how is fate]
        if names:
            yield escape(f"{label.render_sentence(texts)} {some(names, NAMED).render(texts)}", _LINE)


def _origin(notice: ExpiryNotice) -> str:
    """Renders the command that shows more, and the fingerprint."""
    first = notice.endings[0]
    if len(notice.endings) > 1:
        return command("cert")
    return f"{command('ca show' if first.authority else f'cert show {first.name}')} · {code(short(first.fingerprint))}"
