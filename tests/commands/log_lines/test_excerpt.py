"""Which lines are shown: the newest first, page by page back in time, only those that fit."""

import pytest

from commands.log_lines.excerpt import PAGE_LINES, Excerpt, LineFilter, select_page
from commands.log_lines.formats import Level
from tests.commands.log_examples import excerpt, line


@pytest.mark.parametrize(
    ("count", "page", "first", "last", "pages"),
    [
        (0, 0, 0, 0, 1),
        (1, 0, 1, 1, 1),
        (20, 0, 1, 20, 1),
        (21, 0, 2, 21, 2),
        (21, 1, 1, 1, 2),
        (45, 0, 26, 45, 3),
        (45, 1, 6, 25, 3),
        (45, 2, 1, 5, 3),
        (45, 99, 1, 5, 3),
    ],
)
def test_the_first_page_has_the_newest_lines_and_each_further_one_goes_back(
    count: int, page: int, first: int, last: int, pages: int
) -> None:
    seen = select_page(excerpt(count), LineFilter(page=page))
    assert (first, last, pages, count) == (seen.first, seen.last, seen.pages, seen.matching)
    assert tuple(f"line-{order}" for order in range(max(first - 1, 0), last)) == tuple(
        each.last[0].text for each in seen.groups
    )


def test_every_line_is_on_exactly_one_page() -> None:
    lines = excerpt(3 * PAGE_LINES + 1)
    seen = [each.last[0] for page in range(4) for each in select_page(lines, LineFilter(page=page)).groups]
    assert sorted(lines.lines, key=lambda each: each.order) == sorted(seen, key=lambda each: each.order)


def test_only_lines_that_fit_are_counted() -> None:
    lines = excerpt(50, errors=3)
    grave = select_page(lines, LineFilter(level=Level.ERROR))
    assert (3, ["line-47", "line-48", "line-49"]) == (grave.matching, [each.last[0].text for each in grave.groups])
    assert 11 == select_page(lines, LineFilter(pattern="line-4")).matching
    assert 0 == select_page(lines, LineFilter(pattern="nothing")).matching


def test_lines_without_a_time_or_a_level_are_shown_until_somebody_asks_for_a_level() -> None:
    lines = Excerpt(lines=(line(0, timeless=True, level=None), line(1, level=Level.ERROR)))
    assert (2, 1) == (select_page(lines, LineFilter()).matching, select_page(lines, LineFilter(level=Level.ERROR)).matching)
