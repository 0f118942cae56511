"""Configurations of the version before: they load, and mean what they meant."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.config.settings import Settings, read_settings
from tests.upgrade.past import FIXTURES, fixture

EVERY_SECTION = FIXTURES / "every_section.toml"


def differences(before: Any, now: Any, place: str = "settings") -> Iterator[str]:
    """Name what was set before and is not so now. Settings that are new are none; the order of texts does not count."""
    match before, now:
        case dict(), dict():
            for key, value in before.items():
                yield from differences(value, now.get(key, "absent"), f"{place}.{key}")
        case list(), list() if before and isinstance(before[0], str):
            if before != sorted(now):
                yield f"{place}: {before} is {now}"
        case list(), list() if len(before) == len(now):
            for number, pair in enumerate(zip(before, now, strict=True)):
                yield from differences(*pair, f"{place}[{number}]")
        case _:
            if before != now:
                yield f"{place}: {before!r} is {now!r}"


def in_its_folder(value: Any) -> Any:
    """Return settings of the fixture with the folder that it lies in now."""
    if isinstance(value, dict):
        return {key: in_its_folder(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [in_its_folder(inner) for inner in value]
    return value.replace("{folder}", str(FIXTURES)) if isinstance(value, str) else value


def test_every_section_means_what_it_meant() -> None:
    now = read_settings(EVERY_SECTION).model_dump(mode="json")
    assert [] == list(differences(in_its_folder(fixture("every_section.json")), now))


def test_the_fixture_has_every_section_of_before() -> None:
    before = set(fixture("every_section.json"))
    assert before - {"hosts"} == set(tomllib.loads(EVERY_SECTION.read_text(encoding="utf-8"))) - {"hosts", "defaults"}
    assert before <= set(Settings.model_fields)


def test_the_configuration_of_the_bot_of_before_loads(tmp_path: Path) -> None:
    file = tmp_path / "flatnet.toml"
    file.write_text((FIXTURES / "flatnet.toml").read_text(encoding="utf-8").replace("{slack}", "https://slack.example.com"))
    assert ("lighthouse", "host-a", "host-b", "host-c") == read_settings(file).inventory.names
