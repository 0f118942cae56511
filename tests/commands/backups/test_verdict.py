"""Each fault of a backup is told as what it is; what could not be read proves nothing."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.phrase import Phrase
from adapters.windows.backup_trial import BackupTrial, HashedCopy, ManifestHead, TestedPart
from adapters.windows.configuration_trial import ConfigurationTest
from commands.backups.verdict import (
    FoundCopy,
    FoundFile,
    Inspection,
    JudgedBackup,
    NoCopy,
    build_trial,
    judge_backup,
    read_fault,
)
from commands.model.backup import PlaceState
from tests.commands.backups.examples import PATHS, backup_of, sha
from tests.commands.canned import NOW, host

BACKUP, FILES = backup_of("host-a", {"nebula": b"n" * 1024, "openresty": b"o" * 2048}, missing=("host.key", "tls.key"))
HEAD = ManifestHead(format=1, id=BACKUP.id, host="host-a")
GOOD = ConfigurationTest(state="good")
TESTED = (TestedPart(part="nebula", test=GOOD), TestedPart(part="openresty", test=GOOD))
HASHED = {name: FoundFile(len(content), sha(content)) for name, content in FILES.items()}
COPY = FoundCopy(HASHED, HEAD)
LATER = NOW + timedelta(hours=1)


def on_host(copy: FoundCopy, tests: tuple[TestedPart, ...] = TESTED) -> BackupTrial:
    files = tuple(HashedCopy(name=name, size=each.size, sha256=each.sha256) for name, each in copy.files.items())
    return BackupTrial(files=files, manifest=copy.manifest, tests=tests)


def judge(seen: Inspection) -> JudgedBackup:
    return judge_backup(BACKUP.model_copy(update={"verified_at": NOW}), seen, LATER)


def test_two_whole_copies_that_their_programs_take_are_verified() -> None:
    judged = judge(Inspection(on_host(COPY), COPY))
    assert (True, LATER, LATER, "") == (
        judged.verified,
        judged.backup.verified_at,
        judged.backup.checked_at,
        judged.backup.fault,
    )
    assert (PlaceState.WHOLE, PlaceState.WHOLE) == (judged.backup.first, judged.backup.second)


def changed(name: str, content: bytes) -> FoundCopy:
    return FoundCopy(HASHED | {name: FoundFile(len(content), sha(content))}, HEAD)


def manifest(**differs: object) -> FoundCopy:
    head = HEAD.model_copy(update=differs)
    return replace(changed("manifest.json", json.dumps(differs).encode()), manifest=head)


def without(name: str, **others: bytes) -> FoundCopy:
    files = {known: found for known, found in HASHED.items() if known != name}
    return FoundCopy(files, HEAD, {known: FoundFile(len(content), sha(content)) for known, content in others.items()})


FAULTS: dict[str, tuple[FoundCopy, str]] = {
    "one byte changed": (
        changed("nebula.tar", b"N" + b"n" * 1023),
        "nebula.tar was changed: the SHA-256 is not that of the manifest",
    ),
    "cut": (changed("openresty.tar", b"o" * 2000), "openresty.tar is cut short: 2000 of 2048 bytes"),
    "something added": (
        changed("openresty.tar", b"o" * 2049),
        "openresty.tar was changed: the SHA-256 is not that of the manifest",
    ),
    "gone": (without("nebula.tar"), "nebula.tar is missing"),
    "renamed": (without("nebula.tar", old=b"n" * 1024), "nebula.tar was renamed to old"),
    "without its manifest": (without("manifest.json"), "manifest.json is missing"),
    "of another host": (manifest(host="host-b", id="host-b-0123456789ab"), "a backup of another host: host-b"),
    "another one of the same host": (
        manifest(id="host-a-ffffffffffff"),
        "another backup of this host, under this name: host-a-ffffffffffff",
    ),
    "of a newer version": (
        manifest(format=7, host="host-b"),
        "made by a newer version (format 7). Install that version of flatnet-bot to use it",
    ),
    "a manifest that was changed": (manifest(), "manifest.json was changed"),
    "a manifest that is none": (
        replace(changed("manifest.json", b"{"), manifest=None),
        "manifest.json is damaged and cannot be read",
    ),
}


@pytest.mark.parametrize("story", FAULTS)
def test_a_fault_of_the_copy_on_the_host_is_told_as_what_it_is(story: str) -> None:
    copy, words = FAULTS[story]
    words = words.replace("was renamed to old", "is missing")  # only the expected files are read there
    judged = judge(Inspection(on_host(copy), COPY))
    assert (f"copy on the host: {words}", None) == (str(judged.fault), judged.backup.verified_at)
    assert (PlaceState.DAMAGED, PlaceState.WHOLE) == (judged.backup.first, judged.backup.second)


@pytest.mark.parametrize("story", FAULTS)
def test_a_fault_of_the_second_place_is_told_as_what_it_is(story: str) -> None:
    copy, words = FAULTS[story]
    judged = judge(Inspection(on_host(COPY), copy))
    assert (f"second place: {words}", None) == (str(judged.fault), judged.backup.verified_at)
    assert (PlaceState.WHOLE, PlaceState.DAMAGED) == (judged.backup.first, judged.backup.second)


def test_a_backup_that_this_version_cannot_read_is_not_verified() -> None:
    newer = BACKUP.model_copy(update={"manifest": BACKUP.manifest.model_copy(update={"format": 2})})
    judged = judge_backup(newer, Inspection(on_host(COPY), COPY), LATER)
    assert "copy on the host: made by a newer version (format 2)" in str(judged.fault)


REFUSED = ConfigurationTest(state="bad", says='unknown directive "x"', file=r"F:\flatnet\config\nginx.conf", line=3)
TESTS: dict[str, tuple[TestedPart, str]] = {
    "nginx refuses it": (
        TestedPart(part="openresty", test=REFUSED),
        r'nginx refuses the configuration in the backup: unknown directive "x" (F:\flatnet\config\nginx.conf:3)',
    ),
    "nebula refuses it": (
        TestedPart(part="nebula", test=ConfigurationTest(state="bad", says="yaml: line 2")),
        "nebula refuses the configuration in the backup: yaml: line 2 (nebula.tar)",
    ),
    "a hostile archive": (
        TestedPart(part="nebula", failure="BadArchive", words="a is no plain file, but of type 2", test=GOOD),
        "nebula.tar cannot be unpacked: a is no plain file, but of type 2",
    ),
}


@pytest.mark.parametrize("story", TESTS)
def test_a_backup_that_its_program_refuses_has_a_fault(story: str) -> None:
    tested, words = TESTS[story]
    judged = judge(Inspection(on_host(COPY, (tested,)), COPY))
    assert (words, None, PlaceState.DAMAGED) == (str(judged.fault), judged.backup.verified_at, judged.backup.first)
    assert judged.fault == read_fault(judged.backup)


def test_an_address_that_nebula_would_give_is_no_fault_of_the_backup() -> None:
    unbound = TestedPart(part="openresty", test=ConfigurationTest(state="unbound", address="10.100.1.1:8080"))
    assert judge(Inspection(on_host(COPY, (unbound,)), COPY)).verified


UNKNOWN: dict[str, tuple[Inspection, str]] = {
    "the host is silent": (
        Inspection(NoCopy(PlaceState.UNREACHABLE, Phrase("no answer")), COPY),
        "no answer",
    ),
    "the second place is not there": (
        Inspection(on_host(COPY), NoCopy(PlaceState.UNREACHABLE, Phrase("not mounted"))),
        "not mounted",
    ),
    "the program cannot be run": (
        Inspection(on_host(COPY, (TestedPart(part="nebula", failure="DiskFull", words="no room", test=GOOD),)), COPY),
        "nebula could not be tested: no room",
    ),
}


@pytest.mark.parametrize("story", UNKNOWN)
def test_what_could_not_be_read_is_neither_a_fault_nor_verified(story: str) -> None:
    seen, words = UNKNOWN[story]
    judged = judge(seen)
    assert (None, words, False) == (judged.fault, str(judged.unverified), judged.verified)
    assert (NOW, "") == (judged.backup.verified_at, judged.backup.fault)


def test_a_fault_is_told_even_if_the_other_place_is_silent() -> None:
    judged = judge(Inspection(NoCopy(PlaceState.UNREACHABLE, Phrase("silent")), FAULTS["cut"][0]))
    assert (True, PlaceState.UNREACHABLE, PlaceState.DAMAGED) == (
        judged.fault is not None,
        judged.backup.first,
        judged.backup.second,
    )


def test_a_copy_that_is_gone_is_a_fault() -> None:
    judged = judge(Inspection(NoCopy(PlaceState.ABSENT, Phrase("not found")), COPY))
    assert ("copy on the host: not found", PlaceState.ABSENT) == (str(judged.fault), judged.backup.first)


def test_a_backup_with_one_place_is_verified_by_that() -> None:
    """The bot's own, and those of hosts without Windows."""
    judged = judge(Inspection(NoCopy(PlaceState.NONE), COPY))
    assert (True, PlaceState.NONE) == (judged.verified, judged.backup.first)


def test_a_fault_of_the_database_is_one_of_the_second_place() -> None:
    judged = judge(Inspection(NoCopy(PlaceState.NONE), COPY, Phrase("event 2 was modified")))
    assert ("event 2 was modified", PlaceState.DAMAGED) == (str(judged.fault), judged.backup.second)


def test_each_part_is_tested_by_its_program_with_the_present_keys_and_certificate() -> None:
    trial = build_trial(BACKUP, host("host-a", 1))
    nebula, openresty = trial.tests
    assert ("nebula", "config.yaml", PATHS.nebula_exe, ("host.key", "tls.key", "host.crt"), None) == (
        nebula.program,
        nebula.main,
        nebula.exe,
        nebula.keep,
        nebula.folders,
    )
    assert ("nginx", "nginx.conf", PATHS.gateway_folder, ("host.key", "tls.key"), ("conf.d", "lualib")) == (
        openresty.program,
        openresty.main,
        openresty.prefix,
        openresty.keep,
        openresty.folders,
    )
    assert (rf"F:\flatnet\backups\{BACKUP.id}", ("manifest.json", "nebula.tar", "openresty.tar")) == (
        trial.folder,
        trial.names,
    )


def test_parts_without_a_program_on_windows_are_only_hashed() -> None:
    cni, _ = backup_of("host-a", {"cni": b"c"})
    assert ((), ("manifest.json", "cni.tar")) == (
        build_trial(cni, host("host-a", 1)).tests,
        build_trial(cni, host("host-a", 1)).names,
    )
