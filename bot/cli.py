"""The command line: `flatnet-bot init, doctor, run, shell, do, manifest, db, audit`.

Exit codes of `do`, `doctor` and `audit verify` are `bot.model.request.Exit`: 0 all well, 1 findings, 2 the words or
the configuration cannot be used, 3 refused, 4 hosts not reached, 5 an internal error.
"""

import asyncio
import gc
import os
import re
import secrets
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import structlog
import typer
from rich.console import Console

from adapters.errors import FlatnetError, Refused, RequestError
from adapters.phrase import Phrase, Texts
from bot.config.settings import ConfigurationError, Misconfigured, Settings, read_settings
from bot.locale.texts import texts
from bot.model.request import Answer, Exit, Failure, FailureKind, Surface
from bot.runtime.logging import Level, configure_logs
from bot.security.untrusted_text import lines_of, one_line
from commands.model.report import Bundle, File, Report
from commands.values.normalize import quote

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Operate a Flatnet fleet from Slack and from the terminal. Exit codes: 0 all well, 1 findings, "
    "2 usage or configuration, 3 refused, 4 hosts not reached, 5 internal error.",
)
db = typer.Typer(no_args_is_help=True, help="The bot's database.")
audit = typer.Typer(no_args_is_help=True, help="The audit log.")
app.add_typer(db, name="db")
app.add_typer(audit, name="audit")

FAILURES = {Exit.USAGE: FailureKind.USAGE, Exit.REFUSED: FailureKind.REFUSED, Exit.INTERNAL: FailureKind.INTERNAL}

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="FLATNET_CONFIG", metavar="FILE", help="The configuration to use.")
]
DEFAULT = Path("flatnet.toml")


@app.command()
def init(
    config: ConfigFile = DEFAULT,
    answer: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An answer given beforehand; may be repeated.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option(metavar="'NAME ID WINDOWS [WSL [GATEWAY]]'", help="A host; may be repeated.")
    ] = None,
    complete: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: the rest is as usual.")] = False,
) -> None:
    """Make a configuration by answering questions, and the secrets folder; ends with what doctor says."""
    configure_logs("error")
    from bot.setup.interview import given
    from bot.setup.terminal import initialise

    try:
        initialise(config, given(answer or [], host or [], complete=complete), _language(None))
    except ConfigurationError as error:
        _complain(error)
        raise typer.Exit(Exit.USAGE) from error
    except FlatnetError as error:
        _stop(error, None)
    _diagnose(config, "table")


@app.command()
def run(
    config: ConfigFile = DEFAULT,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the bot until SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""
    configure_logs(_level(log_level))
    from bot.app.server import run_bot  # here, because the other commands start faster without it

    settings = _settings(config)
    _finish(run_bot(config, settings), settings)


@app.command(context_settings={"ignore_unknown_options": True})  # they are the words' own: log nebula --tail 3
def do(
    words: Annotated[
        list[str],
        typer.Argument(help="What you would type after /flatnet, in quotes or without: log nebula --tail 3."),
    ],
    config: ConfigFile = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The table as CSV on stdout, nothing else.")] = False,
) -> None:
    """Ask once and print the answer; through the running bot, or alone where none runs."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    configure_logs("error")
    from bot.terminal.shell import ask_once

    settings = _settings(config)
    text = words[0] if len(words) == 1 else " ".join(map(_typed, words))
    try:
        answer = asyncio.run(ask_once(settings, text, Surface.DO))
    except FlatnetError as error:
        if not (as_json or as_csv):
            _stop(error, settings)
        failed = Failure(kind=FAILURES[_exit(error)], phrase=error.phrase)
        answer = Answer(operation="", understood=text, body=failed)
    _print(answer, "json" if as_json else "csv" if as_csv else "table", _texts(settings))
    raise typer.Exit(answer.exit)


def _typed(word: str) -> str:
    """A word of the command line as it is typed after /flatnet; one that begins with a dash is an option there, too."""
    return word if re.fullmatch(r"--?[a-z-]+", word) else quote(word)


@app.command()
def doctor(
    config: ConfigFile = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")] = False,
) -> None:
    """Name whatever is missing: configuration, secrets, database, Slack, every host. Works when nothing is right yet."""
    configure_logs("error")
    _diagnose(config, "json" if as_json else "table")


@app.command()
def shell(config: ConfigFile = DEFAULT) -> None:
    """Ask in a terminal, line by line: the same words as in Slack."""
    configure_logs("error")
    from bot.terminal.shell import converse

    settings = _settings(config)
    _finish(converse(settings, _texts(settings)), settings)


@app.command()
def manifest(config: ConfigFile = DEFAULT) -> None:
    """Print the manifest to paste into Slack (api.slack.com/apps, "From a manifest"). It is the same for every FILE."""
    typer.echo(resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8"), nl=False)


@db.command("upgrade")
def db_upgrade(config: ConfigFile = DEFAULT) -> None:
    """Bring the database to this version's shape, keeping a copy of the old one beside it."""
    configure_logs("warning")
    from bot.store.upgrade import upgrade

    settings = _settings(config)
    try:
        done = upgrade(settings.database_file, datetime.now(UTC))
    except FlatnetError as error:
        _stop(error, settings)
    if done.copy is None:
        said = Phrase("the database has the shape of this version already: {revision}", revision=done.after)
    else:
        said = Phrase(
            "the database went from {before} to {after}; the old one is kept as {copy}",
            before=done.before,
            after=done.after,
            copy=str(done.copy),
        )
    typer.echo(said.render_sentence(_texts(settings)))


@audit.command("verify")
def audit_verify(
    config: ConfigFile = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")] = False,
) -> None:
    """Check the audit log for changed, removed, exchanged and cut events."""
    configure_logs("error")
    from bot.terminal.shell import verify_audit

    settings = _settings(config)
    answer = _finish(verify_audit(settings), settings)
    _print(answer, "json" if as_json else "table", _texts(settings))
    raise typer.Exit(answer.exit)


def main() -> None:
    """The entry point: what nobody foresaw ends with a reference and exit code 5, never with a traceback for the person."""
    configure_logs("error")  # until a command says otherwise: structlog's own way shows local variables, on stdout
    gc.disable()  # most commands live for a second, a tenth of it spent collecting; what stays turns it on again
    try:
        app()
    except BrokenPipeError:  # whoever read the answer has gone: nothing to tell, and nowhere to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.INTERNAL)
    except Exception:
        reference = secrets.token_hex(4)
        structlog.get_logger("bot.cli").exception("unexpected error", reference=reference)
        said = Phrase("unexpected error, reference {reference}; tell it to whoever runs the bot", reference=reference)
        typer.echo(said.render_sentence(_texts(None)), err=True)
        sys.exit(Exit.INTERNAL)


def _diagnose(config: Path, form: str) -> NoReturn:
    """Look at everything, with a bar on a terminal, and end with what that means to a program."""
    from bot.doctor.examination import diagnose
    from bot.terminal.progress_bar import bar

    shown = _texts(_settings_if_any(config))
    with bar(Console(stderr=True), shown) as progress:
        answer = asyncio.run(diagnose(config, progress))
    _print(answer, form, shown)
    raise typer.Exit(answer.exit)


def _settings_if_any(config: Path) -> Settings | None:
    try:
        return read_settings(config)
    except ConfigurationError:
        return None


def _settings(config: Path) -> Settings:
    try:
        return read_settings(config)
    except ConfigurationError as error:
        _complain(error)
        raise typer.Exit(Exit.USAGE) from error


def _complain(error: ConfigurationError) -> None:
    shown = _texts(None)
    lines = [error.phrase.render_sentence(shown)]
    for complaint in error.complaints:
        place = f"{error.file}:{complaint.line}" if complaint.line is not None else str(error.file)
        lines.append(": ".join(part for part in (place, complaint.key, complaint.phrase.render(shown)) if part))
    typer.echo("\n".join(one_line(line) for line in lines), err=True)


def _finish(work: Coroutine[Any, Any, T], settings: Settings) -> T:
    """Run to the end; a foreseen error is one sentence on stderr."""
    try:
        return asyncio.run(work)
    except FlatnetError as error:
        _stop(error, settings)


def _stop(error: FlatnetError, settings: Settings | None) -> NoReturn:
    typer.echo(one_line(error.phrase.render_sentence(_texts(settings))), err=True)
    raise typer.Exit(_exit(error)) from error


def _exit(error: FlatnetError) -> Exit:
    """What a foreseen error before or beside any answer means to a program."""
    from bot.control.client import ControlForbidden, ControlRefused
    from bot.security.secrets import MissingSecret, SecretsUnusable
    from bot.store.chain import AuditKeyTooShort
    from bot.store.errors import DatabaseInUse

    match error:
        case RequestError() | MissingSecret() | SecretsUnusable() | AuditKeyTooShort() | Misconfigured():
            return Exit.USAGE
        case Refused() | DatabaseInUse() | ControlForbidden() | ControlRefused():
            return Exit.REFUSED
        case _:
            return Exit.INTERNAL


def _language(settings: Settings | None) -> str:
    """The terminal's language where it is one of ours, else the configured one."""
    spoken = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return spoken[:2] if spoken[:2] in ("ja", "en") else settings.language if settings is not None else "en"


def _texts(settings: Settings | None) -> Texts:
    return texts(_language(settings), settings.zone if settings is not None else Settings.model_construct().zone)


def _print(answer: Answer, form: str, shown: Texts) -> None:
    if isinstance(answer.body, Report) and answer.body.files and form != "json":
        from bot.rendering.files import written

        files = written(answer, shown)  # what was asked for is a file: nothing else goes into a pipe
        meant = next((file for file in files if file.name.endswith(f".{form}")), files[0])
        _print_file(meant, shown)
        return
    if form == "table":
        from bot.rendering.terminal import print_answer

        print_answer(Console(), answer, shown)
        return
    from bot.rendering.data import as_csv, as_json

    sys.stdout.write((as_json if form == "json" else as_csv)(answer, shown))
    sys.stdout.flush()


def _print_file(file: File | Bundle, shown: Texts) -> None:
    """Into a pipe; an archive is no text, and a terminal would show its bytes."""
    if isinstance(file, File):
        sys.stdout.write(lines_of(file.text))
        sys.stdout.flush()
        return
    if sys.stdout.isatty():
        told = Phrase("this answer is an archive; send it into a file: {example}", example=f"> {file.name}")
        typer.echo(told.render_sentence(shown), err=True)
        raise typer.Exit(Exit.USAGE)
    from bot.rendering.files import packed

    sys.stdout.buffer.write(packed(file, lambda text: text))
    sys.stdout.buffer.flush()


def _level(name: str) -> Level:
    match name.lower():
        case "debug" | "info" | "warning" | "error" as level:
            return level
        case _:
            raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
