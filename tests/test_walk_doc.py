"""docs/walk.md shows every picture of the walk, in order, and its Japanese twin the same ones."""

import re
from pathlib import Path

import pytest

IMAGES = Path("docs/images")


def list_pictures(language: str) -> list[str]:
    """The names of the pictures in the page, without the language."""
    text = Path(f"docs/walk{language}.md").read_text(encoding="utf-8")
    return re.findall(rf'src="images/(walk-[a-z]+-\d){re.escape(language)}\.png"', text)


@pytest.mark.parametrize("language", ["", ".ja"])
def test_the_page_shows_every_picture_of_its_language_once(language: str) -> None:
    taken = sorted(path.name.removesuffix(f"{language}.png") for path in IMAGES.glob(f"walk-*-?{language}.png"))
    assert taken == sorted(list_pictures(language))


def test_both_languages_show_the_same_in_the_same_order() -> None:
    assert list_pictures("") == list_pictures(".ja")


def test_the_pictures_are_small() -> None:
    """Every clone carries them, and each change of a text makes them anew."""
    assert [] == [path.name for path in IMAGES.glob("*.png") if path.stat().st_size > 100_000]
