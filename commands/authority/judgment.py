"""Judges the encrypted copies of the CA key: what a person must do about them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.key_backup import Recipient
from adapters.nebula.certificates import Certificate
from adapters.phrase import Listing, Moment, Phrase
from commands.authority.drills import DRILL_INTERVAL
from commands.model.backup import Drill, KeyBackup, KnownBackups
from commands.model.finding import Finding, Severity
from commands.model.rotation import Rotation
from commands.values.arguments import shorten_argument

RECIPIENT_WARNING = timedelta(days=30)
"""Time before the end of a recipient's certificate from which a new one is asked for."""


@dataclass(frozen=True)
class KeyProblem:
    """One problem of the copies. `subject` identifies it as long as it lasts."""

    subject: str
    severity: Severity
    short: Phrase
    why: Phrase
    next: str

    @property
    def finding(self) -> Finding:
        return Finding(severity=self.severity, host="", subject=self.subject, short=self.short, why=self.why, next=self.next)


def choose_key_backup(known: KnownBackups, rotation: Rotation | None) -> KeyBackup | None:
    """Chooses the copy that matters: the newest of the CA that will stay, else the newest one."""
    wanted = None if rotation is None else known.find_key(rotation.new.fingerprint)
    return wanted or next(iter(known.keys), None)


def find_passed(known: KnownBackups, authority: str) -> Drill | None:
    """Finds the drill of a CA that passed last; None if none has."""
    passed = [each for each in known.drills if each.authority == authority and each.passed_at is not None]
    return max(passed, key=lambda each: each.passed_at or each.opened_at, default=None)


def judge_key_backups(
    known: KnownBackups, recipients: Sequence[Recipient], rotation: Rotation | None, now: datetime
) -> tuple[KeyProblem, ...]:
    """Judges all copies. Without recipients and copies there is nothing to judge: the key is kept otherwise."""
    if not known.available or not (recipients or known.keys):
        return ()
    newest = choose_key_backup(known, rotation)
    return (
        *_judge_recipients(recipients, newest, now),
        *_judge_copy(newest),
        *(() if newest is None else _judge_drills(known, newest, now)),
    )


def judge_present_authority(known: KnownBackups, present: Certificate | None) -> Iterator[KeyProblem]:
    """Judges whether there is a copy of the key with which the lighthouse signs now; None: that is not known."""
    if present is not None and known.keys and known.find_key(present.fingerprint) is None:
        yield KeyProblem(
            "ca-backup/present",
            Severity.HIGH,
            Phrase("no copy of the present CA key"),
            Phrase("the Lighthouse signs with {ca}, but all copies are of other CAs", ca=shorten_argument(present.name)),
            "ca backup create",
        )


def _judge_copy(newest: KeyBackup | None) -> Iterator[KeyProblem]:
    if newest is None:
        yield KeyProblem(
            "ca-backup/copy",
            Severity.HIGH,
            Phrase("no copy of the CA key"),
            Phrase("the CA key exists once, on the lighthouse. If it is lost, every host needs a new certificate"),
            "ca backup create --new-recipients",
        )
    elif newest.fault:
        yield KeyProblem(
            "ca-backup/copy",
            Severity.HIGH,
            Phrase("copy of the CA key damaged"),
            Phrase("{id} was not whole when it was last verified. Make a new copy", id=newest.id),
            "ca backup create",
        )
    elif newest.verified_at is None:
        yield KeyProblem(
            "ca-backup/copy",
            Severity.MEDIUM,
            Phrase("copy of the CA key never verified"),
            Phrase("{id} was never found whole at both places", id=newest.id),
            "ca backup verify",
        )


def _judge_recipients(recipients: Sequence[Recipient], newest: KeyBackup | None, now: datetime) -> Iterator[KeyProblem]:
    for each in recipients:
        left = each.ends_at - now
        if left <= RECIPIENT_WARNING:
            expired = left <= timedelta(0)
            yield KeyProblem(
                f"ca-backup/recipient/{each.sha256[:12]}",
                Severity.HIGH if expired else Severity.MEDIUM,
                Phrase("recipient of the CA key expired") if expired else Phrase("recipient of the CA key expires"),
                Phrase(
                    "the certificate of {name} ends at {at}. No copy is made for an expired one. Configure a new one",
                    name=each.name,
                    at=Moment(each.ends_at),
                ),
                "ca backup create --new-recipients",
            )
    if recipients and newest is not None and {each.sha256 for each in recipients} != set(newest.recipients):
        yield KeyProblem(
            "ca-backup/recipients",
            Severity.MEDIUM,
            Phrase("recipients of the CA key differ"),
            Phrase(
                "{id} is for others than the configured {names}",
                id=newest.id,
                names=Listing(tuple(each.name for each in recipients)),
            ),
            "ca backup create --new-recipients",
        )


def _judge_drills(known: KnownBackups, newest: KeyBackup, now: datetime) -> Iterator[KeyProblem]:
    passed = find_passed(known, newest.authority)
    since = None if passed is None else passed.passed_at
    refused = next((each for each in known.drills if each.authority == newest.authority and each.refused_at), None)
    if refused is not None and refused.refused_at is not None and (since is None or since < refused.refused_at):
        yield KeyProblem(
            "ca-backup/refused",
            Severity.HIGH,
            Phrase("certificate of a restore drill refused"),
            Phrase(
                "a certificate was refused at {at}. If it was made with the key from the copy, that key is the wrong one. "
                "Make a new copy, then repeat the drill",
                at=Moment(refused.refused_at),
            ),
            "ca backup drill",
        )
    if since is None:
        yield KeyProblem(
            "ca-backup/drill",
            Severity.MEDIUM,
            Phrase("no restore drill of the CA key yet"),
            Phrase("it is not proven that anyone can open the copy {id}", id=newest.id),
            "ca backup drill",
        )
    elif now - since > DRILL_INTERVAL:
        yield KeyProblem(
            "ca-backup/drill",
            Severity.MEDIUM,
            Phrase("restore drill of the CA key is due"),
            Phrase("the last drill was at {at}, more than a year ago", at=Moment(since)),
            "ca backup drill",
        )
