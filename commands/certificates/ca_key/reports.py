"""Answers about the encrypted copies of the CA key, and about drills. Pure."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from adapters.key_backup import Recipient
from adapters.nebula.certificates import Certificate
from adapters.nebula.pem import read_blocks
from adapters.phrase import Listing, Moment, Phrase
from commands.certificates.ca_key.judgment import DRILL_LIFETIME, KeyProblem, choose_address, find_passed, name_certificate
from commands.certificates.reading import shorten_fingerprint
from commands.model.backup import Drill, KeyBackup, KnownBackups, PlaceState
from commands.model.finding import Severity, list_next_commands, sort_worst_first
from commands.model.report import FACT_COLUMNS, Cell, Column, Mark, Report, Row, Section
from commands.values.arguments import shorten_argument

COLUMNS = (
    Column(key="id", heading=Phrase("Copy of the CA key")),
    Column(key="ca", heading=Phrase("CA")),
    Column(key="at", heading=Phrase("Made")),
    Column(key="verified", heading=Phrase("Verified at")),
    Column(key="first", heading=Phrase("On the Lighthouse")),
    Column(key="second", heading=Phrase("On the bot")),
    Column(key="recipients", heading=Phrase("Can be opened by")),
    Column(key="sha256", heading=Phrase("SHA-256"), detail=True),
)


def report_key_backups(
    known: KnownBackups, problems: Sequence[KeyProblem], recipients: Sequence[Recipient], now: datetime
) -> Report:
    """Reports on all copies, the newest first."""
    findings = sort_worst_first(problem.finding for problem in problems)
    if not known.keys and not recipients:
        summary = Phrase(
            "no copies of the CA key, and no recipients configured. docs/ca.md explains how to begin. An encrypted key, or "
            "one that is kept offline, is its own backup"
        )
    else:
        summary = _summarize(known.keys, findings[0].short if findings else None)
    names = {each.sha256: each.name for each in recipients}
    return Report(
        title=Phrase("Copies of the CA key"),
        summary=summary,
        columns=COLUMNS,
        rows=tuple(_build_row(key, names, now) for key in known.keys),
        findings=findings,
        sections=tuple(_build_drill_section(known)),
        taken_at=now,
        next=list_next_commands(findings, 3) or (("ca backup verify",) if known.keys else ()),
    )


def report_verification(
    checked: KeyBackup, problems: Sequence[KeyProblem], recipients: Sequence[Recipient], now: datetime
) -> Report:
    """Reports on one copy that was just verified."""
    findings = sort_worst_first(problem.finding for problem in problems)
    if checked.verified_at == checked.checked_at:
        summary = Phrase("{id} is complete at both places. Only a drill proves that a person can open it", id=checked.id)
    else:
        summary = Phrase("{id} could not be verified. See below", id=checked.id)
    return Report(
        title=Phrase("Copy of the CA key"),
        summary=summary,
        columns=COLUMNS,
        rows=(_build_row(checked, {each.sha256: each.name for each in recipients}, now),),
        findings=findings,
        taken_at=now,
        next=list_next_commands(findings, 3) or ("ca backup drill",),
    )


def report_open_drill(drill: Drill, authority: Certificate, now: datetime) -> Report:
    """Reports on a drill that waits for a certificate: the public key, and what to do with it, offline."""
    name = name_certificate(drill)
    ((banner, key),) = read_blocks(drill.public_key)
    body = base64.b64encode(key).decode("ascii")
    write = f"printf -- '-----BEGIN {banner}-----\\n{body}\\n-----END {banner}-----\\n' > {name}.pub"
    sign = f"nebula-cert sign -ca-crt ca.crt -ca-key ca.key -in-pub {name}.pub -name {name}"
    sign += f" -ip {choose_address(authority)} -duration {int(DRILL_LIFETIME.total_seconds() // 60)}m -out-crt {name}.crt"
    steps = (
        Phrase("Use a computer without a network (docs/ca.md). First open the copy: ca.key and ca.crt then lie there."),
        Phrase("Write the public key: {command}", command=write),
        Phrase("Sign it: {command}", command=sign),
        Phrase("Remove ca.key. Only {file} leaves that computer.", file=f"{name}.crt"),
        Phrase("Show the certificate here: {command}", command='ca backup drill "…"'),
    )
    return Report(
        title=Phrase("Restore drill of the CA key"),
        summary=Phrase(
            "sign this public key with the key of {ca} until {at}. Its private half does not exist any more",
            ca=shorten_argument(authority.name),
            at=Moment(drill.ends_at),
        ),
        columns=FACT_COLUMNS,
        rows=(
            _build_fact(Phrase("Public key"), Cell.of(body)),
            _build_fact(Phrase("Name in the certificate"), Cell.of(name)),
            _build_fact(Phrase("Address in the certificate"), Cell.of(choose_address(authority))),
            _build_fact(Phrase("CA"), Cell.of(f"{shorten_argument(authority.name)} {shorten_fingerprint(drill.authority)}")),
        ),
        sections=(Section(heading=Phrase("What to do"), lines=steps),),
        taken_at=now,
        next=("ca backup drill",),
    )


def report_passed_drill(drill: Drill, authority: Certificate, now: datetime) -> Report:
    """Reports on a drill that has passed."""
    return Report(
        title=Phrase("Restore drill of the CA key"),
        summary=Phrase(
            "passed: the copy of the key of {ca} can be opened, and it is the right key. The next drill is due in a year",
            ca=shorten_argument(authority.name),
        ),
        columns=FACT_COLUMNS,
        rows=(
            _build_fact(Phrase("Certificate"), Cell.of(drill.fingerprint)),
            _build_fact(Phrase("Shown by"), Cell.of(drill.passed_by)),
        ),
        taken_at=now,
        next=("ca backup",),
    )


def _summarize(keys: Sequence[KeyBackup], worst: Phrase | None) -> Phrase:
    if worst is not None and not keys:
        return worst
    if worst is not None:
        return Phrase(
            "{n} copy of the CA key. {worst}", plural="{n} copies of the CA key. {worst}", n=len(keys), worst=worst
        )
    return Phrase(
        "{n} copy of the CA key, verified, with a drill",
        plural="{n} copies of the CA key, the newest verified, with a drill",
        n=len(keys),
    )


def _build_row(key: KeyBackup, names: Mapping[str, str], now: datetime) -> Row:
    verified = Cell(text=Phrase("never"), mark=Mark.BAD) if key.verified_at is None else Cell.of_moment(key.verified_at, now)
    people = tuple(names.get(each, shorten_fingerprint(each)) for each in key.recipients)
    return Row(
        cells=(
            Cell.of(key.id),
            Cell(text=f"{shorten_argument(key.name)} {shorten_fingerprint(key.authority)}", value=key.authority),
            Cell.of_moment(key.at, now),
            verified,
            key.first.build_cell(),
            key.second.build_cell(),
            Cell(text=Phrase("{items}", items=Listing(tuple(people))), value=" ".join(key.recipients)),
            Cell.of(key.sha256),
        ),
        severity=_rate(key),
    )


def _rate(key: KeyBackup) -> Severity | None:
    """Rates a copy by what was found when it was last read; None for one that is well."""
    if key.fault or {key.first, key.second} & {PlaceState.DAMAGED, PlaceState.ABSENT}:
        return Severity.HIGH
    return Severity.MEDIUM if key.verified_at is None else None


def _build_drill_section(known: KnownBackups) -> Iterator[Section]:
    lines = []
    for authority in dict.fromkeys(key.authority for key in known.keys):
        passed = find_passed(known, authority)
        if passed is not None and passed.passed_at is not None:
            lines.append(
                Phrase(
                    "{at}: passed by {name} ({ca})",
                    at=Moment(passed.passed_at),
                    name=passed.passed_by,
                    ca=shorten_fingerprint(authority),
                )
            )
    if lines:
        yield Section(heading=Phrase("Restore drills"), lines=tuple(lines))


def _build_fact(name: Phrase, value: Cell) -> Row:
    return Row(cells=(Cell.of(name), value))
