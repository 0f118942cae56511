"""`flatnet-bot init` at a terminal: questions, complaints, hidden answers, and the remaining steps."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import available_timezones

import typer
from pydantic import SecretStr

from adapters.phrase import Phrase, Texts
from bot.config.settings import Settings
from bot.locale.texts import get_texts
from bot.model.request import SystemIdentity
from bot.security.secrets import FindSecret, read_secrets
from bot.security.untrusted_text import to_one_line
from bot.setup.discovery import discover_hosts, make_probe_settings
from bot.setup.draft import Draft, list_next_steps, make_exists_error, make_secrets, write_configuration
from bot.setup.interview import Interview, PresetAnswers

ZONE_LINK = Path("/etc/localtime")
"""Linux's link to the machine's time zone."""


class TerminalPrompter:
    """Prompts in one language: first the terminal's, then the chosen one."""

    def __init__(self, language: str) -> None:
        self._texts = _load_texts(language)

    def ask(self, question: Phrase, usual: str) -> str:
        answer: str = typer.prompt(self._render(question), default=usual, show_default=bool(usual))
        return answer

    def ask_hidden(self, question: Phrase) -> str:
        answer: str = typer.prompt(self._render(question), default="", show_default=False, hide_input=True)
        return answer.strip()

    def show(self, complaint: Phrase) -> None:
        typer.echo(self._render(complaint))

    def set_language(self, language: str) -> None:
        self._texts = _load_texts(language)

    def _render(self, phrase: Phrase) -> str:
        return to_one_line(phrase.render_sentence(self._texts))


def run_setup(file: Path, beforehand: PresetAnswers, language: str) -> None:
    """Ask, write the configuration and the secrets folder, and show the remaining steps."""
    terminal = _begin(file, language)
    draft = Interview(beforehand, terminal, file).run(_guess_defaults(language))
    settings = write_configuration(draft, file)
    _finish(file, settings, _ask_secrets(settings, terminal, beforehand), terminal)


def run_discovery(file: Path, beforehand: PresetAnswers, language: str) -> None:
    """Ask for the lighthouse and one gateway, read both, and write what they name, as `run_setup` does."""
    terminal = _begin(file, language)
    draft = Interview(beforehand, terminal, file).run_discovery(_guess_defaults(language))
    probe = make_probe_settings(draft, file)
    hidden = _ask_secrets(probe, terminal, beforehand)
    discovered = discover_hosts(draft, file, _find_secrets(probe, hidden))
    settings = write_configuration(discovered.draft, file)
    for note in discovered.notes:
        terminal.show(note)
    terminal.show(Phrase("check the found hosts in {file}, and add what is missing there", file=str(file)))
    _finish(file, settings, hidden, terminal)


def _begin(file: Path, language: str) -> TerminalPrompter:
    if file.exists():
        raise make_exists_error(file)
    return TerminalPrompter(language)


def _finish(file: Path, settings: Settings, hidden: Mapping[str, str], terminal: TerminalPrompter) -> None:
    """Create the secrets folder, and show the remaining steps."""
    empty = make_secrets(settings, hidden)
    terminal.show(Phrase("{file} created. Next steps:", file=str(file)))
    for number, step in enumerate(list_next_steps(settings, empty), start=1):
        terminal.show(Phrase("{number}. {step}", number=number, step=step))


def _guess_defaults(language: str) -> Draft:
    """Guess defaults from this machine."""
    zone = str(ZONE_LINK.resolve()).rpartition("zoneinfo/")[2]
    user = SystemIdentity.from_uid(os.getuid()).name
    return Draft(
        language=language,
        time_zone=zone if zone in available_timezones() else Draft.time_zone,
        name=user.lower() if user.lower().isalnum() and user.isascii() else Draft.name,
        system=user,
    )


def _find_secrets(settings: Settings, hidden: Mapping[str, str]) -> FindSecret:
    """Find secrets among those that were typed, else where the bot looks for them."""
    stored = read_secrets(settings.secret_names, settings.secrets_folder)
    return lambda name: SecretStr(hidden[name]) if hidden.get(name) else stored(name)


def _ask_secrets(settings: Settings, terminal: TerminalPrompter, beforehand: PresetAnswers) -> dict[str, str]:
    """Ask for secrets with hidden input, if a person can answer; they are never accepted on the command line."""
    if beforehand.complete or not sys.stdin.isatty():
        return {}
    asked = sorted(settings.secret_names - {settings.audit_key_secret})
    return {
        name: terminal.ask_hidden(Phrase("Secret {name}, input hidden (empty: write it to its file later)", name=name))
        for name in asked
    }


def _load_texts(language: str) -> Texts:
    return get_texts(language, Settings.model_construct().zone)
