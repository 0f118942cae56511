"""Checks that names and ids of a configuration are in use once. All raise `InvalidSetting`. Pure."""

from collections.abc import Sequence

from adapters.inventory import Host, InvalidSetting, JoiningHost
from adapters.phrase import Listing, Phrase
from bot.access.people import Person, UserGroup
from bot.schedules.builtin import ScheduleSettings
from commands.model.containers import ContainerSpec


def require_unique_hosts(hosts: Sequence[Host], joining: Sequence[JoiningHost]) -> None:
    """Raises if two hosts have one id, members or being added. An id of a removed host may be in use again."""
    if twice := _find_twice([str(number) for number in (*(each.id for each in hosts), *(each.id for each in joining))]):
        raise InvalidSetting(Phrase("several hosts have the ID {ids}. Use a different ID for each", ids=Listing(twice)))


def require_unique_tables(
    containers: Sequence[ContainerSpec], schedules: Sequence[ScheduleSettings], groups: Sequence[UserGroup]
) -> None:
    """Raises if a container, a schedule or a user group has two tables."""
    if twice := _find_twice([container.name for container in containers]):
        raise InvalidSetting(
            Phrase("several containers are named {names}. Use a different name for each", names=Listing(twice))
        )
    if twice := _find_twice([schedule.name for schedule in schedules]):
        raise InvalidSetting(
            Phrase("several schedules are named {names}. Use a different name for each", names=Listing(twice))
        )
    if twice := _find_twice([group.slack for group in groups]):
        raise InvalidSetting(Phrase("two groups have the ID {ids}. Merge them into one table", ids=Listing(twice)))


def require_unique_people(people: Sequence[Person]) -> None:
    """Raises if two people share a name or an id."""
    for what, ids in (
        ("name", [person.name for person in people]),
        ("slack", [i for person in people for i in person.slack]),
        ("system", [i for person in people for i in person.system]),
    ):
        if twice := _find_twice(ids):
            raise InvalidSetting(
                Phrase(
                    "the {what} {ids} is assigned to several people. Assign it to one person only",
                    what=what,
                    ids=Listing(twice),
                )
            )


def _find_twice(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if names.count(name) > 1}))
