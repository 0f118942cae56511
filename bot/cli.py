"""The command line: `flatnet-bot init, doctor, run, shell, do, manifest, db, audit`.

Each command imports what it needs when it runs: `--help`, and `do` through a running bot, load next to nothing.
Exit codes of `do`, `doctor` and `audit verify` are `bot.model.request.Exit`: 0 all well, 1 findings, 2 the words or
the configuration cannot be used, 3 refused, 4 hosts not reached, 5 an internal error.
"""

import gc
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.model.output import TERMINAL_VARIABLES, Form, Output, Terminal, terminal_language

if TYPE_CHECKING:
    from bot.runtime.logging import Level

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

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="FLATNET_CONFIG", metavar="FILE", help="The configuration to use.")
]
DEFAULT = Path("flatnet.toml")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]

INTERNAL_ERROR = 5
"""Exit code of an unexpected error, as in `bot.model.request.Exit`."""


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
    from bot.terminal import commands

    commands.configure("error")
    write(commands.draft_configuration(config, answer or [], host or [], complete, _terminal()))


@app.command()
def run(
    config: ConfigFile = DEFAULT,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the bot until SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""
    from bot.terminal import commands

    commands.configure(_level(log_level))
    from bot.app.server import run_bot

    settings = commands.load_settings(config)
    commands.finish(run_bot(config, settings), settings)


@app.command(context_settings={"ignore_unknown_options": True})  # they are the words' own: log nebula --tail 3
def do(
    words: Annotated[
        list[str],
        typer.Argument(help="What you would type after /flatnet, in quotes or without: log nebula --tail 3."),
    ],
    config: ConfigFile = DEFAULT,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The table as CSV on stdout, nothing else.")] = False,
) -> None:
    """Ask once and print the answer; through the running bot, or alone where none runs."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    from bot.terminal.one_request import answer_request

    form: Form = "json" if as_json else "csv" if as_csv else "table"
    write(answer_request(config, words[0] if len(words) == 1 else " ".join(map(_quote, words)), form, _terminal()))


def _quote(word: str) -> str:
    """A word of the command line as it is typed after /flatnet; one that begins with a dash is an option there, too."""
    from commands.values.normalize import quote

    return word if re.fullmatch(r"--?[a-z-]+", word) else quote(word)


@app.command()
def doctor(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """Name whatever is missing: configuration, secrets, database, Slack, every host. Works when nothing is right yet."""
    from bot.terminal import commands

    commands.configure("error")
    write(commands.diagnose(config, "json" if as_json else "table", _terminal()))


@app.command()
def shell(config: ConfigFile = DEFAULT) -> None:
    """Ask in a terminal, line by line: the same words as in Slack."""
    from bot.terminal import commands

    commands.configure("error")
    from bot.terminal.shell import converse

    settings = commands.load_settings(config)
    commands.finish(converse(settings, commands.load_texts(settings)), settings)


@app.command()
def manifest(config: ConfigFile = DEFAULT) -> None:
    """Print the manifest to paste into Slack (api.slack.com/apps, "From a manifest"). It is the same for every FILE."""
    from importlib import resources

    typer.echo(resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8"), nl=False)


@db.command("upgrade")
def db_upgrade(config: ConfigFile = DEFAULT) -> None:
    """Bring the database to this version's shape, keeping a copy of the old one beside it."""
    from bot.terminal import commands

    commands.configure("warning")
    typer.echo(commands.upgrade_database(config))


@audit.command("verify")
def audit_verify(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """Check the audit log for changed, removed, exchanged and cut events."""
    from bot.terminal import commands

    commands.configure("error")
    write(commands.verify_audit_log(config, "json" if as_json else "table", _terminal()))


def main() -> None:
    """Run the command line. An unforeseen error ends with a reference and exit code 5, never with a traceback."""
    gc.disable()  # most commands live for a second, a tenth of it spent collecting; what stays turns it on again
    try:
        app()
    except BrokenPipeError:  # the reader of the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(INTERNAL_ERROR)
    except Exception as error:
        from bot.terminal import commands

        typer.echo(commands.report_unexpected(error), err=True)
        sys.exit(INTERNAL_ERROR)


def write(output: Output) -> None:
    """Print output and end with its exit code."""
    if output.stderr:
        typer.echo(output.stderr, err=True, nl=False)
    sys.stdout.buffer.write(output.stdout)
    sys.stdout.buffer.flush()
    raise typer.Exit(output.exit)


def _terminal() -> Terminal:
    return Terminal(
        language=terminal_language(os.environ),
        columns=max(1, shutil.get_terminal_size().columns),
        is_terminal=sys.stdout.isatty(),
        environment={name: os.environ[name][:100] for name in TERMINAL_VARIABLES if name in os.environ},
    )


def _level(name: str) -> "Level":
    match name.lower():
        case "debug" | "info" | "warning" | "error" as level:
            return level
        case _:
            raise typer.BadParameter("must be debug, info, warning or error", param_hint="--log-level")
