"""`flatnet-bot init` at a terminal: questions, complaints, hidden answers, and the remaining steps."""

import os
import sys
from pathlib import Path
from zoneinfo import available_timezones

import typer

from adapters.phrase import Phrase, Texts
from bot.config.settings import Settings
from bot.locale.texts import get_texts
from bot.model.request import SystemIdentity
from bot.security.untrusted_text import to_one_line
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
    if file.exists():
        raise make_exists_error(file)
    terminal = TerminalPrompter(language)
    draft = Interview(beforehand, terminal, file).run(_guess_defaults(language))
    settings = write_configuration(draft, file)
    hidden = _ask_secrets(settings, terminal) if sys.stdin.isatty() and not beforehand.complete else {}
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


def _ask_secrets(settings: Settings, terminal: TerminalPrompter) -> dict[str, str]:
    """Ask for secrets with hidden input; they are never accepted on the command line."""
    asked = sorted(settings.secret_names - {settings.audit_key_secret})
    return {
        name: terminal.ask_hidden(Phrase("Secret {name}, input hidden (empty: write it to its file later)", name=name))
        for name in asked
    }


def _load_texts(language: str) -> Texts:
    return get_texts(language, Settings.model_construct().zone)
