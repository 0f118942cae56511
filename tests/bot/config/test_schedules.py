"""Built-in schedules, and tables that change them."""

from datetime import UTC, datetime
from itertools import combinations

import pytest
from pydantic import ValidationError

from bot.config.schedules import BUILT_IN, NoticeSettings, ScheduleSettings, build_schedule_config
from bot.model.schedule import ScheduleOrigin

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def origins(*tables: ScheduleSettings) -> dict[str, tuple[str, str]]:
    """Origin and command of each schedule that runs."""
    made = build_schedule_config(tables, NoticeSettings(), "Asia/Tokyo", NOW).schedules
    assert len(made) == len({each.name for each in made})
    return {each.name: (each.origin.value, each.words) for each in made}


def test_every_bot_has_the_built_in_ones_but_for_the_backup_which_changes_hosts() -> None:
    expected = {name: (ScheduleOrigin.BUILT_IN.value, each.words) for name, each in BUILT_IN.items() if each.enabled}
    assert {"backup"} == BUILT_IN.keys() - expected.keys()
    assert expected == origins()


def test_the_backup_runs_where_it_is_enabled() -> None:
    assert "backup" not in origins(ScheduleSettings(name="backup", cron="0 3 * * *"))
    enabled = origins(ScheduleSettings(name="backup", enabled=True))
    assert ("built_in", "backup create all --bot") == enabled["backup"]


def test_no_two_of_them_read_all_hosts_in_the_same_minute() -> None:
    minutes = {name: each.cron.split()[0] for name, each in BUILT_IN.items()}
    assert [] == [
        pair for pair in combinations(minutes, 2) if minutes[pair[0]] == minutes[pair[1]] and "monthly" not in pair
    ]


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize(
    "given", [{"owner": "ana"}, {"words": "disk"}, {"words": "disk", "owner": "ana", "cron": "0 * * * *"}]
)
def test_a_table_with_the_name_of_a_built_in_one_only_changes_it(name: str, given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="Give a schedule of your own another name"):
        ScheduleSettings.model_validate({"name": name, **given})


def test_a_built_in_one_can_be_changed_and_disabled() -> None:
    assert origins().keys() - {"disks"} == origins(ScheduleSettings(name="disks", enabled=False)).keys()
    (changed,) = [
        each
        for each in build_schedule_config(
            [ScheduleSettings(name="disks", cron="5 * * * *")], NoticeSettings(), "Asia/Tokyo", NOW
        ).schedules
        if each.name == "disks"
    ]
    assert (ScheduleOrigin.BUILT_IN, "5 * * * *", "disk") == (changed.origin, changed.cron, changed.words)
