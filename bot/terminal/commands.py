"""Bodies of the commands of `bot.cli` that need the whole application. Each returns its output, or exits with a code."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import structlog

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.phrase import Phrase, Texts
from bot.answers.output import render_output
from bot.config.errors import ConfigurationError, Misconfigured
from bot.config.settings import Settings, read_settings
from bot.locale.texts import get_texts
from bot.model.output import Form, Output, Terminal, detect_language
from bot.model.request import Answer, ExitCode, Failure, FailureKind, Surface
from bot.runtime.logging import Level, configure_logs, make_reference
from bot.security.untrusted_text import to_one_line

if TYPE_CHECKING:
    from commands.about import Doctor


T = TypeVar("T")

FAILURES = {
    ExitCode.USAGE: FailureKind.USAGE,
    ExitCode.REFUSED: FailureKind.REFUSED,
    ExitCode.INTERNAL: FailureKind.INTERNAL,
}


def configure_logging(level: Level) -> None:
    """Send logs of that level to standard error."""
    configure_logs(level)


def load_settings(config: Path) -> Settings:
    """Read the configuration, or end with all its complaints."""
    try:
        return read_settings(config)
    except ConfigurationError as error:
        _complain(error)
        raise SystemExit(ExitCode.USAGE) from error


def load_texts(settings: Settings | None) -> Texts:
    """Return the texts of this terminal: its own language if it is one of ours, else the configured one, else English."""
    known = settings if settings is not None else Settings.model_construct(language="en")
    return get_texts(detect_language(os.environ) or known.language, known.zone)


def run_or_exit(work: Coroutine[Any, Any, T], settings: Settings) -> T:
    """Run work to its end. An expected error exits with one sentence on standard error."""
    try:
        return asyncio.run(work)
    except FlatnetError as error:
        _stop(error, settings)


def answer_alone(config: Path, words: str, form: Form, terminal: Terminal) -> Output:
    """Answer one request by this process. No bot runs: the control socket was tried before."""
    from bot.app.application import open_application
    from bot.terminal.local_request import answer_here

    async def answer(settings: Settings) -> Answer:
        async with open_application(settings) as application:
            return await answer_here(application, words, Surface.DO, load_texts(settings))

    return _render_answer(config, words, form, terminal, answer)


def answer_carefully(config: Path, words: str, form: Form, terminal: Terminal) -> Output:
    """Answer one request without a known control socket: parsing all settings finds it, or reports what is wrong."""
    from bot.terminal.shell import ask_once

    return _render_answer(config, words, form, terminal, lambda settings: ask_once(settings, words, load_texts(settings)))


def _render_answer(
    config: Path, words: str, form: Form, terminal: Terminal, answer: Callable[[Settings], Coroutine[Any, Any, Answer]]
) -> Output:
    configure_logs("error")
    settings = load_settings(config)
    try:
        answered = asyncio.run(answer(settings))
    except FlatnetError as error:
        return _render_error(error, words, form, terminal, load_texts(settings))
    return render_output(answered, form, terminal, load_texts(settings))


def report_error(error: FlatnetError, config: Path, words: str, form: Form, terminal: Terminal) -> Output:
    """Render a foreseen error in the configured language, if the configuration can be read."""
    configure_logs("error")
    return _render_error(error, words, form, terminal, load_texts(_try_load_settings(config)))


def _render_error(error: FlatnetError, words: str, form: Form, terminal: Terminal, shown: Texts) -> Output:
    """Render a sentence on standard error for people, a failure for programs."""
    if form == "table":
        return Output(map_exit_code(error), stderr=f"{to_one_line(error.phrase.render_sentence(shown))}\n")
    failed = Failure(kind=FAILURES[map_exit_code(error)], phrase=error.phrase)
    return render_output(Answer(operation="", understood=words, body=failed), form, terminal, shown)


@dataclass(frozen=True)
class SetupOptions:
    """Options of `init`, as typed."""

    answers: list[str]
    hosts: list[str]
    complete: bool
    discover: bool


def draft_configuration(config: Path, options: SetupOptions, terminal: Terminal) -> Output:
    """Draft a configuration by an interview, or by a discovery, then diagnose it."""
    from bot.setup import interview
    from bot.setup.terminal import run_discovery, run_setup

    questions = {**interview.QUESTIONS, **(interview.DISCOVERY_QUESTIONS if options.discover else {})}
    run = run_discovery if options.discover else run_setup
    try:
        preset = interview.parse_preset(options.answers, options.hosts, complete=options.complete, questions=questions)
        run(config, preset, detect_language(os.environ) or "en")
    except ConfigurationError as error:
        _complain(error)
        raise SystemExit(ExitCode.USAGE) from error
    except FlatnetError as error:
        _stop(error, None)
    return diagnose(config, "table", terminal)


def diagnose_messages(config: Path, form: Form, terminal: Terminal) -> Output:
    """Have Slack check every kind of message, with a progress bar on a terminal."""
    from commands.about import Doctor

    return _diagnose(config, form, terminal, Doctor(slack=True))


def diagnose(config: Path, form: Form, terminal: Terminal) -> Output:
    """Examine everything, with a progress bar on a terminal."""
    from bot.doctor.examination import EVERYTHING

    return _diagnose(config, form, terminal, EVERYTHING)


def _diagnose(config: Path, form: Form, terminal: Terminal, asked: "Doctor") -> Output:
    from bot.doctor.examination import diagnose as examine
    from bot.terminal.local_request import run_with_progress

    shown = load_texts(_try_load_settings(config))
    answer = asyncio.run(run_with_progress(lambda progress: examine(config, progress, asked), shown))
    return render_output(answer, form, terminal, shown)


def run_on_database(config: Path, work: Callable[[Settings], Sequence[Phrase]]) -> str:
    """Run a command of an administrator on the database, and return its sentences, one on each line."""
    settings = load_settings(config)
    try:
        said = work(settings)
    except FlatnetError as error:
        _stop(error, settings)
    shown = load_texts(settings)
    return "\n".join(phrase.render_sentence(shown) for phrase in said)


def verify_audit_log(config: Path, form: Form, terminal: Terminal) -> Output:
    """Verify the audit log, through the running bot or from the files."""
    from bot.terminal.shell import verify_audit

    settings = load_settings(config)
    return render_output(run_or_exit(verify_audit(settings), settings), form, terminal, load_texts(settings))


def report_unexpected(error: Exception) -> str:
    """Log an unexpected error, and return the sentence with its reference."""
    configure_logs("error")
    name = make_reference()
    structlog.get_logger("bot.cli").error("unexpected error", reference=name, exc_info=error)
    said = Phrase("unexpected error (reference {reference}). Give this reference to your administrator", reference=name)
    return said.render_sentence(load_texts(None))


def map_exit_code(error: FlatnetError) -> ExitCode:
    """Map a foreseen error to the exit code for programs."""
    from bot.control.client import ControlForbidden, ControlRefused
    from bot.security.secrets import MissingSecret, SecretsUnusable
    from bot.store.audit_chain import AuditKeyTooShort
    from bot.store.errors import DatabaseInUse, DatabaseNotEmpty, DatabaseUntrusted

    match error:
        case (
            RequestError() | MissingSecret() | SecretsUnusable() | AuditKeyTooShort() | Misconfigured() | DatabaseUntrusted()
        ):
            return ExitCode.USAGE
        case Refused() | DatabaseInUse() | DatabaseNotEmpty() | ControlForbidden() | ControlRefused():
            return ExitCode.REFUSED
        case _:
            return ExitCode.INTERNAL


def _try_load_settings(config: Path) -> Settings | None:
    try:
        return read_settings(config)
    except ConfigurationError:
        return None


def _complain(error: ConfigurationError) -> None:
    shown = load_texts(None)
    lines = [error.phrase.render_sentence(shown)]
    for complaint in error.complaints:
        file = complaint.file or error.file
        place = f"{file}:{complaint.line}" if complaint.line is not None else str(file)
        lines.append(": ".join(part for part in (place, complaint.key, complaint.phrase.render(shown)) if part))
    sys.stderr.write("\n".join(to_one_line(line) for line in lines) + "\n")


def _stop(error: FlatnetError, settings: Settings | None) -> NoReturn:
    sys.stderr.write(to_one_line(error.phrase.render_sentence(load_texts(settings))) + "\n")
    raise SystemExit(map_exit_code(error)) from error
