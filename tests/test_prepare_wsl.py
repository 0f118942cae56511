"""prepare-wsl.sh on a real distribution: it does everything once, or nothing at all."""

import re
import socket
from pathlib import Path

import pytest

from tests.host_scripts import HOSTS
from tests.host_scripts import PREPARE as SCRIPT
from tests.wsl_world import NEEDS_WORLD, run

pytestmark = NEEDS_WORLD

PREPARE = 'sh /tmp/prepare-wsl.sh --key "$(cat /tmp/key/id.pub)"'

ACCOUNT_FILES = [f"/etc/{name}" for name in ("group", "gshadow", "passwd", "shadow", "subgid", "subuid")]
OWN_FILES = [
    "/etc/ssh/sshd_config.d/10-flatnet-bot.conf",
    "/etc/sudoers.d/flatnet-bot",
    "/etc/sudoers.d/flatnet-bot-logs",
    "/etc/wsl.conf",
]


def test_a_fresh_host_is_prepared_once(tmp_path: Path) -> None:
    first, second = run(tmp_path, PREPARE, PREPARE)
    assert (0, ["restart ssh.service"]) == (first["code"], first["asked"])
    assert sorted([*ACCOUNT_FILES, *OWN_FILES]) == [path for path in first["changed"] if not path.startswith("/home/")]
    assert "/home/flatnet/.ssh/authorized_keys" in first["changed"]
    assert "[ADDRESS]:2222 ssh-ed25519 AAAA" in first["stdout"]
    assert re.search(r"--wsl-fingerprint\):\nSHA256:[A-Za-z0-9+/]{43}\n", first["stdout"])
    assert (0, [], []) == (second["code"], second["changed"], second["asked"])


OTHER_KEYS = """
useradd --create-home --shell /bin/sh dev; mkdir /home/dev/.ssh; echo 'ssh-ed25519 AAAA dev' >/home/dev/.ssh/authorized_keys
"""
REFUSED: list[tuple[str, str, str, str]] = [
    ("no such port", "", f"{PREPARE} --port 99999", "--port cannot be: 99999"),
    ("port 0", "", f"{PREPARE} --port 0", "--port cannot be: 0"),
    ("no such address", "", f"{PREPARE} --from 999.1.1.1", "--from cannot be: 999.1.1.1"),
    ("no such network", "", f"{PREPARE} --from 10.0.0.0/33", "--from cannot be: 10.0.0.0/33"),
    ("no key", "", "sh /tmp/prepare-wsl.sh", "--key cannot be"),
    ("no real key", "", "sh /tmp/prepare-wsl.sh --key 'ssh-ed25519 AAAA'", "--key cannot be: it is not a public key"),
    ("an account with other keys", OTHER_KEYS, f"{PREPARE} --user dev", "dev exists and has keys of its own"),
    ("root's account", "", f"{PREPARE} --user root", "root is root; take another --user"),
    ("an account without a shell", "useradd --create-home --shell /usr/sbin/nologin dev", f"{PREPARE} --user dev",
     "dev exists and may not log in"),
    ("an account without a home", "useradd --no-create-home dev", f"{PREPARE} --user dev", "dev exists and has no home"),
    ("a group of that name", "groupadd flatnet", PREPARE, "there is a group flatnet and no such user"),
    ("sshd includes nothing", "echo 'UsePAM yes' >/etc/ssh/sshd_config", PREPARE, "does not include /etc/ssh/sshd_config.d"),
    ("sshd is broken already", "echo Port >>/etc/ssh/sshd_config", PREPARE, "sshd does not take this configuration"),
    ("sudo includes nothing", "echo 'root ALL=(ALL) ALL' >/etc/sudoers", PREPARE, "does not include /etc/sudoers.d"),
    ("no sudo", "rm -f /usr/sbin/visudo", PREPARE, "sudo is not installed"),
    ("no podman", "rm /usr/bin/podman", PREPARE, "podman is not installed"),
    ("systemd waits for a restart", "rm -r /run/systemd; printf '[boot]\\nsystemd = true\\n' >/etc/wsl.conf", PREPARE,
     "systemd is not running yet"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "command", "words"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_refusal_changes_nothing(before: str, command: str, words: str, tmp_path: Path) -> None:
    """Everything is checked first. `/run/sshd`, which sshd wants for a test, is not left behind either."""
    (done,) = run(tmp_path, command, before=f"rmdir /run/sshd; {before}")
    assert (1, [], []) == (done["code"], done["changed"], done["asked"])
    assert words in done["stderr"]


FAILING: list[tuple[str, str, str]] = [
    ("sshd does not start", ": >/tmp/broken", "sshd does not start"),
    ("a rule that cannot be written", "mkdir /etc/sudoers.d/flatnet-bot", "is no file that can be read"),
    ("an account that cannot be made", "rm /usr/sbin/useradd; ln -s /bin/false /usr/sbin/useradd", ""),
    ("a group that cannot be joined", "rm /usr/sbin/usermod; ln -s /bin/false /usr/sbin/usermod", ""),
    ("an interruption", ": >/tmp/interrupt", ""),
]


@pytest.mark.parametrize(("before", "words"), [each[1:] for each in FAILING], ids=[each[0] for each in FAILING])
@pytest.mark.parametrize("socket", ["", ": >/run/socket; rm -f /run/enabled /run/active"], ids=["service", "socket"])
def test_a_failure_in_the_middle_takes_everything_back(before: str, words: str, socket: str, tmp_path: Path) -> None:
    """Files, account, groups; Ubuntu's socket unit is enabled again."""
    (done,) = run(tmp_path, PREPARE, before=f"printf '[user]\\ndefault=me' >/etc/wsl.conf; {before}; {socket}")
    assert done["code"] != 0
    assert [] == done["changed"]
    assert "taking back what was done" in done["stdout"]
    assert "could not be taken back" not in done["stdout"]
    assert words in done["stderr"]


def test_after_a_failure_sshd_runs_with_its_old_configuration(tmp_path: Path) -> None:
    (done,) = run(tmp_path, PREPARE, before=": >/tmp/broken")
    assert ["restart ssh.service", "restart ssh.service"] == done["asked"]


def test_files_of_an_earlier_run_are_put_back(tmp_path: Path) -> None:
    """The account of that run stays, with the key that it had."""
    _, moved = run(tmp_path, PREPARE, f": >/tmp/broken; {PREPARE} --port 2022 --folder /srv/flatnet")
    assert (1, []) == (moved["code"], moved["changed"])


def test_the_lines_that_undo_it_leave_nothing_but_systemd(tmp_path: Path) -> None:
    """sshd too, which keeps its port until it is started anew. The page of hosts has the same lines."""
    told = SCRIPT.read_text().partition("# To undo it:\n")[2].partition("set -eu")[0].replace("#     ", "")
    assert told in HOSTS.with_suffix(".md").read_text(encoding="utf-8")
    _, undone, again = run(tmp_path, PREPARE, told, PREPARE)
    assert (0, ["restart ssh.service"]) == (undone["code"], undone["asked"])
    assert {*ACCOUNT_FILES, *OWN_FILES[:3]} <= {*undone["changed"]}
    assert {*undone["changed"]} == {*again["changed"]}


def test_a_port_of_another_program_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        (done,) = run(tmp_path, f"{PREPARE} --port {other.getsockname()[1]}")
    assert (1, []) == (done["code"], done["changed"])
    assert "is taken by another program" in done["stderr"]


def test_a_distribution_shows_no_accounts_of_the_machine(tmp_path: Path) -> None:
    """Nothing that happens on the machine beside the tests counts as a change."""
    (done,) = run(tmp_path, "stat --file-system --format %T /etc /home; ls -A /home")
    assert "tmpfs\ntmpfs\n" == done["stdout"]


@pytest.mark.parametrize(
    ("there", "then"),
    [
        (None, "[boot]\nsystemd=true\n"),
        ("[user]\ndefault=me", "[user]\ndefault=me\n[boot]\nsystemd=true\n"),
        ("[boot]\nsystemd=false\n[user]\n", "[boot]\nsystemd=true\n[user]\n"),
        ("[boot]\ncommand=x\n", "[boot]\nsystemd=true\ncommand=x\n"),
        ("[boot]\nsystemd = true\n", "[boot]\nsystemd = true\n"),
    ],
)
def test_systemd_is_switched_on_and_the_rest_of_the_file_stays(there: str | None, then: str, tmp_path: Path) -> None:
    before = "" if there is None else f"cat >/etc/wsl.conf <<'END'\n{there}\nEND\ntruncate -s -1 /etc/wsl.conf"
    _, shown = run(tmp_path, PREPARE, "cat /etc/wsl.conf", before=before)
    assert then == shown["stdout"]


def test_where_systemd_does_not_run_yet_nothing_but_its_switch_is_set(tmp_path: Path) -> None:
    """That is the first half, and the script says what comes then."""
    (done,) = run(tmp_path, PREPARE, before="rm -r /run/systemd")
    assert (2, ["/etc/wsl.conf"], []) == (done["code"], done["changed"], done["asked"])
    assert "not finished: systemd is not running yet. In Windows, wsl --shutdown" in done["stdout"]


def test_an_older_sudo_gets_no_rule_for_logs(tmp_path: Path) -> None:
    old = (
        'mv /usr/sbin/visudo /usr/sbin/new-visudo; printf \'#!/bin/sh\\nfor file; do :; done\\n! grep -Fq ^logs "$file" && '
        'exec new-visudo "$@"\\n\' >/usr/sbin/visudo; chmod 755 /usr/sbin/visudo'
    )
    (done,) = run(tmp_path, PREPARE, before=old)
    assert 0 == done["code"]
    assert "/etc/sudoers.d/flatnet-bot-logs" not in done["changed"]
    assert "older than 1.9.10" in done["stdout"]


MANAGE = "sh /tmp/prepare-wsl.sh --manage containers,ipam --id 1"
HELPER_FILES = ["/etc/flatnet-bot/allow", "/etc/sudoers.d/flatnet-bot-manage", "/usr/local/libexec/flatnet-bot"]


def only_files(changed: list[str]) -> list[str]:
    """The files among the places that were changed; folders change with them."""
    return [path for path in changed if path in HELPER_FILES]


def test_a_host_that_is_prepared_gets_the_helper_by_one_option(tmp_path: Path) -> None:
    """Without a key, and sshd is left alone. A second run changes nothing; neither does one without the option."""
    _, first, second, without = run(tmp_path, PREPARE, MANAGE, MANAGE, PREPARE)
    assert (0, HELPER_FILES, []) == (first["code"], only_files(first["changed"]), first["asked"])
    assert [(0, [], []), (0, [], [])] == [(each["code"], each["changed"], each["asked"]) for each in (second, without)]


def test_the_helper_comes_with_the_rest_on_a_fresh_host(tmp_path: Path) -> None:
    done, shown = run(tmp_path, f"{PREPARE} --manage backup --id 254", "cat /etc/flatnet-bot/allow")
    assert (0, HELPER_FILES) == (done["code"], only_files(done["changed"]))
    assert {"areas backup", "address 10.87.254.1/24"} <= set(shown["stdout"].splitlines())


def test_none_takes_the_helper_away_and_nothing_else(tmp_path: Path) -> None:
    """Whatever else is missing by then: podman, the account."""
    _, given, taken, again = run(
        tmp_path, PREPARE, MANAGE, "rm /usr/bin/podman; userdel flatnet; sh /tmp/prepare-wsl.sh --manage none",
        "sh /tmp/prepare-wsl.sh --manage none",
    )  # fmt: skip
    assert (0, 0, 0) == (given["code"], taken["code"], again["code"])
    assert given["changed"] == [path for path in taken["changed"] if path in given["changed"]]
    assert [] == again["changed"]


def test_another_list_of_areas_replaces_the_whole_list_and_sudo_s_rules(tmp_path: Path) -> None:
    show = "cat /etc/flatnet-bot/allow /etc/sudoers.d/flatnet-bot-manage"
    _, changed, shown = run(tmp_path, f"{PREPARE} --manage containers,ipam --id 1", f"{MANAGE} --manage backup", show)
    assert (0, HELPER_FILES[:2]) == (changed["code"], only_files(changed["changed"]))
    assert (True, False, False) == tuple(
        f"flatnet-bot {verb}" in shown["stdout"] for verb in ("backup", "containers", "ipam")
    )


HELPER_COPY = "/tmp/flatnet-bot-helper.sh"
ANOTHER_COPY = f"{HELPER_COPY} is not the whole helper of version"
MANAGE_REFUSED: list[tuple[str, str, str, str]] = [
    ("no such area", "", f"{MANAGE} --manage 'root'", "--manage cannot be: root"),
    ("an area and more", "", f"{MANAGE} --manage 'ipam; id'", "--manage cannot be: ipam; id"),
    ("two lines", "", f"{MANAGE} --manage 'ipam\nid'", "--manage cannot be: ipam\nid"),
    ("no ID", "", f"{MANAGE} --id ''", "--id cannot be: "),
    ("an ID too large", "", f"{MANAGE} --id 255", "--id cannot be: 255"),
    ("a bridge with a path", "", f"{MANAGE} --bridge ../x", "--bridge cannot be: ../x"),
    ("not prepared", "", MANAGE, "there is no user flatnet yet; give --key, too"),
    ("another's account", "useradd --create-home flatnet", MANAGE, "has not prepared the user flatnet yet"),
    ("a folder that others can write", "chmod g+w /usr/local", f"{PREPARE} --manage ipam --id 1",
     "others than root can change /usr/local. Run: chown root /usr/local; chmod go-w /usr/local"),
    ("a link in its place", "mkdir -p /usr/local/libexec; ln -s /tmp/x /usr/local/libexec/flatnet-bot",
     f"{PREPARE} --manage ipam --id 1", "/usr/local/libexec/flatnet-bot is a link"),
    ("no helper beside it", f"rm {HELPER_COPY}", f"{PREPARE} --manage ipam --id 1", f"there is no {HELPER_COPY}, which"),
    ("no helper, prepared", f"{PREPARE}; rm {HELPER_COPY}", MANAGE, f"there is no {HELPER_COPY}, which"),
    ("a helper of another version", f"sed -i 's/^version=.*/version=4/' {HELPER_COPY}", MANAGE, ANOTHER_COPY),
    ("a helper that was cut off", f"truncate -s -1 {HELPER_COPY}", MANAGE, ANOTHER_COPY),
    ("a helper with line ends of Windows", f"sed -i 's/$/\\r/' {HELPER_COPY}", MANAGE, ANOTHER_COPY),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "command", "words"), [each[1:] for each in MANAGE_REFUSED], ids=[each[0] for each in MANAGE_REFUSED]
)
def test_a_refused_helper_changes_nothing(before: str, command: str, words: str, tmp_path: Path) -> None:
    (done,) = run(tmp_path, command, before=before)
    assert (1, []) == (done["code"], done["changed"])
    assert words in done["stderr"]


def test_the_helper_is_found_in_the_folder_of_the_script(tmp_path: Path) -> None:
    """Also where the script was called by its bare name."""
    (done,) = run(tmp_path, f"cd /tmp; {PREPARE} --manage ipam --id 1".replace("sh /tmp/", "sh "))
    assert (0, HELPER_FILES) == (done["code"], only_files(done["changed"]))


HELPER_FAILURES: list[tuple[str, str]] = [
    ("the rules cannot be written", f"mkdir {HELPER_FILES[1]}"),
    ("sshd does not start afterwards", ": >/tmp/broken"),
]


@pytest.mark.parametrize("before", [each[1] for each in HELPER_FAILURES], ids=[each[0] for each in HELPER_FAILURES])
def test_a_failure_takes_the_helper_back_too(before: str, tmp_path: Path) -> None:
    (done,) = run(tmp_path, f"{PREPARE} --manage ipam --id 1", before=before)
    assert (1, []) == (done["code"], done["changed"])
    assert "could not be taken back" not in done["stdout"]


def test_taking_away_that_fails_puts_everything_back(tmp_path: Path) -> None:
    """Here the last file cannot be removed, because `rm` fails."""
    broken = (
        "cp /usr/bin/rm /usr/bin/rm.old; rm /usr/bin/rm; "
        "printf '#!/bin/sh\\ncase $2 in */flatnet-bot) exit 1;; esac; exec rm.old \"$@\"\\n' >/usr/bin/rm; "
        "chmod 755 /usr/bin/rm"
    )
    _, _, done = run(tmp_path, PREPARE, MANAGE, f"{broken}; sh /tmp/prepare-wsl.sh --manage none")
    assert (1, []) == (done["code"], done["changed"])
    assert "taking back what was done" in done["stdout"]
