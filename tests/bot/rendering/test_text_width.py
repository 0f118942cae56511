"""Lines of a given width: nothing is lost, nothing is too wide, and Japanese breaks where it may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from bot.rendering.text import build_table_line, flow, narrow_columns, wrap
from bot.security.untrusted_text import to_one_line
from tests.bot.rendering.anything import HOSTILE, WHATEVER


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("three short words", 11, ["three short", "words"]),
        ("averylongword that does not fit", 8, ["averylon", "gword", "that", "does not", "fit"]),
        ("接続できません", 6, ["接続で", "きませ", "ん"]),
        ("host-e に接続できません", 12, ["host-e に接", "続できません"]),
        ("確認してください。次へ", 16, ["確認してくださ", "い。次へ"]),
        ("host-b、host-f、host-e", 14, ["host-b、", "host-f、host-e"]),
        ("状態（詳細は「一覧」）", 6, ["状態", "（詳細", "は「一", "覧」）"]),
    ],
)
def test_lines_break_at_spaces_and_beside_wide_characters_but_never_before_a_closing_mark(
    text: str, width: int, lines: list[str]
) -> None:
    assert lines == plain(wrap(Text(text), width))


@WHATEVER
@given(HOSTILE, st.integers(min_value=4, max_value=40))
def test_whatever_is_wrapped_is_all_there_and_narrow_enough(text: str, width: int) -> None:
    lines = plain(wrap(Text(to_one_line(text)), width))
    assert to_one_line(text).replace(" ", "") == "".join(lines).replace(" ", "")
    assert all(cell_len(line) <= width for line in lines)


def test_what_fits_stands_side_by_side_and_what_is_broken_stands_alone() -> None:
    atoms = [Text("a"), Text("bb"), Text("longer than one line"), Text("c")]
    assert ["a  bb", "longer than", "one line", "c"] == plain(flow(atoms, 12))


@pytest.mark.parametrize(
    ("columns", "width", "left"),
    [
        ([6, 8, 20, 10], 50, [6, 8, 20, 10]),
        ([6, 8, 20, 10], 40, [6, 8, 10, 10]),
        ([6, 8, 20, 10], 30, [6, 8, 5, 5]),
        ([6, 8, 20, 10], 29, None),
        ([6, 8], 10, None),
    ],
)
def test_the_widest_column_gives_way_first_and_none_becomes_meaningless(
    columns: list[int], width: int, left: list[int] | None
) -> None:
    assert left == narrow_columns(columns, width, kept=2)


def test_a_cut_is_shown_and_keeps_the_columns_straight() -> None:
    assert "host-b  フォワ…   ✓" == build_table_line([Text("host-b"), Text("フォワーディング"), Text("✓")], [6, 8, 3]).plain
