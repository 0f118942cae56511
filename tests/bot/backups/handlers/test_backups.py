"""`backup verify` as it is requested: which backups, for whom, and what the answer says."""

from dataclasses import replace
from datetime import timedelta

from adapters.inventory import Inventory
from adapters.phrase import Phrase
from bot.access.people import Person
from bot.access.policy import Policy
from bot.access.rules import Grant
from bot.model.request import Answer, Failure, FailureKind, Membership, Request, SlackIdentity, Surface
from bot.requests.dispatcher import Dispatcher
from commands.backups.verdict import JudgedBackup
from commands.model.backup import Backup, KnownBackups, PlaceState
from commands.model.operation import Role
from commands.model.report import Report
from tests.bot.keeping import Kept
from tests.bot.requests.test_dispatcher import Log, config
from tests.commands.backups.examples import backup_of
from tests.commands.canned import NOW
from tests.commands.canned_certs import host, view

INVENTORY = Inventory(hosts=(host("host-a", 1), host("host-b", 2, labels=("osaka",)), host("host-c", 3)))
ANA = SlackIdentity("T1", "U1ANA", Membership.MEMBER)
VIEWER = Policy((Person(name="ana", slack=("U1ANA",)),))
OSAKA = Policy(VIEWER.people, grants=(Grant(operations=("backup *",), roles=frozenset({Role.VIEWER}), labels=("osaka",)),))


def make(name: str, number: int, days: int) -> Backup:
    backup, _ = backup_of(name, {"cni": b"c"}, at=NOW - timedelta(days=days), operation=f"op-{number:012d}")
    return backup


NEWEST_A, OLDER_A = make("host-a", 1, 1), make("host-a", 2, 2)
NEWEST_B, OWN = make("host-b", 3, 3), make("flatnet-bot", 4, 4)


def kept_with(**verdicts: JudgedBackup) -> Kept:
    """All backups, each verified unless a test says otherwise of its host."""
    kept = Kept()
    kept.backups.known = KnownBackups((NEWEST_A, OLDER_A, NEWEST_B, OWN))
    for backup in kept.backups.known.backups:
        whole = {"first": PlaceState.WHOLE, "second": PlaceState.WHOLE, "verified_at": NOW}
        judged = verdicts.get(backup.host.replace("-", "_"), JudgedBackup(backup.model_copy(update=whole)))
        kept.backups.verdicts[backup.id] = replace(judged, backup=judged.backup)
    return kept


async def ask(text: str, kept: Kept, policy: Policy = VIEWER) -> Answer:
    ground = replace(config(), policy=policy, fleet=view(*INVENTORY.hosts).fleet)
    desk = Dispatcher(ground, kept.services(Log()), reference=lambda: "7f3a")
    return await desk.handle(Request(key="t.1", identity=ANA, text=text, surface=Surface.SLACK, at=NOW, channel="C1"))


async def test_without_an_id_the_newest_of_each_host_and_of_the_bot_is_verified() -> None:
    kept = kept_with()
    answer = await ask("backup verify", kept)
    assert [NEWEST_A.id, NEWEST_B.id, OWN.id] == kept.backups.verified
    assert isinstance(answer.body, Report)
    assert "3 of 3 backups verified. Without a backup: host-c" == str(answer.body.summary)


async def test_an_id_verifies_that_one() -> None:
    kept = kept_with()
    answer = await ask(f"backup verify {OLDER_A.id}", kept)
    assert isinstance(answer.body, Report)
    assert ([OLDER_A.id], "1 backup verified") == (kept.backups.verified, str(answer.body.summary))


async def test_a_fault_comes_first_and_offers_a_new_backup() -> None:
    fault = JudgedBackup(NEWEST_B.model_copy(update={"second": PlaceState.DAMAGED}), fault=Phrase("cni.tar is missing"))
    doubt = JudgedBackup(NEWEST_A, unverified=Phrase("silent"))
    answer = await ask("backup verify", kept_with(host_b=fault, host_a=doubt))
    assert isinstance(answer.body, Report)
    assert "1 of 3 backups verified. Faults: host-b" == str(answer.body.summary)
    assert ["host-b", "host-a", "host-c"] == [finding.host for finding in answer.body.findings]
    assert ["host-b", "host-a"] == [row.host for row in answer.body.rows][:2]
    assert ("cni.tar is missing", ("host-a",)) == (str(answer.body.findings[0].why), answer.body.unreached_hosts)


async def test_an_unknown_id_is_told_as_that() -> None:
    answer = await ask("backup verify host-a-ffffffffffff", kept_with())
    assert isinstance(answer.body, Failure)
    assert "no backup host-a-ffffffffffff. Run backup for the list" == str(answer.body.phrase)


async def test_a_word_that_is_no_id_is_refused_before_anything_is_read() -> None:
    kept = kept_with()
    answer = await ask("backup verify ../../etc", kept)
    assert isinstance(answer.body, Failure)
    assert ([], FailureKind.USAGE) == (kept.backups.verified, answer.body.kind)


async def test_a_person_verifies_only_backups_of_hosts_that_are_theirs() -> None:
    allowed, denied = kept_with(), kept_with()
    assert isinstance((await ask(f"backup verify {NEWEST_B.id}", allowed, OSAKA)).body, Report)
    for words in (f"backup verify {NEWEST_A.id}", f"backup verify {OWN.id}", "backup verify"):
        assert isinstance((await ask(words, denied, OSAKA)).body, Failure), words
    assert ([NEWEST_B.id], []) == (allowed.backups.verified, denied.backups.verified)


async def test_without_any_backup_the_answer_says_how_to_make_one() -> None:
    answer = await ask("backup verify", Kept())
    assert isinstance(answer.body, Report)
    assert "no backups yet" == str(answer.body.summary)
