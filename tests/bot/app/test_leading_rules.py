"""May a copy lead over what it sees? A table of situations."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app import leading_rules as rules
from bot.app.leading_rules import Candidate, find_obstacle
from bot.store.leadership import CopyIdentity, Leader
from bot.store.schema.creation import HEAD_REVISION
from bot.store.situation import Situation

ME = CopyIdentity("bot-b", "1.10.0", "d1", "k1")
LAST = replace(ME, name="bot-a")
SINCE = datetime(2026, 1, 31, tzinfo=UTC)


def seen(leader: CopyIdentity | None, revision: str = HEAD_REVISION, *, led: bool = False, begun: bool = False) -> Situation:
    return Situation(revision, None if leader is None else Leader(7, leader, SINCE), led, begun)


@pytest.mark.parametrize(
    ("candidate", "situation"),
    [
        (Candidate(ME), seen(None)),
        (Candidate(ME), seen(LAST)),
        (Candidate(ME), seen(LAST, led=True)),
        (Candidate(ME), seen(replace(LAST, version="1.9.3"))),
        (Candidate(ME), seen(replace(ME, digest="d0"))),
        (Candidate(ME, frozenset({"k0"})), seen(replace(LAST, audit_key="k0"))),
        (Candidate(ME, left=(Path("file"), Path("heads"))), seen(None, begun=True)),
    ],
    ids=[
        "the first leader",
        "as the last one",
        "another leads",
        "a newer version",
        "its own edited file",
        "an earlier key",
        "a file was left after its history was moved",
    ],
)
def test_a_copy_may_lead(candidate: Candidate, situation: Situation) -> None:
    assert find_obstacle(candidate, situation) is None


@pytest.mark.parametrize(
    ("situation", "begin", "end"),
    [
        (seen(None, "9999"), "the database has tables of a newer version (revision 9999)", "of flatnet-bot here"),
        (seen(None, ""), "the database has tables of a newer version", "of flatnet-bot here"),
        (seen(replace(LAST, version="1.11.0")), "this copy has version 1.10.0, but bot-a led", "version 1.11.0 here"),
        (seen(replace(ME, version="2.0")), "this copy has version 1.10.0, but bot-b led", "Install version 2.0 here"),
        (seen(replace(LAST, digest="d0")), "the configuration differs from that of bot-a", "flatnet-bot db adopt"),
        (seen(replace(LAST, audit_key="k0")), "the audit key differs from that of bot-a", "flatnet-bot db adopt"),
        (seen(replace(ME, audit_key="k0")), "the audit key differs from that of bot-b", "flatnet-bot db adopt"),
    ],
)
def test_a_copy_that_may_not_lead_says_why_and_what_to_do(situation: Situation, begin: str, end: str) -> None:
    obstacle = str(find_obstacle(Candidate(ME), situation))
    assert (begin, end) == (obstacle[: len(begin)], obstacle[-len(end) :])


def test_a_copy_does_not_lead_over_older_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "REVISIONS", (HEAD_REVISION, "9999"))
    monkeypatch.setattr(rules, "HEAD_REVISION", "9999")
    assert (
        f"the database has tables of an older version (revision {HEAD_REVISION}). Back it up, then run: "
        "flatnet-bot db upgrade --backed-up"
    ) == str(find_obstacle(Candidate(ME), seen(None)))
