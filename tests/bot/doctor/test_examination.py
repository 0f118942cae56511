"""`doctor` where no host and no Slack is needed: checks that fail or hang, this machine, files that others may touch."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

import adapters.wsl
from adapters.action import Action
from adapters.errors import AuthenticationFailed, HostIdentityError, Unreachable
from adapters.fleet import Fleet
from adapters.inventory import Inventory
from adapters.phrase import Phrase
from adapters.wsl.action import WslAction
from bot.config.settings import Settings, parse_settings
from bot.doctor import examination as doctor
from bot.doctor import machine_checks as doctor_machine
from bot.doctor.bot_checks import check_audit, check_configuration, check_heartbeat, check_secrets, check_without_bot
from bot.doctor.check_result import CheckResult, build_report, make_problem, make_unknown
from bot.doctor.host_checks import examine_host
from bot.doctor.machine_checks import check_files, check_machine
from bot.model.request import Answer, ExitCode
from bot.runtime import open_files
from bot.security.secrets import MissingSecret, SecretsUnusable
from bot.setup.draft import Draft, HostDraft
from bot.store.errors import DatabaseDamaged, DatabaseUnavailable
from bot.telemetry.heartbeat import HeartbeatOutcome, HeartbeatState
from commands.model.finding import Severity
from commands.model.operation import FleetView, ignore_progress
from commands.model.report import Mark, Report
from commands.model.thresholds import Thresholds
from tests.commands import canned
from tests.commands.canned import NOW, gateway, host, view
from tests.commands.cells import cell

HOST_A = HostDraft("host-a", "1", "192.0.2.11", "192.0.2.11", "10.100.1.1")


COLLEAGUES = "".join(
    f'\n[[people]]\nname = "{name}"\nsystem = ["{name}"]\nslack = ["U{name.upper()}X"]\nroles = ["operator"]\n'
    for name in ("bo", "cy")
)
"""As many as a critical change needs beside the one who requests it."""


def settings(folder: Path) -> Settings:
    return parse_settings(Draft(hosts=(HOST_A,)).text, folder / "flatnet.toml")


def subjects(examined: CheckResult) -> list[str]:
    return [finding.subject for finding in examined.findings]


async def well() -> CheckResult:
    return CheckResult("bot.well", Phrase("fine"))


async def bug() -> CheckResult:
    raise ZeroDivisionError("secret detail")


async def foreseen() -> CheckResult:
    raise MissingSecret(Phrase("the secret is missing; write it"))


async def hanging() -> CheckResult:
    await asyncio.Event().wait()
    raise AssertionError


async def test_without_a_configuration_the_finding_says_how_to_make_one(tmp_path: Path) -> None:
    """The machine is checked all the same."""
    answer = await doctor.diagnose(tmp_path / "flatnet.toml", ignore_progress)
    assert isinstance(answer.body, Report)
    (finding,) = [each for each in answer.body.findings if each.host == "bot.configuration"]
    assert "Create it with flatnet-bot init" in str(finding.why)
    assert "bot.machine" in {row.host for row in answer.body.rows}


async def test_a_check_that_fails_or_hangs_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is logged and named without its detail; what does not end is cut off."""
    monkeypatch.setattr(doctor, "CHECK_TIMEOUT", 0.05)
    awaited: list[tuple[str, ...]] = []
    with capture_logs() as logs:
        report = await doctor.run_checks(
            {"bot.well": well, "bot.bug": bug, "bot.foreseen": foreseen, "bot.hanging": hanging},
            lambda seen: awaited.append(seen.awaited),
        )
    assert {
        "bot.bug": ("bug", "the check bot.bug failed. Check the log", False),
        "bot.foreseen": ("foreseen", "the secret is missing; write it", True),
        "bot.hanging": ("hanging", "the check bot.hanging did not end within 0.05 s. Check the log", False),
    } == {finding.host: (finding.subject, str(finding.why), finding.reached) for finding in report.findings}
    assert ["a check failed"] == [entry["event"] for entry in logs]
    assert ("bot.well", "bot.bug", "bot.foreseen", "bot.hanging") == awaited[0]
    assert () == awaited[-1]


def test_a_report_begins_with_the_worst_and_its_exit_code_tells_what_is_known() -> None:
    low = CheckResult("bot.a", Phrase("a"), (make_problem("bot.a", "x", Phrase("x"), Severity.LOW),))
    high = CheckResult("host-a", Phrase("b"), (make_unknown("host-a", "y", Phrase("y")),))
    fine = CheckResult("bot.c", Phrase("c"))
    report = build_report((fine, low, high), NOW)
    assert [("host-a", Mark.UNKNOWN), ("bot.a", Mark.PLAIN), ("bot.c", Mark.WELL)] == [
        (row.host, cell(report, row, "seen").mark) for row in report.rows
    ]
    assert "2 of 3 checks found problems: host-a, bot.a" == str(report.summary)
    for some, code in (
        ((fine,), ExitCode.WELL),
        ((fine, low), ExitCode.FINDINGS),
        ((fine, low, high), ExitCode.NOT_REACHED),
    ):
        assert code == Answer(operation="", understood="doctor", body=build_report(some, NOW)).exit_code


def test_a_machine_without_time_zones_or_open_files_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [] == subjects(check_machine(1))
    monkeypatch.setattr(doctor_machine, "available_timezones", set)
    monkeypatch.setattr(open_files, "raise_limit", lambda: 1024)
    assert ["machine.zones", "machine.open_files"] == subjects(check_machine(254))


def laid_out(folder: Path) -> Settings:
    """All files that a configuration names, as they should be."""
    found = settings(folder)
    for name in ("pki/winrm-ca.pem", "pki/id_ed25519", "pki/known_hosts", "secrets/audit_key", "var/flatnet.sqlite3"):
        file = folder / name
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
    (folder / "flatnet.toml").touch(mode=0o644)
    return found


@pytest.mark.parametrize(
    ("name", "mode", "subject"),
    [
        ("secrets/audit_key", 0o604, "file.readable"),
        ("pki/id_ed25519", 0o604, "file.readable"),
        ("var/flatnet.sqlite3", 0o604, "file.readable"),
        ("pki/id_ed25519", 0o602, "file.writable"),
        ("pki/winrm-ca.pem", 0o606, "file.writable"),
        ("pki/known_hosts", 0o602, "file.writable"),
        ("flatnet.toml", 0o666, "file.writable"),
    ],
)
def test_what_others_may_read_or_change_is_named_with_the_command_that_mends_it(
    tmp_path: Path, name: str, mode: int, subject: str
) -> None:
    """And nothing else is; whoever types the command has mended it."""
    found, file = laid_out(tmp_path), tmp_path / "flatnet.toml"
    assert [] == subjects(check_files(found, file))
    (tmp_path / name).chmod(mode)
    examined = check_files(found, file)
    assert [subject] == subjects(examined)
    why = str(examined.findings[0].why)
    assert why.startswith(f"{tmp_path / name} is ")
    assert "able by others. Run: chmod go" in why


def test_a_right_of_another_group_counts_and_of_root_does_not(tmp_path: Path) -> None:
    """`root:root 0440` is how systemd and container engines hand secrets over."""
    found, key = laid_out(tmp_path), tmp_path / "secrets/audit_key"
    key.chmod(0o640)
    assert ([] if key.stat().st_gid == 0 else ["file.readable"]) == subjects(check_files(found))
    if os.geteuid() == 0:
        os.chown(key, 0, 1)
        assert ["file.readable"] == subjects(check_files(found))


def test_a_data_folder_in_which_others_can_exchange_files_is_named(tmp_path: Path) -> None:
    """Their own modes do not help: who can write the folder can put others in their place."""
    found = laid_out(tmp_path)
    found.data_folder.chmod(0o733 if found.data_folder.stat().st_gid else 0o703)
    examined = check_files(found)
    assert ["file.trust"] == subjects(examined)
    assert f"{found.data_folder} is writable by others. Run: chmod " in str(examined.findings[0].why)


def test_a_control_socket_that_anybody_may_use_is_named(tmp_path: Path) -> None:
    """The group may, for that is what it is for."""
    found = laid_out(tmp_path)
    os.mknod(found.control_socket, stat.S_IFSOCK)
    found.control_socket.chmod(0o660)
    assert [] == subjects(check_files(found))
    found.control_socket.chmod(0o666)
    assert ["file.socket"] == subjects(check_files(found))


def test_a_file_that_is_named_and_not_there_is_named_once(tmp_path: Path) -> None:
    assert ["file.missing"] * 3 == subjects(check_files(settings(tmp_path)))


def test_a_configuration_in_which_nobody_administers_is_named(tmp_path: Path) -> None:
    text = Draft(hosts=(HOST_A,)).text
    file = tmp_path / "flatnet.toml"
    assert [] == subjects(check_configuration(parse_settings(text, file)))
    assert ["configuration.administrator"] == subjects(
        check_configuration(parse_settings(text.replace("administrator", "viewer"), file))
    )
    group = '\n[[groups]]\nslack = "S0123ABCD"\nroles = ["administrator"]\n'
    assert [] == subjects(check_configuration(parse_settings(text.replace('"administrator"', '"viewer"') + group, file)))


def test_rules_by_which_nothing_can_be_approved_are_named(tmp_path: Path) -> None:
    """Somebody who works alone is told so, as a finding: the configuration can be used."""
    alone = Draft(system="me", hosts=(HOST_A,)).text
    others = COLLEAGUES
    rule = '\n[[approvals.rules]]\nrisk = "disrupt"\napprovers = 3\n'
    file = tmp_path / "flatnet.toml"
    (finding,) = check_configuration(parse_settings(alone, file)).findings
    assert ("configuration.approvals", Severity.MEDIUM) == (finding.subject, finding.severity)
    assert str(finding.why).startswith("me is the only approver, so every change needs --break-glass")
    assert [] == subjects(check_configuration(parse_settings(alone + others, file)))
    (finding,) = check_configuration(parse_settings(alone + others + rule, file)).findings
    assert "me, bo, cy cannot get the 3 approvals that approvals.rules[1] requires for disrupt changes" in str(finding.why)


def test_what_runs_without_approval_is_named_and_a_waiver_without_effect_is_a_finding(tmp_path: Path) -> None:
    alone = Draft(system="me", hosts=(HOST_A,)).text.replace("[approvals]\n", '[approvals]\nchannel = "C0OPS"\n')
    team = alone + COLLEAGUES
    waiver = '[[approvals.rules]]\noperations = ["service start"]\napprovers = 0\n'
    file = tmp_path / "flatnet.toml"
    checked = check_configuration(parse_settings(team + waiver, file))
    assert ("hosts: 1, people: 3, without approval: service start", []) == (str(checked.seen), subjects(checked))

    rule = '[[approvals.rules]]\nrisk = "change"\n'
    (finding,) = check_configuration(parse_settings(team + waiver + rule, file)).findings
    assert ("configuration.approvals", Severity.LOW) == (finding.subject, finding.severity)
    assert "approvals.rules[1] has no effect: service start needs approval on every host by another rule" in str(finding.why)


@pytest.mark.parametrize(
    ("routine", "named"),
    [
        ("", "digest, weekly, monthly"),
        ('[notices]\nchannel = "C0OPS"\n', None),
        ('[[schedules]]\nname = "digest"\nchannel = "C0OPS"\n', "weekly, monthly"),
        ('[[schedules]]\nname = "digest"\nenabled = false\n', "weekly, monthly"),
    ],
)
def test_what_runs_by_the_clock_and_has_no_channel_is_named(tmp_path: Path, routine: str, named: str | None) -> None:
    """Not the looks that are only kept; and where there is no Slack, there are no channels."""
    whole = Draft(team="T0123", slack="U111", hosts=(HOST_A,))
    others = COLLEAGUES
    found = check_configuration(parse_settings(whole.text + others + routine, tmp_path / "flatnet.toml")).findings
    assert ([] if named is None else [("configuration.notices", Severity.LOW)]) == [
        (finding.subject, finding.severity) for finding in found
    ]
    assert all(str(finding.why).startswith(f"no channel is set for {named}, so only administrators") for finding in found)
    without = check_configuration(
        parse_settings(Draft(system="me", hosts=(HOST_A,)).text + others + routine, tmp_path / "x.toml")
    )
    assert [] == subjects(without)


@pytest.mark.parametrize(
    ("route", "found"),
    [
        ("", True),
        ('severities = ["high"]', True),
        ('severities = ["critical"]\nlabels = ["tokyo"]', True),
        ('severities = ["medium", "low"]', False),
        ('mention = ["S0NIGHT"]', False),
        ('escalate = "30m"\nescalate_to = ["S0NIGHT"]', False),
    ],
)
def test_a_route_of_grave_alerts_that_notifies_nobody_is_named(tmp_path: Path, route: str, found: bool) -> None:
    text = Draft(system="me", hosts=(HOST_A,)).text + COLLEAGUES
    text = text.replace("[[hosts]]\n", '[[hosts]]\nlabels = ["tokyo"]\n', 1) + f"[[alerts.routes]]\n{route}\n"
    findings = check_configuration(parse_settings(text, tmp_path / "flatnet.toml")).findings
    why = "alerts.routes[1] is for critical or high alerts and notifies neither a person nor a group. Set mention"
    assert [("configuration.alerts", Severity.LOW, why)] * found == [
        (finding.subject, finding.severity, str(finding.why)) for finding in findings
    ]


def test_each_missing_secret_is_named(tmp_path: Path) -> None:
    assert ["secrets.missing"] * 2 == subjects(check_secrets(settings(tmp_path)))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "audit_key").write_bytes(b"\xff")
    with pytest.raises(SecretsUnusable):
        check_secrets(settings(tmp_path))


ADDRESS = SecretStr("https://beats.example/s3cr3t-t0ken")
OUTAGE = HeartbeatState(HeartbeatOutcome.FAILED, NOW, Phrase("could not connect to the server"))
MISSING = "no heartbeat has been accepted since 2026-11-25 09:10:00 UTC: could not connect to the server"
UNUSABLE = "the secret is not a usable address. It must be an https URL"


@pytest.mark.parametrize(
    ("url", "state", "seen", "problems"),
    [
        (ADDRESS, None, "not sent yet", []),
        (ADDRESS, HeartbeatState(HeartbeatOutcome.SENT, NOW), "accepted since 2026-11-25 09:10:00 UTC", []),
        (ADDRESS, OUTAGE, "not accepted", [MISSING]),
        (SecretStr("http://beats.example/s3cr3t-t0ken"), None, "unusable address", [UNUSABLE]),
    ],
)
async def test_the_heartbeat_s_state_is_shown_without_its_address(
    url: SecretStr, state: HeartbeatState | None, seen: str, problems: list[str]
) -> None:
    found = await check_heartbeat(lambda: url, lambda: state)
    assert (seen, problems) == (str(found.seen), [str(finding.why) for finding in found.findings])


async def test_a_heartbeat_is_checked_where_one_is_configured(tmp_path: Path) -> None:
    file = tmp_path / "flatnet.toml"
    text = Draft(hosts=(HOST_A,)).text
    for configured, lines in ((False, ""), (True, '[alerts]\nheartbeat_url_secret = "heartbeat_url"\n')):
        file.write_text(f"{text}\n{lines}")
        answer = await doctor.diagnose(file, ignore_progress)
        assert isinstance(answer.body, Report)
        assert configured == ("bot.heartbeat" in {row.host for row in answer.body.rows})


async def test_before_the_first_start_there_is_nothing_to_be_wrong(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "audit_key").write_text("k" * 64)
    assert await check_without_bot(tmp_path / "var" / "flatnet.sqlite3") is None
    assert not (tmp_path / "var").exists()


@pytest.fixture
def become_a_stranger() -> Iterator[Callable[[], None]]:
    """From then on this process is nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    yield lambda: os.seteuid(65534)
    os.seteuid(0)


async def test_who_may_not_look_at_the_files_is_told_so(tmp_path: Path, become_a_stranger: Callable[[], None]) -> None:
    """Doctor run by another user than the bot: denied is another thing than missing."""
    found = laid_out(tmp_path)
    become_a_stranger()
    assert {"file.denied"} == set(subjects(check_files(found)))
    with pytest.raises(SecretsUnusable, match="Check the owner, and that they are UTF-8 text"):
        check_secrets(found)
    with pytest.raises(DatabaseUnavailable, match="EACCES"):
        await check_without_bot(found.database_file)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "flatnet.sqlite3"
    file.write_text("no database" * 100)
    with pytest.raises(DatabaseDamaged):
        await check_without_bot(file)


async def test_an_audit_log_whose_key_is_missing_is_not_followed(tmp_path: Path) -> None:
    with pytest.raises(MissingSecret):
        await check_audit(settings(tmp_path), _none)


def _none(name: str) -> SecretStr:
    raise MissingSecret(Phrase("missing"))


async def test_each_side_of_a_host_has_its_own_finding() -> None:
    """Three sides, three troubles, three sentences; what was read is no trouble."""
    a = host("host-a", 1)
    said = {
        ("host-a", "windows"): Unreachable(Phrase("nothing answers")),
        ("host-a", "wsl"): HostIdentityError(Phrase("another key")),
        ("host-a", "gateway"): AuthenticationFailed(Phrase("refused")),
    }
    examined = await examine_host(a, view(a, said=said))
    assert ["windows.unreachable", "wsl.identity", "gateway.authentication"] == subjects(examined)
    assert "no response" == str(examined.seen)
    assert "reachable: Windows, WSL2, gateway API" == str((await examine_host(a, view(a))).seen)


OF_THE_HELPER = (
    "helper",
    "forwarding",
    "network",
    "restore",
    "containers",
    "container_reads",
    "description",
    "images",
    "volumes",
    "ipam",
    "stream",
    "term",
)
OTHERWISE_CHECKED = {f"adapters.wsl.{name}" for name in OF_THE_HELPER}
"""Modules whose actions need no right of their own that `doctor` could miss: the helper's version stands for its verbs."""


async def test_every_read_of_wsl_is_tried() -> None:
    """A right that one of them needs and nobody checks is missed only when it is needed."""
    a = host("host-a", 1)
    asked: list[type[object]] = []

    class Asked:
        async def perform(self, action: Action[Any]) -> Any:
            asked.append(type(action))
            return canned.well(a, action.side)

        async def aclose(self) -> None:
            pass

    fleet = Fleet(Inventory(hosts=(a,)), lambda host, side: Asked())
    await examine_host(a, FleetView(fleet, lambda: NOW, Thresholds()))
    modules = {module.name for module in iter_modules(adapters.wsl.__path__, "adapters.wsl.")} - OTHERWISE_CHECKED
    assert {kind for module in modules for kind in actions_of(module)} == {
        kind for kind in asked if issubclass(kind, WslAction)
    }


def actions_of(module: str) -> Iterator[type[object]]:
    """The actions that a module defines."""
    for kind in vars(import_module(module)).values():
        if isinstance(kind, type) and issubclass(kind, WslAction) and kind.__module__ == module and not isabstract(kind):
            yield kind


async def test_a_part_of_the_gateway_that_does_not_answer_is_not_taken_for_well() -> None:
    a = host("host-a", 1)
    silent = gateway(a).model_copy(update={"status": Unreachable(Phrase("nothing answers"))})
    examined = await examine_host(a, view(a, said={("host-a", "gateway"): silent}))
    assert [("gateway.unreachable", False)] == [(each.subject, each.reached) for each in examined.findings]
    assert "reachable: Windows, WSL2" == str(examined.seen)


async def test_the_lighthouse_has_one_side() -> None:
    lighthouse = host("lighthouse", 0)
    assert "reachable: Windows" == str((await examine_host(lighthouse, view(lighthouse))).seen)


async def test_a_file_that_is_not_there_is_a_finding_and_not_an_error(tmp_path: Path) -> None:
    answer = await doctor.diagnose(tmp_path / "flatnet.toml", ignore_progress)
    assert ExitCode.FINDINGS == answer.exit_code
    assert datetime.now(UTC) >= answer.body.taken_at  # type: ignore[union-attr,operator]


async def test_a_host_without_a_fresh_rehearsal_is_a_low_finding_with_the_command(tmp_path: Path) -> None:
    """Only where the bot's own database is at hand: without it nothing is known of rehearsals."""
    a = host("host-a", 1)
    examined = await examine_host(a, view(a), {})
    assert [("rehearsal", Severity.LOW, "host rehearse host-a")] == [
        (each.subject, each.severity, each.next) for each in examined.findings
    ]
    assert [] == subjects(await examine_host(a, view(a)))
    assert [] == subjects(await examine_host(host("host-c", 3, windows=None), view(), {}))


@pytest.mark.parametrize(("number", "words"), [(2, "host rehearse host-1,host-2"), (4, "host rehearse all")])
async def test_hosts_without_a_fresh_rehearsal_share_one_command(number: int, words: str) -> None:
    """Their findings are alike, so that a report lists them together."""
    hosts = [host(f"host-{n}", n) for n in range(1, number + 1)]
    examined = [await examine_host(each, view(*hosts), {}) for each in hosts]
    assert [words] * number == [finding.next for each in examined for finding in each.findings]


def test_a_channel_of_a_schedule_that_posts_nothing_is_named(tmp_path: Path) -> None:
    text = Draft(hosts=(HOST_A,)).text
    for name, subject in (("certificates", ["configuration.schedules"]), ("digest", [])):
        lines = f'[[schedules]]\nname = "{name}"\nchannel = "C0CERTS"\n'
        found = check_configuration(parse_settings(f"{text}\n{lines}", tmp_path / "flatnet.toml"))
        assert subject == [each for each in subjects(found) if each == "configuration.schedules"]


@pytest.mark.parametrize(
    ("accounts", "severity", "why"),
    [
        ((), Severity.MEDIUM, "critical changes are refused, because no approver has an operating system account"),
        (("ana",), Severity.LOW, "only ana can approve critical changes from a terminal, so their own are refused"),
        (("val",), Severity.MEDIUM, "no approver has an operating system account"),
        (("ana", "bo"), None, ""),
    ],
    ids=["none", "one", "one who cannot approve", "two"],
)
def test_a_second_road_that_too_few_people_can_use_is_named(
    tmp_path: Path, accounts: Sequence[str], severity: Severity | None, why: str
) -> None:
    text = Draft(slack="U111", name="me", hosts=(HOST_A,)).text.replace("[approvals]\n", "[approvals]\nsecond_road = true\n")
    for number, (name, role) in enumerate((("ana", "operator"), ("bo", "operator"), ("val", "viewer"))):
        account = f'system = ["{name}"]\n' if name in accounts else ""
        text += f'\n[[people]]\nname = "{name}"\nslack = ["U22{number}"]\n{account}roles = ["{role}"]\n'
    findings = check_configuration(parse_settings(text, tmp_path / "flatnet.toml")).findings
    found = [finding for finding in findings if "second_road" in str(finding.why)]
    assert ([] if severity is None else [severity]) == [finding.severity for finding in found]
    assert all(why in str(finding.why) for finding in found)
