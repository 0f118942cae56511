"""Draws a chart as a PNG for a phone. The only importer of matplotlib; runs in a process of its own
(`bot.rendering.chart_process`).

    Health over 14 days
                 12 13 14 … 25      one line for each host, worst first, one cell for each day
    host-b        ✓  ✓  ✗ …  ✗
    Days left of certificates
    host-b        ▮▮                        ! 12 days

All lengths are in pixels. The picture is three times as wide as a phone shows it, so letters of size 30 appear as size 10.
The colors are from the Okabe-Ito palette, which color-blind readers can distinguish. A sign in every cell says the same.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from io import BytesIO
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.patches import Rectangle

from adapters.phrase import ENGLISH
from bot.rendering.chart_process import FULL, Job, Words, words_for
from commands.model.chart import CA_LEFT, HOST_LEFT, CertificateLeft, Chart, DayState, Left

WIDTH, MARGIN, GAP = 1080, 36, 24
TITLE, TEXT, SMALL, TINY = 42, 32, 30, 24
"""Font sizes."""
LINE, TIGHT, MANY = 52, 44, 12
"""Height of a line, height of a line among many, and the number of lines that counts as many."""
NAMES, LETTERS, CUT = 380, 60, "…"
"""Maximum width of the column of names, and maximum letters of a name."""
WIDEST, SWATCH, DAY_NUMBER = 72, 44, 42
"""Maximum width of a day's cell, width of a cell in the legend, and width of a day's number."""
ASIAN = 0x2E80
"""First code point that Latin fonts do not have."""

GROUND, INK, SOFT, PALE = "#fbfbf9", "#1d1d1f", "#56565b", "#dcdcd8"
"""Background and ink, the same on Slack's light and dark themes."""
GREEN, ORANGE, VERMILLION = "#009e73", "#e69f00", "#d55e00"

LATIN = "DejaVu Sans"
"""Font that comes with matplotlib and has all the signs."""
JAPANESE = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "TakaoPGothic",
    "VL PGothic",
)


class Font(NamedTuple):
    """Size, color and weight of letters."""

    size: float
    colour: str
    bold: bool = False


class Look(NamedTuple):
    """Style of a cell: colors, a sign, and hatching."""

    fill: str
    ink: str
    sign: str
    hatch: str = ""


DAYS = {
    DayState.TROUBLED: Look(VERMILLION, "#ffffff", "✗"),
    DayState.UNREACHED: Look("#ecece9", SOFT, "?", "////"),
    DayState.AT_TIMES: Look("#f3c55c", INK, "!"),
    DayState.WELL: Look("#bfe3d6", "#00664a", "✓"),
    DayState.NOTHING: Look(GROUND, SOFT, "·"),
}
"""Styles of the days. Healthy days are pale, so that the others stand out."""

NAME = Font(TEXT, INK)
TRACK, NOTCH = Look(PALE, INK, ""), Look(INK, INK, "")

TIMES = {
    Left.EXPIRED: Look(VERMILLION, VERMILLION, "✗", "////"),
    Left.URGENT: Look(VERMILLION, VERMILLION, "‼"),
    Left.SOON: Look(ORANGE, "#8a5f00", "!"),
    Left.LONG: Look(GREEN, "#00664a", "✓"),
}


class Sheet:
    """A canvas measured in pixels from its top left corner. The functions that draw on it return the used height."""

    def __init__(self, families: Sequence[str]) -> None:
        self._families = list(families)
        self._figure = Figure(dpi=72, facecolor=GROUND)
        self._canvas = FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH))
        self._axes.set_axis_off()

    def box(self, x: float, y: float, width: float, height: float, look: Look) -> None:
        """Draws a filled box without its sign."""
        patch = Rectangle((x, y), width, height, facecolor=look.fill, linewidth=0)
        if look.hatch:
            patch.set(hatch=look.hatch, edgecolor=GROUND if look.fill == VERMILLION else "#b9b9b4")
        self._axes.add_patch(patch)

    def text(self, x: float, y: float, text: str, font: Font, side: str = "left") -> None:
        """Draws one line whose middle is at the height `y`. Formulas in it are not interpreted."""
        self._axes.text(
            x,
            y,
            text,
            color=font.colour,
            fontproperties=self._properties(font),
            horizontalalignment=side,
            verticalalignment="center_baseline",
            parse_math=False,
        )

    def width(self, text: str, font: Font) -> float:
        """Returns the width of a text."""
        renderer = self._canvas.get_renderer()  # type: ignore[no-untyped-call]
        return float(renderer.get_text_width_height_descent(text, self._properties(font), ismath=False)[0])

    def fitting(self, text: str, font: Font, most: float) -> str:
        """Returns an untrusted name in letters that every font has, shortened to this width."""
        name = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text[:LETTERS])
        if name == text and self.width(name, font) <= most:
            return name
        while name and self.width(name + CUT, font) > most:
            name = name[:-1]
        return name + CUT if len(name) < len(text) else name

    def png(self, height: float) -> bytes:
        """Renders the canvas down to this height as a PNG."""
        self._figure.set_size_inches(WIDTH / 72, round(height) / 72)
        self._axes.set_ylim(round(height), 0)
        picture = BytesIO()
        self._figure.savefig(picture, format="png")
        return picture.getvalue()

    def _properties(self, font: Font) -> FontProperties:
        return FontProperties(family=self._families, size=font.size, weight="bold" if font.bold else "normal")


def draw(chart: Chart, words: Words) -> bytes:
    """Draws the chart as a PNG. Its words are English if this machine has no font for the language."""
    families = _families(words)
    if not families:
        words, families = words_for(chart, ENGLISH), [LATIN]
    drawn, sheet = chart.drawn, Sheet(families)
    y = float(MARGIN)
    if drawn.hosts:
        y = _health(sheet, drawn, words, y)
    if drawn.certificates:
        y = _certificates(sheet, drawn, words, y)
    return sheet.png(y)


def _families(words: Words) -> list[str]:
    """Finds fonts that together have all letters of the words; none if the machine lacks some."""
    if all(ord(letter) < ASIAN for letter in words.model_dump_json()):
        return [LATIN]
    known = {font.name for font in fontManager.ttflist}
    return next(([LATIN, name] for name in JAPANESE if name in known), [])


def _names_end(sheet: Sheet, chart: Chart) -> float:
    """Returns the right edge of the column of names, as narrow as possible, the same for hosts and certificates."""
    names = [sheet.fitting(host.host, NAME, NAMES) for host in chart.hosts]
    names += [_titled(sheet, certificate) for certificate in chart.certificates]
    return MARGIN + max(sheet.width(name, NAME) for name in names) + GAP


def _title(sheet: Sheet, title: str, y: float) -> float:
    sheet.text(MARGIN, y + 26, title, Font(TITLE, INK, bold=True))
    return y + 70


def _health(sheet: Sheet, chart: Chart, words: Words, y: float) -> float:
    """Draws the days' numbers, a line for each host, and the legend. Returns the height below them."""
    left, high = _names_end(sheet, chart), TIGHT if len(chart.hosts) > MANY else LINE
    wide = min((WIDTH - MARGIN - left) / max(len(chart.days), 1), WIDEST)
    y = _title(sheet, words.health, y)
    y = _calendar(sheet, chart.days, left, wide, y)
    for host in chart.hosts:
        sheet.text(MARGIN, y + high / 2, sheet.fitting(host.host, NAME, NAMES), NAME)
        for number, state in enumerate(host.states):
            _cell(sheet, (left + number * wide, y, wide, high), DAYS[state])
        y += high
    if words.more_hosts:
        sheet.text(MARGIN, y + LINE / 2, words.more_hosts, Font(SMALL, SOFT))
        y += LINE
    entries = [(DAYS[state], text) for state, text in words.states.items()]
    return _legend(sheet, entries, y + GAP) + 2 * GAP


def _calendar(sheet: Sheet, days: Sequence[date], left: float, wide: float, y: float) -> float:
    """Draws the number of each day that has room, and the months at their beginnings. Returns the height below them."""
    every = -(-DAY_NUMBER // int(wide))
    font, end = Font(TINY, SOFT), float(WIDTH - MARGIN)
    for number, day in reversed(list(enumerate(days))):
        x, month = left + number * wide, f"{day:%Y-%m}"
        if number == 0 or day.month != days[number - 1].month:
            begins = min(x, WIDTH - MARGIN - sheet.width(month, font))
            if begins + sheet.width(month, font) <= end:  # if two months have no room, the later one is named
                sheet.text(begins, y + 12, month, font)
                end = begins - GAP / 2
        if (len(days) - 1 - number) % every == 0:
            sheet.text(x + wide / 2, y + 46, str(day.day), Font(SMALL, INK), "center")
    return y + 70


def _cell(sheet: Sheet, place: tuple[float, float, float, float], look: Look) -> None:
    x, y, wide, high = place
    sheet.box(x + 1.5, y + 1.5, wide - 3, high - 3, look)
    sheet.text(x + wide / 2, y + high / 2, look.sign, Font(min(TEXT, wide * 0.7), look.ink, bold=True), "center")


def _legend(sheet: Sheet, entries: Sequence[tuple[Look, str]], y: float) -> float:
    """Draws the legend of the signs, in as few rows as possible. Returns the height below it."""
    x, font = float(MARGIN), Font(SMALL, INK)
    for look, words in entries:
        wide = SWATCH + 12 + sheet.width(words, font)
        if x > MARGIN and x + wide > WIDTH - MARGIN:
            x, y = float(MARGIN), y + SWATCH + 6
        _cell(sheet, (x, y, SWATCH, SWATCH), look)
        sheet.text(x + SWATCH + 12, y + SWATCH / 2, words, font)
        x += wide + GAP
    return y + SWATCH


def _certificates(sheet: Sheet, chart: Chart, words: Words, y: float) -> float:
    """Draws a bar for each certificate with the days left beside it, and the legend. Returns the height below them."""
    left, high = _names_end(sheet, chart), TIGHT if len(chart.certificates) > MANY else LINE
    said = max(sheet.width(text, Font(TEXT, INK, bold=True)) for text in words.left)
    right = WIDTH - MARGIN - said - SWATCH - GAP
    y = _title(sheet, words.certificates, y)
    for certificate, text in zip(chart.certificates, words.left, strict=True):
        look, middle = TIMES[certificate.left], y + high / 2
        sheet.text(MARGIN, middle, _titled(sheet, certificate), NAME)
        _bar(sheet, certificate, (left, y + 9, right - left, high - 18))
        sheet.text(right + GAP + SWATCH / 2, middle, look.sign, Font(TEXT, look.ink, bold=True), "center")
        strong = certificate.left is not Left.LONG
        sheet.text(WIDTH - MARGIN, middle, text, Font(TEXT, look.ink if strong else INK, bold=strong), "right")
        y += high
    if words.more_certificates:
        sheet.text(MARGIN, y + LINE / 2, words.more_certificates, Font(SMALL, SOFT))
        y += LINE
    entries = [(TIMES[left]._replace(fill=GROUND, hatch=""), text) for left, text in words.times.items()]
    return _legend(sheet, entries, y + GAP) + MARGIN


def _bar(sheet: Sheet, certificate: CertificateLeft, place: tuple[float, float, float, float]) -> None:
    """Draws the days left, on a track with a notch at which renewal is due. The bar of an expired one is fully hatched."""
    x, y, wide, high = place
    expired = certificate.left is Left.EXPIRED
    share = 1.0 if expired else min(certificate.days / FULL, 1.0)
    due = (CA_LEFT if certificate.authority else HOST_LEFT)[0] / FULL * wide
    sheet.box(x, y, wide, high, TRACK)
    sheet.box(x, y, max(share * wide, 4), high, TIMES[certificate.left])
    if not expired:
        sheet.box(x + due - 1, y - 5, 2, high + 10, NOTCH)


def _titled(sheet: Sheet, certificate: CertificateLeft) -> str:
    """Formats the name of a certificate, shortened to the column, with a mark for a CA."""
    kind = " (CA)" if certificate.authority else ""
    return sheet.fitting(certificate.name, NAME, NAMES - sheet.width(kind, NAME)) + kind


def main() -> None:
    """Reads a `ChartJob` as JSON from stdin and writes a PNG to stdout."""
    with suppress(PermissionError):  # a service may be forbidden to change its priority
        os.nice(10)  # the bot has priority, because Slack waits for its acks
    job = Job.model_validate_json(sys.stdin.buffer.read())
    sys.stdout.buffer.write(draw(job.chart, job.words))


if __name__ == "__main__":
    main()
