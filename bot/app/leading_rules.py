"""Rules for leading: may this copy lead over what it sees? Pure.

    Situation + Candidate ─ find_obstacle ─┬─ None: it may take the lead, once the lock is free
                                           └─ a phrase: why not, and what to do

The rules keep a takeover from being a change. A copy of an older version, of another configuration or with another audit
key would do something else than the leader before it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.store.leadership import CopyIdentity, Leader
from bot.store.schema.creation import HEAD_REVISION, REVISIONS
from bot.store.situation import Situation


class NotLeading(Refused):
    """Another copy leads, or this one may not: what only the leader can do is not done here."""


@dataclass(frozen=True)
class Candidate:
    """A copy that would lead. `earlier_keys` are the ids of the audit keys that it knows besides its own.

    `left` is the SQLite file on its machine that may have a history, and the head file beside it; None without such a file.
    """

    identity: CopyIdentity
    earlier_keys: frozenset[str] = field(default_factory=frozenset)
    left: tuple[Path, Path] | None = None


def find_obstacle(candidate: Candidate, seen: Situation) -> Phrase | None:
    """Finds what keeps the copy from leading. Who leads now is no obstacle: that is the lock's to say."""
    if (obstacle := _judge_tables(seen.revision)) is not None:
        return obstacle
    if (obstacle := judge_left_history(candidate, seen)) is not None:
        return obstacle
    return None if seen.leader is None else _judge_by_leader(candidate, seen.leader)


def require_permission(candidate: Candidate, seen: Situation) -> None:
    """Raises `NotLeading` with what keeps the copy from leading."""
    if (obstacle := find_obstacle(candidate, seen)) is not None:
        raise NotLeading(obstacle)


def judge_left_history(candidate: Candidate, seen: Situation) -> Phrase | None:
    """Judges the SQLite file that is on this machine: over an empty database the bot would silently begin anew."""
    if seen.begun or candidate.left is None:
        return None
    file, heads = candidate.left
    return Phrase(
        "the database has no history yet, but {file} has one. Stop the bot here and run: {command}. Or, to start without "
        "it, move {file} and {heads} to another folder, then restart the bot",
        file=str(file),
        heads=str(heads),
        command="flatnet-bot db move",
    )


def describe_leading(seen: Situation | None) -> Phrase:
    """Describes which copy does what this one cannot do. None: nothing was seen yet."""
    if seen is None or seen.leader is None or not seen.led:
        return Phrase("no copy of the bot leads. Try again in a moment")
    return Phrase("{leader} leads the bot. Run the command there", leader=seen.leader.identity.name)


def _judge_by_leader(candidate: Candidate, leader: Leader) -> Phrase | None:
    rules: tuple[Callable[[Candidate, Leader], Phrase | None], ...] = (_judge_version, _judge_configuration, _judge_key)
    return next((obstacle for rule in rules if (obstacle := rule(candidate, leader)) is not None), None)


def _judge_tables(revision: str) -> Phrase | None:
    if revision == HEAD_REVISION:
        return None
    if revision in REVISIONS:
        return Phrase(
            "the database has tables of an older version (revision {found}). Back it up, then run: {command}",
            found=revision,
            command="flatnet-bot db upgrade --backed-up",
        )
    return Phrase(
        "the database has tables of a newer version (revision {found}). Install that version of flatnet-bot here",
        found=revision,
    )


def _judge_version(candidate: Candidate, leader: Leader) -> Phrase | None:
    own, last = candidate.identity.version, leader.identity.version
    if _sort_version(own) >= _sort_version(last):
        return None
    return Phrase(
        "this copy has version {own}, but {leader} led with version {last}. Install version {last} here",
        own=own,
        leader=leader.identity.name,
        last=last,
    )


def _judge_configuration(candidate: Candidate, leader: Leader) -> Phrase | None:
    """Judges the configuration. That of the copy that led last is the configuration, also after it was edited."""
    own, last = candidate.identity, leader.identity
    if own.digest == last.digest or own.name == last.name:
        return None
    return Phrase(
        "the configuration differs from that of {leader}. Copy flatnet.toml from there and reload the bot. If that machine "
        "is gone for good, run here while no copy leads: {command}",
        leader=last.name,
        command="flatnet-bot db adopt",
    )


def _judge_key(candidate: Candidate, leader: Leader) -> Phrase | None:
    own, last = candidate.identity, leader.identity
    if last.audit_key == own.audit_key or last.audit_key in candidate.earlier_keys:
        return None
    return Phrase(
        "the audit key differs from that of {leader}. Copy the secret from there and restart the bot. If that machine is "
        "gone for good, run here while no copy leads: {command}",
        leader=last.name,
        command="flatnet-bot db adopt",
    )


def _sort_version(version: str) -> tuple[int, ...]:
    """Returns the numbers of a version, so that versions compare as numbers: 0.10 comes after 0.9."""
    return tuple(map(int, re.findall(r"[0-9]+", version)))
