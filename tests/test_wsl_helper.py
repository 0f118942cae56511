"""The WSL2 helper as the bot's user calls it, through the real sudo: what it refuses. Its verbs are in tests/fleet."""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.host_scripts import HELPER, PREPARE
from tests.wsl_world import NEEDS_WORLD, run

SET_UP = 'sh /tmp/prepare-wsl.sh --key "$(cat /tmp/key/id.pub)" --id 7 --manage containers,ipam,backup >/dev/null'
DIRECT = "/usr/local/libexec/flatnet-bot"
THROUGH_SUDO = f"runuser -u flatnet -- sudo -n {DIRECT}"
ID = HASH = "0123456789abcdef" * 4


def test_another_text_is_another_version() -> None:
    """The bot compares versions alone, so a changed helper gets the next one. prepare-wsl.sh installs this text alone."""
    text, script = HELPER.read_text(), PREPARE.read_text()
    pinned = re.findall(r"^helper_version=(\d+) helper_sha256=([0-9a-f]{64})$", script, re.MULTILINE)
    (version,) = re.findall(r"^version=(\d+)$", text, re.MULTILINE)
    assert [(version, hashlib.sha256(text.encode()).hexdigest())] == pinned


FORWARDING = "sed -i 's/^areas .*/areas forwarding/' /etc/flatnet-bot/allow"
CONFLIST, OTHER = "/etc/cni/net.d/10-flatnet.conflist", "/tmp/other"
PLUGIN = "mkdir -p /opt/cni/bin; printf '#!/bin/sh\\n' >/opt/cni/bin/flatnet; chmod 0755 /opt/cni/bin/flatnet"
CNI_PODMAN = f"""cat >/usr/bin/podman <<'END'
#!/bin/sh
case "$1" in --version) echo podman version 4.3.1 ;; info) echo cni ;; ps) ;; *) exit 125 ;; esac
END
rm -rf /etc/cni
echo '{{ "name" : "flatnet", "plugins": [{{"type": "flatnet", "ipam": {{"subnet": "10.87.7.0/24"}}}}] }}' >{OTHER}"""
"""A podman that has nothing but CNI, and a network that people made."""


def describe_network(state: str, *, own: bool = False, plugin: bool = True) -> Mapping[str, Any]:
    """Describes the network of the host with the ID 7."""
    place = {"backend": "cni", "network": "flatnet", "subnet": "10.87.7.0/24", "state": state, "file": CONFLIST}
    return {**place, "own": own, "plugin": plugin, "containers": 0}


def call(folder: Path, *commands: str, before: str = "") -> Mapping[str, Any]:
    """Returns what came of commands on a host with the helper, by command."""
    _, *answers = run(folder, SET_UP, *commands, before=before)
    return dict(zip(commands, answers, strict=True))


OF_CONTAINERS: tuple[tuple[str, ...], ...] = (
    ("containers", "show"),
    ("containers", "show", "--all"),
    ("containers", "show", "../x"),
    ("containers", "show", "a;b"),
    ("containers", "show", "$(id)"),
    ("containers", "show", "w" * 300),
    ("containers", "show", "wеb"),
    ("containers", "show", "web\nid"),
    ("containers", "show", "web db"),
    ("containers", "remove", "web"),
    ("containers", "remove", ID, "--volumes"),
    ("containers", "policy", ID),
    ("containers", "policy", ID, ""),
    ("containers", "policy", ID, "always --all"),
    ("containers", "policy", ID, "on-failure:-1"),
    ("containers", "policy", "web", "no"),
    ("containers", "diff", "web"),
    ("containers", "describe", "web"),
    ("containers", "describe", f"{ID}\n{ID}"),
    ("containers", "create"),
    ("containers", "create", "OP"),
    ("containers", "create", "op-1", "--privileged"),
    ("containers", "create", "op-1\n--privileged"),
    ("containers", "copy", "op-1", "web", ID),
    ("containers", "copy", "op-1", "--privileged", ID, "-"),
    ("containers", "copy", "op-1", "wеb", ID, "-"),
    ("containers", "copy", "op-1", "w" * 64, ID, "-"),
    ("containers", "copy", "op-1", "web", "docker.io/library/nginx", "-"),
    ("containers", "copy", "op-1", "web", ID, "host"),
    ("containers", "copy", "op-1", "web", ID, "10.87.1.2,net=host"),
    ("containers", "copy", "op-1", "web", ID, "-", "--privileged"),
    ("containers", "unmake", "web"),
    ("containers", "unmake", "--all", "op-1"),
    ("containers", "unmake", "web", "op 1"),
    ("images", "list", "--all"),
    ("volumes", "list", "--all"),
    ("images", "build", "."),
    ("volumes", "prune"),
)
"""Arguments that are no verb of containers, images and volumes: options, other names, look-alikes, second lines."""

VECTORS: tuple[tuple[str, ...], ...] = (
    ("containers",),
    ("containers", "list", "--all"),
    ("containers", "exec", ID),
    ("containers", "stop"),
    ("containers", "stop", ID[1:]),
    ("containers", "stop", f"{ID}0"),
    ("containers", "stop", ID.upper()),
    ("containers", "stop", "../../etc/passwd"),
    ("containers", "stop", "web"),
    ("containers", "stop", f"{ID};id"),
    ("containers", "stop", f"{ID}\nid"),
    ("containers", "stop", f"{ID}\n"),
    ("containers", "stop", "--all"),
    ("containers", "stop", ""),
    ("containers", "stop", ID, "--all"),
    ("containers stop", ID),
    ("containers\nstop", ID),
    ("ipam", "list", "/etc/shadow"),
    ("ipam", "../../etc/shadow"),
    ("ipam;id", "list"),
    ("network",),
    ("network", "show", "--all"),
    ("network", "create", "flatnet"),
    ("network", "remove", "../podman"),
    ("", ""),
    ("version", "--help"),
    ("sh", "-c", "id"),
    ("term",),
    ("term", "keep"),
    ("term", "keep", "0"),
    ("term", "keep", "017"),
    ("term", "keep", "1" * 17),
    ("term", "keep", "1\n2"),
    ("term", "keep", "1", "2"),
    ("term", "1", "version"),
    ("term", "-1", "ipam", "clean"),
    ("term", "x", "ipam", "clean"),
    ("term", "1", "term", "2", "ipam", "clean"),
    ("backup", "read"),
    ("backup", "read", "-1"),
    ("backup", "read", "1;id"),
    ("backup", "read", "0x10"),
    ("backup", "read", "010"),
    ("backup", "read", "9" * 13),
    ("backup", "write", "/etc/shadow"),
    ("backup", "list", "/etc/shadow"),
    ("backup", "put"),
    ("backup", "put", HASH[1:]),
    ("backup", "put", HASH.upper()),
    ("backup", "put", f"../{HASH}"),
    ("backup", "put", f"{HASH};id"),
    ("backup", "put", HASH, "0"),
    ("backup", "forget", "."),
    ("backup", "stage", HASH),
    ("backup", "stage", HASH, "-1"),
    ("backup", "fill", HASH, "1;id"),
    ("backup", "fill", HASH, "0", "/etc/shadow"),
    ("backup", "stage", f"{HASH}.new/../../../etc/x\n{HASH}", "0"),
    ("backup", "fill", HASH, "0\nsize"),
    ("backup", "forget", f"{HASH}\n/../x"),
)
"""Arguments that are no verb: too many, too few, paths, options, other programs, other separators."""


class TestInAWorld:
    """On a host in namespaces, with the real sudo, stat and grep."""

    pytestmark = NEEDS_WORLD

    def test_the_bot_s_user_gets_the_version_and_the_areas(self, tmp_path: Path) -> None:
        (done,) = call(tmp_path, f"{THROUGH_SUDO} version").values()
        assert (0, '{"version":5,"areas":["containers","ipam","backup"]}\n', "") == (
            done["code"],
            done["stdout"],
            done["stderr"],
        )

    @pytest.mark.parametrize(
        ("vectors", "passed"), [(OF_CONTAINERS, []), (VECTORS, [("containers stop", ID)])], ids=["of containers", "others"]
    )
    def test_sudo_passes_no_other_argument_on(
        self, vectors: tuple[tuple[str, ...], ...], passed: list[tuple[str, ...]], tmp_path: Path
    ) -> None:
        """It compares arguments joined by spaces, so one of them comes through, to the helper's own check."""
        done = call(tmp_path, *(f"{THROUGH_SUDO} {shlex.join(each)}" for each in (*vectors, ("forwarding", "apply"), ())))
        passed_on = [command for command, each in done.items() if "a password is required" not in each["stderr"]]
        assert {""} == {each["stdout"] for each in done.values()}
        assert [f"{THROUGH_SUDO} {shlex.join(each)}" for each in passed] == passed_on

    @pytest.mark.parametrize("vectors", [OF_CONTAINERS, VECTORS], ids=["of containers", "others"])
    def test_the_helper_refuses_them_by_itself(self, vectors: tuple[tuple[str, ...], ...], tmp_path: Path) -> None:
        """Where root calls it, and so with sudo's rules out of the way. It repeats nothing of what it was given."""
        done = call(tmp_path, *(f"{DIRECT} {shlex.join(each)}" for each in (*vectors, ())))
        words = "flatnet-bot: no such verb or argument. Read the head of /usr/local/libexec/flatnet-bot\n"
        assert {(2, "", words)} == {(each["code"], each["stdout"], each["stderr"]) for each in done.values()}

    def test_an_area_that_is_not_allowed_is_refused_with_the_command_that_allows_it(self, tmp_path: Path) -> None:
        (done,) = call(tmp_path, f"{DIRECT} forwarding apply").values()
        words = "forwarding is not allowed here. To allow it, run as root: sh prepare-wsl.sh --manage"
        assert (3, f"flatnet-bot: {words} containers,ipam,backup,forwarding --id 7\n") == (done["code"], done["stderr"])

    @pytest.mark.parametrize(
        ("harm", "place"),
        [
            (f"chmod g+w {DIRECT}", DIRECT),
            (f"chmod o+w {DIRECT}", DIRECT),
            (f"chown flatnet {DIRECT}", DIRECT),
            ("chmod g+w /usr/local/libexec", "/usr/local/libexec"),
            ("chown flatnet /usr/local", "/usr/local"),
            ("chmod 0666 /etc/flatnet-bot/allow", "/etc/flatnet-bot/allow"),
            ("chown flatnet /etc/flatnet-bot", "/etc/flatnet-bot"),
            ("chmod 1777 /etc/flatnet-bot", "/etc/flatnet-bot"),
        ],
    )
    def test_what_others_than_root_can_change_is_not_relied_on(self, harm: str, place: str, tmp_path: Path) -> None:
        """Not even for its version, and the message is the command that mends it."""
        told, _, mended = call(
            tmp_path,
            f"{harm}; {THROUGH_SUDO} version",
            f"chown root:root {place}; chmod go-w {place}",
            f"{THROUGH_SUDO} version",
        ).values()
        words = f"others than root can change {place}. Run as root: chown root:root {place}; chmod go-w {place}"
        assert (4, "", f"flatnet-bot: {words}\n") == (told["code"], told["stdout"], told["stderr"])
        assert 0 == mended["code"]

    def test_a_link_is_not_followed_and_a_missing_list_allows_nothing(self, tmp_path: Path) -> None:
        moved = "mv /etc/flatnet-bot/allow /tmp/allow; ln -s /tmp/allow /etc/flatnet-bot/allow"
        linked, missing = call(
            tmp_path, f"{moved}; {DIRECT} version", f"rm /etc/flatnet-bot/allow; {DIRECT} version"
        ).values()
        assert (4, "flatnet-bot: /etc/flatnet-bot/allow is a symbolic link, not a regular file\n") == (
            linked["code"],
            linked["stderr"],
        )
        assert (4, True) == (missing["code"], "is not there. Run prepare-wsl.sh --manage again" in missing["stderr"])

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("areas containers root", "areas is missing or wrong"),
            ("areas", "areas is missing or wrong"),
            ("bridge ../x", "bridge is missing or wrong"),
            ("address 10.88.1.1/24", "address is missing or wrong"),
            ("address 10.87.255.1/24", "address is missing or wrong"),
            ("network flatnet --all", "network is missing or wrong"),
            ("folder /var/lib/../../etc", "folder is missing or wrong"),
            ("shell sh", "has a line that is not known"),
        ],
    )
    def test_a_broken_list_allows_nothing(self, line: str, words: str, tmp_path: Path) -> None:
        (done,) = call(tmp_path, f"echo '{line}' >>/etc/flatnet-bot/allow; {DIRECT} containers list").values()
        assert (5, True) == (done["code"], words in done["stderr"])

    def test_a_network_of_cni_is_a_file_of_the_helper_s_own_and_others_stay(self, tmp_path: Path) -> None:
        """podman with CNI reads it there. The text is made from the allow list alone."""
        show, create, remove = (f"{FORWARDING}; {DIRECT} network {verb}" for verb in ("show", "create", "remove"))
        done = call(
            tmp_path,
            show,
            create,
            f"{PLUGIN}; {create}",
            f"cat {CONFLIST}; stat --format='%U %a' {CONFLIST}",
            f"printf ' ' >>{CONFLIST}; {remove}",
            f"truncate -s -1 {CONFLIST}; {remove}; ls /etc/cni/net.d",
            f"sed 's/10.87.7/10.87.8/' {OTHER} >{CONFLIST}; {create}",
            f"cp {OTHER} {CONFLIST}; {create}",
            f"cp {OTHER} /etc/cni/net.d/11.conf; {show}",
            before=CNI_PODMAN,
        )
        absent, bare, made, text, changed, removed, other, theirs, twice = done.values()
        assert describe_network("absent", plugin=False) == json.loads(absent["stdout"])
        words = "flatnet-bot: Flatnet's plug-in is not there: /opt/cni/bin/flatnet. Install it first\n"
        assert (6, words) == (bare["code"], bare["stderr"])
        assert describe_network("ready", own=True) == json.loads(made["stdout"])
        conflist, _, owner = text["stdout"].rpartition("}\n")
        (plugin,) = json.loads(f"{conflist}}}")["plugins"]
        assert ("root 644\n", 7, "10.87.7.0/24") == (owner, plugin["hostId"], plugin["ipam"]["subnet"])
        words = "flatnet-bot: this helper did not make the network flatnet as it is now, so it stays\n"
        assert (6, words) == (changed["code"], changed["stderr"])
        assert f"{json.dumps(describe_network('absent'), separators=(',', ':'))}\n" == removed["stdout"]
        words = "the network flatnet is there and is not 10.87.7.0/24. Fix it first: podman network inspect flatnet"
        assert (6, f"flatnet-bot: {words}\n") == (other["code"], other["stderr"])
        assert describe_network("ready") == json.loads(theirs["stdout"])
        assert (6, True) == (twice["code"], "several files in /etc/cni/net.d name the network" in twice["stderr"])

    def test_what_a_lower_term_asks_for_is_refused_and_nothing_runs(self, tmp_path: Path) -> None:
        """The higher one is kept before its verb runs. Without a term nothing is compared."""
        stop, ran = f"containers stop {ID}", "cat /tmp/ran /var/lib/flatnet-bot/term; rm -f /tmp/ran"
        first, equal, older, higher, bare, old_keep, kept = call(
            tmp_path,
            f"{THROUGH_SUDO} term keep 17; {ran}",
            f"{THROUGH_SUDO} term 17 {stop}; {ran}",
            f"{THROUGH_SUDO} term 16 {stop}; echo $?; {ran}",
            f"{THROUGH_SUDO} term 9007199254740992 {stop}; {ran}",
            f"{THROUGH_SUDO} {stop}; {ran}",
            f"{THROUGH_SUDO} term keep 18; echo $?; {ran}",
            "stat --format='%U %a' /var/lib/flatnet-bot /var/lib/flatnet-bot/term",
            before="printf '#!/bin/sh\\necho ran >>/tmp/ran; exit 125\\n' >/usr/bin/podman",
        ).values()
        words = "flatnet-bot: term {kept} is kept here, and this is of term {given}\n"
        assert '{"term":17}\n17\n' == first["stdout"]
        assert ["ran\n17\n", "7\n17\n"] == [equal["stdout"], older["stdout"]]
        assert older["stderr"].startswith(words.format(kept=17, given=16))
        assert ["ran\n9007199254740992\n"] * 2 == [higher["stdout"], bare["stdout"]]
        assert "7\n9007199254740992\n" == old_keep["stdout"]
        assert old_keep["stderr"].startswith(words.format(kept=9007199254740992, given=18))
        assert "root 700\nroot 600\n" == kept["stdout"]

    def test_a_term_that_cannot_be_read_is_none_that_lets_everything_in(self, tmp_path: Path) -> None:
        """An empty file may be what a power cut left."""
        place = "/var/lib/flatnet-bot/term"
        harms = ("", "0", "x", "1\n2", "1" * 17)
        _, linked, *broken = call(
            tmp_path,
            f"{DIRECT} term keep 1",
            f"mv {place} /tmp/1; ln -s /tmp/1 {place}; {DIRECT} term keep 18; rm {place}",
            *(f"printf '%s\\n' {shlex.quote(harm)} >{place}; {DIRECT} term 18 ipam clean" for harm in harms),
        ).values()
        words = f"{place} has no term in it. Stop all copies of the bot but one, then run as root: rm {place}"
        assert [(5, f"flatnet-bot: {words}\n")] * len(harms) == [(each["code"], each["stderr"]) for each in broken]
        assert f"flatnet-bot: {place} is a symbolic link, not a regular file\n" == linked["stderr"]

    def test_of_two_terms_at_once_the_higher_one_stays(self, tmp_path: Path) -> None:
        both = f"for n in 3 9 5 7 8 4; do {DIRECT} term keep $n & done; wait; cat /var/lib/flatnet-bot/term"
        (done,) = call(tmp_path, both).values()
        assert "9\n" == "".join(line for line in done["stdout"].splitlines(keepends=True) if line.strip().isdigit())

    def test_an_older_sudo_lets_a_term_in_and_no_further_words(self, tmp_path: Path) -> None:
        """It knows no expressions, and its "*" would take any words."""
        old = "sed -i 's/^expressions=yes$/expressions=no/' /tmp/prepare-wsl.sh"
        let_in = ("term keep 1", "term keep 9007199254740992", "term 17 ipam clean")
        kept_out = ("term keep 01", "term keep 1 2", "term 1 2 ipam clean", f"term 1 containers stop {ID} ipam clean")
        done = call(tmp_path, *(f"{THROUGH_SUDO} {each}" for each in (*let_in, *kept_out)), before=old)
        by_sudo = ["sudo: " in each["stderr"] for each in done.values()]
        assert [False] * len(let_in) + [True] * len(kept_out) == by_sudo

    def test_a_network_needs_the_area_forwarding(self, tmp_path: Path) -> None:
        (done,) = call(tmp_path, f"{DIRECT} network create").values()
        assert (3, True) == (done["code"], "forwarding is not allowed here" in done["stderr"])

    def test_the_user_cannot_hand_on_its_environment(self, tmp_path: Path) -> None:
        """sudo clears it, and refuses to be asked for more."""
        evil = "CONTAINER_HOST=ssh://evil"
        podman = "printf '#!/bin/sh\\nenv >&2; exit 9\\n' >/usr/bin/podman"
        cleared, asked = call(
            tmp_path,
            f"runuser -u flatnet -- env {evil} TAR_OPTIONS=--evil PATH=/tmp /usr/bin/sudo -n {DIRECT} containers list",
            f"runuser -u flatnet -- sudo -n {evil} {DIRECT} containers list",
            before=podman,
        ).values()
        assert (9, False, True) == (cleared["code"], "evil" in cleared["stderr"], "PATH=/usr/sbin" in cleared["stderr"])
        assert (1, True) == (asked["code"], "sorry, you are not allowed to set" in asked["stderr"])

    def test_only_what_this_helper_packed_itself_is_taken(self, tmp_path: Path) -> None:
        """Root runs the plug-in. Without that list, the bot's account could bring any program."""
        verbs = (f"stage {HASH} 0", f"fill {HASH} 0", f"staged {HASH}", f"check {HASH}", f"put {HASH}", f"return {HASH}")
        done = call(tmp_path, *(f"{THROUGH_SUDO} backup {verb}" for verb in verbs))
        words = f"this host did not make that backup. If you know it to be right, run as root: echo {HASH} >>"
        told = f"flatnet-bot: {words}/var/lib/flatnet-bot/known\n"
        assert {(6, "", told)} == {(each["code"], each["stdout"], each["stderr"]) for each in done.values()}

    def test_a_store_that_others_can_change_is_not_relied_on(self, tmp_path: Path) -> None:
        made = f"mkdir -p /var/lib/flatnet-bot; echo {HASH} >/var/lib/flatnet-bot/known; chmod 777 /var/lib/flatnet-bot"
        (done,) = call(tmp_path, f"{made}; {THROUGH_SUDO} backup stage {HASH} 0").values()
        assert (4, True) == (done["code"], "others than root can change /var/lib/flatnet-bot" in done["stderr"])

    def test_addresses_are_read_from_a_file_of_root_alone(self, tmp_path: Path) -> None:
        """Whoever could write there could have any file of root read."""
        made = "mkdir -p /var/lib/flatnet/ipam; echo '{}' >/var/lib/flatnet/ipam/allocations.json"
        linked = "mv /var/lib/flatnet/ipam/allocations.json /tmp/x; ln -s /etc/shadow /var/lib/flatnet/ipam/allocations.json"
        large = "truncate -s 1048577 /var/lib/flatnet/ipam/allocations.json"
        verb = f"{THROUGH_SUDO} ipam list"
        absent, good, large_one, writable, link = call(
            tmp_path, verb, f"{made}; {verb}", f"{large}; {verb}", f"chmod 777 /var/lib/flatnet; {verb}",
            f"chmod 755 /var/lib/flatnet; {linked}; {verb}",
        ).values()  # fmt: skip
        assert (6, 0, 6, 4, 4) == tuple(each["code"] for each in (absent, good, large_one, writable, link))
        assert ["", "{}\n", "", "", ""] == [each["stdout"] for each in (absent, good, large_one, writable, link)]
