"""Mutes of suspended hosts: their alerts are hidden and counted until the resume. Pure."""

from collections.abc import Iterable
from datetime import timedelta

from bot.model.alert import Mute, MuteKind
from commands.model.suspension import Suspension

FOREVER = timedelta(days=36_500)
"""A suspension has no end of its own, and a mute needs one."""


def make_mutes(suspensions: Iterable[Suspension]) -> tuple[Mute, ...]:
    """Makes a mute for each suspended host."""
    return tuple(
        Mute(
            number=each.number,
            kind=MuteKind.SUSPENSION,
            what=each.host,
            reason=each.reason,
            owner=each.owner,
            identity="",
            operation=each.operation,
            channel="",
            added_at=each.since,
            ends_at=each.since + FOREVER,
        )
        for each in suspensions
    )
