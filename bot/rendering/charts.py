"""Draws a chart as a PNG for a phone. The only importer of matplotlib; runs in a process of its own
(`bot.rendering.picture_program`).

    Health, last 14 days
                 12 13 14 … 25      one line for each host, worst first, one cell for each day
    host-b        ✓  ✓  ✗ …  ✗
    Days left of certificates
    host-b        ▮▮                        ! 12 days

All lengths are in pixels. The picture is three times as wide as a phone shows it, so letters of size 30 appear as size 10.
The colors are from the Okabe-Ito palette, which color-blind readers can distinguish. A sign in every cell says the same.
"""

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.patches import Rectangle

from adapters.phrase import ENGLISH
from bot.rendering.chart_process import FULL_BAR_DAYS, ChartTexts, build_chart_texts
from commands.model.chart import CA_EXPIRY_DAYS, HOST_EXPIRY_DAYS, CertificateExpiry, Chart, DayState, ExpiryUrgency

WIDTH, MARGIN, GAP = 1080, 36, 24
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE, TINY_SIZE = 42, 32, 30, 24
"""Font sizes."""
LINE_HEIGHT, TIGHT_LINE_HEIGHT, MANY_LINES = 52, 44, 12
"""Height of a line, height of a line among many, and the number of lines that counts as many."""
MAX_NAME_WIDTH, MAX_NAME_LETTERS, ELLIPSIS = 380, 60, "…"
"""Maximum width of the column of names, and maximum letters of a name."""
MAX_DAY_WIDTH, SWATCH_WIDTH, DAY_NUMBER_WIDTH = 72, 44, 42
"""Maximum width of a day's cell, width of a cell in the legend, and width of a day's number."""
FIRST_ASIAN_LETTER = 0x2E80
"""First code point that Latin fonts do not have."""

BACKGROUND, INK, SOFT, PALE = "#fbfbf9", "#1d1d1f", "#56565b", "#dcdcd8"
"""Background and ink, the same on Slack's light and dark themes."""
GREEN, ORANGE, VERMILLION = "#009e73", "#e69f00", "#d55e00"

LATIN_FONT = "DejaVu Sans"
"""Font that comes with matplotlib and has all the signs."""
JAPANESE_FONTS = (
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


class CellStyle(NamedTuple):
    """Style of a cell: colors, a sign, and hatching."""

    fill: str
    ink: str
    sign: str
    hatch: str = ""


DAY_STYLES = {
    DayState.TROUBLED: CellStyle(VERMILLION, "#ffffff", "✗"),
    DayState.UNREACHED: CellStyle("#ecece9", SOFT, "?", "////"),
    DayState.AT_TIMES: CellStyle("#f3c55c", INK, "!"),
    DayState.WELL: CellStyle("#bfe3d6", "#00664a", "✓"),
    DayState.NOTHING: CellStyle(BACKGROUND, SOFT, "·"),
}
"""Styles of the days. Healthy days are pale, so that the others stand out."""

NAME_FONT = Font(TEXT_SIZE, INK)
TRACK_STYLE, NOTCH_STYLE = CellStyle(PALE, INK, ""), CellStyle(INK, INK, "")

TIME_STYLES = {
    ExpiryUrgency.EXPIRED: CellStyle(VERMILLION, VERMILLION, "✗", "////"),
    ExpiryUrgency.URGENT: CellStyle(VERMILLION, VERMILLION, "‼"),
    ExpiryUrgency.SOON: CellStyle(ORANGE, "#8a5f00", "!"),
    ExpiryUrgency.LONG: CellStyle(GREEN, "#00664a", "✓"),
}


class ChartCanvas:
    """A canvas measured in pixels from its top left corner. The functions that draw on it return the used height."""

    def __init__(self, families: Sequence[str]) -> None:
        self._families = list(families)
        self._figure = Figure(dpi=72, facecolor=BACKGROUND)
        self._canvas = FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH))
        self._axes.set_axis_off()

    def draw_box(self, x: float, y: float, width: float, height: float, look: CellStyle) -> None:
        """Draws a filled box without its sign."""
        patch = Rectangle((x, y), width, height, facecolor=look.fill, linewidth=0)
        if look.hatch:
            patch.set(hatch=look.hatch, edgecolor=BACKGROUND if look.fill == VERMILLION else "#b9b9b4")
        self._axes.add_patch(patch)

    def draw_text(self, x: float, y: float, text: str, font: Font, side: str = "left") -> None:
        """Draws one line whose middle is at the height `y`. Formulas in it are not interpreted."""
        self._axes.text(
            x,
            y,
            text,
            color=font.colour,
            fontproperties=self._make_font_properties(font),
            horizontalalignment=side,
            verticalalignment="center_baseline",
            parse_math=False,
        )

    def measure_text(self, text: str, font: Font) -> float:
        """Returns the width of a text."""
        renderer = self._canvas.get_renderer()  # type: ignore[no-untyped-call]
        return float(renderer.get_text_width_height_descent(text, self._make_font_properties(font), ismath=False)[0])

    def fit_name(self, text: str, font: Font, most: float) -> str:
        """Returns an untrusted name in letters that every font has, shortened to this width."""
        name = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text[:MAX_NAME_LETTERS])
        if name == text and self.measure_text(name, font) <= most:
            return name
        while name and self.measure_text(name + ELLIPSIS, font) > most:
            name = name[:-1]
        return name + ELLIPSIS if len(name) < len(text) else name

    def render_png(self, height: float) -> bytes:
        """Renders the canvas down to this height as a PNG."""
        self._figure.set_size_inches(WIDTH / 72, round(height) / 72)
        self._axes.set_ylim(round(height), 0)
        picture = BytesIO()
        self._figure.savefig(picture, format="png")
        return picture.getvalue()

    def _make_font_properties(self, font: Font) -> FontProperties:
        return FontProperties(family=self._families, size=font.size, weight="bold" if font.bold else "normal")


def draw_chart(chart: Chart, words: ChartTexts) -> bytes:
    """Draws the chart as a PNG. Its words are English if this machine has no font for the language."""
    families = find_font_families(words.model_dump_json())
    if not families:
        words, families = build_chart_texts(chart, ENGLISH), [LATIN_FONT]
    drawn, sheet = chart.drawable, ChartCanvas(families)
    y = float(MARGIN)
    if drawn.hosts:
        y = _draw_health(sheet, drawn, words, y)
    if drawn.certificates:
        y = _draw_certificates(sheet, drawn, words, y)
    return sheet.render_png(y)


def find_font_families(words: str) -> list[str]:
    """Finds fonts that together have all letters of the words; none if the machine lacks some."""
    if all(ord(letter) < FIRST_ASIAN_LETTER for letter in words):
        return [LATIN_FONT]
    known = {font.name for font in fontManager.ttflist}
    return next(([LATIN_FONT, name] for name in JAPANESE_FONTS if name in known), [])


def _measure_name_column(sheet: ChartCanvas, chart: Chart) -> float:
    """Returns the right edge of the column of names, as narrow as possible, the same for hosts and certificates."""
    names = [sheet.fit_name(host.host, NAME_FONT, MAX_NAME_WIDTH) for host in chart.hosts]
    names += [_format_certificate_name(sheet, certificate) for certificate in chart.certificates]
    return MARGIN + max(sheet.measure_text(name, NAME_FONT) for name in names) + GAP


def draw_title(sheet: ChartCanvas, title: str, y: float) -> float:
    sheet.draw_text(MARGIN, y + 26, title, Font(TITLE_SIZE, INK, bold=True))
    return y + 70


def _draw_health(sheet: ChartCanvas, chart: Chart, words: ChartTexts, y: float) -> float:
    """Draws the days' numbers, a line for each host, and the legend. Returns the height below them."""
    left, high = _measure_name_column(sheet, chart), TIGHT_LINE_HEIGHT if len(chart.hosts) > MANY_LINES else LINE_HEIGHT
    wide = min((WIDTH - MARGIN - left) / max(len(chart.days), 1), MAX_DAY_WIDTH)
    y = draw_title(sheet, words.health, y)
    y = _draw_calendar(sheet, chart.days, left, wide, y)
    for host in chart.hosts:
        sheet.draw_text(MARGIN, y + high / 2, sheet.fit_name(host.host, NAME_FONT, MAX_NAME_WIDTH), NAME_FONT)
        for number, state in enumerate(host.states):
            draw_cell(sheet, (left + number * wide, y, wide, high), DAY_STYLES[state])
        y += high
    if words.more_hosts:
        sheet.draw_text(MARGIN, y + LINE_HEIGHT / 2, words.more_hosts, Font(SMALL_SIZE, SOFT))
        y += LINE_HEIGHT
    entries = [(DAY_STYLES[state], text) for state, text in words.states.items()]
    return draw_legend(sheet, entries, y + GAP) + 2 * GAP


def _draw_calendar(sheet: ChartCanvas, days: Sequence[date], left: float, wide: float, y: float) -> float:
    """Draws the number of each day that has room, and the months at their beginnings. Returns the height below them."""
    every = -(-DAY_NUMBER_WIDTH // int(wide))
    font, end = Font(TINY_SIZE, SOFT), float(WIDTH - MARGIN)
    for number, day in reversed(list(enumerate(days))):
        x, month = left + number * wide, f"{day:%Y-%m}"
        if number == 0 or day.month != days[number - 1].month:
            begins = min(x, WIDTH - MARGIN - sheet.measure_text(month, font))
            if begins + sheet.measure_text(month, font) <= end:  # if two months have no room, the later one is named
                sheet.draw_text(begins, y + 12, month, font)
                end = begins - GAP / 2
        if (len(days) - 1 - number) % every == 0:
            sheet.draw_text(x + wide / 2, y + 46, str(day.day), Font(SMALL_SIZE, INK), "center")
    return y + 70


def draw_cell(sheet: ChartCanvas, place: tuple[float, float, float, float], look: CellStyle) -> None:
    x, y, wide, high = place
    sheet.draw_box(x + 1.5, y + 1.5, wide - 3, high - 3, look)
    sheet.draw_text(x + wide / 2, y + high / 2, look.sign, Font(min(TEXT_SIZE, wide * 0.7), look.ink, bold=True), "center")


def draw_legend(sheet: ChartCanvas, entries: Sequence[tuple[CellStyle, str]], y: float) -> float:
    """Draws the legend of the signs, in as few rows as possible. Returns the height below it."""
    x, font = float(MARGIN), Font(SMALL_SIZE, INK)
    for look, words in entries:
        wide = SWATCH_WIDTH + 12 + sheet.measure_text(words, font)
        if x > MARGIN and x + wide > WIDTH - MARGIN:
            x, y = float(MARGIN), y + SWATCH_WIDTH + 6
        draw_cell(sheet, (x, y, SWATCH_WIDTH, SWATCH_WIDTH), look)
        sheet.draw_text(x + SWATCH_WIDTH + 12, y + SWATCH_WIDTH / 2, words, font)
        x += wide + GAP
    return y + SWATCH_WIDTH


def _draw_certificates(sheet: ChartCanvas, chart: Chart, words: ChartTexts, y: float) -> float:
    """Draws a bar for each certificate with the days left beside it, and the legend. Returns the height below them."""
    left, high = (
        _measure_name_column(sheet, chart),
        TIGHT_LINE_HEIGHT if len(chart.certificates) > MANY_LINES else LINE_HEIGHT,
    )
    said = max(sheet.measure_text(text, Font(TEXT_SIZE, INK, bold=True)) for text in words.left)
    right = WIDTH - MARGIN - said - SWATCH_WIDTH - GAP
    y = draw_title(sheet, words.certificates, y)
    for certificate, text in zip(chart.certificates, words.left, strict=True):
        look, middle = TIME_STYLES[certificate.urgency], y + high / 2
        sheet.draw_text(MARGIN, middle, _format_certificate_name(sheet, certificate), NAME_FONT)
        _draw_bar(sheet, certificate, (left, y + 9, right - left, high - 18))
        sheet.draw_text(right + GAP + SWATCH_WIDTH / 2, middle, look.sign, Font(TEXT_SIZE, look.ink, bold=True), "center")
        strong = certificate.urgency is not ExpiryUrgency.LONG
        sheet.draw_text(WIDTH - MARGIN, middle, text, Font(TEXT_SIZE, look.ink if strong else INK, bold=strong), "right")
        y += high
    if words.more_certificates:
        sheet.draw_text(MARGIN, y + LINE_HEIGHT / 2, words.more_certificates, Font(SMALL_SIZE, SOFT))
        y += LINE_HEIGHT
    entries = [(TIME_STYLES[left]._replace(fill=BACKGROUND, hatch=""), text) for left, text in words.times.items()]
    return draw_legend(sheet, entries, y + GAP) + MARGIN


def _draw_bar(sheet: ChartCanvas, certificate: CertificateExpiry, place: tuple[float, float, float, float]) -> None:
    """Draws the days left, on a track with a notch at which renewal is due. The bar of an expired one is fully hatched."""
    x, y, wide, high = place
    expired = certificate.urgency is ExpiryUrgency.EXPIRED
    share = 1.0 if expired else min(certificate.days / FULL_BAR_DAYS, 1.0)
    due = (CA_EXPIRY_DAYS if certificate.authority else HOST_EXPIRY_DAYS)[0] / FULL_BAR_DAYS * wide
    sheet.draw_box(x, y, wide, high, TRACK_STYLE)
    sheet.draw_box(x, y, max(share * wide, 4), high, TIME_STYLES[certificate.urgency])
    if not expired:
        sheet.draw_box(x + due - 1, y - 5, 2, high + 10, NOTCH_STYLE)


def _format_certificate_name(sheet: ChartCanvas, certificate: CertificateExpiry) -> str:
    """Formats the name of a certificate, shortened to the column, with a mark for a CA."""
    kind = " (CA)" if certificate.authority else ""
    return sheet.fit_name(certificate.name, NAME_FONT, MAX_NAME_WIDTH - sheet.measure_text(kind, NAME_FONT)) + kind
