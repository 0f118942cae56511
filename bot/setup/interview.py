"""Interview of `flatnet-bot init`: its questions, their order and their defaults. The prompter is passed in.

A question with a preset answer (`--answer KEY=VALUE`, `--host`) is not asked. Every answer is
checked by the bot's own parser at once, and asked for again with the parser's complaint.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from adapters.errors import RequestError
from adapters.phrase import Listing, Phrase
from bot.setup.draft import ABSENT, Draft, HostDraft

HOST_WORDS = ("name", "id", "windows", "wsl", "gateway")
"""Words of `--host`, in order; the last two are optional."""


class UnfitAnswer(RequestError):
    """A preset answer cannot be used."""


class Prompter(Protocol):
    """A person at a terminal, or a stand-in that accepts the defaults."""

    def ask(self, question: Phrase, usual: str) -> str: ...

    def show(self, complaint: Phrase) -> None: ...

    def set_language(self, language: str) -> None:
        """Set the language from now on."""


@dataclass(frozen=True)
class PresetAnswers:
    """Preset answers by key, and hosts. `complete`: nothing else is asked, the rest takes its defaults."""

    answers: Mapping[str, str]
    hosts: tuple[tuple[str, ...], ...]
    complete: bool


def parse_preset(
    answers: list[str], hosts: list[str], *, complete: bool, questions: Mapping[str, Phrase] | None = None
) -> PresetAnswers:
    """Parse the command line's preset answers. Raises `UnfitAnswer` for an unknown key or a malformed host."""
    known = tuple(QUESTIONS if questions is None else questions)
    pairs = dict(answer.partition("=")[::2] for answer in answers)
    strange = sorted(set(pairs) - set(known))
    if strange:
        raise UnfitAnswer(Phrase("unknown key {key}. Use one of {keys}", key=strange[0], keys=Listing(known)))
    words = tuple(tuple(host.split()) for host in hosts)
    for each in words:
        if not 3 <= len(each) <= len(HOST_WORDS):
            raise UnfitAnswer(
                Phrase(
                    "{host} must be: name id windows [wsl [gateway]], each a single word", host=" ".join(each) or "--host"
                )
            )
    return PresetAnswers(pairs, words, complete)


QUESTIONS: Mapping[str, Phrase] = {
    "language": Phrase("Language for channels, ja or en / チャンネルの言語 (ja か en)"),
    "time_zone": Phrase("Time zone"),
    "team": Phrase("Slack workspace ID, such as T0123ABCD (empty: set up Slack later)"),
    "name": Phrase("Your name, in lowercase letters"),
    "slack": Phrase("Your Slack member ID, such as U0123ABCD (in your profile: ⋮ > Copy member ID)"),
    "system": Phrase("Your user name on this machine, for terminal access"),
    "windows_user": Phrase("The bot's account on the Windows hosts"),
    "ca_file": Phrase("File of the CA that signed the WinRM certificates"),
    "key_file": Phrase("File of the bot's SSH key for WSL2"),
    "known_hosts_file": Phrase("File with the SSH host keys of WSL2"),
    "lighthouse": Phrase("Address of the lighthouse (empty: none)"),
}
"""All questions except those about hosts, in order."""

DISCOVERY_QUESTIONS: Mapping[str, Phrase] = {
    "lighthouse_sha256": Phrase("SHA-256 of the lighthouse's WinRM certificate (empty: any that the CA signed)"),
    "gateway": Phrase("Address of one gateway, or full URL (empty: none)"),
}
"""Further questions of `--discover`, in order."""

ANOTHER_HOST = Phrase("Host name (empty: done)")

HOST_QUESTIONS: Mapping[str, Phrase] = {
    "id": Phrase("Its ID, 1 to 254 (N in 10.100.N.1)"),
    "windows": Phrase("Windows address, or full WinRM URL (-: none)"),
    "wsl": Phrase("WSL2 address, add :port unless 2222 (-: none)"),
    "gateway": Phrase("Gateway address, or full URL (-: none)"),
}


class Interview:
    """Asks the questions without preset answers. `file` is the configuration's path: relative paths start there."""

    def __init__(self, already: PresetAnswers, answerer: Prompter, file: Path) -> None:
        self._given = already
        self._answerer = answerer
        self._file = file

    def run(self, usual: Draft) -> Draft:
        """Ask; returns the finished draft. Raises `UnfitAnswer` if a preset answer cannot be used."""
        return self._ask_hosts(self._add_hosts(self._ask_all(usual, QUESTIONS)))

    def run_discovery(self, usual: Draft) -> Draft:
        """Ask what a discovery needs instead of the hosts; returns the draft with the preset hosts. Raises `UnfitAnswer`."""
        draft = self._add_hosts(self._ask_all(usual, {**QUESTIONS, **DISCOVERY_QUESTIONS}))
        if not draft.lighthouse and not draft.gateway:
            raise UnfitAnswer(Phrase("a discovery reads the lighthouse or a gateway. Give the address of at least one"))
        return draft

    def _ask_all(self, usual: Draft, questions: Mapping[str, Phrase]) -> Draft:
        draft = usual
        for key, question in questions.items():
            if self._applies(key, draft):
                draft = self._resolve(key, question, getattr(draft, key), partial(_replace_field, draft, key))
            if key == "language":
                self._answerer.set_language(draft.language)
        return draft

    def _applies(self, key: str, draft: Draft) -> bool:
        """Return whether the earlier answers leave something to ask."""
        return bool({"slack": draft.team, "lighthouse_sha256": draft.lighthouse}.get(key, True))

    def _add_hosts(self, draft: Draft) -> Draft:
        for words in self._given.hosts:
            draft = self._check_preset("--host", draft.with_host(complete_host(dict(zip(HOST_WORDS, words, strict=False)))))
        return draft

    def _ask_hosts(self, draft: Draft) -> Draft:
        if self._given.complete and not (draft.hosts or draft.lighthouse):
            raise UnfitAnswer(
                Phrase(
                    "no host given. Add one with {host}, or the lighthouse with {lighthouse}",
                    host="--host 'host-a 1 192.0.2.11'",
                    lighthouse="--answer lighthouse=192.0.2.10",
                )
            )
        if self._given.hosts or self._given.complete:
            return draft
        while True:
            enough = bool(draft.hosts or draft.lighthouse)
            asked = self._resolve("host", ANOTHER_HOST, "" if enough else "host-a", partial(_add_host, draft))
            if asked is not draft:
                draft = self._ask_host(draft, asked.hosts[-1])
            elif enough:
                return draft

    def _ask_host(self, draft: Draft, host: HostDraft) -> Draft:
        """Ask for all sides of this host; returns the draft with it."""
        for key, question in HOST_QUESTIONS.items():
            usual = getattr(complete_host({"name": host.name, "id": host.id, "windows": host.windows}), key)
            asked = self._resolve(key, question, "" if key == "windows" else usual, partial(_set_side, draft, host, key))
            host = asked.hosts[-1]
        return asked

    def _resolve(self, key: str, question: Phrase, usual: str, changed: Callable[[str], Draft]) -> Draft:
        """Return the draft with a usable answer."""
        if key in self._given.answers:
            return self._check_preset(key, changed(self._given.answers[key]))
        if self._given.complete:
            return changed(usual)
        while True:
            draft = changed(self._answerer.ask(question, usual).strip())
            why = draft.find_refusal(self._file)
            if why is None:
                return draft
            self._answerer.show(why)

    def _check_preset(self, key: str, draft: Draft) -> Draft:
        why = draft.find_refusal(self._file)
        if why is not None:
            raise UnfitAnswer(Phrase("{place}: {why}", place=key, why=why))
        return draft


def complete_host(words: Mapping[str, str]) -> HostDraft:
    """Complete a host with its defaults: WSL2 at Windows' address, the gateway at the host's address on the overlay."""
    windows = words["windows"]
    address = urlsplit(windows).hostname if "://" in windows else windows
    return HostDraft(**{"wsl": address or ABSENT, "gateway": f"10.100.{words['id']}.1", **words})


def _replace_field(draft: Draft, key: str, value: str) -> Draft:
    given: dict[str, Any] = {key: value}
    return replace(draft, **given)


def _add_host(draft: Draft, name: str) -> Draft:
    """Add a host of which only the name is known; returns the same draft if the name is empty."""
    if not name:
        return draft
    free = next(str(number) for number in range(1, 256) if str(number) not in {host.id for host in draft.hosts})
    return draft.with_host(HostDraft(name=name, id=free, gateway=f"10.100.{free}.1"))


def _set_side(draft: Draft, host: HostDraft, key: str, value: str) -> Draft:
    return draft.with_host(replace(host, **{key: value}))
