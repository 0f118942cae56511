"""What somebody lives through who sets a bot up: every single fault is named for what it is, and none hides another."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import pytest

from adapters.action import SideName
from adapters.gateway.api import ReadSystem as ReadGateway
from adapters.phrase import Phrase
from adapters.windows.system import ReadSystem as ReadWindows
from adapters.wsl.helper import HELPER_VERSION
from adapters.wsl.system import ReadSystem as ReadWsl
from bot.doctor.examination import diagnose
from bot.locale.texts import get_texts
from bot.model.request import ExitCode
from bot.slack import doctor_checks as block_validation
from bot.store.database import Database
from commands.about import Doctor
from commands.model.operation import ignore_progress
from commands.model.report import Report
from tests.lab.faults import Fault
from tests.lab.gateway.state import GatewayState
from tests.lab.workspace.faults import Failing
from tests.lab.wsl.logs import LogFile
from tests.lab.wsl.state import Helper, WslState
from tests.scenarios import processes
from tests.scenarios.conftest import Build, Town
from tests.scenarios.forks import bot_process, command

pytestmark = pytest.mark.slow

ADMIN, VIEWER, OPS = "U0ADMIN", "U0VIEWER", "C0OPS"

HOST = "host-a"

SYSLOG = "/var/log/syslog"

NOTICES = '\n[notices]\nchannel = "C0DEV"\n'


@dataclass(frozen=True)
class Trouble:
    """One thing put wrong, and how it must be named: the place, the subject, and words of the sentence that mends it."""

    name: str
    put: Callable[[Town], object]
    place: str
    subject: str
    mend: str


def fault(side: SideName, kind: Fault) -> Callable[[Town], None]:
    return lambda t: setattr(t.fleet[HOST].wire(side), "fault", kind)


def secret(name: str, content: str) -> Callable[[Town], object]:
    return lambda t: (t.config.parent / "secrets" / name).write_text(content)


def other_ca(t: Town) -> None:
    t.edit(str(t.fleet.certificates.ca_file), str(t.fleet.certificates.stranger_ca_file))


def other_host_key(t: Town) -> None:
    server = t.fleet[HOST].wsl
    assert server is not None
    public = server.keys.impostor.export_public_key().decode().strip()
    t.fleet.access.known_hosts_file.write_text(f"[127.0.0.1]:{server.port} {public}\n")


def read_only(t: Town) -> None:
    """SQLite's own way, that holds for root, too: a write version of the file format that nobody knows (byte 18)."""
    with t.settings.database_file.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")


def tampered(t: Town) -> None:
    with closing(sqlite3.connect(t.settings.database_file)) as line:
        triggers = line.execute("select name from sqlite_master where type = 'trigger'").fetchall()
        dropped = (f"drop trigger {name}" for (name,) in triggers)
        line.executescript("; ".join((*dropped, "update audit set actor = 'nobody' where sequence = 1")))


def without_scope(t: Town, scope: str = "chat:write") -> None:
    """The app was installed from a manifest that asked for less, or an optional scope was not granted."""
    object.__setattr__(t.workspace.manifest, "scopes", t.workspace.manifest.scopes - {scope})


def wsl_state(t: Town) -> WslState:
    server = t.fleet[HOST].wsl
    assert server is not None
    return server.state


def gateway_state(t: Town) -> GatewayState:
    server = t.fleet[HOST].gateway
    assert server is not None
    return server.state


def managed(helper: Helper | None) -> Callable[[Town], None]:
    """The configuration lets the bot change something in WSL2, where that helper is installed."""

    def put(t: Town) -> None:
        port = f"port = {t.fleet[HOST].ports['wsl']}\n"
        t.edit(port, f'{port}manage = ["forwarding", "ipam"]\n')
        wsl_state(t).helper = helper

    return put


TROUBLES = (
    Trouble("no password", lambda t: (t.config.parent / "secrets/winrm_password").unlink(), "bot.secrets", "secrets.missing",
            "secret winrm_password is missing. Set FLATNET_WINRM_PASSWORD"),
    Trouble("secret readable by all", lambda t: (t.config.parent / "secrets/audit_key").chmod(0o644), "bot.files",
            "file.readable", "audit_key is readable by others. Run: chmod go="),
    Trouble("key readable by all", lambda t: t.fleet.access.key_file.chmod(0o644), "bot.files", "file.readable",
            "id_ed25519 is readable by others. Run: chmod go="),
    Trouble("secrets writable by all", lambda t: (t.config.parent / "secrets").chmod(0o777), "bot.secrets", "secrets",
            "is writable by others. Run: chmod o-w"),
    Trouble("data writable by all", lambda t: t.settings.data_folder.chmod(0o777), "bot.database", "database",
            "is writable by others. Run: chmod o-w"),
    Trouble("configuration writable by all", lambda t: t.config.chmod(0o666), "bot.files", "file.writable",
            "Run: chmod go-w"),
    Trouble("short audit key", secret("audit_key", "short"), "bot.audit", "audit", "openssl rand -hex 32"),
    Trouble("broken TOML", lambda t: t.edit("[slack]", "[slack"), "bot.configuration", "configuration.complaint",
            "invalid TOML"),
    Trouble("wrong value", lambda t: t.edit("id = 1", "id = 900"), "bot.configuration", "configuration.complaint",
            "hosts[host-a].id: must be ≤ 254"),
    Trouble("no administrator", lambda t: t.config.write_text(t.config.read_text().replace('"administrator"', '"viewer"')),
            "bot.configuration", "configuration.administrator", "Assign it to a person under [[people]]"),
    Trouble("wrong CA", other_ca, HOST, "windows.identity", "Check ca_file and the host's certificate"),
    Trouble("wrong password", secret("winrm_password", "wrong"), HOST, "windows.authentication",
            "Check the user and password, or the certificate"),
    Trouble("closed port", fault("windows", Fault.REFUSE), HOST, "windows.unreachable",
            "Check that the host is up, WinRM is running and the firewall allows it"),
    Trouble("PowerShell hangs", fault("windows", Fault.HANG), HOST, "windows.deadline",
            "Check that the host is up and not overloaded"),
    Trouble("clock off", lambda t: setattr(t.fleet[HOST].windows.state, "clock_offset", timedelta(minutes=5)), HOST,
            "windows.clock", "Run on the host: w32tm /resync"),
    Trouble("wrong host key", other_host_key, HOST, "wsl.identity",
            "If the host was rebuilt, verify its key on the console and update the file"),
    Trouble("refused key", fault("wsl", Fault.AUTHENTICATION), HOST, "wsl.authentication", "authorized_keys"),
    Trouble("sshd is down", fault("wsl", Fault.REFUSE), HOST, "wsl.unreachable", "Check that WSL2 and sshd are running"),
    Trouble("sudo refused", lambda t: setattr(wsl_state(t), "sudo", False), HOST, "wsl.podman",
            "Run prepare-wsl.sh again, which writes the rules into /etc/sudoers.d/flatnet-bot"),
    Trouble("no podman", lambda t: wsl_state(t).missing.add("podman"), HOST, "wsl.podman", "Install podman in WSL2"),
    Trouble("no network", lambda t: wsl_state(t).networks.discard("flatnet"), HOST, "wsl.network", "Set up Flatnet in WSL2"),
    Trouble("no rule for logs", lambda t: wsl_state(t).refused.add("podman logs"), HOST, "wsl.containers",
            "Run prepare-wsl.sh again, which writes the rule into /etc/sudoers.d/flatnet-bot-logs (needs sudo 1.9.10"),
    Trouble("no rule for du", lambda t: wsl_state(t).refused.add("timeout 8 du"), HOST, "wsl.disks",
            "Run prepare-wsl.sh again with --folder /var/lib/flatnet, which writes the rule into"),
    Trouble("no rule for podman's disks", lambda t: wsl_state(t).refused.add("timeout 8 podman"), HOST, "wsl.disks",
            "which writes the rules into /etc/sudoers.d/flatnet-bot"),
    Trouble("not in the group adm", lambda t: wsl_state(t).logs.files.update({SYSLOG: LogFile(kind="denied")}), HOST,
            "wsl.cni", "Add the bot's user to the group adm"),
    Trouble("not in the group systemd-journal", lambda t: setattr(wsl_state(t).logs, "seen", False), HOST, "wsl.journal",
            "Add the bot's user to the group systemd-journal"),
    Trouble("apt without lists", lambda t: setattr(wsl_state(t).apt, "lists", ()), HOST, "wsl.updates", "sudo apt update"),
    Trouble("no perl", lambda t: wsl_state(t).missing.add("perl"), HOST, "wsl.cni", "Install perl-base in WSL2"),
    Trouble("sudo without root", lambda t: setattr(wsl_state(t), "sudo_becomes_root", False), HOST, "wsl.podman",
            "Allow sudo to run it as root"),
    Trouble("no helper", managed(None), HOST, "wsl.helper",
            "the helper is not installed in WSL2. Copy prepare-wsl.sh and flatnet-bot-helper.sh there and run: sudo sh "
            "prepare-wsl.sh --manage forwarding,ipam --id 1"),
    Trouble("another helper", managed(Helper(version=9)), HOST, "wsl.helper",
            f"has version 9, but this bot needs version {HELPER_VERSION}. Copy prepare-wsl.sh and flatnet-bot-helper.sh "
            "of this bot there and run: sudo sh"),
    Trouble("a helper that others can change", managed(Helper(writable="/usr/local")), HOST, "wsl.helper",
            "others than root can change /usr/local. Run as root: chown root:root /usr/local; chmod go-w /usr/local"),
    Trouble("an area that the host does not allow", managed(Helper(areas=("ipam",))), HOST, "wsl.helper",
            "the helper in WSL2 does not allow forwarding. Run there: sudo sh prepare-wsl.sh --manage forwarding,ipam"),
    Trouble("403", lambda t: setattr(gateway_state(t), "foreign", True), HOST, "gateway.forbidden",
            "Connect from the overlay"),
    Trouble("another host's gateway", fault("gateway", Fault.IDENTITY), HOST, "gateway.host_id", "Fix host_id"),
    Trouble("missing scope", without_scope, "bot.slack", "slack", "the app is missing the scopes chat:write."),
    Trouble("wrong team", lambda t: t.edit(t.workspace.seed.team, "T0OTHER"), "bot.slack", "slack", "Fix slack.team"),
    Trouble("revoked token", lambda t: t.workspace.revoke_bot_token(), "bot.slack", "slack",
            "Slack rejected the bot token (token_revoked). Get a new one"),
    Trouble("swapped tokens", secret("slack_bot_token", "xapp-1"), "bot.slack", "slack",
            "the bot token must start with xoxb-."),
    Trouble("Slack does not answer", lambda t: t.workspace.faults.switch_on("auth.test", Failing("service_unavailable")),
            "bot.slack", "slack.unreachable", "Check the connection to Slack and try again"),
    Trouble("notices go where the bot is not", lambda t: t.config.write_text(t.config.read_text() + NOTICES), "bot.slack",
            "slack.channel", "the bot is not in C0DEV (set in notices.channel). Invite it there: /invite @flatnet"),
    Trouble("channel of requests archived", lambda t: t.workspace.archive(OPS), "bot.slack", "slack.channel",
            "(set in approvals.channel) is archived"),
    Trouble("read-only database", read_only, "bot.database", "database", "Check the folder, its owner and the disk"),
    Trouble("tampered audit log", tampered, "bot.audit", "audit.chain", "audit event 1 was modified."),
    Trouble("lost audit head", lambda t: t.settings.audit_head_file.unlink(), "bot.audit", "audit.chain",
            "Restore the head file"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for action in (ReadWindows, ReadWsl, ReadGateway):
        monkeypatch.setattr(action, "deadline", 4.0)


async def diagnosed(t: Town) -> Report:
    answer = await diagnose(t.config, ignore_progress)
    assert isinstance(answer.body, Report)
    return answer.body


def named(report: Report) -> set[tuple[str, str]]:
    return {(finding.host, finding.subject) for finding in report.findings}


def secrets_of(t: Town) -> list[str]:
    return [content for file in (t.config.parent / "secrets").iterdir() if (content := file.read_text())]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
async def test_each_fault_is_named_by_a_finding_of_its_own_with_its_mend(town: Build, trouble: Trouble) -> None:
    """Where it is, what it is, and what to do; nothing that is well is called bad on its account."""
    async with town(hosts=2) as t:
        await t.past("health", "host")
        trouble.put(t)
        report = await diagnosed(t)
        whys = [str(each.why) for each in report.findings if (each.host, each.subject) == (trouble.place, trouble.subject)]
        assert 1 == len(whys), report.findings
        assert trouble.mend in whys[0]
        assert [] == [secret for secret in secrets_of(t) if len(secret) > 8 and secret in report.model_dump_json()]


async def test_where_all_is_well_it_says_so(town: Build) -> None:
    """Before the first start, and after it."""
    async with town(hosts=2, lighthouse=True) as t:
        for _ in range(2):
            report = await diagnosed(t)
            assert ("all 10 checks passed", ()) == (str(report.summary), report.findings)
            await t.past("health")


async def test_an_optional_scope_that_was_not_granted_is_named_with_the_consequence_and_is_no_fault(town: Build) -> None:
    async with town(hosts=1) as t:
        await t.past("health")
        without_scope(t, "mpim:read")
        report = await diagnosed(t)
        [seen] = [str(row.cells[1].text) for row in report.rows if row.host == "bot.slack"]
        assert () == report.findings
        assert seen == (
            "flatnet in workspace T0FLATNET. Optional scopes not granted: "
            "mpim:read (results in group direct messages are shown to the requester only)"
        )


async def test_many_faults_at_once_are_all_named(town: Build) -> None:
    """One hides no other, neither on a host nor elsewhere."""
    together = (
        "no administrator",
        "key readable by all",
        "closed port",
        "sudo refused",
        "403",
        "wrong team",
        "tampered audit log",
    )
    troubles = [trouble for trouble in TROUBLES if trouble.name in together]
    async with town(hosts=2) as t:
        await t.past("health")
        for trouble in troubles:
            trouble.put(t)
        report = await diagnosed(t)
        too_few_approvers = ("bot.configuration", "configuration.approvals")  # of critical changes, without administrators
        assert {too_few_approvers, *((trouble.place, trouble.subject) for trouble in troubles)} == named(report)
        assert "bot.audit" == report.rows[0].host


async def test_a_bot_that_hangs_up_is_named_beside_what_can_be_seen_without_it(town: Build) -> None:
    """Somebody listens at its socket and says nothing that can be understood."""
    async with town(hosts=1) as t:
        t.settings.data_folder.mkdir(exist_ok=True)
        server = await asyncio.start_unix_server(lambda reader, writer: writer.close(), t.settings.control_socket)
        t.settings.control_socket.chmod(0o660)
        async with server:
            assert {("bot.process", "process")} == named(await diagnosed(t))


async def test_another_bot_that_does_not_answer_is_named(town: Build) -> None:
    """It owns the database, and nobody listens at its socket."""
    async with town(hosts=1) as t:
        await t.past("health")
        owner = Database.open(t.settings.database_file)
        report = await diagnosed(t)
        await owner.aclose()
        assert {("bot.database", "database")} == named(report)
        assert "another flatnet-bot (process" in str(report.findings[0].why)


@pytest.mark.parametrize(
    ("name", "code"), [(None, ExitCode.WELL), ("sudo refused", ExitCode.FINDINGS), ("closed port", ExitCode.NOT_REACHED)]
)
async def test_the_command_tells_programs_what_it_found(town: Build, name: str | None, code: ExitCode) -> None:
    """One JSON document, no bar, and the exit code of every answer."""
    async with town(hosts=1) as t:
        for trouble in TROUBLES:
            if trouble.name == name:
                trouble.put(t)
        ended = await processes.command("doctor", "--json", "--config", str(t.config))
        document = json.loads(ended.stdout)
        assert (code, code.name.lower(), "") == (ended.returncode, document["exit"], ended.stderr)


async def test_the_command_names_a_broken_configuration_and_ends_with_findings(town: Build) -> None:
    """Nothing can be right yet: that is what it is for."""
    async with town(hosts=1) as t:
        t.edit("[slack]", "[slack")
        ended = await command("doctor", "--config", str(t.config))
        assert (ExitCode.FINDINGS, "") == (ended.returncode, ended.stderr)
        assert f"{t.config}:7: invalid TOML" in ended.stdout


async def test_a_running_bot_examines_itself_for_whoever_may_ask(town: Build) -> None:
    """In Slack and for the command; it owns the database then, and what was asked is in its audit log."""
    async with town(hosts=1) as t, bot_process(t) as bot:
        await bot.says("connected")
        fault("gateway", Fault.REFUSE)(t)
        answer = await t.private_answer(ADMIN, OPS, "doctor")
        assert "1 of 8 checks found a problem: host-a" in answer.text
        refused = await t.private_answer(VIEWER, OPS, "doctor")
        assert HOST not in refused.text
        ended = await command("doctor", "--config", str(t.config))
        assert ExitCode.NOT_REACHED == ended.returncode
        assert "no response from" in ended.stdout
        asked = [(event["kind"], event["actor"]) for event in t.events() if event["data"].get("text") == "doctor"]
        assert [("request", "alice"), ("refusal", "hana"), ("request", "me")] == asked


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between the calls; `tests.bot.slack.test_block_validation` holds it."""
    monkeypatch.setattr(block_validation, "CALL_PAUSE", 0.0)
    monkeypatch.setattr(block_validation, "RETRY_PAUSES", ())


@pytest.mark.usefixtures("_at_once")
async def test_slack_is_asked_for_its_verdict_on_every_message_and_nothing_is_posted(town: Build) -> None:
    async with town(hosts=1) as t:
        answer = await diagnose(t.config, ignore_progress, Doctor(slack=True))
        assert isinstance(answer.body, Report)
        assert ("doctor --slack", ()) == (answer.understood, answer.body.findings)
        kinds = len(t.workspace.calls("blocks.validate"))
        [row] = answer.body.rows
        assert ["bot.messages", f"{kinds} 種類のメッセージと画面を検証済み"] == [
            row.cells[0].text,
            Phrase.render(row.cells[1].text, get_texts("ja", t.settings.zone)),  # type: ignore[arg-type]
        ]
        assert () == t.workspace.calls("chat.postMessage")


@pytest.mark.usefixtures("_at_once")
async def test_where_slack_gives_no_verdict_nothing_is_called_good_or_bad(town: Build) -> None:
    async with town(hosts=1) as t:
        t.workspace.faults.switch_on("blocks.validate", Failing("service_unavailable"))
        answer = await diagnose(t.config, ignore_progress, Doctor(slack=True))
        assert isinstance(answer.body, Report)
        assert [("messages.unreachable", False)] == [(each.subject, each.reached) for each in answer.body.findings]
        assert ExitCode.NOT_REACHED == answer.exit_code


async def test_the_version_of_a_helper_is_shown_and_a_host_without_one_is_not_asked(town: Build) -> None:
    async with town(hosts=2) as t:
        managed(Helper())(t)
        report = await diagnosed(t)
        seen = {str(row.host): str(row.cells[1].text) for row in report.rows}
        whole = "reachable: Windows, WSL2, gateway API"
        assert (f"{whole}, helper in WSL2 version {HELPER_VERSION}", whole) == (seen["host-a"], seen["host-b"])
