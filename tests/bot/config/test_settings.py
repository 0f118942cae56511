"""The configuration: what stands, and that every complaint is made at once, with its place and its mend."""

import random
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.access.people import UserGroup
from bot.access.rules import ApprovalRule, ApprovalSettings, Grant
from bot.access.satisfiability import find_unsatisfiable_rules
from bot.config.control_socket import MAX_FILE_BYTES
from bot.config.errors import Complaint, ConfigurationError, ConfigurationMissing
from bot.config.schedules import build_schedule_config
from bot.config.settings import ChannelSettings, Settings, read_settings
from commands.catalogue import CATALOGUE
from commands.model.operation import CertificateRules, Risk, Role

NOW = datetime(2026, 2, 1, tzinfo=UTC)

GOOD = """
language = "en"

[slack]
team = "T0123"

[[people]]
name = "ana"
slack = ["U111"]
system = ["ana"]
roles = ["administrator"]

[defaults.windows]
user = "bot"
ca_file = "pki/ca.pem"

[[hosts]]
name = "host-a"
id = 1
labels = ["tokyo"]
[hosts.windows]
url = "https://192.0.2.11:5986/wsman"

[[hosts]]
name = "host-b"
id = 2
[hosts.windows]
url = "https://192.0.2.12:5986/wsman"
user = "other"
[hosts.gateway]
url = "http://10.100.2.1:8080"
"""

RULE = GOOD + "[[approvals.rules]]\n"
ROUTE = GOOD + "[[alerts.routes]]\n"
INCIDENTS = GOOD + "[incidents]\n"
GRANT = GOOD + '[[grants]]\nroles = ["operator"]\n'
OWN = GOOD + '[[schedules]]\nname = "morning"\nowner = "ana"\n'
BUILT_IN = GOOD + '[[schedules]]\nname = "digest"\n'
NOTICES = GOOD + "[notices]\n"


def scheduled(cron: str = "0 9 * * 1-5", words: str = "health tokyo") -> str:
    """A schedule of the configuration's own."""
    return f"{OWN}cron = '{cron}'\nwords = '{words}'\n"


def settings(folder: Path, text: str) -> Settings:
    file = folder / "flatnet.toml"
    file.write_text(text, encoding="utf-8")
    return read_settings(file)


def complaints(folder: Path, text: str) -> list[tuple[str, int | None, str]]:
    with pytest.raises(ConfigurationError) as caught:
        settings(folder, text)
    return [(complaint.key, complaint.line, str(complaint.phrase)) for complaint in caught.value.complaints]


def test_the_example_is_a_configuration() -> None:
    """The file that the README tells people to copy works as it stands."""
    example = read_settings(Path("flatnet.example.toml"))
    assert ("lighthouse", "host-a", "host-b") == example.inventory.names
    assert {"slack_bot_token", "slack_app_token", "audit_key", "winrm_password"} == example.secret_names
    assert ("C0123ABCD", "C0456EFGH") == (example.notices.channel, example.notices.second_channel)
    assert ["digest", "tokyo-disks"] == [schedule.name for schedule in example.schedules]


def test_the_bots_own_certificate_is_named_by_a_path_and_members_by_their_names(tmp_path: Path) -> None:
    rules = settings(
        tmp_path, GOOD + '\n[certificates]\nbot_certificate = "pki/host.crt"\nmembers = ["laptop ana"]\n'
    ).certificates
    assert (tmp_path / "pki" / "host.crt", ("laptop ana",)) == (rules.bot_certificate, rules.members)


def test_in_the_example_everything_can_be_approved() -> None:
    """Two people are enough."""
    example = read_settings(Path("flatnet.example.toml"))
    assert () == find_unsatisfiable_rules(example.policy, example.inventory, CATALOGUE)


def test_defaults_fill_the_sides_that_a_host_has(tmp_path: Path) -> None:
    """What a host says itself wins; a side that it does not have stays absent."""
    host_a, host_b = settings(tmp_path, GOOD).hosts
    assert host_a.windows is not None
    assert host_b.windows is not None
    assert ("bot", "other") == (host_a.windows.user, host_b.windows.user)
    assert host_a.gateway is None


def test_groups_have_roles_and_channels_a_language(tmp_path: Path) -> None:
    """Beside the people, and beside the language of the whole."""
    found = settings(
        tmp_path, GOOD + '[[groups]]\nslack = "S0OPS"\nroles = ["operator"]\n[channels.C0DEV]\nlanguage = "ja"\n'
    )
    assert (UserGroup(slack="S0OPS", roles=frozenset({Role.OPERATOR})),) == found.groups
    assert {"C0DEV": ChannelSettings(language="ja")} == found.channels


def test_rights_and_rules_become_the_policy(tmp_path: Path) -> None:
    """People, groups, grants, approval rules: what the bot judges by."""
    found = settings(
        tmp_path,
        GRANT
        + 'operations = ["health", "host"]\nchannels = ["C0OPS", "shell"]\n'
        + '[approvals]\nexpire = "1h30m"\nchannel = "C0OPS"\n'
        + '[[approvals.rules]]\nrisk = "critical"\nlabels = ["tokyo"]\n'
        + 'approvers = 3\nroles = ["security"]\nping = ["ana"]\n',
    ).policy
    rule = ApprovalRule(risk=Risk.CRITICAL, labels=("tokyo",), approvers=3, roles=frozenset({Role.SECURITY}), ping=("ana",))
    grant = Grant(operations=("health", "host"), roles=frozenset({Role.OPERATOR}), channels=("C0OPS", "shell"))
    assert ("ana",) == tuple(person.name for person in found.people)
    assert (grant,) == found.grants
    assert ApprovalSettings(expire=timedelta(minutes=90), channel="C0OPS", rules=(rule,)) == found.approvals


def test_without_a_word_a_request_waits_an_hour_and_certificates_live_a_year(tmp_path: Path) -> None:
    found = settings(tmp_path, GOOD)
    assert (ApprovalSettings(expire=timedelta(hours=1)), CertificateRules(lifetime_days=365)) == (
        found.approvals,
        found.certificates,
    )


def test_schedules_stand_beside_the_built_in_ones_and_change_their_times(tmp_path: Path) -> None:
    """Zones by any case, lines with any spaces; one that is switched off is not there."""
    found = settings(
        tmp_path,
        scheduled()
        + 'channel = "C0DEV"\nmissed = "tell"\n[notices]\nchannel = "C0OPS"\nsecond_channel = "C0DEV"\n'
        + '[[schedules]]\nname = "digest"\ncron = " 30  8 * * 1-5"\nzone = "europe/berlin"\n'
        + '[[schedules]]\nname = "weekly"\nenabled = false\n',
    )
    running = build_schedule_config(found.schedules, found.notices, found.time_zone, NOW)
    schedules = {each.name: each for each in running.schedules}
    digest, morning = schedules["digest"], schedules["morning"]
    assert "weekly" not in schedules
    assert ("30 8 * * 1-5", "Europe/Berlin", "digest", "C0OPS", "run") == (
        digest.cron, digest.zone, digest.words, digest.channel, digest.missed,
    )  # fmt: skip
    assert ("0 9 * * 1-5", "Asia/Tokyo", "health tokyo", "C0DEV", "tell", "ana") == (
        morning.cron, morning.zone, morning.words, morning.channel, morning.missed, morning.owner,
    )  # fmt: skip
    assert ("C0OPS", "C0DEV") == (running.channel, running.second_channel)


def test_relative_paths_start_at_the_file_s_folder(tmp_path: Path) -> None:
    """So that the bot can be started from anywhere."""
    found = settings(tmp_path, 'data_folder = "data"\nsecrets_folder = "/etc/flatnet"\n' + GOOD)
    assert tmp_path / "data" / "flatnet.sqlite3" == found.database_file
    assert Path("/etc/flatnet") == found.secrets_folder
    assert found.hosts[0].windows is not None
    assert tmp_path / "pki/ca.pem" == found.hosts[0].windows.ca_file
    assert tmp_path / "var" == settings(tmp_path, GOOD).data_folder


def test_every_complaint_is_made_at_once_with_key_line_and_mend(tmp_path: Path) -> None:
    """Nobody mends a file one error at a time."""
    text = (
        GOOD.replace('language = "en"', 'langage = "en"')
        .replace('team = "T0123"', 'team = "ours"')
        .replace("id = 2", 'id = "two"')
        .replace('url = "https://192.0.2.12:5986/wsman"', 'url = "http://192.0.2.12:5985/wsman"')
        .replace('roles = ["administrator"]', 'roles = ["boss"]')
    )
    assert [
        ("langage", 2, "unknown setting. Did you mean language?"),
        ("slack.team", 5, "must be a workspace ID, such as T0123ABCD"),
        (
            "people[ana].roles[1]",
            11,
            "must be one of 'viewer', 'operator', 'developer', 'administrator' or 'security'",
        ),
        ("hosts[host-b].id", 26, "must be a whole number"),
        (
            "hosts[host-b].windows",
            27,
            "does not allow http. Use https, or set allow_http = true for NTLM with message encryption",
        ),
    ] == complaints(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hosts = [\n", ("", 2, "invalid TOML: ")),
        ('a = "1"\na = "2"\n', ("", 2, "invalid TOML: Cannot overwrite a value")),
        ("", ("", None, "has no hosts. Add a [[hosts]] table for each")),
        (GOOD.replace("host-b", "host-a"), ("hosts", None, "several hosts are named host-a. Use a different name for each")),
        (GOOD.replace("id = 2", "id = 1"), ("hosts", None, "several hosts have the ID 1. Use a different ID for each")),
        (GOOD + "[hosts.wsl]\n", ("hosts[host-b].wsl.address", 32, "is required")),
        (GOOD.replace("id = 2", "id = 255"), ("hosts[host-b].id", 26, "must be ≤ 254")),
        (
            GOOD + "[thresholds]\ndisk_warning_percent = 90\n",
            ("thresholds", 32, "set disk_warning_percent lower than disk_critical_percent"),
        ),
        ('time_zone = "Tokyo"\n' + GOOD, ("time_zone", 1, "must be a time zone such as Asia/Tokyo")),
        (
            GOOD + '[[people]]\nname = "bob"\nslack = ["U111"]\n',
            ("", None, "the slack U111 is assigned to several people. Assign it to one person only"),
        ),
        (
            GOOD + '[[groups]]\nslack = "S111"\nroles = ["viewer"]\n' * 2,
            ("", None, "two groups have the ID S111. Merge them into one table"),
        ),
        (GOOD + '[[groups]]\nslack = "ops"\nroles = ["viewer"]\n',
         ("groups[1].slack", 33, "must be an ID as shown in Slack, such as")),
        (GOOD + '[channels.C0123]\nlanguage = "fr"\n', ("channels.C0123.language", 33, "must be one of 'ja' or 'en'")),
        ("[slack]\nteam = 'T0123'\napi_url = 'http://evil/'\n" + GOOD.replace("[slack]\nteam = \"T0123\"\n", ""),
         ("slack.api_url", 3, "must start with https://")),
        (GOOD.replace('team = "T0123"', 'team = "T0123"\napi_url = "http://127.0.0.1:x@evil.example/"'),
         ("slack.api_url", 6, "must start with https://")),
        (GOOD.replace('"tokyo"', '"host-b"'), ("", None, "host-b is used more than once")),
        (GOOD.replace('"tokyo"', '"all"'), ("", None, "all is used more than once")),
        (GOOD.replace('"host-b"', '"all"'), ("", None, "all is used more than once")),
        ('socket_group = "ops"\n' + GOOD, ("", None, "the setting socket_group requires socket_file")),
        (GOOD + '[approvals]\nexpire = "1m"\n',
         ("approvals.expire", 33, "1m is out of range. Use 5m to 7d")),
        (GOOD + '[approvals]\nexpire = "soon"\n', ("approvals.expire", 33, "soon is not a duration")),
        (GOOD + "[approvals]\nexpire = 3600\n", ("approvals.expire", 33, "must be a duration in quotes, such as 1h")),
        (GOOD + '[approvals]\nchannel = "ops"\n', ("approvals.channel", 33, "must be a Slack channel ID, such as")),
        (GOOD + '[approvals]\nrule = []\n',
         ("approvals.rule", 33, "unknown setting. Did you mean rules?")),
        (RULE + 'risk = "big"\n', ("approvals.rules[1].risk", 33, "must be one of change, disrupt, critical")),
        (RULE + 'risk = "disrupt"\napprovers = -1\n', ("approvals.rules[1].approvers", 34, "must be ≥ 1")),
        (RULE + "approvers = 0\n",
         ("approvals.rules[1].approvers", 33, "can be 0 only for named operations (allowed: service start, ")),
        (RULE + 'operations = ["service restart"]\napprovers = 0\n',
         ("approvals.rules[1].operations[1]", 33, "service restart cannot run without approval. Allowed: service start, ")),
        (RULE + 'operations = ["service start"]\napprovers = 0\nlabels = ["tokyo"]\n',
         ("approvals.rules[1]", 32, "labels cannot be combined with operations. Use a separate rule with risk")),
        (RULE + 'operations = ["service start"]\napprovers = 0\n',
         ("approvals.rules[1]", 32, "requires channel under [approvals], so that others see what runs")),
        (RULE + 'operations = ["service start"]\napprovers = 0\nping = ["zoe"]\n[approvals]\nchannel = "C0OPS"\n',
         ("approvals.rules[1].ping[1]", 35, "zoe matches nothing. Remove it")),
        (RULE + "approver = 2\n",
         ("approvals.rules[1].approver", 33, "unknown setting. Did you mean approvers?")),
        (RULE + 'risk = "disrupt"\nroles = []\n', ("approvals.rules[1].roles", 34, "must not be empty")),
        (RULE + 'risk = "disrupt"\nroles = "operator"\n', ("approvals.rules[1].roles", 34, "must be a list in [ ]")),
        (RULE + 'risk = "disrupt"\nlabels = ["tokio"]\n',
         ("approvals.rules[1].labels[1]", 34, "tokio matches nothing. Did you mean tokyo?")),
        (RULE + 'risk = "disrupt"\nping = ["ana", "zoe"]\n',
         ("approvals.rules[1].ping[2]", 34, "zoe matches nothing. Remove it")),
        (GOOD + '[[approvals.rules]]\nrisk = "disrupt"\nlabels = ["tokyo"]\nroles = ["security"]\n'
         + '[[approvals.rules]]\nrisk = "disrupt"\napprovers = 2\nroles = ["operator"]\n',
         ("approvals.rules[2].roles", 39, "approvals.rules[1], approvals.rules[2] apply to host-a but share no role")),
        (GRANT + 'operations = ["helth", "hosts *"]\n',
         ("grants[1].operations[1]", 34, "helth matches nothing. Did you mean health?")),
        (GRANT + 'operations = ["health", "nothing *"]\n',
         ("grants[1].operations[2]", 34, "nothing * matches nothing. Remove it")),
        (GRANT + 'operations = ["Health!"]\n',
         ("grants[1].operations[1]", 34, "must be a command or a prefix with *, such as service *")),
        (GRANT + 'operations = ["health"]\nlabels = ["host-a"]\n', ("grants[1].labels[1]", 35, "host-a matches nothing")),
        (GRANT + 'operations = ["health", "doctor", "version"]\nlabels = ["tokyo"]\n',
         ("grants[1].labels", 35,
          "labels restrict only commands for hosts, not version, doctor. Grant that in a separate table")),
        (GRANT + 'operations = ["health"]\nchannels = ["ops"]\n',
         ("grants[1].channels[1]", 35, "must be Slack channel IDs, such as C0123ABCD")),
        (ROUTE + 'mention = ["Ana!"]\n',
         ("alerts.routes[1].mention[1]", 33, "must be names of people or IDs of user groups, such as tanaka")),
        (ROUTE + 'mention = ["S0NIGHT", "anna"]\n',
         ("alerts.routes[1].mention[2]", 33, "anna matches nothing. Did you mean ana?")),
        (ROUTE + 'escalate = "30m"\nescalate_to = ["zoe"]\n',
         ("alerts.routes[1].escalate_to[1]", 34, "zoe matches nothing. Remove it")),
        (ROUTE + 'mention = ["sam"]\n[[people]]\nname = "sam"\nsystem = ["sam"]\n',
         ("alerts.routes[1].mention[1]", 33, "sam has no Slack ID and cannot be notified")),
        (INCIDENTS + 'escalate = ["S0NIGHT", "anna"]\n',
         ("incidents.escalate[2]", 33, "anna matches nothing. Did you mean ana?")),
        (INCIDENTS + 'escalate = ["sam"]\n[[people]]\nname = "sam"\nsystem = ["sam"]\n',
         ("incidents.escalate[1]", 33, "sam has no Slack ID and cannot be notified")),
        (INCIDENTS + 'announce = "#all"\n', ("incidents.announce", 33, "must be a Slack channel ID, such as C0123ABCD")),
        (INCIDENTS + 'reaction = ":memo:"\n',
         ("incidents.reaction", 33, "must be the name of an emoji without colons, such as memo")),
        (ROUTE + 'labels = ["tokio"]\n', ("alerts.routes[1].labels[1]", 33, "tokio matches nothing. Did you mean tokyo?")),
        (ROUTE + 'severities = ["high"]\n[[alerts.routes]]\nseverities = ["high"]\nlabels = ["tokyo"]\n',
         ("alerts.routes[2]", 34, "is never used, because alerts.routes[1] comes first")),
        (ROUTE + 'severities = ["grave"]\n',
         ("alerts.routes[1].severities[1]", 33, "must be one of 'critical', 'high', 'medium' or 'low'")),
        (ROUTE + 'repeat = "soon"\n', ("alerts.routes[1].repeat", 33, "soon is not a duration. Use for example")),
        (ROUTE + "repeat = 15\n", ("alerts.routes[1].repeat", 33, "must be a duration in quotes, such as 1h")),
        (ROUTE + 'escalate = "30m"\n',
         ("alerts.routes[1]", 32, "escalate and escalate_to belong together. Set both, or neither")),
        (ROUTE + 'channel = "#ops"\n', ("alerts.routes[1].channel", 33, "must be a Slack channel ID, such as C0123ABCD")),
        (GOOD + '[alerts]\nquiet_hours = { begin = "25:00", end = "07:00" }\n',
         ("alerts.quiet_hours.begin", 33, "must be a time of day such as 22:00")),
        (GOOD + '[alerts]\nquiet_hours = { begin = "22:00+02:00", end = "07:00" }\n',
         ("alerts.quiet_hours.begin", 33, "must be a time of day such as 22:00")),
        (GOOD + '[alerts]\nquiet_hours = { begin = "07:00", end = 07:00:00 }\n',
         ("alerts.quiet_hours", 33, "begin and end must be different")),
        (GOOD + "[alerts]\ninterval_seconds = 1\n", ("alerts.interval_seconds", 33, "must be ≥ 30")),
        (GOOD + "[certificates]\nlifetime_days = 0\n", ("certificates.lifetime_days", 33, "must be ≥ 1")),
        (GOOD + '[certificates]\ngroups = ["a,b"]\n',
         ("certificates.groups[1]", 33, "must be certificate group names, such as flatnet")),
        (scheduled(cron="every day"),
         ("schedules[morning].cron", 35,
          "every day is not a valid cron expression: five fields are required: minute, hour, day, month")),
        (scheduled(cron="99 9 * * *"),
         ("schedules[morning].cron", 35, "99 9 * * * is not a valid cron expression: minute must be 0–59. Use for example")),
        (scheduled(cron="* * * * *"),
         ("schedules[morning].cron", 35,
          "* * * * * is not a valid cron expression: it runs more often than every 5 minutes")),
        (scheduled(cron="0 0 31 2 *"),
         ("schedules[morning].cron", 35, "0 0 31 2 * is not a valid cron expression: day must be 1–31")),
        (OWN + "cron = 9\n", ("schedules[morning].cron", 35, "must be text in quotes")),
        (scheduled() + 'zone = "Asia/Tokio"\n',
         ("schedules[morning].zone", 37, "Asia/Tokio is not a time zone. Use for example Asia/Tokyo")),
        (scheduled().replace('"ana"\ncron', '"anna"\ncron'),
         ("schedules[morning].owner", 34, "anna matches nothing. Did you mean ana?")),
        (scheduled().replace('"ana"\ncron', '"Ana!"\ncron'),
         ("schedules[morning].owner", 34, "must be the name of a person in [[people]], such as tanaka")),
        (scheduled(words="helth"), ("schedules[morning].words", 36, "unknown command: helth. Run help for the list")),
        (scheduled(words="health osaka"),
         ("schedules[morning].words", 36, "no host or label named osaka. Run host for the list")),
        (scheduled(words="cert renew host-a --break-glass --reason hurry"),
         ("schedules[morning].words", 36, "scheduled changes always need approval. Remove --break-glass")),
        (scheduled(words="approve op-0123456789ab"),
         ("schedules[morning].words", 36, "this needs a person. Only read commands and host changes can be scheduled")),
        (scheduled(words='schedule add "0 9 * * *" "health"'),
         ("schedules[morning].words", 36, "this needs a person. Only read commands and host changes can be scheduled")),
        (scheduled(words="schedule"), ("schedules[morning].words", 36, "schedule commands cannot be scheduled")),
        (scheduled(words=""), ("schedules[morning].words", 36, "must not be empty")),
        (scheduled(words="x" * 501), ("schedules[morning].words", 36, "must have at most 500 characters")),
        (scheduled() + 'missed = "later"\n',
         ("schedules[morning].missed", 37, "must be one of 'run', 'skip' or 'tell'")),
        (scheduled() + 'zones = "UTC"\n',
         ("schedules[morning].zones", 37, "unknown setting. Did you mean zone?")),
        (scheduled() + 'channel = "#ops"\n', ("schedules[morning].channel", 37, "must be a Slack channel ID, such as")),
        (scheduled().replace('"morning"', '"Every morning"'),
         ("schedules[Every morning].name", 33, "Every morning is not a valid schedule name. Use up to 40")),
        (OWN, ("schedules[morning]", 32, "cron, words and owner are required. Built-in schedules: digest, weekly")),
        (BUILT_IN + 'words = "health"\n',
         ("schedules[digest]", 32, "digest is built in. Only its times, channel and enabled can be set")),
        (BUILT_IN + 'owner = "ana"\n', ("schedules[digest]", 32, "digest is built in. Only its times")),
        (BUILT_IN + '[[schedules]]\nname = "digest"\n',
         ("", None, "several schedules are named digest. Use a different name for each")),
        (GOOD + '[schedules]\nname = "digest"\n', ("schedules", 32, "must be a list in [ ]")),
        (NOTICES + 'channel = "#ops"\n', ("notices.channel", 33, "must be a Slack channel ID, such as C0123ABCD")),
        (NOTICES + 'second_channel = "ops"\n',
         ("notices.second_channel", 33, "must be a Slack channel ID, such as C0123ABCD")),
        (NOTICES + 'second_chanel = "C0OPS"\n',
         ("notices.second_chanel", 33, "unknown setting. Did you mean second_channel?")),
        (NOTICES + 'channel = "C0OPS"\nsecond_channel = "C0OPS"\n',
         ("notices", 32, "second_channel is the fallback for channel, so it must be different")),
        ("a = " + "[" * 100_000 + "\n", ("", None, "is nested too deeply")),
        ("hosts = 3\n", ("hosts", 1, "must be a list in [ ]")),
        ("hosts = [3]\n", ("hosts[1]", 1, "must be a table")),
        ("defaults = 3\n" + GOOD.replace("[defaults.windows]", "[x]"), ("defaults", 1, "unknown setting")),
    ],
)  # fmt: skip
def test_what_cannot_stand_is_said_with_its_place(tmp_path: Path, text: str, expected: tuple[str, int | None, str]) -> None:
    """Key path, line where it can be found, and what to do."""
    key, line, phrase = expected
    assert any(
        found[0] == key and found[1] == line and found[2].startswith(phrase) for found in complaints(tmp_path, text)
    ), complaints(tmp_path, text)


def test_a_file_that_cannot_be_read_is_a_complaint_too(tmp_path: Path) -> None:
    """A folder, too large, not UTF-8: each says what to do."""
    too_large = tmp_path / "large.toml"
    too_large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    latin = tmp_path / "latin.toml"
    latin.write_bytes("\n# é\n".encode("latin-1"))
    for file, expected in [
        (tmp_path, "cannot be read (Is a directory)"),
        (too_large, "is larger than"),
        (latin, "is not UTF-8"),
    ]:
        with pytest.raises(ConfigurationError) as caught:
            read_settings(file)
        assert str(caught.value.complaints[0].phrase).startswith(expected)


def test_where_no_file_is_the_command_that_writes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationMissing) as caught:
        read_settings(tmp_path / "nope.toml")
    assert "nope.toml not found. Create it with flatnet-bot init, or specify another file with --config" == (
        str(caught.value.phrase).removeprefix(f"{tmp_path}/")
    )
    assert () == caught.value.complaints


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Windows editors write one."""
    assert 2 == len(settings(tmp_path, "\ufeff" + GOOD).hosts)


def test_254_hosts_are_a_configuration(tmp_path: Path) -> None:
    """The design holds at the largest fleet."""
    hosts = "".join(
        f'[[hosts]]\nname = "host-{n}"\nid = {n}\n[hosts.gateway]\nurl = "http://10.100.{n}.1:8080"\n' for n in range(1, 255)
    )
    assert 254 == len(settings(tmp_path, hosts).hosts)


def test_no_text_makes_it_fall_over(tmp_path: Path) -> None:
    """Whatever is in the file, the answer is settings or complaints."""
    dice = random.Random(7)
    for _ in range(300):
        text = list(GOOD)
        for _ in range(dice.randint(1, 8)):
            text[dice.randrange(len(text))] = dice.choice(string.printable)
        assert outcome(tmp_path, "".join(text)) != ()


def outcome(folder: Path, text: str) -> Settings | tuple[Complaint, ...]:
    try:
        return settings(folder, text)
    except ConfigurationError as error:
        return error.complaints
