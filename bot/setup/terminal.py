"""`flatnet-bot init` at a terminal: questions, complaints, hidden answers, and the remaining steps."""

import os
import sys
from pathlib import Path
from zoneinfo import available_timezones

import typer

from adapters.phrase import Phrase, Texts
from bot.config.settings import Settings
from bot.locale.texts import texts
from bot.model.request import SystemIdentity
from bot.security.untrusted_text import one_line
from bot.setup.draft import Draft, already, make_secrets, steps, write
from bot.setup.interview import Given, Interview

ZONE_LINK = Path("/etc/localtime")
"""Linux's link to the machine's time zone."""


class Terminal:
    """Prompts in one language: first the terminal's, then the chosen one."""

    def __init__(self, language: str) -> None:
        self._texts = _texts(language)

    def ask(self, question: Phrase, usual: str) -> str:
        answer: str = typer.prompt(self._line(question), default=usual, show_default=bool(usual))
        return answer

    def ask_hidden(self, question: Phrase) -> str:
        answer: str = typer.prompt(self._line(question), default="", show_default=False, hide_input=True)
        return answer.strip()

    def tell(self, complaint: Phrase) -> None:
        typer.echo(self._line(complaint))

    def speak(self, language: str) -> None:
        self._texts = _texts(language)

    def _line(self, phrase: Phrase) -> str:
        return one_line(phrase.render_sentence(self._texts))


def initialise(file: Path, beforehand: Given, language: str) -> None:
    """Ask, write the configuration and the secrets folder, and show the remaining steps."""
    if file.exists():
        raise already(file)
    terminal = Terminal(language)
    draft = Interview(beforehand, terminal, file).conduct(_usual(language))
    settings = write(draft, file)
    hidden = _hidden(settings, terminal) if sys.stdin.isatty() and not beforehand.complete else {}
    empty = make_secrets(settings, hidden)
    terminal.tell(Phrase("{file} is written; what is left to do:", file=str(file)))
    for number, step in enumerate(steps(settings, empty), start=1):
        terminal.tell(Phrase("{number}. {step}", number=number, step=step))


def _usual(language: str) -> Draft:
    """Guess defaults from this machine."""
    zone = str(ZONE_LINK.resolve()).rpartition("zoneinfo/")[2]
    user = SystemIdentity.of(os.getuid()).name
    return Draft(
        language=language,
        time_zone=zone if zone in available_timezones() else Draft.time_zone,
        name=user.lower() if user.lower().isalnum() and user.isascii() else Draft.name,
        system=user,
    )


def _hidden(settings: Settings, terminal: Terminal) -> dict[str, str]:
    """Ask for secrets with hidden input; they are never accepted on the command line."""
    asked = sorted(settings.secret_names - {settings.audit_key_secret})
    return {
        name: terminal.ask_hidden(Phrase("Secret {name}, typed unseen (empty: write it to its file later)", name=name))
        for name in asked
    }


def _texts(language: str) -> Texts:
    return texts(language, Settings.model_construct().zone)
