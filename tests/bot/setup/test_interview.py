"""`init`: what is typed becomes a configuration that the bot reads as it was meant, or is asked for again."""

import getpass
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given as anything
from hypothesis import settings as limits
from hypothesis import strategies as st

from adapters.errors import Refused
from adapters.phrase import Phrase
from bot.config.errors import ConfigurationError
from bot.config.settings import Settings, parse_settings, read_settings
from bot.setup.draft import ABSENT, Draft, HostDraft, list_next_steps, make_secrets, write_configuration
from bot.setup.interview import HOST_QUESTIONS, QUESTIONS, Interview, PresetAnswers, UnfitAnswer, parse_preset
from commands.model.operation import Role
from tests.scenarios import processes
from tests.scenarios.forks import command

NOTHING = PresetAnswers({}, (), complete=False)

A = HostDraft("host-a", "1", "192.0.2.11", "192.0.2.11", "10.100.1.1")

DRAFT = Draft(team="T0123ABCD", slack="U0123ABCD", name="ana", system="ana", lighthouse="192.0.2.10", hosts=(A,))


class Person:
    """Somebody at a terminal, who answers each question with the next of these lines; an empty one takes what is usual."""

    def __init__(self, *lines: str) -> None:
        self._lines: Iterator[str] = iter(lines)
        self.asked: list[str] = []
        self.told: list[str] = []
        self.language = ""

    def ask(self, question: Phrase, usual: str) -> str:
        self.asked.append(str(question))
        return next(self._lines) or usual

    def show(self, complaint: Phrase) -> None:
        self.told.append(str(complaint))

    def set_language(self, language: str) -> None:
        self.language = language


def read(folder: Path, draft: Draft) -> Settings:
    """What the bot reads of it."""
    file = folder / "flatnet.toml"
    write_configuration(draft, file)
    return read_settings(file)


def test_what_is_typed_is_what_the_bot_reads(tmp_path: Path) -> None:
    """Every answer, through the file and back."""
    found = read(tmp_path, DRAFT)
    assert ("ja", "Asia/Tokyo", tmp_path / "secrets") == (found.language, found.time_zone, found.secrets_folder)
    assert found.slack is not None
    assert "T0123ABCD" == found.slack.team
    (ana,) = found.people
    assert ("ana", ("U0123ABCD",), ("ana",), frozenset({Role.ADMINISTRATOR, Role.OPERATOR})) == (
        ana.name,
        ana.slack,
        ana.system,
        ana.roles,
    )
    lighthouse, host = found.hosts
    assert (0, True) == (lighthouse.id, lighthouse.lighthouse)
    assert lighthouse.windows is not None
    assert ("https://192.0.2.10:5986/wsman", "flatnet-bot") == (lighthouse.windows.url, lighthouse.windows.user)
    assert tmp_path / "pki/winrm-ca.pem" == lighthouse.windows.ca_file
    assert host.wsl is not None
    assert ("192.0.2.11", 2222, tmp_path / "pki/id_ed25519") == (host.wsl.address, host.wsl.port, host.wsl.key_file)
    assert host.gateway is not None
    assert "http://10.100.1.1:8080" == host.gateway.url


@pytest.mark.parametrize(
    ("typed", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 2222),
        ("192.0.2.1:22", "192.0.2.1", 22),
        ("host.example", "host.example", 2222),
        ("2001:db8::1", "2001:db8::1", 2222),
        ("[2001:db8::1]:22", "2001:db8::1", 22),
    ],
)
def test_an_ssh_address_may_have_a_port(tmp_path: Path, typed: str, address: str, port: int) -> None:
    (host,) = read(tmp_path, Draft(hosts=(HostDraft(wsl=typed),))).hosts
    assert host.wsl is not None
    assert (address, port) == (host.wsl.address, host.wsl.port)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("192.0.2.1", "https://192.0.2.1:5986/wsman"),
        ("2001:db8::1", "https://[2001:db8::1]:5986/wsman"),
        ("https://a.example:1/wsman", "https://a.example:1/wsman"),
    ],
)
def test_a_windows_address_may_be_the_whole_url(tmp_path: Path, typed: str, url: str) -> None:
    (host,) = read(tmp_path, Draft(hosts=(HostDraft(windows=typed),))).hosts
    assert host.windows is not None
    assert url == host.windows.url


def test_a_side_that_a_host_does_not_have_is_left_out(tmp_path: Path) -> None:
    (host,) = read(tmp_path, Draft(hosts=(HostDraft(windows=ABSENT, wsl=ABSENT, gateway="10.100.1.1"),))).hosts
    assert (None, None) == (host.windows, host.wsl)


def test_the_file_is_for_its_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "new" / "flatnet.toml"
    write_configuration(DRAFT, file)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    before = file.read_text()
    with pytest.raises(Refused, match="already exists"):
        write_configuration(Draft(hosts=(A,)), file)
    assert before == file.read_text()


def test_a_draft_without_hosts_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        write_configuration(Draft(), tmp_path / "flatnet.toml")
    assert [] == list(tmp_path.iterdir())


def test_secrets_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    """A fresh audit key, what was typed, and empty files that wait; what is there already stays."""
    found = read(tmp_path, DRAFT)
    folder = tmp_path / "secrets"
    assert ("slack_app_token", "slack_bot_token") == make_secrets(found, {"winrm_password": "typed"})
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    key = (folder / "audit_key").read_text()
    assert (64, "typed") == (len(key), (folder / "winrm_password").read_text())
    assert ("slack_app_token", "slack_bot_token") == make_secrets(found, {"winrm_password": "other"})
    assert (key, "typed") == ((folder / "audit_key").read_text(), (folder / "winrm_password").read_text())


@pytest.mark.parametrize("draft", [DRAFT, Draft(hosts=(A,))])
@pytest.mark.parametrize("empty", [(), ("winrm_password",)])
def test_five_steps_are_left(tmp_path: Path, draft: Draft, empty: tuple[str, ...]) -> None:
    assert 5 == len(list(list_next_steps(read(tmp_path, draft), empty)))


def test_every_question_is_asked_in_order_and_the_usual_answer_may_be_taken(tmp_path: Path) -> None:
    person = Person("en", *[""] * 9, "192.0.2.9", "host-a", "", "192.0.2.11", "", "-", "")
    draft = Interview(NOTHING, person, tmp_path / "flatnet.toml").run(Draft(team="T0123ABCD", slack="U0123ABCD"))
    host = HostDraft("host-a", "1", "192.0.2.11", "192.0.2.11", ABSENT)
    assert ("en", "192.0.2.9", (host,)) == (draft.language, draft.lighthouse, draft.hosts)
    assert [
        *map(str, QUESTIONS.values()),
        "Host name (empty: done)",
        *map(str, HOST_QUESTIONS.values()),
    ] == person.asked[:-1]
    assert ("en", []) == (person.language, person.told)


@pytest.mark.parametrize(
    ("key", "bad", "good", "why"),
    [
        ("language", "fr", "en", "must be one of"),
        ("time_zone", "Tokyo", "Asia/Tokyo", "must be a time zone such as Asia/Tokyo"),
        ("team", "ours", "T0123ABCD", "must be a workspace ID, such as"),
        ("name", "Ana Lee", "ana", "must be 1 to 63 lowercase letters, digits and hyphens, such as"),
        ("slack", "@ana", "U0123ABCD", "must be an ID as shown in Slack, such as"),
        ("system", "a b", "ana", "must be names of operating system users, such as"),
        ("windows_user", " ", "bot", "needs user"),
        ("lighthouse", "a b", "192.0.2.1", "must be a URL such as"),
        ("lighthouse", "192.0.2.1/24", "192.0.2.1", "must be a URL such as"),
        ("windows_user", "a\x00\ud800", "bot", "must be one line of printable characters"),
    ],
)
def test_what_the_bot_cannot_read_is_asked_for_again(tmp_path: Path, key: str, bad: str, good: str, why: str) -> None:
    """With the reader's own words, at the question that it belongs to."""
    already = {name: value for name, value in vars(DRAFT).items() if name in QUESTIONS and name != key}
    person = Person(bad, good)
    interview = Interview(
        PresetAnswers(already, (("host-a", "1", "192.0.2.11"),), complete=False), person, tmp_path / "flatnet.toml"
    )
    assert good == getattr(interview.run(Draft()), key)
    assert 1 == len(person.told)
    assert person.told[0].startswith(why)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ("Host A", "host-a", "", "192.0.2.1", "", "", ""),
            "must be 1 to 63 lowercase letters, digits and hyphens, such as",
        ),
        (("host-a", "300", "1", "192.0.2.1", "", "", ""), "must be ≤ 254"),
        (("host-a", "0", "1", "192.0.2.1", "", "", ""), "ID 0 is reserved for the lighthouse"),
        (("host-a", "one", "1", "192.0.2.1", "", "", ""), "must be a whole number"),
        (("host-a", "", "", "192.0.2.1", "", "", ""), "must be a URL such as https://"),
        (("host-a", "", "192.0.2.1", "192.0.2.1:ssh", "", "", ""), "must be a whole number"),
        (("host-a", "", "192.0.2.1", "", "ftp://x", "", ""), "must be a URL such as http://"),
        (("host-a", "", "-", "-", "-", "192.0.2.1", ""), "has no connection"),
        (("all", "host-a", "", "192.0.2.1", "", "", ""), "all is used more than once"),
        (
            ("host-a", "", "192.0.2.1", "", "", "host-a", "host-b", "", "192.0.2.2", "", "", ""),
            "several hosts are named host-a",
        ),
        (("host-a", "", "192.0.2.1", "", "", "host-b", "1", "2", "192.0.2.2", "", "", ""), "several hosts have the ID 1"),
    ],
)
def test_a_host_that_cannot_stand_is_asked_for_again(tmp_path: Path, lines: tuple[str, ...], told: str) -> None:
    person = Person(*lines)
    answers = {name: value for name, value in vars(DRAFT).items() if name in QUESTIONS and name != "lighthouse"}
    interview = Interview(PresetAnswers(answers | {"lighthouse": ""}, (), complete=False), person, tmp_path / "flatnet.toml")
    draft = interview.run(Draft())
    assert [told] == [each[: len(told)] for each in person.told]
    assert draft.find_refusal(tmp_path / "flatnet.toml") is None


@pytest.mark.parametrize(
    ("answers", "hosts", "why"),
    [
        (["langage=en"], [], "unknown key langage. Use one of"),
        (["language=fr"], ["host-a 1 192.0.2.1"], "language: must be one of"),
        ([], ["host-a 1"], "host-a 1 must be: name id windows"),
        ([], ["host-a 900 192.0.2.1"], "--host: must be ≤ 254"),
        ([], [], "no host given. Add one with --host 'host-a 1 192.0.2.11'"),
    ],
)
def test_an_answer_given_beforehand_that_cannot_be_used_ends_it(
    tmp_path: Path, answers: list[str], hosts: list[str], why: str
) -> None:
    with pytest.raises(UnfitAnswer) as caught:
        Interview(parse_preset(answers, hosts, complete=True), Person(), tmp_path / "flatnet.toml").run(Draft())
    assert str(caught.value).startswith(why)


@limits(max_examples=200, deadline=None)
@anything(st.sampled_from(sorted(QUESTIONS)), st.text(max_size=30))
def test_no_text_gets_into_the_file_as_anything_but_a_value(key: str, text: str) -> None:
    """Quotes, brackets, line ends: it is refused, or it is read back."""
    file = Path("/nowhere/flatnet.toml")
    draft = Draft(**{**vars(DRAFT), key: text})
    if draft.find_refusal(file) is None:
        assert {"lighthouse", "host-a"} >= {host.name for host in parse_settings(draft.text, file).hosts}


@pytest.mark.slow
async def test_the_command_writes_all_and_ends_with_what_doctor_says(tmp_path: Path) -> None:
    """Without a question; the audit key is made, the rest is named as missing; a second time nothing is touched."""
    file = tmp_path / "flatnet.toml"
    words = (
        "init",
        "--yes",
        "--config",
        str(file),
        "--host",
        "host-a 1 https://127.0.0.1:1/wsman 127.0.0.1:1 http://127.0.0.1:1",
    )
    first = await processes.command(
        *words, "--answer", "language=en", "--answer", "name=ana", "--answer", f"system={getpass.getuser()}"
    )
    assert "5. Check from here with flatnet-bot do health." in first.stdout
    assert "secret winrm_password is missing" in first.stdout
    assert ("", "host-a") == (first.stderr, read_settings(file).hosts[0].name)
    second = await command(*words)
    assert (3, "") == (second.returncode, second.stdout)
    assert "already exists" in second.stderr


async def test_the_command_asks_in_the_chosen_language_and_says_what_cannot_stand(tmp_path: Path) -> None:
    """Lines may come from a pipe."""
    typed = "fr\nja\n\n\nana\nana\n\n\n\n\n\nhost-a\n\n127.0.0.1\n-\n-\n\n"
    ended = await command("init", "--config", str(tmp_path / "flatnet.toml"), typed=typed)
    assert "Must be one of 'ja' or 'en'" in ended.stdout
    assert "タイムゾーン" in ended.stdout
    assert "host-a" == read_settings(tmp_path / "flatnet.toml").hosts[0].name
