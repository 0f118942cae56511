"""Charts as pictures: whatever is in them, they are PNGs of a phone's width, and a cell has the colour of its state."""

import struct
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from matplotlib.image import imread

from adapters.phrase import ENGLISH
from bot.locale.texts import get_texts
from bot.rendering import chart_process as drawing
from bot.rendering import charts
from bot.rendering.chart_process import DrawingFailed, build_chart_texts, draw_in_process
from bot.rendering.charts import BACKGROUND, WIDTH, draw_chart
from bot.rendering.charts import DAY_STYLES as LOOKS
from commands.model.chart import Chart, DayState
from tests.commands.model.test_chart import BLINKED, DAYS, SILENT, TROUBLED, certificate, chart, host

SIGNATURE = b"\x89PNG\r\n\x1a\n"
JAPANESE = get_texts("ja", ZoneInfo("Asia/Tokyo"))

MIXED = chart(
    host("host-a", TROUBLED, BLINKED, SILENT, None),
    certificates=(certificate("host-a", -3), certificate("host-b", 5), certificate("flatnet", 900, authority=True)),
)
MANY = chart(
    *(host(f"host-{number:03}", TROUBLED) for number in range(254)),
    certificates=tuple(certificate(f"host-{number:03}", number) for number in range(254)),
)


def size(picture: bytes) -> tuple[int, int]:
    """Width and height in a PNG's header."""
    assert SIGNATURE == picture[:8]
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


@pytest.mark.parametrize(
    ("shown", "lowest", "highest"),
    [
        (chart(), 36, 100),
        (chart(host("host-a")), 300, 600),
        (chart(certificates=(certificate("host-a", 3),)), 200, 500),
        (MIXED, 700, 1_000),
        (chart(*(host(f"host-{name}", before=SILENT) for name in "abcd")), 400, 700),
        (chart(host("host-a", before=None)), 300, 600),
        (MANY, 2_000, 3_200),
        (Chart(days=(), hosts=(), certificates=()), 36, 100),
    ],
    ids=["nothing", "one host", "one certificate", "mixed", "a fortnight down", "no record", "254 hosts", "no days"],
)
def test_every_chart_is_a_picture_as_wide_as_a_phone_shows_it(shown: Chart, lowest: int, highest: int) -> None:
    width, height = size(draw_chart(shown, build_chart_texts(shown, ENGLISH)))
    assert WIDTH == width
    assert lowest <= height <= highest


@pytest.mark.parametrize("name", ["$\\frac{x}{", "$a$" * 100, "x" * 300, "日本", "\0\x1b[31m\n", "\u202eevil", "", "\ud800"])
def test_no_name_breaks_the_picture(name: str) -> None:
    """Neither taken for a formula, nor asked of a font that lacks its letters: matplotlib's warnings are errors here."""
    shown = chart(host("ok"), certificates=(certificate("ok", 3),))
    named = shown.model_copy(
        update={
            "hosts": (shown.hosts[0].model_copy(update={"host": name}),),
            "certificates": (shown.certificates[0].model_copy(update={"name": name}),),
        }
    )
    assert WIDTH == size(draw_chart(named, build_chart_texts(shown, ENGLISH)))[0]


def test_a_cell_has_the_colour_of_its_day() -> None:
    """The last four days of one host, looked at in a corner of their cells, where no sign is."""
    pixels = imread(BytesIO(draw_chart(MIXED, build_chart_texts(MIXED, ENGLISH))))
    colours = {look.fill: state for state, look in LOOKS.items() if not look.hatch}
    line = 36 + 70 + 70 + 5  # below margin, title and calendar
    names = next(x for x in range(WIDTH) if _hex(pixels[line][x]) == LOOKS[DayState.WELL].fill)
    wide = (WIDTH - 36 - names) / len(DAYS)
    seen = [colours.get(_hex(pixels[line][int(names + number * wide) + 4])) for number in range(len(DAYS))]
    well = [DayState.WELL] * 10
    assert [*well, DayState.TROUBLED, DayState.AT_TIMES] == seen[:12]
    assert DayState.NOTHING == seen[13]
    assert seen[12] not in (DayState.WELL, DayState.TROUBLED, DayState.AT_TIMES)


def test_the_ground_is_opaque() -> None:
    """So that it reads the same on a light and on a dark theme."""
    pixels = imread(BytesIO(draw_chart(MIXED, build_chart_texts(MIXED, ENGLISH))))
    assert BACKGROUND == _hex(pixels[2][2])
    assert 1.0 == pixels[..., 3].min()


def test_no_two_states_are_told_apart_by_colour_alone() -> None:
    signs = [look.sign for look in LOOKS.values()]
    assert len(set(signs)) == len(signs) == len(DayState)


def test_words_without_letters_on_this_machine_are_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "JAPANESE_FONTS", ())
    assert draw_chart(MIXED, build_chart_texts(MIXED, ENGLISH)) == draw_chart(MIXED, build_chart_texts(MIXED, JAPANESE))


def test_what_has_no_room_is_counted() -> None:
    words = build_chart_texts(MANY, ENGLISH)
    assert ("… and 224 more", "… and 234 more") == (words.more_hosts, words.more_certificates)
    assert ("", "") == (build_chart_texts(MIXED, ENGLISH).more_hosts, build_chart_texts(MIXED, ENGLISH).more_certificates)


async def test_a_picture_is_drawn_by_another_process() -> None:
    assert draw_chart(MIXED, build_chart_texts(MIXED, JAPANESE)) == await draw_in_process(MIXED, JAPANESE)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (("/nowhere/python",), "No such file or directory"),
        (("false",), "the program exited with status 1"),
        (("true",), "the program exited with status 0"),
        (("head", "-c", "4194305", "/dev/zero"), "larger than 4194304 bytes"),
    ],
    ids=["no program", "fails", "says nothing", "too large"],
)
async def test_a_program_that_draws_nothing_is_a_failure_that_says_why(
    monkeypatch: pytest.MonkeyPatch, program: tuple[str, ...], why: str
) -> None:
    monkeypatch.setattr(drawing, "PROGRAM", program)
    with pytest.raises(DrawingFailed) as raised:
        await draw_in_process(MIXED, ENGLISH)
    assert f"could not draw the chart: {why}. The same data is shown as text" == str(raised.value)


async def test_a_program_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "PROGRAM", ("sleep", "600"))
    monkeypatch.setattr(drawing, "RENDER_TIMEOUT", 0.05)
    with pytest.raises(DrawingFailed, match="no result within"):
        await draw_in_process(MIXED, ENGLISH)


def _hex(pixel: object) -> str:
    """A pixel as matplotlib reads it, as CSS writes it."""
    red, green, blue, _ = (round(part * 255) for part in pixel)  # type: ignore[attr-defined]
    return f"#{red:02x}{green:02x}{blue:02x}"
